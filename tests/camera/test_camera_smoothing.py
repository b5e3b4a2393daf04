"""Steadier cameras: what is kept, what goes, and nothing that gets worse."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dynascene_cli.camera.moves.shake import shake_curves
from dynascene_cli.camera.stabilisation import smooth_path, stabilise_path
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import centre, compose, pose, pose_from_centre
from dynascene_cli.shot import CameraPath

RATE = 24
vectors = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array)


def path(centres, rotation_vectors, focal_ratios=1.0, unit="scene_depth"):
    count = len(centres)
    K = np.repeat(np.array([[900.0, 0, 480], [0, 880, 270], [0, 0, 1]])[None], count, axis=0)
    K[:, [0, 1], [0, 1]] *= np.broadcast_to(focal_ratios, count)[:, None]
    rotations = Rotation.from_rotvec(rotation_vectors).as_matrix()
    return CameraPath(K, pose_from_centre(rotations, centres), 960, 540, Fraction(RATE), unit)


def steady(frames, velocity, turn, zoom=0.0):
    """Constant velocities: units, radians and octaves over the whole path."""
    u = np.linspace(0, 1, frames)[:, None]
    return path(u * velocity, u * turn, np.exp2(zoom * u[:, 0]))


def shaken(seconds=6.0, seed=0, amount=1.0, centres=0.0, turns=0.0):
    """A hand's 0.4° and half a per cent of the scene's depth, on top of a meant motion."""
    t = np.arange(round(seconds * RATE)) / RATE
    noise = amount * shake_curves(t, 3.0, seed)
    return path(0.005 * noise[:, 3:] + centres, np.radians(0.4) * noise[:, :3] + turns)


def rotations(of):
    return Rotation.from_matrix(np.swapaxes(of.extrinsics[:, :, :3], 1, 2))


def accelerations(of):
    """RMS of the centres' and the turns' second differences."""
    turns = (rotations(of)[:-1].inv() * rotations(of)[1:]).as_rotvec()
    bends = np.diff(centre(of.extrinsics), 2, axis=0), np.diff(turns, axis=0)
    return np.array([np.sqrt(np.mean(bend**2)) for bend in bends])


def same_to_the_bit(first, second):
    return np.array_equal(first.extrinsics, second.extrinsics) and np.array_equal(
        first.intrinsics, second.intrinsics
    )


STEADIERS = [lambda p: smooth_path(p, 0.5), lambda p: smooth_path(p, 3), stabilise_path]
steadiers = pytest.mark.parametrize("steadier", STEADIERS, ids=["half", "three", "stabilised"])


@settings(max_examples=30)
@given(vectors, vectors, st.sampled_from([0.5, 4.0]))
def test_a_camera_that_stands_still_is_kept_to_the_bit(position, turn, strength):
    still = path(np.tile(position, (20, 1)), np.tile(turn, (20, 1)))
    assert same_to_the_bit(smooth_path(still, strength), still)
    assert same_to_the_bit(stabilise_path(still), still)


def test_no_smoothing_is_the_path_to_the_bit():
    hand = shaken()
    assert same_to_the_bit(smooth_path(hand, 0), hand)


@steadiers
@pytest.mark.parametrize("frames", [1, 2])
def test_too_few_frames_to_shake_are_kept(steadier, frames):
    short = steady(frames, [1, 0, 0], [0, 0.3, 0])
    assert same_to_the_bit(steadier(short), short)


@settings(max_examples=10)
@given(vectors, vectors, st.floats(-1, 1), st.sampled_from([3, 10, 60, 150]))
@example(velocity=np.zeros(3), turn=np.array([1.0, 1.0, 1.0]), zoom=0.0, frames=60)
def test_a_constant_motion_is_kept(velocity, turn, zoom, frames):
    move = steady(frames, velocity, min(2, 0.15 * frames) * turn, zoom)
    for steadier in STEADIERS:
        result = steadier(move)
        np.testing.assert_allclose(result.extrinsics, move.extrinsics, atol=1e-6)
        np.testing.assert_allclose(result.intrinsics, move.intrinsics, rtol=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 10**6), vectors, vectors, st.floats(0.05, 5))
def test_there_is_never_more_shake_than_before(seed, velocity, turn, strength):
    u = np.linspace(0, 1, 96)[:, None]
    hand = shaken(4, seed, centres=u * velocity, turns=u * turn)
    for result in (smooth_path(hand, strength), stabilise_path(hand)):
        assert (accelerations(result) <= accelerations(hand) * (1 + 1e-9)).all()


@steadiers
def test_rotations_stay_rotations(steadier):
    turns = np.linspace(0, 1, 144)[:, None] * [0.4, 7.0, -0.2]
    result = steadier(shaken(6, turns=turns))
    R = result.extrinsics[:, :, :3]
    np.testing.assert_allclose(
        R @ np.swapaxes(R, 1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-13
    )
    np.testing.assert_allclose(np.linalg.det(R), 1, atol=1e-13)


def test_smoothing_has_no_delay():
    hand = shaken(4, 3)
    backwards = path(centre(hand.extrinsics)[::-1], rotations(hand)[::-1].as_rotvec())
    result, reversed_result = smooth_path(hand, 1), smooth_path(backwards, 1)
    np.testing.assert_allclose(reversed_result.extrinsics[::-1], result.extrinsics, atol=1e-9)


def test_smoothing_does_not_depend_on_where_the_world_lies():
    hand = shaken(4, 3)
    world = pose(Rotation.from_rotvec([0.3, -2.0, 0.9]).as_matrix(), [3.0, -1.0, 7.0])
    placed = CameraPath(
        hand.intrinsics, compose(hand.extrinsics, world), 960, 540, hand.frame_rate, hand.unit
    )
    np.testing.assert_allclose(
        smooth_path(placed, 1).extrinsics,
        compose(smooth_path(hand, 1).extrinsics, world),
        atol=1e-9,
    )


@pytest.mark.parametrize(("strength", "left"), [(1.0, 0.02), (0.25, 0.75)])
def test_what_swings_once_in_the_strengths_seconds_goes(strength, left):
    t = np.arange(240) / RATE
    swing = np.sin(2 * np.pi * t)[:, None]
    result = smooth_path(path(swing * [0.01, 0, 0], swing * [0, 0.01, 0]), strength)
    middle = slice(60, -60)
    assert abs(np.ptp(centre(result.extrinsics)[middle, 0]) / 0.02) < 1.05 * left + 0.01
    assert abs(np.ptp(rotations(result).as_rotvec()[middle, 1]) / 0.02) < 1.05 * left + 0.01
    assert np.ptp(centre(result.extrinsics)[middle, 0]) / 0.02 > 0.95 * left - 0.02


def test_a_zoom_that_trembles_is_smoothed_and_locked():
    t = np.arange(96) / RATE
    lens = path(np.zeros((96, 3)), np.zeros((96, 3)), np.exp(0.01 * np.sin(15 * t)))
    smooth, locked = smooth_path(lens, 2), stabilise_path(lens)
    assert np.ptp(np.log(smooth.intrinsics[8:-8, 0, 0])) < 0.001
    assert np.ptp(locked.intrinsics[:, 0, 0]) < 1e-5 * 900
    np.testing.assert_allclose(locked.intrinsics[:, 1, 1] / locked.intrinsics[:, 0, 0], 880 / 900)
    np.testing.assert_array_equal(locked.extrinsics, lens.extrinsics)


def test_a_hand_that_means_to_stand_still_becomes_a_tripod():
    locked = stabilise_path(shaken())
    assert np.ptp(centre(locked.extrinsics), axis=0).max() < 1e-6
    assert (rotations(locked)[0].inv() * rotations(locked)).magnitude().max() < 1e-6


def test_a_walk_becomes_a_steady_glide():
    way = np.linspace(0, 1, 144)[:, None] * [0.1, 0, 0.9]
    glide = stabilise_path(shaken(centres=way))
    centres = centre(glide.extrinsics)
    assert np.abs(np.diff(centres, 2, axis=0)).max() < 1e-4
    np.testing.assert_allclose(centres, way, atol=0.02)


def test_a_pan_between_two_holds_keeps_its_holds_and_its_extent():
    t = np.arange(240) / RATE
    pan = np.radians(10) * np.clip(t - 3, 0, 4)[:, None] * [0, 1, 0]
    calm = rotations(stabilise_path(shaken(10, 2, turns=pan))).as_rotvec()
    assert np.ptp(calm[:48], axis=0).max() < 1e-6
    assert np.ptp(calm[-48:], axis=0).max() < 1e-6
    assert np.degrees(calm[-1, 1] - calm[0, 1]) == pytest.approx(40, abs=0.5)
    speed = np.degrees(np.diff(calm[96:144, 1])) * RATE
    np.testing.assert_allclose(speed, speed.mean(), atol=0.01)
    assert speed.mean() == pytest.approx(10, abs=0.5)


def test_a_stabilised_camera_stays_within_a_hands_reach_of_the_filmed_one():
    hand = shaken(amount=4)
    calm = stabilise_path(hand)
    off = np.abs(centre(calm.extrinsics) - centre(hand.extrinsics))
    assert 0.0199 < off.max() <= 0.02 + 1e-9
    turned = (rotations(hand).inv() * rotations(calm)).magnitude()
    assert np.degrees(turned.max()) <= 1.5 * np.sqrt(3) + 1e-6


@pytest.mark.parametrize("strength", [-0.5, 11, float("nan")])
def test_a_strength_that_is_no_time_is_told(strength):
    with pytest.raises(InputError) as told:
        smooth_path(shaken(1), strength)
    assert told.value.message == f"--smooth {strength:g} is not between 0 and 10 seconds"
