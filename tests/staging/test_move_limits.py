"""Moves limited where they would show the clip's cut edges, the person's inside or the ground."""

from collections.abc import Callable

import numpy as np
import pytest
from stick_figure import moved, photo, standing, still, tracks

from dynascene_cli.geometry import rotation_about
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging import Stance, Standing, room_for_move, stage, stance
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.limits import visible_cuts

PHOTO = photo(horizon=250.0)


def person_at(distance: float, x: float = 0.0, room: float = 0.0) -> Stance:
    person = tracks(standing(x=x, z=distance), PHOTO)
    return stance(person, still(PHOTO, 75), PHOTO, Standing(room=room))


def moves(stands: Stance, move: str) -> Callable[[float], CameraPath]:
    return lambda amount: moved(stands.geometry, 75, move, amount)


@pytest.mark.parametrize("move", ["dolly", "dolly-out", "truck", "orbit", "handheld", "tilt-up"])
def test_a_whole_person_is_not_limited(move: str) -> None:
    stands = person_at(5.0)
    staged = stage(stands, moves(stands, move), 1.0)
    assert staged.amount == 1.0
    assert staged.warnings == ()


def test_a_dolly_in_pushes_a_cut_further_out() -> None:
    stands = person_at(2.0)
    staged = stage(stands, moves(stands, "dolly"), 0.5)
    assert (staged.amount, staged.warnings) == (0.5, ())


def test_a_head_that_touches_the_clips_edge_is_not_cut_further() -> None:
    place = photo(horizon=100.0)
    person = tracks(standing(x=0.0, z=2.5), place)
    stands = stance(person, still(place, 75), place)
    assert stands.contacts.cut[:, 1].all()
    staged = stage(stands, moves(stands, "dolly"), 0.5, hold_body=True)
    assert 0 < staged.amount < 0.3
    assert "head" in staged.warnings[0]
    edge = np.tile([640.0, 0.0], (75, 1))
    tops = apply_similarity(staged.placement.clip_to_frame, edge)[:, 1]
    assert tops.min() > -0.02 * place.height


def test_somebody_whose_arm_the_clip_cuts_is_not_pushed_out_of_the_picture() -> None:
    stands = person_at(4.0, x=1.85)
    assert stands.contacts.cut[:, 2].all()
    staged = stage(stands, moves(stands, "dolly"), 1.0, hold_body=True)
    assert 0 < staged.amount < 0.5
    assert "right side" in staged.warnings[0]


@pytest.mark.parametrize("move", ["dolly-out", "handheld"])
def test_a_cut_at_the_frames_edge_leaves_no_room(move: str) -> None:
    stands = person_at(2.0)
    staged = stage(stands, moves(stands, move), 1.0)
    assert staged.amount == 0.0
    np.testing.assert_array_equal(staged.placement.clip_to_frame, stands.clip_to_frame)
    assert len(staged.warnings) == 1
    assert staged.warnings[0].startswith("the camera makes no move: a larger one would show where")
    assert "bottom edge" in staged.warnings[0]


@pytest.mark.parametrize("move", ["dolly-out", "handheld", "tilt-up", "pedestal"])
def test_room_is_used_up_and_no_cut_is_ever_shown(move: str) -> None:
    stands = person_at(2.0, room=0.06)
    staged = stage(stands, moves(stands, move), 1.0)
    assert staged.amount > 0.05
    shown = visible_cuts(staged.placement.clip_to_frame, stands.contacts, (1280, 720))
    assert not shown.any()
    if staged.amount < 1:
        assert f"limited to {staged.amount:.2f} of the 1.00 asked for" in staged.warnings[0]
        low = apply_similarity(staged.placement.clip_to_frame, np.array([[640.0, 720.0]])).min(
            axis=0
        )[1]
        assert 719 < low < 726


def test_only_the_frames_that_touch_an_edge_limit() -> None:
    person = tracks(standing(x=-1.0), PHOTO)
    person.boxes[:3, 0] = 0.0
    stands = stance(person, still(PHOTO, 75), PHOTO)
    staged = stage(stands, moves(stands, "truck"), 1.0)
    # trucking left carries the person right, by little in the first three frames
    assert 0 < staged.amount < 0.1
    person.boxes[:3, 0], person.boxes[-3:, 2] = 300.0, 1280.0
    stands = stance(person, still(PHOTO, 75), PHOTO)
    assert stage(stands, moves(stands, "truck"), 1.0).amount == 1.0


def test_a_move_through_the_person_stops_at_three_tenths() -> None:
    stands = person_at(3.0)
    staged = stage(stands, moves(stands, "dolly"), 5.0)
    centres = -np.einsum(
        "fji,fj->fi", staged.path.extrinsics[:, :, :3], staged.path.extrinsics[:, :, 3]
    )
    nearest = np.linalg.norm(centres - stands.contact, axis=1).min()
    assert nearest == pytest.approx(max(0.3 * stands.subject_distance, 1.5), rel=0.35)
    assert nearest >= 0.3 * stands.subject_distance
    assert "too near to the person" in staged.warnings[0]


def test_a_turn_stops_before_the_person_is_behind_the_camera() -> None:
    stands = person_at(5.0)

    def path_at(amount: float) -> CameraPath:
        path = moved(stands.geometry, 75, "dolly", 0.0)
        for frame, degrees in enumerate(np.linspace(0, 120 * amount, 75)):
            path.extrinsics[frame, :, :3] = rotation_about("y", -float(degrees))
        return path

    staged = stage(stands, path_at, 1.0)
    assert 60 < 120 * staged.amount < 90
    assert "a larger one would turn away from the person" in staged.warnings[0]


def test_a_move_under_the_ground_stops_above_it() -> None:
    stands = person_at(5.0)
    staged = stage(stands, lambda amount: moved(stands.geometry, 75, "pedestal", -amount), 4.0)
    height = stands.geometry.camera_height
    assert 0.09 * height < height - 0.6 * staged.amount < 0.12 * height
    assert "ground" in staged.warnings[0]


def test_a_locked_subject_has_no_limits() -> None:
    person = tracks(standing(z=2.0), PHOTO)
    stands = stance(person, still(PHOTO, 75), PHOTO, Standing(anchor="screen"))
    staged = stage(stands, moves(stands, "dolly-out"), 1.0)
    assert (staged.amount, staged.warnings) == (1.0, ())


def test_a_cut_crossing_a_corner_is_seen_and_one_outside_is_not() -> None:
    stands = person_at(2.0)
    count = len(stands.contacts.boxes)
    for shift, expected in (((0, 0), False), ((0, -2), True), ((1300, -2), False), ((0, 5), False)):
        similarity = np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]])[None].repeat(count, axis=0)
        shown = visible_cuts(similarity, stands.contacts, (1280, 720))
        assert shown[:, 3].all() == expected == shown.any()


def room(move: str, distance: float, amount: float = 1.0) -> float:
    return room_for_move(
        lambda room: person_at(distance, room=room),
        lambda stands, share: moved(stands.geometry, 75, move, share),
        amount,
    )


def test_the_least_room_that_is_enough_is_taken() -> None:
    assert room("truck", 5.0) == 0.0
    assert room("dolly", 2.0, 0.5) == 0.0
    enough = room("handheld", 2.0, 0.5)
    assert 0 < enough <= 0.1
    stands = person_at(2.0, room=enough)
    assert stage(stands, moves(stands, "handheld"), 0.5).amount == 0.5
    assert "leaves room for the move" in stands.warnings[0]


def test_a_person_at_a_side_edge_is_moved_aside_for_a_truck() -> None:
    person = tracks(standing(x=-1.0), PHOTO)
    person.boxes[-10:, 0] = 0.0

    def stance_at(room: float) -> Stance:
        return stance(person, still(PHOTO, 75), PHOTO, Standing(room=room))

    def path_of(stands: Stance, share: float) -> CameraPath:
        return moved(stands.geometry, 75, "truck", 0.5 * share)

    assert stage(stance_at(0.0), lambda a: path_of(stance_at(0.0), a), 1.0).amount == 0.0
    enough = room_for_move(stance_at, path_of)
    stands = stance_at(enough)
    assert 0.1 <= enough <= 0.2
    assert stands.clip_to_frame[0, 0, 0] == 1.0
    assert stage(stands, lambda a: path_of(stands, a), 1.0).amount == 1.0
