"""The person under a moved camera: feet that do not slide, cards that carry exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stick_figure import FPS, jumping, moved, photo, seen, standing, still, tracks

from dynascene_cli.errors import StageError
from dynascene_cli.geometry import Floats, pose_from_centre, project, rotation_about
from dynascene_cli.staging import Standing, person_heights, place_person, stance
from dynascene_cli.staging.billboard import (
    apply_similarity,
    card,
    compose_similarities,
    intersect_ground,
    similarities,
)

PHOTO = photo(horizon=250.0)
MOVES = ["dolly", "dolly-out", "truck", "pedestal", "orbit", "handheld", "tilt-up", "crane"]

number = st.floats(-1.0, 1.0)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("motion", [standing(), jumping()], ids=["standing", "jumping"])
def test_feet_drift_at_most_half_a_pixel(move: str, motion: object) -> None:
    """With 1.5 px of noise, the true contact stays on its spot of the plate's ground."""
    feet = motion.feet  # type: ignore[attr-defined]
    stands = stance(tracks(motion, PHOTO, noise=1.5), still(PHOTO, 75), PHOTO)  # type: ignore[arg-type]
    path = moved(stands.geometry, 75, move)
    true = seen(PHOTO, feet.mean(axis=1) * [1, 0, 1])
    spot, _ = intersect_ground(
        PHOTO.intrinsics, PHOTO.extrinsics, true, stands.geometry.camera_height
    )
    on_plate = project(path.intrinsics, path.extrinsics, spot)
    placed = place_person(stands, path)
    drift = np.linalg.norm(apply_similarity(placed.clip_to_frame, true) - on_plate, axis=1)
    assert drift.max() <= 0.5
    jitter = np.linalg.norm(
        np.diff(apply_similarity(placed.clip_to_frame, true) - on_plate, axis=0), axis=1
    )
    assert jitter.max() <= 0.05


@pytest.mark.parametrize("move", MOVES)
def test_the_contact_pixel_is_where_the_similarity_and_the_camera_put_it(move: str) -> None:
    stands = stance(tracks(standing(), PHOTO, noise=1.5), still(PHOTO, 75), PHOTO)
    path = moved(stands.geometry, 75, move)
    placed = place_person(stands, path)
    np.testing.assert_allclose(
        placed.contact_pixels,
        apply_similarity(placed.clip_to_frame, stands.contacts.points),
        atol=1e-9,
    )
    np.testing.assert_allclose(
        placed.contact_pixels, project(path.intrinsics, path.extrinsics, placed.contact), atol=1e-9
    )


@pytest.mark.parametrize("roll_deg", [0.0, 3.0])
def test_a_still_camera_gives_the_fixed_similarity_to_the_bit(roll_deg: float) -> None:
    place = photo(horizon=330.0, roll_deg=roll_deg)
    stands = stance(tracks(jumping(), PHOTO, noise=1.5), still(PHOTO, 75), place)
    placed = place_person(stands, still(stands.geometry, 75))
    np.testing.assert_array_equal(placed.clip_to_frame, stands.clip_to_frame)
    assert np.ptp(placed.clip_to_frame, axis=0).max() == 0


def test_a_dolly_in_brings_the_person_nearer() -> None:
    stands = stance(tracks(standing(), PHOTO), still(PHOTO, 75), PHOTO)
    path = moved(stands.geometry, 75, "dolly")
    heights = person_heights(place_person(stands, path), path)
    assert (np.diff(heights) > 0).all()
    z = stands.contact[0, 2]
    assert heights[-1] / heights[0] == pytest.approx(z / (z - 1.2))


def test_a_rolled_camera_rolls_the_person() -> None:
    stands = stance(tracks(standing(3), PHOTO), still(PHOTO, 3), PHOTO)
    path = still(stands.geometry, 3)
    path.extrinsics[2, :, :3] = rotation_about("z", 5.0).T @ path.extrinsics[2, :, :3]
    linear = place_person(stands, path).clip_to_frame[2, :, :2]
    # the camera turns clockwise, so its picture turns counter-clockwise
    expected = rotation_about("z", 5.0).T[:2, :2]
    np.testing.assert_allclose(linear, expected, atol=0.002)


def test_a_locked_subject_keeps_its_pixels_and_touches_the_ground_the_camera_sees() -> None:
    stands = stance(tracks(standing(), PHOTO), still(PHOTO, 75), PHOTO, Standing(anchor="screen"))
    path = moved(stands.geometry, 75, "truck")
    placed = place_person(stands, path)
    np.testing.assert_array_equal(placed.clip_to_frame, np.eye(2, 3)[None].repeat(75, axis=0))
    np.testing.assert_allclose(
        project(path.intrinsics, path.extrinsics, placed.contact), placed.contact_pixels, atol=1e-6
    )
    np.testing.assert_allclose(placed.contact[:, 1], stands.geometry.camera_height)
    assert placed.contact[-1, 0] == pytest.approx(stands.contact[0, 0] - 1.2, abs=1e-6)


def test_a_path_of_another_length_is_a_stage_error() -> None:
    stands = stance(tracks(standing(), PHOTO), still(PHOTO, 75), PHOTO)
    with pytest.raises(StageError, match="74 frames, the clip 75"):
        place_person(stands, still(PHOTO, 74))


@given(x=number, z=number, height=st.floats(0.5, 2.0), turn=number, tilt=number, moves=number)
@settings(max_examples=60, deadline=None)
def test_similarities_carry_foot_and_top_exactly_and_compose(
    x: float, z: float, height: float, turn: float, tilt: float, moves: float
) -> None:
    contact = np.array([[2 * x, 1.5, 5 + z]])
    views = [
        card(PHOTO.intrinsics[None], pose_from_centre(R, C)[None], contact, height)
        for R, C in (
            (np.eye(3), np.zeros(3)),
            (rotation_about("y", 10 * turn), np.array([moves, 0.2, moves])),
            (rotation_about("x", 15 * tilt), np.array([0.3, -moves, -0.5])),
        )
    ]
    (foot, up), (new_foot, new_up) = views[0], views[1]
    one, two = similarities(views[0], views[1]), similarities(views[1], views[2])
    np.testing.assert_allclose(apply_similarity(one, foot), new_foot, atol=1e-8)
    np.testing.assert_allclose(apply_similarity(one, foot + up), new_foot + new_up, atol=1e-8)
    whole = similarities(views[0], views[2])
    np.testing.assert_allclose(compose_similarities(two, one), whole, atol=1e-8)
    np.testing.assert_array_equal(similarities(views[0], views[0]), np.eye(2, 3)[None])


@given(x=st.floats(0, 1280), y=st.floats(-500, 720))
@settings(max_examples=60, deadline=None)
def test_every_pixel_meets_the_ground_ahead_and_within_sixty_heights(x: float, y: float) -> None:
    pixel: Floats = np.array([[x, y]])
    points, lowered = intersect_ground(PHOTO.intrinsics, PHOTO.extrinsics, pixel, 1.5)
    assert points[0, 1] == 1.5
    assert points[0, 2] > 0
    assert np.hypot(points[0, 0], points[0, 2]) <= 60 * 1.5 * (1 + 1e-9)
    if not lowered[0]:
        back = project(PHOTO.intrinsics, PHOTO.extrinsics, points)
        np.testing.assert_allclose(back, pixel, atol=1e-6)


def test_frame_rates_differ_without_changing_the_contact() -> None:
    slow = stance(tracks(standing(), PHOTO), still(PHOTO, 75, FPS), PHOTO)
    fast = stance(tracks(standing(), PHOTO), still(PHOTO, 75, 60.0), PHOTO)
    np.testing.assert_allclose(slow.contact, fast.contact, atol=1e-9)
