"""Depth maps: aligned to the ground, cut at edges, filled behind."""

import importlib.util

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.scene import GeometryGuess, Viewpoint, build_scene, guess_geometry, network_depth
from dynascene_cli.scene.depth_alignment import align_depth
from dynascene_cli.shot import Layer, Margins, SceneGeometry
from dynascene_cli.video import read_photo

WIDTH, HEIGHT, FOCAL, HORIZON = 160, 90, 150.0, 30.0


def room() -> tuple[GeometryGuess, np.ndarray]:
    """A floor, a wall 9 m away and a box 3 m away; and their true z-depth."""
    geometry = SceneGeometry(WIDTH, HEIGHT, FOCAL, HORIZON, 0.0, 1.6, 0.0, 0.4, interior=False)
    level = np.broadcast_to((np.arange(HEIGHT) + 0.5 - HORIZON)[:, None], (HEIGHT, WIDTH))
    inverse = np.maximum(np.maximum(level, 0) / (1.6 * FOCAL), 1 / 9)
    ground = level / (1.6 * FOCAL) > 1 / 9
    inverse = inverse.copy()
    inverse[20:76, 60:90] = np.maximum(inverse[20:76, 60:90], 1 / 3)
    sky = np.zeros_like(ground)
    return GeometryGuess(
        geometry, sky, ground, (), Viewpoint(0.4, 0.02, 1.6, 0.1), {}, {}
    ), 1 / inverse


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 1000), st.floats(-5, 5))
def test_disparity_of_any_scale_and_shift_is_aligned(scale: float, shift: float) -> None:
    guess, truth = room()
    found, warning = align_depth((1 / truth + shift) * scale, guess)
    assert warning is None
    assert found == pytest.approx(truth, rel=0.02)


@pytest.mark.parametrize("scale", [0.2, 1.0, 3000.0])
def test_metric_depth_is_told_from_disparity(scale: float) -> None:
    guess, truth = room()
    found, warning = align_depth(truth * scale, guess)
    assert warning is None
    assert found == pytest.approx(truth, rel=0.02)


def test_a_map_that_contradicts_the_ground_is_told() -> None:
    guess, _ = room()
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH))
    found, warning = align_depth(noise, guess)
    assert warning is not None
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_unknown_pixels_are_filled() -> None:
    guess, truth = room()
    disparity = 1 / truth
    disparity[5:15, 10:30] = np.nan
    found, _ = align_depth(disparity, guess)
    assert found == pytest.approx(truth, rel=0.02)


@pytest.mark.parametrize(
    "depth", [np.ones((4, 5)), np.full((4, 5), np.nan), np.ones((4, 5, 3)), np.ones(7)]
)
def test_a_useless_map_is_refused(depth: np.ndarray) -> None:
    with pytest.raises(InputError, match="depth map"):
        align_depth(depth, room()[0])


def test_a_box_is_cut_out_and_filled_behind() -> None:
    guess, truth = room()
    rng = np.random.default_rng(0)
    photo = rng.integers(90, 110, (HEIGHT, WIDTH, 3), np.uint8)
    photo[20:76, 60:90] = [250, 0, 0]
    margins = Margins(20, 10, 20, 10)
    scene = build_scene(photo, guess, margins, depth=1 / truth)
    front, behind = scene.layers
    frame = slice(10, 100), slice(20, 180)
    assert (front.image[frame] == photo).all()
    assert front.cut is not None
    assert behind.cut is None
    assert front.depth[frame][40, 75] == pytest.approx(3.0, rel=0.03)
    assert behind.depth[frame][40, 75] > 5.5
    assert behind.image[frame][24:60, 62:88, 0].max() < 200
    assert (behind.depth >= front.depth * 0.999).all()
    assert np.isfinite(front.depth).all()
    step = np.abs(np.diff(1 / front.depth[:, 15:25], axis=1)).max()
    assert step < 0.01, "the margin continues the frame"


def test_a_missing_network_names_the_command() -> None:
    if importlib.util.find_spec("transformers"):
        pytest.skip("transformers is installed here")
    with pytest.raises(MissingError) as caught:
        network_depth(np.zeros((8, 8, 3), np.uint8))
    assert "pip install" in caught.value.hint


def moved(layers: tuple[Layer, ...], scale: float, shift: float) -> np.ndarray:
    """The layers seen from the right, each pixel moved by scale / depth + shift to the left."""
    height, width = layers[0].depth.shape
    out = np.zeros((height, width, 3))
    seen = np.zeros((height, width), np.bool_)
    rows = np.broadcast_to(np.arange(height)[:, None], (height, width * 4))
    for layer in layers:
        fine = cv2.resize(layer.image, (width * 4, height), interpolation=cv2.INTER_LINEAR)
        disparity = np.repeat(scale / layer.depth + shift, 4, axis=1)
        columns = np.floor((np.arange(width * 4) + 0.5) / 4 - disparity).astype(int)
        order = np.argsort(disparity, axis=None, kind="stable")
        inside = (columns.ravel()[order] >= 0) & (columns.ravel()[order] < width)
        order = order[inside]
        picture, drawn = np.zeros((height, width, 3)), np.zeros((height, width), np.bool_)
        at = rows.ravel()[order], columns.ravel()[order]
        picture[at] = fine.reshape(-1, 3)[order]
        drawn[at] = True
        new = drawn & ~seen
        out[new] = picture[new]
        seen |= drawn
    gaps = (~seen).astype(np.uint8)
    return cv2.inpaint(out.astype(np.uint8), gaps, 2, cv2.INPAINT_TELEA)


@pytest.mark.media
def test_depth_brings_the_other_eyes_view_nearer(shared_media) -> None:
    left = read_photo(shared_media / "scenes" / "motorcycle_left.png").pixels
    right = read_photo(shared_media / "scenes" / "motorcycle_right.png").pixels
    with np.load(shared_media / "scenes" / "motorcycle_disp.npz") as archive:
        truth = archive["arr_0"]
    known = np.isfinite(truth)
    guess = guess_geometry(left, focal=1.35)

    def psnr(depth: np.ndarray | None) -> float:
        scene = build_scene(left, guess, Margins(), depth=depth)
        inverse = 1 / scene.layers[0].depth[known]
        columns = np.column_stack([inverse, np.ones_like(inverse)])
        scale, shift = np.linalg.lstsq(columns, truth[known], rcond=None)[0]
        view = moved(scene.layers, scale, shift)
        difference = (view.astype(float) - right)[:, 10:-70]
        return float(10 * np.log10(255**2 / (difference**2).mean()))

    without, with_depth = psnr(None), psnr(truth)
    assert without > 13
    assert with_depth > 19.5
