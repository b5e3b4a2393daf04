"""Every move against what its name means in film, in numbers."""

from dataclasses import replace

import numpy as np
import pytest
from first_camera import CAMERA_HEIGHT, DISTANCE, FRAMES, HEAD, RATE, SUBJECT, moved, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.camera import load_move, load_trajectory, preset_names, sample
from dynascene_cli.camera.moves.combine import join_moves, scale_move
from dynascene_cli.camera.moves.keyframes import Shake
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import centre, project, rotation_about

PRESETS = {
    *("static", "handheld", "dolly-in", "dolly-out", "dolly-zoom-in", "dolly-zoom-out"),
    *("truck-left", "truck-right", "pedestal-up", "pedestal-down", "crane-up", "crane-down"),
    *("pan-left", "pan-right", "tilt-up", "tilt-down", "roll-cw", "roll-ccw"),
    *("zoom-in", "zoom-out", "orbit-left", "orbit-right", "follow"),
}


def last_centre(path):
    return centre(path.extrinsics[-1])


def forward(path):
    return path.extrinsics[-1, 2, :3]


def test_the_presets_are_those_that_film_names():
    assert set(preset_names()) == PRESETS


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("roll", [0.0, 3.7])
def test_every_preset_begins_at_the_photos_pose_to_the_bit(name, roll):
    place = reference(roll)
    path = moved(name, place=place)
    np.testing.assert_array_equal(path.extrinsics[0], place.extrinsics)
    np.testing.assert_array_equal(path.intrinsics[0], place.intrinsics)
    assert (path.unit, path.frame_count, path.frame_rate) == ("metres", FRAMES, RATE)
    rotation = path.extrinsics[:, :, :3]
    np.testing.assert_allclose(
        rotation @ np.swapaxes(rotation, 1, 2),
        np.broadcast_to(np.eye(3), (FRAMES, 3, 3)),
        atol=1e-12,
    )


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_no_amount_and_static_never_leave_the_photos_pose(name):
    place = reference(roll=-2.0)
    for path in (moved(name, amount=0, place=place), moved("static", amount=3, place=place)):
        assert (path.extrinsics == place.extrinsics).all()
        assert (path.intrinsics == place.intrinsics).all()


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_no_preset_goes_further_than_a_quarter_of_the_subject_distance(name):
    travel = np.linalg.norm(centre(moved(name).extrinsics), axis=1)
    assert travel.max() <= 0.25 * DISTANCE + 1e-9


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("dolly-in", [0, 0, 0.25]),
        ("dolly-out", [0, 0, -0.25]),
        ("truck-right", [0.15, 0, 0]),
        ("truck-left", [-0.15, 0, 0]),
        ("pedestal-up", [0, -0.1, 0]),
        ("pedestal-down", [0, 0.1, 0]),
        ("dolly-zoom-in", [0, 0, 0.25]),
        ("dolly-zoom-out", [0, 0, -0.25]),
    ],
)
def test_translations_go_where_their_names_say_and_turn_nothing(name, direction):
    path = moved(name)
    np.testing.assert_allclose(last_centre(path), np.array(direction) * DISTANCE, atol=1e-9)
    assert (path.extrinsics[:, :, :3] == np.eye(3)).all()


@pytest.mark.parametrize(
    ("name", "axis", "degrees"),
    [
        ("pan-right", "y", 8),
        ("pan-left", "y", -8),
        ("tilt-up", "x", 4),
        ("tilt-down", "x", -4),
        ("roll-cw", "z", 5),
        ("roll-ccw", "z", -5),
    ],
)
def test_turns_go_where_their_names_say_and_move_nothing(name, axis, degrees):
    path = moved(name)
    np.testing.assert_allclose(
        path.extrinsics[-1, :, :3].T, rotation_about(axis, degrees), atol=1e-8
    )
    np.testing.assert_allclose(centre(path.extrinsics), 0, atol=1e-15)


def test_what_a_viewer_sees_of_each_turn():
    ahead = np.array([0, 0, 10.0])

    def x_y(name):
        path = moved(name)
        return project(path.intrinsics[-1], path.extrinsics[-1], ahead) - [480, 250]

    assert x_y("pan-right")[0] < 0 < x_y("pan-left")[0]
    assert x_y("tilt-down")[1] < 0 < x_y("tilt-up")[1]
    right = np.array([3.0, 0, 10.0])
    path = moved("roll-cw")
    assert project(path.intrinsics[-1], path.extrinsics[-1], right)[1] < 250


@pytest.mark.parametrize(("name", "ratio"), [("zoom-in", 1.25), ("zoom-out", 0.8)])
def test_a_zoom_changes_the_focal_length_alone(name, ratio):
    path = moved(name)
    np.testing.assert_allclose(
        path.intrinsics[-1], [[960 * ratio, 0, 480], [0, 960 * ratio, 250], [0, 0, 1]]
    )
    assert (path.extrinsics == np.eye(3, 4)).all()


@pytest.mark.parametrize("roll", [0.0, 5.0])
@pytest.mark.parametrize("amount", [0.3, 1.0, 2.0])
@pytest.mark.parametrize(("name", "sign"), [("orbit-right", 1), ("orbit-left", -1)])
def test_an_orbit_circles_the_person_who_stays_put_in_the_picture(name, sign, amount, roll):
    place = reference(roll)
    path = moved(name, amount, place=place)
    assert sign * last_centre(path)[0] > 0
    level = (centre(path.extrinsics) - SUBJECT)[:, [0, 2]]
    np.testing.assert_allclose(np.linalg.norm(level, axis=1), np.linalg.norm(level[0]), rtol=1e-9)
    for point in (SUBJECT, HEAD):
        pixels = project(path.intrinsics, path.extrinsics, point)
        np.testing.assert_allclose(pixels, pixels[:1].repeat(FRAMES, axis=0), atol=1e-4)
    first, last = level[[0, -1]]
    turned = np.degrees(np.arccos(first @ last / np.linalg.norm(first) ** 2))
    assert turned == pytest.approx(10 * amount, abs=1e-6)


@pytest.mark.parametrize("amount", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("name", ["dolly-zoom-in", "dolly-zoom-out"])
def test_a_dolly_zoom_keeps_the_person_and_changes_the_rest(name, amount):
    path = moved(name, amount, place=reference(roll=2.0))
    foot = project(path.intrinsics, path.extrinsics, SUBJECT)
    head = project(path.intrinsics, path.extrinsics, HEAD)
    height = np.linalg.norm(foot - head, axis=1)
    np.testing.assert_allclose(height, height[0], rtol=0.002)
    np.testing.assert_allclose(foot, foot[:1].repeat(FRAMES, axis=0), atol=0.01)
    assert (path.intrinsics[-1, 0, 0] < 960) == (name == "dolly-zoom-in")


@pytest.mark.parametrize(("name", "sign"), [("crane-up", 1), ("crane-down", -1)])
def test_a_crane_rises_or_sinks_and_keeps_the_person_framed(name, sign):
    path = moved(name, place=replace(reference(), subject=np.array([0, CAMERA_HEIGHT, 4.0])))
    assert -sign * last_centre(path)[1] > 0.3
    assert sign * forward(path)[1] > 0
    eye_level = project(path.intrinsics, path.extrinsics, np.array([0, 0, 4.0]))
    np.testing.assert_allclose(eye_level, np.tile([480.0, 250.0], (FRAMES, 1)), atol=1e-6)


@pytest.mark.parametrize(
    "name", ["truck-left", "orbit-right", "crane-up", "tilt-up", "dolly-zoom-in"]
)
def test_moves_are_made_in_the_first_cameras_own_level_frame(name):
    plain, turned = moved(name), moved(name, place=reference(yaw=40.0, at=(3.0, -0.5, 2.0)))
    turn = rotation_about("y", 40.0)
    np.testing.assert_allclose(
        centre(turned.extrinsics), centre(plain.extrinsics) @ turn.T + [3.0, -0.5, 2.0], atol=1e-9
    )
    np.testing.assert_allclose(
        turned.extrinsics[:, :, :3], plain.extrinsics[:, :, :3] @ turn.T, atol=1e-9
    )


def test_a_photos_roll_stays_under_a_pan():
    path = moved("pan-right", place=reference(roll=6.0))
    np.testing.assert_allclose(
        path.extrinsics[-1, :, :3].T, rotation_about("y", 8) @ rotation_about("z", 6), atol=1e-8
    )


@settings(max_examples=30, deadline=None)
@given(st.permutations(["orbit-right", "dolly-in", "tilt-up", "zoom-in", "handheld"]))
def test_the_order_of_joined_moves_does_not_matter(names):
    path = moved("+".join(names))
    expected = moved("orbit-right+dolly-in+tilt-up+zoom-in+handheld")
    np.testing.assert_allclose(path.extrinsics, expected.extrinsics, atol=1e-12)
    np.testing.assert_allclose(path.intrinsics, expected.intrinsics, atol=1e-9)


def test_an_orbit_carries_a_dolly_around_the_person():
    place = replace(reference(), subject=np.array([0, CAMERA_HEIGHT, 4.0]))
    path = moved("orbit-right+dolly-in", place=place)
    foot = project(path.intrinsics, path.extrinsics, place.subject)
    np.testing.assert_allclose(foot[:, 0], 480, atol=1e-6)
    remaining = np.linalg.norm((last_centre(path) - place.subject)[[0, 2]])
    assert remaining == pytest.approx(4.0 - 0.25 * DISTANCE)


def test_a_panned_and_tilted_camera_keeps_its_horizon_level():
    for text in ("pan-left+tilt-up", "tilt-up+pan-left"):
        right = moved(text).extrinsics[-1, 0, :3]
        assert right[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("amount", [0.5, 2.0])
def test_amount_scales_every_kind_of_move(amount):
    assert moved("dolly-in", amount).extrinsics[-1, 2, 3] == pytest.approx(
        -0.25 * amount * DISTANCE
    )
    np.testing.assert_allclose(
        moved("pan-left", amount).extrinsics[-1, :, :3].T,
        rotation_about("y", -8 * amount),
        atol=1e-8,
    )
    np.testing.assert_allclose(
        moved("roll-cw", amount).extrinsics[-1, :, :3].T, rotation_about("z", 5 * amount), atol=1e-8
    )
    assert moved("zoom-in", amount).intrinsics[-1, 0, 0] == pytest.approx(960 * 1.25**amount)
    shaken = centre(moved("handheld", amount).extrinsics)
    np.testing.assert_allclose(shaken, centre(moved("handheld").extrinsics) * amount, atol=1e-12)


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_an_amount_is_a_number_from_0_up(amount):
    with pytest.raises(InputError, match="--move-strength"):
        moved("dolly-in", amount)


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("amount", [0.4, 1.7])
def test_a_scaled_file_does_what_the_amount_does(name, amount):
    written = sample(scale_move(load_trajectory(name), amount), reference(), FRAMES, RATE)
    asked = moved(name, amount)
    np.testing.assert_array_equal(written.extrinsics, asked.extrinsics)
    np.testing.assert_array_equal(written.intrinsics, asked.intrinsics)


@pytest.mark.parametrize(
    "text",
    [
        "dolly-in+pan-left",
        "truck-left+zoom-in+handheld",
        "orbit-right+crane-up",
        "orbit-left+dolly-in+tilt-up",
        "dolly-zoom-in+roll-cw",
    ],
)
def test_moves_joined_into_one_file_do_what_they_do_together(text):
    place = replace(reference(), subject=np.array([0, CAMERA_HEIGHT, 4.0]), subject_distance=4.0)
    one = join_moves(load_move(text), text)
    path, expected = (sample(move, place, FRAMES, RATE) for move in (one, load_move(text)))
    np.testing.assert_allclose(centre(path.extrinsics), centre(expected.extrinsics), atol=0.003)
    for point in (place.subject, np.array([0, -1.0, 20.0])):
        np.testing.assert_allclose(
            project(path.intrinsics, path.extrinsics, point),
            project(expected.intrinsics, expected.extrinsics, point),
            atol=0.8,
        )


def test_a_move_that_only_shakes_leaves_the_others_keyframes_as_they_are():
    one = join_moves(load_move("orbit-right+handheld"), "both")
    assert one.keyframes == load_trajectory("orbit-right").keyframes
    assert one.shake == load_trajectory("handheld").shake


@pytest.mark.parametrize(
    ("moves", "what"),
    [
        ({"units": "metres"}, "differ in units"),
        ({"time_unit": "seconds"}, "differ in time_unit"),
        ({"shake": Shake(deg=1)}, "more than one of the moves shakes"),
    ],
)
def test_moves_that_one_file_cannot_hold_are_refused(moves, what):
    other = replace(load_trajectory("truck-left"), name="other", **moves)
    with pytest.raises(InputError, match=what):
        join_moves([*load_move("dolly-in+handheld"), other], "all")
