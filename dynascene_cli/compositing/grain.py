"""Film and sensor grain: measured where a picture is flat, added where it is missing."""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.compositing.roi import AnyArray
from dynascene_cli.shot import DeepImage, Image
from dynascene_cli.video.deep_pictures import STEP

LARGEST_GRAIN = 6.0
"""Levels of 255: stronger grain is taken for texture, not noise."""

SMALLEST_GRAIN = 0.35
"""Below this nobody sees it, and 8 bits hardly carry it."""

SOFTNESS = 0.5
"""Standard deviation in pixels that demosaicing and coding leave the grain with."""

STRAY = 192
"""How far a frame's window may lie inside the tile, in pixels along each axis."""

BLOCK = 16
UNITS = 127 / 4
HIGH_PASS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Immerkær's mask, "Fast Noise Variance Estimation", CVIU 1996: blind to planes and to edges."""


def grain_level(picture: Image, usable: NDArray[np.bool_] | None = None) -> float | None:
    """The standard deviation, in levels of 255, of a picture's grain (green channel).

    The tenth percentile, over 16-pixel blocks that lie in ``usable`` (H, W) and are neither black
    nor white, of a block's mean absolute high pass: texture only adds to it. None where
    such blocks are fewer than 8.
    """
    rows, columns = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    if rows < 3 or columns < 3:
        return None
    green = picture[: rows * BLOCK, : columns * BLOCK, 1].astype(np.float32)

    def block_means(values: AnyArray) -> AnyArray:
        return cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA)

    level = block_means(green)
    good = (level > 20) & (level < 235)
    if usable is not None:
        good &= block_means(usable[: rows * BLOCK, : columns * BLOCK].astype(np.float32)) > 0.999
    if good.sum() < 8:
        return None
    residual = block_means(np.abs(cv2.filter2D(green, -1, HIGH_PASS)))
    mean_absolute = float(np.percentile(residual[good], 10))
    return mean_absolute * float(np.sqrt(np.pi / 2)) / _high_pass_gain()


def _high_pass_gain() -> float:
    """How much the high pass amplifies grain of unit deviation and of our softness."""
    line = cv2.getGaussianKernel(7, SOFTNESS)
    kernel = (line @ line.T).astype(np.float32)
    padded = np.pad(kernel / np.linalg.norm(kernel), 1)
    return float(np.linalg.norm(cv2.filter2D(padded, -1, HIGH_PASS, borderType=0)))


def missing_grain(clip_level: float, plate_level: float) -> float:
    """The grain to add to the plate, in levels, so that it matches the clip's; 0 when invisible."""
    missing = float(np.sqrt(max(clip_level**2 - plate_level**2, 0.0)))
    return 0.0 if missing < SMALLEST_GRAIN else min(missing, LARGEST_GRAIN)


class Grain:
    """Grain for frames of one size: the same for the same seed and frame, new in every frame."""

    def __init__(self, level: float, width: int, height: int, seed: int) -> None:
        """``level`` is the standard deviation in levels of 255 in the mid-tones."""
        self.seed = seed
        self.width, self.height = width, height
        generator = np.random.default_rng(seed)
        shape = (height + STRAY, width + STRAY)
        shared = generator.standard_normal(shape, np.float32)
        tile = np.empty((*shape, 3), np.int8)
        softened = float(np.linalg.norm(cv2.getGaussianKernel(7, SOFTNESS))) ** 2
        for channel in range(3):
            own = generator.standard_normal(shape, np.float32)
            mixed = cv2.GaussianBlur(0.8 * shared + 0.6 * own, (7, 7), SOFTNESS)
            tile[..., channel] = np.clip(np.round(mixed * (UNITS / softened)), -127, 127)
        self._tile = tile.reshape(shape[0], 3 * shape[1])
        self._weight = np.float32(level / UNITS / 32)

    def add(self, picture: DeepImage, index: int) -> None:
        """Add frame ``index``'s grain to a picture, in place; it fades towards black and white."""
        x, y = np.random.default_rng((self.seed, index)).integers(0, STRAY, 2)
        rows = picture.reshape(self.height, 3 * self.width)
        level = np.float32(1 if picture.dtype == np.uint8 else STEP)
        _add(rows, self._tile, y, 3 * x, self._weight, level)


@njit(cache=True, nogil=True)
def _add(picture, tile, top, left, weight, level):  # type: ignore[no-untyped-def]
    length, share = picture.shape[1], np.float32(1) / level
    for y in range(picture.shape[0]):
        row = picture[y]
        grain = tile[top + y][left : left + length]
        for x in range(length):
            value = np.float32(row[x]) * share
            room = min(min(value, np.float32(255) - value), np.float32(32))
            value += np.float32(grain[x]) * weight * room
            row[x] = min(max(value, np.float32(0)), np.float32(255)) * level + np.float32(0.5)
