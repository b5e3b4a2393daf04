"""A camera that comes nearer turns after the person, and only as far as it takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stick_figure import moved, photo, standing, still, tracks, walking

from dynascene_cli.geometry import Floats, compose, pose, rotation_about
from dynascene_cli.shot import CameraPath, SceneGeometry
from dynascene_cli.staging import Stance, hold_framing, stage, stance, tell_turn
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.limits import ends_beyond, visible_cuts
from dynascene_cli.staging.person_motion import place_person
from dynascene_cli.staging.picture_sides import share_beyond_sides

PHOTO = photo(horizon=250.0)


def person_at(z: float, x: float = 0.3, place: SceneGeometry = PHOTO) -> Stance:
    return stance(tracks(standing(x=x, z=z), place), still(place, 75), place)


def held(stands: Stance, move: str, amount: float = 1.0) -> tuple[CameraPath, CameraPath]:
    path = moved(stands.geometry, 75, move, amount)
    return path, hold_framing(stands, path, still(stands.geometry, 75))


def tilt_and_pan(asked: CameraPath, turned: CameraPath) -> tuple[Floats, Floats]:
    forward = asked.extrinsics[:, :, :3] @ np.swapaxes(turned.extrinsics[:, :, :3], 1, 2)
    return np.degrees(np.arctan2(forward[:, :2, 2], forward[:, 2:, 2])).T


def test_feet_that_a_dolly_in_would_cut_stay_in_the_picture() -> None:
    stands = person_at(4.3)
    asked, path = held(stands, "dolly")
    assert ends_beyond(stands, place_person(stands, asked), asked)[:, 1].any()
    placed = place_person(stands, path)
    assert not ends_beyond(stands, placed, path).any()
    feet = apply_similarity(placed.clip_to_frame, stands.contacts.boxes[:, 2:])[:, 1]
    assert feet.max() == pytest.approx(0.98 * 720, abs=2)
    pan, tilt = tilt_and_pan(asked, path)
    assert tilt[-1] == pytest.approx(6.4, abs=0.2) and (np.diff(tilt) >= 0).all()
    assert np.abs(pan).max() < 0.2
    np.testing.assert_array_equal(path.extrinsics[0], still(PHOTO, 1).extrinsics[0])
    assert tell_turn(asked, path) == (
        "the camera tilts down by 6° on its way, which keeps the person in the picture; "
        "a smaller --move-strength needs less of it",
    )


def test_the_move_is_then_made_as_asked() -> None:
    stands = person_at(4.3)

    def path_at(amount: float) -> CameraPath:
        return moved(stands.geometry, 75, "dolly", amount)

    def held_at(amount: float) -> CameraPath:
        return hold_framing(stands, path_at(amount), path_at(0.0))

    assert stage(stands, path_at, 0.8, hold_body=True).amount < 0.5
    assert stage(stands, held_at, 0.8, hold_body=True).amount == 0.8


def test_the_head_of_somebody_cut_at_the_waist_stays_and_the_cut_stays_hidden() -> None:
    stands = person_at(2.45, x=0.0, place=photo(horizon=120.0))
    assert stands.contacts.cut[:, 3].all()
    asked, path = held(stands, "dolly", 0.4)
    tops = [
        apply_similarity(place_person(stands, each).clip_to_frame, stands.contacts.boxes[:, :2])
        for each in (asked, path)
    ]
    assert tops[0][-1, 1] < 0 <= tops[1][-1, 1]
    placed = place_person(stands, path)
    assert not visible_cuts(placed.clip_to_frame, stands.contacts, (1280, 720)).any()
    assert tilt_and_pan(asked, path)[1][-1] < -1


def test_somebody_at_the_side_is_panned_after() -> None:
    stands = person_at(5.0, x=2.0)
    asked, path = held(stands, "dolly", 1.5)
    beyond = [
        share_beyond_sides(stands.contacts, place_person(stands, each).clip_to_frame, 1280)
        for each in (asked, path)
    ]
    assert beyond[0].max() > 0.2 and beyond[1].max() == 0
    assert tilt_and_pan(asked, path)[0][-1] > 2
    assert "the camera pans right by" in tell_turn(asked, path)[0]


@pytest.mark.parametrize("move", ["handheld", "tilt-up", "truck"])
def test_a_path_that_needs_no_turn_is_returned_itself(move: str) -> None:
    stands = person_at(6.0)
    path, turned = held(stands, move)
    assert turned is path and tell_turn(path, turned) == ()


def test_what_a_paths_own_turn_leaves_behind_is_not_fetched() -> None:
    stands = person_at(6.0)
    path = moved(stands.geometry, 75, "dolly", 0.5)
    turn = np.stack([rotation_about("y", -40 * each) for each in np.linspace(0, 1, 75)])
    away = CameraPath(
        path.intrinsics,
        compose(pose(turn, np.zeros((75, 3))), path.extrinsics),
        path.width,
        path.height,
        path.frame_rate,
        "metres",
    )
    placed = place_person(stands, away)
    assert share_beyond_sides(stands.contacts, placed.clip_to_frame, 1280).max() == 1
    assert hold_framing(stands, away, still(PHOTO, 75)) is away


def test_somebody_who_walks_is_held_where_they_are_without_the_move() -> None:
    person = tracks(walking((1.0, 0.3), (-1.0, 5.0), 60), PHOTO)
    stands = stance(person, still(PHOTO, 60), PHOTO)
    path = moved(stands.geometry, 60, "dolly", 1.2)
    turned = hold_framing(stands, path, still(PHOTO, 60))
    placed = place_person(stands, turned)
    assert not ends_beyond(stands, placed, turned).any()
    assert share_beyond_sides(stands.contacts, placed.clip_to_frame, 1280).max() < 0.02


@settings(max_examples=40, deadline=None)
@given(
    z=st.floats(1.6, 8.0),
    x=st.floats(-1.2, 1.2),
    move=st.sampled_from(["dolly", "dolly-out", "truck", "crane"]),
    amount=st.floats(0.05, 1.0),
)
def test_no_turn_is_larger_than_an_operators_or_shakes(
    z: float, x: float, move: str, amount: float
) -> None:
    asked, path = held(person_at(z, x), move, amount)
    pan, tilt = tilt_and_pan(asked, path)
    assert np.hypot(pan, tilt).max() < 18
    for angle in (pan, tilt):
        steps = np.diff(angle)
        assert (steps >= -0.02).all() or (steps <= 0.02).all()
        assert np.abs(np.diff(steps)).max() < 0.5
