"""The cyclorama: ground where the ground is, continuous everywhere."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.geometry import ground_point
from dynascene_cli.scene import (
    GeometryGuess,
    Viewpoint,
    add_ground_around,
    relief_depth,
    relief_depth_at,
)
from dynascene_cli.shot import Margins, SceneGeometry

WIDTH, HEIGHT = 160, 90


def plain(horizon: float = 40.0, roll_deg: float = 0.0, ground_share: float = 0.5) -> GeometryGuess:
    geometry = SceneGeometry(
        WIDTH, HEIGHT, 150.0, horizon, roll_deg, 1.6, 1.0, ground_share, interior=False
    )
    level = (np.arange(HEIGHT) + 0.5 - horizon)[:, None] + np.tan(np.radians(roll_deg)) * (
        np.arange(WIDTH) + 0.5 - WIDTH / 2
    )
    return GeometryGuess(
        geometry, level < -6, level > 0, (), Viewpoint(0.4, 0.02, 1.6, 0.1), {}, {}
    )


@pytest.mark.parametrize("roll_deg", [0.0, 4.0, -6.0])
def test_ground_lies_on_the_world_plane(roll_deg: float) -> None:
    guess = plain(roll_deg=roll_deg)
    margins = Margins(30, 10, 20, 15)
    depth = relief_depth(guess, margins)
    pixels = np.array([[10.5, 80.5], [150.5, 75.5], [80.5, 100.5], [-20.5, 85.5], [170.5, 95.5]])
    points = ground_point(guess.geometry.intrinsics, guess.geometry.extrinsics, pixels, 1.6)
    at = depth[(pixels[:, 1] + margins.top).astype(int), (pixels[:, 0] + margins.left).astype(int)]
    assert at == pytest.approx(points[:, 2], rel=1e-4)


@settings(max_examples=15, deadline=None)
@given(
    st.floats(20, 70),
    st.floats(-5, 5),
    st.integers(0, 60),
    st.integers(0, 40),
    st.integers(0, 60),
    st.integers(0, 40),
)
def test_a_wider_canvas_continues_the_frame(
    horizon: float, roll: float, left: int, top: int, right: int, bottom: int
) -> None:
    guess = replace(plain(horizon, roll), sky=np.zeros((HEIGHT, WIDTH), np.bool_))
    frame = relief_depth(guess)
    canvas = relief_depth(guess, Margins(left, top, right, bottom))
    assert canvas.shape == (HEIGHT + top + bottom, WIDTH + left + right)
    assert canvas.dtype == np.float32
    assert np.isfinite(canvas).all()
    assert canvas.min() > 0
    inside = canvas[top : top + HEIGHT, left : left + WIDTH]
    assert inside == pytest.approx(frame, rel=1e-5)


def test_nothing_is_cut() -> None:
    inverse = 1 / relief_depth(plain(), Margins(40, 20, 40, 20))
    steepest = 1 / (1.6 * 150)
    assert np.abs(np.diff(inverse, axis=0)).max() <= 1.05 * steepest
    assert np.abs(np.diff(inverse, axis=1)).max() <= 1.05 * steepest


def test_the_backdrop_is_bounded_and_the_sky_is_far() -> None:
    depth = relief_depth(plain())
    assert depth.max() <= 400 * 1.6 * 1.001
    assert depth[0].min() > 300
    below = relief_depth(replace(plain(), sky=np.zeros((HEIGHT, WIDTH), np.bool_)))
    assert below.max() <= 40 * 1.6 * 1.001


def test_planning_samples_the_same_relief() -> None:
    guess = replace(plain(), sky=np.zeros((HEIGHT, WIDTH), np.bool_))
    margins = Margins(16, 8, 16, 8)
    assert relief_depth(guess, margins, step=8) == pytest.approx(
        relief_depth(guess, margins)[::8, ::8], rel=1e-5
    )


@pytest.mark.parametrize("guess", [plain(roll_deg=3.0), plain(ground_share=0.04)])
def test_single_pixels_of_the_ground_have_the_depth_of_the_whole(guess: GeometryGuess) -> None:
    x, y = np.meshgrid(np.arange(0, WIDTH, 7), np.arange(60, HEIGHT, 5))
    pixels = np.column_stack([x.ravel(), y.ravel()]) + 0.3
    assert relief_depth_at(guess, pixels) == pytest.approx(
        relief_depth(guess)[y.ravel(), x.ravel()], rel=1e-5
    )


def test_without_ground_there_is_one_card() -> None:
    depth = relief_depth(plain(ground_share=0.04), Margins(5, 5, 5, 5))
    assert np.ptp(depth) == 0


@pytest.mark.parametrize("roll_deg", [0.0, 5.0])
@pytest.mark.parametrize("foot", [(80.5, 60.5), (30.5, 52.5), (140.5, 57.5)])
def test_the_ground_under_a_person_is_a_plane_even_behind_the_backdrop(
    roll_deg: float, foot: tuple[float, float]
) -> None:
    walled = plain(roll_deg=roll_deg)
    walled = replace(walled, ground=walled.ground & (np.arange(HEIGHT)[:, None] > 66))
    place = ground_point(walled.geometry.intrinsics, walled.geometry.extrinsics, [foot], 1.6)
    column, row = int(foot[0]), int(foot[1])
    assert relief_depth(walled)[row, column] < 0.9 * place[0, 2]
    around = add_ground_around(walled, np.array([foot]))
    assert relief_depth(around)[row, column] == pytest.approx(place[0, 2], rel=0.01)
    assert add_ground_around(around, np.array([foot])) is around
    assert add_ground_around(walled, np.array([[80.5, 20.0]])) is walled
