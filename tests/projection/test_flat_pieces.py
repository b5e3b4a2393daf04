"""Cells in one plane become one piece; every other cell is left, and none is drawn twice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.projection.planar_regions import find_flat_pieces


def times_covered(flats, left):
    across = left.shape[1] + 1
    covered = left.astype(int)
    for top_left, top_right, bottom_left, bottom_right in flats:
        top, start = divmod(top_left, across)
        bottom, end = divmod(bottom_right, across)
        assert (top_right, bottom_left) == (top * across + end, bottom * across + start)
        covered[top:bottom, start:end] += 1
    return covered


def test_a_plane_is_one_piece():
    ys, xs = np.array([0.0, 4.0, 12.0, 28.0]), np.array([0.0, 8.0, 24.0, 32.0, 40.0])
    plane = 0.1 + 0.002 * ys[:, None] - 0.001 * xs
    flats, left = find_flat_pieces(plane, ys, xs, np.ones((3, 4), bool), 1e-9)
    assert flats.tolist() == [[0, 4, 15, 19]]
    assert not left.any()


def test_a_saddle_is_left_as_it_is():
    y, x = np.arange(5.0), np.arange(6.0)
    saddle = 0.1 + 0.01 * y[:, None] * x
    flats, left = find_flat_pieces(saddle, y, x, np.ones((4, 5), bool), 1e-9)
    assert len(flats) == 0
    assert left.all()


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(2, 9))
def test_each_kept_cell_is_drawn_once(seed, rows, columns):
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(0, 2, rows + 1))[:, None] + rng.integers(0, 2, columns + 1)
    kept = rng.random((rows, columns)) < 0.8
    y, x = np.arange(rows + 1.0), np.arange(columns + 1.0)
    flats, left = find_flat_pieces(steps.astype(float), y, x, kept, 1e-9)
    assert np.array_equal(times_covered(flats, left), kept.astype(int))
    for corners in flats:
        top, start = divmod(corners[0], columns + 1)
        bottom, end = divmod(corners[3], columns + 1)
        piece = steps[top : bottom + 1, start : end + 1].astype(float)
        assert np.abs(np.diff(piece, 2, axis=0)).max(initial=0) < 1e-9
        assert np.abs(np.diff(piece, 2, axis=1)).max(initial=0) < 1e-9
