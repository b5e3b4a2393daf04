import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.compositing.roi import Box
from dynascene_cli.compositing.warp import inside, is_identity, landing_box, warp_person


def blob(at, width=80, height=60, softness=5.0):
    y, x = np.mgrid[:height, :width] + 0.5
    distance = (x - at[0]) ** 2 + (y - at[1]) ** 2
    return np.round(255 * np.exp(-distance / (2 * softness**2))).astype(np.uint8)


def centroid(gray):
    y, x = np.mgrid[: gray.shape[0], : gray.shape[1]] + 0.5
    weight = gray.astype(float)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@settings(max_examples=25, deadline=None)
@given(st.floats(0.4, 1.6), st.floats(-0.3, 0.3), st.floats(-3, 3), st.floats(-3, 3), st.booleans())
def test_a_point_lands_where_the_similarity_says(scale, angle, x, y, upright):
    c, s = scale * np.cos(0 if upright else angle), scale * np.sin(0 if upright else angle)
    at = np.array([40.3, 29.6])
    offset = np.array([60.0 + x, 50.0 + y]) - np.array([[c, -s], [s, c]]) @ at
    similarity = np.array([[c, -s, offset[0]], [s, c, offset[1]]])
    alpha = blob(at)
    source = Box(0, 0, 80, 60)
    target = Box(3, 5, 123, 105)
    colours = np.dstack([alpha] * 3)
    moved, coverage = warp_person(colours, alpha, source, similarity, target)
    expected = similarity @ [*at, 1.0] - [target.x0, target.y0]
    tolerance = 0.03 if upright else 0.06
    assert np.abs(centroid(coverage) - expected).max() < tolerance
    assert np.abs(centroid(moved[..., 1]) - expected).max() < tolerance


def test_whole_pixel_moves_copy_pixels():
    generator = np.random.default_rng(1)
    colours = generator.integers(0, 255, (40, 50, 3), np.uint8)
    alpha = generator.integers(0, 255, (40, 50), np.uint8)
    similarity = np.array([[1.0, 0, 7.0], [0, 1.0, 4.0]])
    moved, coverage = warp_person(colours, alpha, Box(0, 0, 50, 40), similarity, Box(7, 4, 57, 44))
    assert np.array_equal(moved, colours)
    assert np.array_equal(coverage, alpha)


def test_strong_reduction_averages_instead_of_picking_pixels():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    similarity = np.array([[0.25, 0, 0.0], [0, 0.25, 0.0]])
    _, coverage = warp_person(
        np.dstack([stripes] * 3), stripes, Box(0, 0, 64, 64), similarity, Box(0, 0, 16, 16)
    )
    assert np.abs(coverage[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_the_clip_is_opaque_up_to_its_edge_and_absent_beyond():
    similarity = np.array([[1.0, 0, 10.0], [0, 1.0, 0.0]])
    cover = inside(similarity, 40, 30, Box(0, 0, 60, 30))
    assert np.array_equal(cover[:, :10], np.zeros((30, 10)))
    assert np.array_equal(cover[:, 10:50], np.ones((30, 40)))
    assert np.array_equal(cover[:, 50:], np.zeros((30, 10)))


def test_a_clip_edge_between_pixels_covers_a_part_of_them():
    similarity = np.array([[1.0, 0, 10.25], [0, 1.0, 0.0]])
    cover = inside(similarity, 40, 30, Box(0, 0, 60, 30))
    assert cover[5, 10] == pytest.approx(0.75)
    assert cover[5, 50] == pytest.approx(0.25)


def test_landing_boxes_hold_what_lands_and_stay_in_the_frame():
    similarity = np.array([[2.0, 0, -30.0], [0, 2.0, 5.5]])
    assert landing_box(Box(10, 10, 40, 40), similarity, 45, 60) == Box(0, 24, 45, 60)
    assert landing_box(Box(0, 0, 5, 5), similarity, 45, 60).empty


def test_identity_is_recognised():
    assert is_identity(np.eye(2, 3))
    assert not is_identity(np.array([[1.0, 0, 0.01], [0, 1.0, 0]]))


def test_no_fringe_of_the_outside_colour_is_drawn_in():
    alpha = np.zeros((60, 60), np.uint8)
    cv2.circle(alpha, (30, 30), 15, 255, -1)
    colours = np.full((60, 60, 3), 200, np.uint8)
    similarity = np.array([[1.3, 0, 0.4], [0, 1.3, 0.7]])
    moved, _ = warp_person(colours, alpha, Box(0, 0, 60, 60), similarity, Box(0, 0, 78, 78))
    assert np.array_equal(moved, np.full((78, 78, 3), 200, np.uint8))
