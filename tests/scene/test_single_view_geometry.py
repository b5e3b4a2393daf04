"""Horizon, roll, focal length and sky of pictures whose geometry is known."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.reports.scene_preview import scene_preview
from dynascene_cli.scene import frame_focal_35mm, guess_geometry
from dynascene_cli.scene.line_segments import line_segments
from dynascene_cli.scene.vanishing_points import vanishing_points
from dynascene_cli.video import read_photo, resize_to_cover

WIDTH, HEIGHT = 480, 270


def road(horizon: float, sky: tuple[int, int, int] = (150, 190, 235)) -> np.ndarray:
    """A textured plain under a sky, with straight lines that meet on the horizon."""
    rng = np.random.default_rng(0)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    row = round(horizon * HEIGHT)
    picture[:row] = sky
    noise = rng.integers(60, 110, (HEIGHT - row, WIDTH, 1))
    picture[row:] = noise * np.array([1.0, 0.8, 0.5])
    for foot in range(-600, 1100, 120):
        cv2.line(picture, (WIDTH // 2, row), (foot, HEIGHT), (235, 235, 225), 3, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("horizon", [0.35, 0.5, 0.62])
def test_horizon_of_a_plain(horizon: float) -> None:
    guess = guess_geometry(road(horizon))
    assert guess.geometry.horizon / HEIGHT == pytest.approx(horizon, abs=0.02)
    assert guess.sky[: round(horizon * HEIGHT) - 4].all()
    assert not guess.sky[round(horizon * HEIGHT) + 4 :].any()
    assert guess.geometry.ground_share > 0.2
    assert guess.geometry.warnings == ()
    assert guess.geometry.camera_height == 1.6
    assert guess.geometry.focal == WIDTH
    assert guess.sources["focal"] == "prior"


def test_given_values_win_and_silence_the_guesses() -> None:
    photo = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    alone = guess_geometry(photo)
    assert alone.viewpoint.row_spread > 0.15
    assert alone.geometry.camera_height == 1.6
    guess = guess_geometry(photo, horizon=0.3, focal=1.5, roll_deg=2.0, camera_height=3.0)
    assert guess.geometry.horizon == pytest.approx(0.3 * HEIGHT)
    assert guess.geometry.focal == 1.5 * WIDTH
    assert guess.geometry.roll_deg == 2.0
    assert guess.geometry.camera_height == 3.0
    assert set(guess.sources.values()) >= {"given"}
    assert guess.viewpoint.row_spread == guess.viewpoint.height_spread == 0
    assert guess.viewpoint.size_factor(0.9) == 1
    assert guess.guessed["horizon"] == alone.guessed["horizon"]


def test_exif_focal_length_is_evidence_and_a_given_one_wins() -> None:
    assert guess_geometry(road(0.5), focal_35mm=54.0).geometry.focal == 1.5 * WIDTH
    assert guess_geometry(road(0.5), focal=2.0, focal_35mm=54.0).geometry.focal == 2 * WIDTH


def test_focal_length_follows_the_crop() -> None:
    assert frame_focal_35mm(50, (3600, 2400), (1800, 1200)) == pytest.approx(50)
    assert frame_focal_35mm(50, (3600, 2400), (2400, 2400)) == pytest.approx(75)


def test_no_ground_is_told() -> None:
    geometry = guess_geometry(road(0.5), horizon=0.99).geometry
    assert geometry.ground_share < 0.1
    assert any("one flat card" in warning for warning in geometry.warnings)


def test_a_box_seen_from_inside_is_an_interior() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rng = np.random.default_rng(0)
    picture += rng.integers(0, 60, picture.shape, np.uint8)
    centre = (WIDTH // 2, HEIGHT // 2)
    for x in range(-400, 900, 60):
        for y in (-60, HEIGHT + 60):
            cv2.line(picture, centre, (x, y), (250, 240, 230), 2, cv2.LINE_AA)
    cv2.rectangle(picture, (180, 90), (300, 180), (40, 30, 30), -1)
    for x in range(20, WIDTH, 36):
        cv2.line(picture, (x, 10), (x, HEIGHT - 10), (10, 10, 10), 2, cv2.LINE_AA)
    geometry = guess_geometry(picture, sky_confidence=0).geometry
    assert geometry.interior
    assert any("interior" in warning for warning in geometry.warnings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("horizon", 3.0), ("focal", 0.0), ("camera_height", -1.0), ("roll_deg", 90.0)],
)
def test_a_value_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        guess_geometry(road(0.5), **{name: value})


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.4, 0.4), st.floats(-0.3, 0.3))
def test_a_vanishing_point_is_where_lines_meet(x: float, y: float) -> None:
    rng = np.random.default_rng(1)
    focal, centre = 400.0, np.array([240.0, 135.0])
    meeting = centre + focal * np.array([x, y])
    angles = rng.uniform(0, 2 * np.pi, 30)
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    segments = np.hstack([meeting + 60 * along, meeting + 140 * along])
    points = vanishing_points(segments, focal, (240.0, 135.0))
    found = centre + focal * points[0].direction[:2] / points[0].direction[2]
    assert np.linalg.norm(found - meeting) < 0.5
    assert points[0].share == pytest.approx(1.0)


def test_segments_are_longest_first() -> None:
    segments = line_segments(road(0.5))
    lengths = np.hypot(*(segments[:, 2:] - segments[:, :2]).T)
    assert (np.diff(lengths) <= 0).all()


def test_preview_draws_the_horizon_where_it_is() -> None:
    photo = road(0.5)
    geometry = guess_geometry(photo, horizon=0.4).geometry
    preview = scene_preview(photo, geometry)
    assert preview.shape == photo.shape
    reddest = (preview[:, 300, 0].astype(int) - preview[:, 300, 2]).argmax()
    assert abs(reddest - geometry.horizon) <= 2
    assert (photo == road(0.5)).all()


@pytest.mark.media
@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("Dune", 0.25, 0.35), ("Storm", 0.57, 0.67), ("china", 0.42, 0.58)],
)
def test_horizon_of_photos(shared_media, name: str, lowest: float, highest: float) -> None:
    photo = resize_to_cover(read_photo(shared_media / "scenes" / f"{name}.jpg").pixels, 960, 540)
    geometry = guess_geometry(photo).geometry
    assert lowest < geometry.horizon / geometry.height < highest
    assert geometry.sky_confidence > 0.3
