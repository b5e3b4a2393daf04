"""Contact points and standing heights, from synthetic people whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from stick_figure import (
    HEIGHT,
    Motion,
    bending,
    jumping,
    photo,
    seen,
    standing,
    still,
    tracks,
    walking,
)

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import LANDMARKS, PersonTracks, SceneGeometry
from dynascene_cli.staging import Contacts, Standing, contact_points, stance

PHOTO = photo(horizon=250.0)


def contacts_of(person: PersonTracks, geometry: SceneGeometry = PHOTO) -> Contacts:
    return contact_points(person, still(geometry, len(person.boxes)))


def ground_truth(motion: Motion, geometry: SceneGeometry = PHOTO) -> Floats:
    return seen(geometry, motion.feet.mean(axis=1) * [1, 0, 1])


def true_height(motion: Motion, geometry: SceneGeometry = PHOTO) -> Floats:
    ground = motion.feet.mean(axis=1) * [1, 0, 1]
    return seen(geometry, ground)[:, 1] - seen(geometry, ground + np.array([0, HEIGHT, 0]))[:, 1]


@pytest.mark.parametrize("motion", [standing(), jumping(), bending()])
def test_someone_who_stays_has_one_contact_and_one_height(motion: Motion) -> None:
    exact = contacts_of(tracks(motion, PHOTO))
    np.testing.assert_allclose(exact.points, ground_truth(motion), atol=0.01)
    np.testing.assert_allclose(exact.heights, true_height(motion), rtol=0.002)
    noisy = contacts_of(tracks(motion, PHOTO, noise=1.5))
    assert np.abs(noisy.points - ground_truth(motion)).max() < 0.6
    assert np.abs(np.diff(noisy.points, axis=0)).max() < 0.05
    np.testing.assert_allclose(noisy.heights, true_height(motion), rtol=0.01)


def test_a_jump_is_noticed_where_it_is_and_nowhere_else() -> None:
    motion = jumping(first=30, height=0.4)
    up = motion.feet[:, 0, 1] > 0.03
    for noise in (0.0, 1.5):
        airborne = contacts_of(tracks(motion, PHOTO, noise)).airborne
        assert airborne[up].all()
        assert airborne[:28].sum() + airborne[48:].sum() == 0
    assert not contacts_of(tracks(standing(), PHOTO, 1.5)).airborne.any()


@pytest.mark.parametrize("direction, start", [((1, 0), (-2.0, 6)), ((0, 1), (0.2, 4.5))])
@pytest.mark.parametrize("noise", [0.0, 1.5])
def test_a_walker_is_held_by_the_foot_that_stands(
    direction: tuple[float, float], start: tuple[float, float], noise: float
) -> None:
    motion = walking(direction, start, frames=80)
    contacts = contacts_of(tracks(motion, PHOTO, noise))
    assert not contacts.airborne.any()
    soles = seen(PHOTO, motion.feet)
    errors = np.linalg.norm(soles - contacts.points[:, None], axis=2)
    mid_swing = [i for i in range(80) if 6 <= i % 14 <= 8]
    for i in mid_swing:
        foot = (i // 14 + 1) % 2
        assert errors[i, foot] < 0.035 * contacts.heights[i], i


def test_walking_away_the_person_shrinks_with_the_ground() -> None:
    motion = walking((0, 1), (0.2, 4.5))
    contacts = contacts_of(tracks(motion, PHOTO, 1.5))
    np.testing.assert_allclose(contacts.heights, true_height(motion), rtol=0.12)
    assert contacts.heights[0] > 1.5 * contacts.heights[-1]


def test_hidden_feet_hold_the_line() -> None:
    motion = standing()
    contacts = contacts_of(tracks(motion, PHOTO, noise=1.0, hidden=(30, 50)))
    assert not contacts.feet_seen[30:50].any()
    assert np.abs(contacts.points - ground_truth(motion)).max() < 0.6


def test_who_walks_on_with_hidden_feet_takes_the_contact_along() -> None:
    motion = walking((1, 0), (-2.0, 6), frames=80)
    contacts = contacts_of(tracks(motion, PHOTO, noise=1.0, hidden=(40, 80)))
    assert not contacts.feet_seen[40:].any()
    away = np.abs(contacts.points - ground_truth(motion)) / contacts.heights[:, None]
    assert away[40:, 0].max() < 0.3
    assert away[:, 1].max() < 0.05


def test_smoothing_does_not_lag() -> None:
    motion = walking((1, 0), (-2.0, 6), frames=80)
    forwards = contacts_of(tracks(motion, PHOTO)).points
    reverse = Motion(motion.feet[::-1].copy(), motion.bend_deg)
    backwards = contacts_of(tracks(reverse, PHOTO)).points[::-1]
    np.testing.assert_allclose(forwards, backwards, atol=0.5)


@pytest.mark.parametrize("distance", [1.4, 2.0])
def test_feet_below_the_picture_are_found_from_the_upper_body(distance: float) -> None:
    motion = standing(z=distance)
    for noise in (0.0, 1.5):
        contacts = contacts_of(tracks(motion, PHOTO, noise))
        assert not contacts.feet_seen.any()
        assert contacts.cut[:, 3].all()
        assert contacts.points[:, 1].min() > PHOTO.height
        np.testing.assert_allclose(contacts.heights, true_height(motion), rtol=0.05)
        assert np.abs(contacts.points - ground_truth(motion)).max() < 0.05 * contacts.heights[0]


def test_a_nod_does_not_move_the_contact_of_a_cut_person() -> None:
    person = tracks(standing(z=1.8), PHOTO)
    nodding = person.points.copy()
    nodding[20:40, LANDMARKS.index("head_top"), 1] += 60
    contacts = contacts_of(PersonTracks(nodding, person.visibility, person.boxes))
    assert np.ptp(contacts.points[:, 1]) < 8


def test_who_never_stands_upright_is_as_tall_as_their_body_is_long() -> None:
    bent = standing()
    bent.bend_deg[:] = 80.0
    upright = contacts_of(tracks(standing(), PHOTO)).heights[0]
    assert contacts_of(tracks(bent, PHOTO)).heights[0] == pytest.approx(upright, rel=0.05)


def test_a_frame_of_which_only_the_box_is_known_moves_no_contact() -> None:
    person = tracks(standing(), PHOTO)
    person.points[30:40], person.visibility[30:40] = np.nan, 0.0
    person.boxes[30:40, 3] = PHOTO.height
    assert np.ptp(contacts_of(person).points[:, 1]) < 1.0


def test_a_matte_alone_stands_on_the_lower_edge_of_its_box() -> None:
    person = tracks(standing(), PHOTO)
    blind = PersonTracks(
        np.full_like(person.points, np.nan), np.zeros_like(person.visibility), person.boxes
    )
    contacts = contacts_of(blind)
    x0, y0, x1, y1 = person.boxes[0]
    np.testing.assert_allclose(contacts.points, [[(x0 + x1) / 2, y1]] * 75)
    np.testing.assert_allclose(contacts.heights, y1 - y0)


def test_edges_cut_where_the_box_touches_them_for_more_than_a_frame() -> None:
    person = tracks(standing(), PHOTO)
    boxes = person.boxes.copy()
    boxes[10:20, 0] = 1.5
    boxes[30, 1] = 0.0
    boxes[40:43, 2] = PHOTO.width - 3
    contacts = contacts_of(PersonTracks(person.points, person.visibility, boxes))
    assert contacts.cut_edges == (True, False, False, False)
    assert np.flatnonzero(contacts.cut[:, 0]).tolist() == list(range(10, 20))


def test_one_frame_is_enough() -> None:
    motion = standing(frames=1)
    np.testing.assert_allclose(
        contacts_of(tracks(motion, PHOTO)).points, ground_truth(motion), atol=1e-6
    )


def test_nobody_is_an_input_error() -> None:
    person = tracks(standing(5), PHOTO)
    gone = PersonTracks(person.points, person.visibility, np.full_like(person.boxes, np.nan))
    with pytest.raises(InputError, match="nobody is seen"):
        contacts_of(gone)


def upside_down(
    ends: Floats, geometry: SceneGeometry = PHOTO, first: int = 0, last: int = 75
) -> PersonTracks:
    """Somebody whose feet are found at the hips while the matte ``ends`` (F,) lower down."""
    person = tracks(standing(), geometry)
    for side in ("left", "right"):
        hip = person.points[first:last, LANDMARKS.index(f"{side}_hip")]
        for part in ("ankle", "heel", "toe"):
            person.points[first:last, LANDMARKS.index(f"{side}_{part}")] = hip
    boxes = person.boxes.copy()
    boxes[:, 3] = ends
    return PersonTracks(person.points, person.visibility, boxes)


def test_whose_feet_are_in_the_air_stands_where_the_matte_ends() -> None:
    contacts = contacts_of(upside_down(np.full(75, 640.0)))
    np.testing.assert_allclose(contacts.points[:, 1], 640.0, atol=0.01)
    assert not contacts.airborne.any()
    assert not contacts.cut.any()


def test_landmarks_that_miss_the_ground_often_are_not_followed_elsewhere() -> None:
    contacts = contacts_of(upside_down(np.full(75, 640.0), last=20))
    np.testing.assert_allclose(contacts.points[:, 1], 640.0, atol=0.01)
    brief = contacts_of(upside_down(np.full(75, 640.0), last=8))
    np.testing.assert_allclose(brief.points, ground_truth(standing()), atol=1.0)


def test_an_edge_that_cuts_but_soles_is_none() -> None:
    ends = np.full(75, float(PHOTO.height))
    assert contacts_of(upside_down(ends)).cut[:, 3].all()
    ends[:20] = PHOTO.height - 8
    grazed = contacts_of(upside_down(ends))
    assert not grazed.cut.any()
    assert grazed.soles_cut == pytest.approx(55 / 75)
    ends[:20] = PHOTO.height - 120
    cut = contacts_of(upside_down(ends))
    assert cut.cut[20:, 3].all()
    assert cut.soles_cut == 0


@pytest.mark.parametrize(("row", "told"), [(0.8, True), (1.02, False)])
def test_soles_cut_inside_the_picture_are_told(row: float, told: bool) -> None:
    ends = np.full(75, float(PHOTO.height))
    ends[:20] -= 8
    stands = stance(upside_down(ends), still(PHOTO, 75), PHOTO, Standing(position=(0.5, row)))
    assert any("cuts the soles off for 73 %" in text for text in stands.warnings) is told


def test_whoever_the_matte_bears_stands_over_its_lower_end() -> None:
    person = replace(upside_down(np.full(75, 640.0)), bases=np.tile([500.0, 560.0], (75, 1)))
    contacts = contacts_of(person)
    np.testing.assert_allclose(contacts.points, np.tile([530.0, 640.0], (75, 1)), atol=0.01)
    np.testing.assert_allclose(contacts.bases, np.tile([500.0, 560.0], (75, 1)))


def test_what_is_in_the_air_bears_nobody() -> None:
    motion = jumping(first=30, height=0.4)
    person = tracks(motion, PHOTO)
    contacts = contacts_of(replace(person, bases=person.boxes[:, [0, 2]]))
    assert np.isfinite(contacts.bases[~contacts.airborne]).any()
    assert np.isnan(contacts.bases[contacts.airborne]).all()
