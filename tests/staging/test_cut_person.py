"""A person whose feet are not seen: framed and sized as filmed, deep as their body says."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from stick_figure import HEIGHT, moved, photo, standing, still, tracks, walking

from dynascene_cli.geometry import Floats, project
from dynascene_cli.shot import CameraPath, PersonTracks
from dynascene_cli.staging import (
    Stance,
    Standing,
    StandingGround,
    contact_points,
    move_conflicts,
    room_for_move,
    stage,
    stance,
)
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.picture_sides import share_beyond_sides

FILMED = photo(horizon=250.0)


def waist_up(z: float = 1.6, x: float = 0.1) -> PersonTracks:
    return tracks(standing(x=x, z=z), FILMED)


def behind_a_desk(row: float = 560.0) -> PersonTracks:
    person = waist_up(2.5)
    person.boxes[:, 3] = row
    person.visibility[:, 5:] = 0.1
    return person


def corner(stands: Stance, point: tuple[float, float]) -> Floats:
    return apply_similarity(stands.clip_to_frame[0], np.array(point))


@pytest.mark.parametrize("horizon", [100.0, 250.0, 520.0, 900.0])
@pytest.mark.parametrize("z", [0.9, 1.6])
def test_whatever_the_photos_ground_the_filmed_framing_stays(horizon: float, z: float) -> None:
    stands = stance(waist_up(z), still(FILMED, 75), photo(horizon=horizon))
    assert not stands.contacts.grounded
    np.testing.assert_array_equal(stands.clip_to_frame[0], np.eye(2, 3))
    assert stands.warnings == ()
    assert 0.8 <= stands.geometry.camera_height <= 2.4


def test_depth_follows_from_head_and_shoulders() -> None:
    for horizon in (250.0, 700.0):
        stands = stance(waist_up(1.6), still(FILMED, 75), photo(horizon=horizon))
        np.testing.assert_allclose(stands.contact[:, 2], 1.6, rtol=0.05)
        assert stands.subject_distance == pytest.approx(1.6, rel=0.05)
        top = project(
            stands.geometry.intrinsics,
            stands.geometry.extrinsics,
            stands.contact - [0.0, HEIGHT, 0.0],
        )
        head = apply_similarity(stands.clip_to_frame, waist_up(1.6).points[:, 0])
        assert np.abs(top - head)[:, 1].max() < 25


@pytest.mark.parametrize("size", [(1280, 720), (1920, 800), (405, 720), (960, 720)])
def test_in_any_format_the_cut_lies_at_the_edge_and_the_head_inside(size: tuple[int, int]) -> None:
    width, height = size
    frame = replace(FILMED, width=width, height=height, focal=float(width), horizon=0.4 * height)
    person = waist_up(1.3)
    person.boxes[:, [0, 2]] = 0.0, 1280.0
    stands = stance(person, still(FILMED, 75), frame)
    assert corner(stands, (0, 720))[1] >= height - 1e-6
    assert corner(stands, (640, float(person.boxes[0, 1])))[1] >= 0
    assert corner(stands, (0, 0))[0] <= 1e-6
    assert corner(stands, (1280, 0))[0] >= width - 1e-6


def bending_down() -> PersonTracks:
    """The last third of them bends down to the clip's edge, feet out of the picture."""
    person = tracks(standing(z=4.5), FILMED)
    person.boxes[50:, 3] = 720.0
    person.points[50:, 5:] = np.nan
    person.visibility[50:, 5:] = 0.0
    return person


def test_whom_the_clip_cuts_below_now_and_then_is_not_enlarged_to_hide_it() -> None:
    low = photo(horizon=250.0, camera_height=0.9)
    stands = stance(bending_down(), still(FILMED, 75), low)
    np.testing.assert_array_equal(stands.clip_to_frame[0], np.eye(2, 3))
    assert any("keep the clip's framing and size" in warning for warning in stands.warnings)
    assert np.isfinite(stands.contact).all() and not stands.contacts.grounded


def test_what_someone_who_keeps_their_framing_stands_on_is_told() -> None:
    low = photo(horizon=250.0, camera_height=0.9)
    for free in (False, True):
        ground = StandingGround.of(np.full((720, 1280), free), lambda x, y: "furniture")
        stands = stance(bending_down(), still(FILMED, 75), low, ground=ground)
        told = [warning for warning in stands.warnings if "stands on furniture" in warning]
        assert len(told) == (0 if free else 1)


def test_whom_the_clip_cuts_below_is_as_small_as_the_ground_says_at_the_lower_edge() -> None:
    high = photo(horizon=250.0, camera_height=3.0)
    stands = stance(bending_down(), still(FILMED, 75), high)
    assert stands.contacts.grounded
    assert corner(stands, (640, 720))[1] >= 720 - 1e-6
    feet = corner(stands, tuple(stands.contacts.points[0]))[1]
    tall = stands.clip_to_frame[0, 0, 0] * stands.contacts.heights[0]
    assert tall == pytest.approx((feet - 250) * HEIGHT / 3.0, rel=0.01)
    assert feet < 720 + 0.1 * tall


def test_feet_that_something_drawn_hides_lie_below_the_pictures_edge() -> None:
    whole = tracks(standing(z=5.0), FILMED)
    row = float(whole.boxes[0, 3]) - 40
    high = photo(horizon=250.0, camera_height=3.0)
    stands = stance(replace(whole, hidden_below=row), still(FILMED, 75), high)
    assert stands.contacts.grounded and stands.contacts.cut[:, 3].all()
    assert corner(stands, (640, row))[1] >= 720 - 1e-6
    feet = corner(stands, tuple(stands.contacts.points[0]))[1]
    tall = stands.clip_to_frame[0, 0, 0] * stands.contacts.heights[0]
    assert tall == pytest.approx((feet - 250) * HEIGHT / 3.0, rel=0.02)
    assert any("lettering over the clip hides" in told for told in stands.warnings)
    below = replace(whole, hidden_below=float(whole.boxes[0, 3]) + 5)
    assert not stance(below, still(FILMED, 75), high).contacts.cut.any()


@pytest.mark.parametrize("free", [True, False])
def test_feet_far_below_the_picture_stand_on_the_ground_at_its_edge(free: bool) -> None:
    whole = tracks(standing(z=5.0), FILMED)
    hidden = replace(whole, hidden_below=float(whole.boxes[0, 3]) - 70)
    place = photo(horizon=250.0, camera_height=3.0)
    everywhere = StandingGround.of(np.full((720, 1280), free), lambda x, y: "water")
    stands = stance(hidden, still(FILMED, 75), place, ground=everywhere)
    assert corner(stands, tuple(stands.contacts.points[0]))[1] > 720 + 0.07 * 220
    assert any("stands on water" in told for told in stands.warnings) is not free


@pytest.mark.parametrize(("frames", "shown"), [(15, True), (40, False)])
def test_a_cut_above_is_shown_only_for_a_moment_and_only_for_the_right_size(
    frames: int, shown: bool
) -> None:
    person = bending_down()
    person.boxes[:frames, 1] = 0.0
    stands = stance(person, still(FILMED, 75), photo(horizon=250.0, camera_height=3.0))
    told = "the clip's top edge cuts the person off for 20 % of the clip"
    assert any(told in warning for warning in stands.warnings) is shown
    assert bool(corner(stands, (640, 0))[1] > 0) is shown
    assert bool(stands.contacts.cut[:, 1].any()) is not shown
    kept = stance(person, still(FILMED, 75), FILMED)
    assert not any("edge cuts the person off for" in warning for warning in kept.warnings)
    assert kept.completed is None


@pytest.mark.parametrize(("first", "last"), [(0, 15), (40, 55), (50, 75)])
def test_what_is_cut_above_for_up_to_a_second_is_completed(first: int, last: int) -> None:
    person = bending_down()
    person.boxes[first:last, 1] = 0.0
    high = photo(horizon=250.0, camera_height=3.0)
    stands = stance(person, still(FILMED, 75), high)
    assert any("is carried on from" in told for told in stands.warnings)
    assert stands.completed is not None
    assert np.flatnonzero(stands.completed[:, 1]).tolist() == list(range(first, last))
    assert not stands.completed[:, [0, 2, 3]].any()
    slow = stance(person, replace(still(FILMED, 75), frame_rate=Fraction(12)), high)
    assert any("the cut is seen" in told for told in slow.warnings)
    assert slow.completed is None


def test_nobody_is_enlarged_past_the_lower_edge_to_hide_a_moments_cut_above() -> None:
    clip = photo(horizon=150.0)
    person = tracks(standing(z=3.6), clip)
    person.boxes[:15, 1] = 0.0
    stands = stance(person, still(clip, 75), photo(horizon=150.0, camera_height=1.8))
    assert stands.clip_to_frame[0, 0, 0] < 1.2
    assert corner(stands, tuple(stands.contacts.points[0]))[1] < 720
    assert any("is carried on from" in told for told in stands.warnings)


def test_what_stands_before_the_person_is_no_floor() -> None:
    person = behind_a_desk()
    stands = stance(person, still(FILMED, 75), FILMED)
    assert not stands.contacts.grounded and not stands.contacts.feet_seen.any()
    assert stands.clip_to_frame[0, 0, 0] == 1.0
    assert corner(stands, (640, 560))[1] == pytest.approx(720)
    assert "hides them below 0.78 of the clip's height" in stands.warnings[0]
    assert stage(stands, lambda a: moved(stands.geometry, 75, "dolly-out", a)).amount == 0


def test_feet_that_the_matte_does_not_hold_are_not_seen() -> None:
    person = tracks(standing(z=5.0), FILMED)
    bottom = person.boxes[0, 3]
    assert contact_points(person, still(FILMED, 75)).grounded
    person.boxes[:, 3] = 0.5 * (person.boxes[:, 1] + bottom)
    assert not contact_points(person, still(FILMED, 75)).grounded


def test_a_dress_over_the_feet_still_stands_on_the_ground() -> None:
    person = tracks(standing(z=5.0), FILMED)
    person.visibility[:, 5:] = 0.1
    contacts = contact_points(person, still(FILMED, 75))
    assert contacts.grounded
    np.testing.assert_allclose(contacts.points[:, 1], person.boxes[:, 3], atol=3)


def test_someone_who_walks_up_until_the_feet_are_gone_stands_on_the_ground() -> None:
    person = tracks(standing(z=4.6), FILMED)
    near = tracks(standing(z=1.6), FILMED)
    for name in ("points", "visibility", "boxes"):
        getattr(person, name)[60:] = getattr(near, name)[60:]
    stands = stance(person, still(FILMED, 75), FILMED)
    assert stands.contacts.grounded
    assert corner(stands, (0, 720))[1] >= 720 - 1e-6


def test_under_a_moving_clip_camera_the_person_keeps_its_motion() -> None:
    path = moved(FILMED, 75, "truck")
    stands = stance(waist_up(), path, FILMED)
    np.testing.assert_array_equal(stands.clip_to_frame, np.eye(2, 3)[None].repeat(75, axis=0))
    assert any("--camera auto" in warning for warning in stands.warnings)


def limited(z: float, move: str, amount: float = 1.0) -> tuple[Stance, Callable[..., CameraPath]]:
    def stance_at(room: float) -> Stance:
        return stance(waist_up(z), still(FILMED, 75), FILMED, Standing(room=room))

    def path_of(stands: Stance, share: float) -> CameraPath:
        return moved(stands.geometry, 75, move, share)

    room = room_for_move(stance_at, path_of, amount, hold_body=True)
    stands = stance_at(room)
    return stands, lambda share: path_of(stands, share)


@pytest.mark.parametrize("move", ["dolly", "handheld", "truck", "orbit"])
def test_a_move_neither_shows_the_cut_nor_loses_the_head(move: str) -> None:
    stands, path_at = limited(2.0, move, 0.3)
    assert stands.clip_to_frame[0, 0, 0] == 1.0
    staged = stage(stands, path_at, 0.3, hold_body=True)
    assert staged.amount > 0.1
    similarity = staged.placement.clip_to_frame
    assert apply_similarity(similarity, np.array([640.0, 720.0]))[:, 1].min() >= 719.7
    assert apply_similarity(similarity, waist_up(2.0).boxes[:, :2])[:, 1].min() > -0.016 * 720


def test_a_whole_person_is_moved_away_until_the_dolly_fits() -> None:
    person = tracks(standing(z=4.3), FILMED)

    def stance_at(room: float) -> Stance:
        return stance(person, still(FILMED, 75), FILMED, Standing(room=room))

    def path_of(stands: Stance, share: float) -> CameraPath:
        return moved(stands.geometry, 75, "dolly", share)

    at_once = stage(stance_at(0.0), lambda a: path_of(stance_at(0.0), a), 0.7, hold_body=True)
    assert 0 < at_once.amount < 0.5 and "push feet out of the picture" in at_once.warnings[0]
    unheld = stage(stance_at(0.0), lambda a: path_of(stance_at(0.0), a), 0.7)
    assert unheld.amount == 0.7
    room = room_for_move(stance_at, path_of, 0.7, hold_body=True)
    stands = stance_at(room)
    staged = stage(stands, lambda a: path_of(stands, a), 0.7, hold_body=True)
    assert staged.amount == 0.7
    np.testing.assert_allclose(stands.contact[:, 1], stands.geometry.camera_height)
    assert stands.clip_to_frame[0, 0, 0] == pytest.approx(1 - room)
    assert f"at {100 * (1 - room):.0f} % of their size" in stands.warnings[0]
    low = apply_similarity(staged.placement.clip_to_frame, person.boxes[:, 2:])[:, 1].max()
    assert low < 720 * 1.016


def test_a_truck_ends_before_the_picture_cuts_the_person_at_its_side() -> None:
    person = tracks(standing(x=0.9), FILMED)
    stands = stance(person, still(FILMED, 75), FILMED)

    def path_at(share: float) -> CameraPath:
        return moved(stands.geometry, 75, "truck", share)

    asked = 4.0
    pushed = stage(stands, path_at, asked)
    beyond = share_beyond_sides(stands.contacts, pushed.placement.clip_to_frame, 1280)
    assert pushed.amount == asked and beyond.max() > 0.5
    staged = stage(stands, path_at, asked, hold_body=True)
    beyond = share_beyond_sides(stands.contacts, staged.placement.clip_to_frame, 1280)
    assert 0 < staged.amount < asked and 0.05 < beyond.max() <= 0.1
    assert "would push the person's " in staged.warnings[0]


def test_a_walk_that_the_photo_enlarges_stays_in_the_picture() -> None:
    person = tracks(walking((1.0, 0.0), (0.0, 6.0), 42), FILMED)
    small = replace(FILMED, camera_height=0.75)
    stands = stance(person, still(FILMED, 42), small)
    scale = stands.clip_to_frame[0, 0, 0]
    assert scale > 1.1
    assert share_beyond_sides(stands.contacts, stands.clip_to_frame, 1280).max() == 0


def test_feet_drawn_into_a_picture_that_ends_above_them_are_none() -> None:
    person = waist_up(1.6)
    person.visibility[:] = 1.0
    person.points[:, 7:] = np.array([640.0, 705.0])
    contacts = contact_points(person, still(FILMED, 75))
    assert not contacts.grounded and not contacts.feet_seen.any()
    assert np.nanmin(contacts.points[:, 1]) > 720


def test_feet_that_the_clip_does_not_show_do_not_leave_the_picture() -> None:
    person = waist_up(2.0)
    person.boxes[30:34, 3] = 715.0
    stands = stance(person, still(FILMED, 75), FILMED, Standing(room=0.06))
    staged = stage(stands, lambda share: moved(stands.geometry, 75, "dolly", share), 0.3)
    assert staged.amount == 0.3
    assert not any("feet" in told for told in move_conflicts(stands, staged))
