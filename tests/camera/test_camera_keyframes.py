"""A path between its keyframes: units, times, curves, easing, lenses, shake."""

from dataclasses import replace

import numpy as np
import pytest
from first_camera import DISTANCE, RATE, SUBJECT, moved, reference

from dynascene_cli.camera import load_move, sample
from dynascene_cli.camera.moves.combine import scale_move
from dynascene_cli.camera.moves.keyframes import Keyframe, Shake, Trajectory
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import centre, project, rotation_about


def keyframes(*positions, times=None, **same):
    times = times or np.linspace(0, 1, len(positions))
    return tuple(
        Keyframe(time=float(t), position=p, rotation_quat=(1, 0, 0, 0), **same)
        for t, p in zip(times, positions, strict=True)
    )


@pytest.mark.parametrize(
    ("units", "metres"), [("metres", 1.0), ("scene_depth", 9.0), ("subject_distance", DISTANCE)]
)
def test_units_are_what_they_are_called(units, metres):
    move = Trajectory("move", keyframes((0, 0, 0), (0.1, 0, 0)), units=units)
    path = sample(move, reference(), 5, RATE)
    np.testing.assert_allclose(centre(path.extrinsics[-1]), [0.1 * metres, 0, 0])


def test_seconds_are_the_clips_and_the_last_pose_is_held():
    move = Trajectory(
        "move", keyframes((0, 0, 0), (1, 0, 0), times=[0.0, 2.0]), "metres", "seconds"
    )
    x = centre(sample(move, reference(), 97, RATE).extrinsics)[:, 0]
    np.testing.assert_allclose(x, np.minimum(np.arange(97) / 48, 1), atol=1e-12)


def test_a_single_frame_is_the_first_keyframe():
    path = sample(load_move("dolly-in"), reference(), 1, RATE)
    np.testing.assert_array_equal(path.extrinsics, np.eye(3, 4)[None])


@pytest.mark.parametrize("interpolation", ["catmull-rom", "linear"])
def test_a_path_passes_through_its_keyframes(interpolation):
    positions = [(0, 0, 0), (1, 0.2, 0), (1, -0.3, 2), (0, 0, 2.5)]
    times = [0.0, 0.25, 0.75, 1.0]
    turns = [0.0, 20.0, -10.0, 45.0]
    frames = tuple(
        Keyframe(t, p, rotation_quat=(np.cos(a), 0, np.sin(a), 0), focal_ratio=1 + t)
        for t, p, a in zip(times, positions, np.radians(turns) / 2, strict=True)
    )
    path = sample(
        Trajectory("move", frames, "metres", interpolation=interpolation), reference(), 41, RATE
    )
    at = [0, 10, 30, 40]
    np.testing.assert_allclose(centre(path.extrinsics[at]), positions, atol=1e-12)
    np.testing.assert_allclose(path.intrinsics[at, 0, 0], 960 * (1 + np.array(times)))
    for frame, turn in zip(at, turns, strict=True):
        np.testing.assert_allclose(
            path.extrinsics[frame, :, :3].T, rotation_about("y", turn), atol=1e-12
        )


def test_catmull_rom_has_no_sudden_change_of_speed_and_linear_no_bend():
    positions = [(0, 0, 0), (1, 0, 0), (1, 0, 2)]
    times = [0.0, 0.2, 1.0]
    smooth = Trajectory("move", keyframes(*positions, times=times), "metres")
    path = centre(sample(smooth, reference(), 1001, RATE).extrinsics)
    velocity = np.diff(path, axis=0) * 1000
    assert np.abs(np.diff(velocity, axis=0)).max() < 0.15
    straight = centre(
        sample(replace(smooth, interpolation="linear"), reference(), 11, RATE).extrinsics
    )
    np.testing.assert_allclose(straight[1], [0.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(straight[6], [1, 0, 1], atol=1e-12)


def test_turns_through_several_keyframes_have_no_sudden_change_of_speed():
    frames = tuple(
        Keyframe(t, rotation_quat=tuple(np.array([np.cos(a / 2), np.sin(a / 2), 0, 0])))
        for t, a in zip([0.0, 0.3, 1.0], [0.0, 0.5, -0.4], strict=True)
    )
    path = sample(Trajectory("move", frames), reference(), 1001, RATE)
    angle = np.arctan2(path.extrinsics[:, 1, 2], path.extrinsics[:, 2, 2])
    assert np.abs(np.diff(np.diff(angle) * 1000)).max() < 0.05


def test_a_camera_that_looks_at_one_point_keeps_it_centred_between_keyframes():
    target = (0.4, 0.2, 3.0)
    frames = tuple(
        Keyframe(t, p, look_at=target, easing="ease-in-out")
        for t, p in [(0.0, (0, 0, 0)), (0.5, (1, -0.5, 0.5)), (1.0, (2, 0, 3))]
    )
    path = sample(Trajectory("move", frames, "metres"), reference(), 31, RATE)
    seen = project(path.intrinsics, path.extrinsics, np.array(target))
    np.testing.assert_allclose(seen, np.tile([480.0, 250.0], (31, 1)), atol=1e-6)


def test_a_whole_circle_from_four_steps():
    angles = np.radians([0, 100, 200, 300, 360])
    frames = tuple(
        Keyframe(float(i) / 4, (float(np.sin(a)), 0, 1 - float(np.cos(a))), look_at=(0, 0, 1))
        for i, a in enumerate(angles)
    )
    path = sample(Trajectory("circle", frames, pivots=True), reference(), 101, RATE)
    pixels = project(path.intrinsics, path.extrinsics, SUBJECT)
    np.testing.assert_allclose(pixels, pixels[:1].repeat(101, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    "easing", ["ease-in", "ease-out", "ease-in-out", "cubic-bezier(0.6, 0.1, 0.9, 0.7)"]
)
def test_easing_changes_the_pace_not_the_way(easing):
    move = Trajectory("move", keyframes((0, 0, 0), (1, 0, 0), easing=easing), "metres")
    x = centre(sample(move, reference(), 101, RATE).extrinsics)[:, 0]
    assert (x[0], x[-1]) == (0.0, 1.0)
    assert (np.diff(x) > 0).all()
    speed = np.diff(x) * 100
    assert (speed[0] < 0.5) == (easing != "ease-out")
    assert (speed[-1] < 0.5) == easing.endswith("out")


def test_named_easings_are_those_of_css():
    def halfway(easing):
        move = Trajectory("move", keyframes((0, 0, 0), (1, 0, 0), easing=easing), "metres")
        return centre(sample(move, reference(), 5, RATE).extrinsics)[1:4, 0]

    np.testing.assert_allclose(halfway("ease-in-out"), [0.12916, 0.5, 0.87084], atol=1e-5)
    np.testing.assert_allclose(halfway("ease-in"), 1 - halfway("ease-out")[::-1], atol=1e-12)
    np.testing.assert_allclose(halfway("cubic-bezier(0,0,1,1)"), [0.25, 0.5, 0.75], atol=1e-12)


def test_focal_mm_is_absolute_on_the_files_own_sensor():
    frames = (
        Keyframe(0.0, look_at=(0, 0, 1), focal_mm=50),
        Keyframe(1.0, look_at=(0, 0, 1), focal_ratio=1),
    )
    path = sample(Trajectory("move", frames, sensor_width_mm=24), reference(), 3, RATE)
    np.testing.assert_allclose(path.intrinsics[[0, -1], 0, 0], [50 / 24 * 960, 960])
    half = sample(Trajectory("move", frames, sensor_width_mm=24), reference(), 3, RATE, amount=0.5)
    assert half.intrinsics[0, 0, 0] == pytest.approx(960 * np.sqrt(50 / 24))
    with pytest.raises(InputError, match="focal_mm"):
        scale_move(Trajectory("move", frames), 0.5)


def test_a_target_that_comes_overhead_between_keyframes_is_told():
    frames = (
        Keyframe(0.0, (0, 0, 0), look_at=(0, -1, 1)),
        Keyframe(1.0, (0, 0, 2), look_at=(0, -1, 1)),
    )
    with pytest.raises(InputError, match="move: between keyframes look_at is straight above"):
        sample(Trajectory("move", frames, "metres"), reference(), 3, RATE)


def shake_of(hz=3.0, seed=0, seconds=120):
    move = Trajectory("s", (Keyframe(0.0, look_at=(0, 0, 1)),), shake=Shake(0.5, 1.0, hz, seed))
    return sample(move, reference(), seconds * 24, RATE)


def test_a_shake_has_the_size_it_is_given():
    path = shake_of()
    offsets = centre(path.extrinsics) / DISTANCE * 100
    np.testing.assert_allclose(np.sqrt(np.mean(offsets**2, axis=0)), 1, atol=0.1)
    forward = path.extrinsics[:, 2, :3]
    angles = np.degrees(np.arctan2(forward[:, :2], forward[:, 2:]))
    np.testing.assert_allclose(np.sqrt(np.mean(angles**2, axis=0)), 0.5, atol=0.05)


def test_a_shake_is_smooth_and_no_faster_than_asked():
    x = centre(shake_of(hz=2.0).extrinsics)[24:, 0]
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    frequencies = np.fft.rfftfreq(len(x), 1 / 24)
    assert spectrum[frequencies > 2.1].sum() < 1e-6 * spectrum.sum()


def test_a_shake_depends_on_the_seed_and_the_time_alone():
    assert (shake_of(seed=1).extrinsics == shake_of(seed=1).extrinsics).all()
    assert np.abs(shake_of(seed=1).extrinsics - shake_of(seed=2).extrinsics).max() > 0.01
    np.testing.assert_allclose(
        shake_of(seconds=5).extrinsics, shake_of(seconds=20).extrinsics[:120], atol=1e-12
    )
    np.testing.assert_array_equal(
        moved("handheld", seed=7).extrinsics, moved("handheld", seed=7).extrinsics
    )
    assert (moved("handheld", seed=7).extrinsics != moved("handheld").extrinsics).any()
