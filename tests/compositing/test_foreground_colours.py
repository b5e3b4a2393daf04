import cv2
import numba
import numpy as np
import pytest

from dynascene_cli.compositing.foreground import estimate_foreground


def soft_disc(height: int, width: int, softness: float) -> np.ndarray:
    alpha = np.zeros((height, width), np.uint8)
    cv2.circle(alpha, (width // 2, height // 2), height // 4, 255, -1)
    return cv2.GaussianBlur(alpha, (0, 0), softness)


def over(foreground, background, alpha):
    a = alpha[..., None] / 255
    return np.round(a * foreground + (1 - a) * background).astype(np.uint8)


@pytest.mark.parametrize("height", [240, 432, 720])
def test_the_old_background_is_taken_out_of_the_edge(height):
    alpha = soft_disc(height, height, height / 120)
    y, x = np.mgrid[:height, :height] / height
    skin = np.stack([190 + 40 * x, 120 + 20 * y, 90 + 0 * x], axis=-1)
    green = np.stack([30 + 20 * y, 170 + 40 * x, 40 + 0 * x], axis=-1)
    frame = over(skin, green, alpha)
    found = estimate_foreground(frame, alpha, height).colours
    edge = (alpha > 25) & (alpha < 230)
    spill = np.abs(frame[edge] - skin[edge]).mean()
    left = np.abs(found[edge] - skin[edge]).mean()
    assert spill > 30
    assert left < 5


def test_opaque_pixels_stay_and_clear_ones_are_extended():
    generator = np.random.default_rng(0)
    alpha = soft_disc(200, 200, 2)
    person = np.full((200, 200, 3), (220, 60, 60), np.uint8)
    frame = over(person, generator.integers(0, 255, (200, 200, 3)), alpha)
    found = estimate_foreground(frame, alpha, 200).colours
    assert np.array_equal(found[alpha == 255], frame[alpha == 255])
    ring = (cv2.dilate(alpha, np.ones((5, 5))) > 0) & (alpha == 0)
    assert np.abs(found[ring].astype(int) - (220, 60, 60)).max() < 40


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 3), (33, 2)])
@pytest.mark.parametrize("value", [0, 100, 255])
def test_tiny_crops_have_colours_too(shape, value):
    frame = np.full((*shape, 3), 77, np.uint8)
    found = estimate_foreground(frame, np.full(shape, value, np.uint8), 1080).colours
    assert found.shape == frame.shape
    assert value == 0 or np.abs(found.astype(int) - 77).max() <= 1


@pytest.mark.media
def test_it_comes_near_the_multilevel_method_on_a_real_frame(shared_media, monkeypatch):
    # Compiling all of pymatting takes minutes; a part of a frame needs none of it.
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    pymatting = pytest.importorskip("pymatting")
    path = shared_media / "clips/tennis/00010.png"
    candidates = sorted((shared_media / "clips/tennis").iterdir())
    image = cv2.imread(str(path if path.exists() else candidates[10]))
    masks = sorted((shared_media / "clips/tennis_mask").iterdir())
    mask = (cv2.imread(str(masks[10]), 0) > 0).astype(np.uint8) * 255
    # The mask holds a margin of the court, which is no foreground.
    mask = cv2.erode(mask, np.ones((11, 11), np.uint8))
    left, top, width, _ = cv2.boundingRect(mask)
    part = np.s_[max(top - 8, 0) : top + 72, max(left - 8, 0) : left + width + 8]
    alpha = np.ascontiguousarray(cv2.GaussianBlur(mask, (0, 0), 1.5)[part])
    frame = np.ascontiguousarray(image[..., ::-1][part])
    reference = 255 * pymatting.estimate_foreground_ml(frame / 255, alpha / 255)
    edge = (alpha > 128) & (alpha < 250)
    assert edge.sum() > 100
    found = estimate_foreground(frame, alpha, image.shape[0]).colours
    assert np.abs(found[edge] - reference[edge]).mean() < 12
