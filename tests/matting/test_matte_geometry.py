"""Crops, refinement, stability and tracks on pictures whose answer is known."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.inference.object_detector import intersection_over_union
from dynascene_cli.matting.edge_refinement import reduce_part, refine_alpha
from dynascene_cli.matting.landmark_smoothing import assemble_tracks, smooth_landmarks
from dynascene_cli.matting.person_detector import most_alike
from dynascene_cli.matting.pose import SIDE, between_indices, crop_of_box, crop_to_picture
from dynascene_cli.matting.temporal import carry_masks, steady_mask
from dynascene_cli.shot import LANDMARKS


def disc_picture(side=400, radius=120, seed=0):
    """A textured disc of one colour on a textured ground of another, its alpha, and its crop."""
    noise = np.random.default_rng(seed).normal(0, 6, (side, side, 3))
    y, x = np.mgrid[:side, :side] + 0.5
    inside = np.clip(radius + 0.5 - np.hypot(x - side / 2, y - side / 2), 0, 1)
    colour = inside[..., None] * [200, 120, 90] + (1 - inside[..., None]) * [60, 110, 70]
    picture = np.clip(colour + noise, 0, 255).astype(np.uint8)
    return picture, inside, np.array([side / 2, side / 2, side * 0.9, 0.2])


def mask_of(alpha, crop):
    warp = between_indices(crop_to_picture(crop))
    return cv2.warpAffine(
        alpha.astype(np.float32), warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(16, 4000), st.floats(-3.1, 3.1))
def test_a_crop_is_centred_and_keeps_its_side(x, y, extent, angle):
    warp = crop_to_picture((x, y, extent, angle))
    assert warp[:, :2] @ [SIDE / 2, SIDE / 2] + warp[:, 2] == pytest.approx([x, y], abs=1e-6)
    assert np.hypot(*(warp[:, 0] * SIDE)) == pytest.approx(extent)


def test_an_upright_crop_is_the_box_and_its_margin():
    assert crop_of_box((10, 20, 50, 120)) == pytest.approx([30, 70, 125, 0])


def test_index_maps_move_pixel_centres():
    half = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    assert between_indices(half)[:, 2] == pytest.approx([-0.25, -0.25])


def test_refinement_finds_the_edge_that_a_shifted_mask_misses():
    picture, alpha, crop = disc_picture()
    shifted = np.roll(alpha, 2, axis=1)
    refined = refine_alpha(picture, mask_of(shifted, crop), crop, reduce_part(picture, crop)) / 255
    assert np.abs(refined - alpha).mean() < 0.5 * np.abs(shifted - alpha).mean()
    assert refined[200, 200] == 1
    assert refined[0, 0] == 0


def test_refinement_of_a_large_frame_stays_on_the_edge():
    picture, alpha, crop = disc_picture(side=1200, radius=400)
    refined = refine_alpha(picture, mask_of(alpha, crop), crop, reduce_part(picture, crop)) / 255
    assert np.abs(refined - alpha).mean() < 0.004


def test_where_both_sides_look_alike_the_mask_decides():
    _, alpha, crop = disc_picture()
    flat = np.full((400, 400, 3), 128, np.uint8)
    refined = refine_alpha(flat, mask_of(alpha, crop), crop, reduce_part(flat, crop)) / 255
    assert np.abs(refined - alpha).mean() < 0.01


def test_an_empty_mask_is_an_empty_alpha():
    picture, _, crop = disc_picture()
    empty = np.zeros((SIDE, SIDE), np.float32)
    assert not refine_alpha(picture, empty, crop, reduce_part(picture, crop)).any()


def test_a_crop_outside_the_frame_has_no_part():
    picture, _, _ = disc_picture()
    assert reduce_part(picture, np.array([-900.0, 0, 100, 0])) is None


def test_a_still_picture_steadies_a_flickering_mask():
    picture, alpha, crop = disc_picture()
    image = cv2.warpAffine(
        picture,
        between_indices(crop_to_picture(crop)),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    good = mask_of(alpha, crop)
    hole = good.copy()
    hole[100:130, 100:130] = 0.5
    carried = carry_masks(image, crop, image, crop, (good,))
    steadied = steady_mask(hole, carried.masks[0], carried.similarity)
    assert steadied[115, 115] > 0.9


def test_the_past_does_not_count_where_the_picture_changed():
    _, alpha, crop = disc_picture()
    mask = mask_of(alpha, crop)
    white, black = np.full((SIDE, SIDE, 3), 255, np.uint8), np.zeros((SIDE, SIDE, 3), np.uint8)
    carried = carry_masks(white, crop, black, crop, (1 - mask,))
    steadied = steady_mask(mask, carried.masks[0], carried.similarity)
    np.testing.assert_allclose(steadied, mask, atol=1e-6)


def test_the_most_alike_is_near_and_of_like_size():
    box = np.array([100, 100, 150, 250.0])
    candidates = np.array([[400, 100, 450, 250, 0.9], [110, 105, 160, 255, 0.5]])
    assert most_alike(box, candidates)[4] == 0.5
    assert most_alike(box, candidates[:1]) is None
    larger = np.array([[70, 20, 180, 260, 0.33]])
    assert most_alike(box, larger) is None
    assert most_alike(box, np.array([[70, 20, 180, 260, 0.73]])) is not None
    assert most_alike(box, candidates[1:] - [0, 0, 0, 0, 0.2]) is not None
    assert (
        most_alike(np.full(4, np.nan), np.array([[0, 0, 5, 5, 0.9], [0, 0, 9, 9, 0.5]]))[4] == 0.5
    )
    assert intersection_over_union(box, box[None])[0] == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(st.floats(-5, 5), st.floats(-0.5, 0.5), st.sampled_from([12.0, 24.0, 60.0]))
def test_smoothing_keeps_steady_acceleration_exactly(speed, acceleration, fps):
    t = np.arange(40.0)
    path = np.stack([10 + speed * t + acceleration * t**2, 3 - speed * t], axis=1)
    assert smooth_landmarks(path, np.ones(40), fps) == pytest.approx(path, abs=1e-6)


def test_tracks_drop_outliers_bridge_short_gaps_and_leave_long_ones():
    frames, count = 60, len(LANDMARKS)
    truth = np.zeros((frames, count, 2)) + np.arange(frames)[:, None, None]
    landmarks = truth.copy()
    landmarks[20, 0] += 300
    landmarks[30:33] = np.nan
    landmarks[45:] = np.nan
    boxes = np.tile([0.0, 0, 50, 200], (frames, 1))
    tracks = assemble_tracks(landmarks, np.ones((frames, count)), boxes, 24.0)
    assert tracks.points[:45] == pytest.approx(truth[:45], abs=1e-6)
    assert tracks.visibility[20, 0] == 0
    assert np.isnan(tracks.points[55:]).all()
    assert np.isnan(landmarks[31]).all()
