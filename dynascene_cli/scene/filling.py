"""Filling holes of a photo with its own texture, at the height above the horizon where it lies.

Multi-scale PatchMatch with voting (Wexler et al. 2007). Sources are locked to the horizon: a
patch is copied only from about the rows that its target lies in, so that perspective, haze and
the sky's gradient stay plausible. A target row beyond the photo takes the nearest rows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from dynascene_cli.errors import InputError
from dynascene_cli.scene.membrane import without_seam
from dynascene_cli.scene.patchmatch import RADIUS, Indices, Lock, Mask, improve_patches, vote
from dynascene_cli.shot import Image

REACH = 0.06
"""How far a source row may lie from its target's, as a share of the photo's height."""

SEARCHED_PIXELS = 400_000
"""The finest search has at most so many hole pixels; the last vote is at full resolution."""

COARSEST = 64
FINAL_RADIUS = 2


@dataclass(frozen=True, eq=False)
class Filling:
    """A filled image (H, W, 3) and, for every pixel, which pixel (rows, cols) it came from."""

    image: Image
    rows: Indices
    cols: Indices


@dataclass(frozen=True, eq=False)
class _Level:
    image: Image
    hole: Mask
    allowed: Mask
    lock: Lock


def fill(
    image: Image,
    hole: NDArray[np.bool_],
    *,
    slope: float = 0.0,
    forbidden: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Filling:
    """Fill ``hole`` (H, W) of the image (H, W, 3) from the rest of it.

    ``slope`` is that of the horizon, pixels down per pixel right; pixels in ``forbidden`` (H, W)
    are kept where they are but never copied. The same seed gives the same bytes.

    Raises:
        InputError: nothing is left to copy from.
    """
    height, width = hole.shape
    rows, cols = np.indices((height, width), dtype=np.int32)
    if not hole.any():
        return Filling(image, rows, cols)
    sources = ~hole if forbidden is None else ~(hole | forbidden)
    if not sources.any():
        raise InputError("the hole covers the whole photo", "leave some of it to copy from")
    finest = min(0.5, float(np.sqrt(SEARCHED_PIXELS / np.count_nonzero(hole))))
    doublings = np.log2(max(1.0, min(height, width) * finest / COARSEST))
    estimate: Image | None = None
    small: tuple[Indices, Indices] | None = None
    for number in reversed(range(int(np.ceil(doublings)) + 1)):
        level = _level(image, hole, sources, slope, finest / 2**number)
        if not level.allowed.any():
            continue
        small = _mirrored(level) if small is None else _upsampled(small, level.allowed)
        estimate = _searched(level, _initial(level, estimate, *small), *small, number, seed)
    if small is not None:
        rows, cols = _upsampled(small, sources)
    else:
        rows, cols = _nearest(rows, cols, sources)
    rows[~hole], cols[~hole] = np.nonzero(~hole)
    painted = np.where(hole[..., None], image[rows, cols], image)
    even = np.ones((height, width), np.float32)
    filled = vote(painted, hole, rows, cols, even, FINAL_RADIUS)
    return Filling(without_seam(filled, hole), rows, cols)


def _level(image: Image, hole: Mask, sources: Mask, slope: float, scale: float) -> _Level:
    size = max(8, round(hole.shape[1] * scale)), max(8, round(hole.shape[0] * scale))

    def shrunk(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)

    known = (~hole).astype(np.float32)
    share = shrunk(known)
    colour = shrunk(image * known[..., None]) / np.maximum(share, 1e-3)[..., None]
    whole = (shrunk(sources.astype(np.float32)) > 0.99).astype(np.uint8)
    patch = np.ones((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8)
    allowed = cv2.erode(whole, patch, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    used = np.flatnonzero(allowed.any(axis=1)) if allowed.any() else np.zeros(1, int)
    lock = Lock(int(used[0]), int(used[-1]), max(2, round(REACH * np.ptp(used))), slope)
    return _Level((colour + 0.5).astype(np.uint8), share < 0.5, allowed, lock)


def _nearest(rows: Indices, cols: Indices, allowed: Mask) -> tuple[Indices, Indices]:
    """The same sources, but the nearest allowed one for each that is not allowed."""
    nearest = distance_transform_edt(~allowed, return_distances=False, return_indices=True)
    return (
        np.where(allowed[rows, cols], rows, nearest[0][rows, cols]).astype(np.int32),
        np.where(allowed[rows, cols], cols, nearest[1][rows, cols]).astype(np.int32),
    )


def _mirrored(level: _Level) -> tuple[Indices, Indices]:
    """Sources mirrored at the sides of the photo, and near its edge above and below it."""
    height, width = level.hole.shape
    y, x = np.indices((height, width))
    lock = level.lock
    above = np.minimum(2 * lock.first - y, lock.first + lock.reach)
    below = np.maximum(2 * lock.last - y, lock.last - lock.reach)
    rows = np.where(y < lock.first, above, np.where(y > lock.last, below, y))
    used = np.flatnonzero(level.allowed.any(axis=0))
    left, right = int(used[0]), int(used[-1])
    around = (x - left) % max(1, 2 * (right - left))
    cols = left + np.minimum(around, 2 * (right - left) - around)
    rows = np.clip(rows, lock.first, lock.last)
    return _nearest(rows.astype(np.int32), np.clip(cols, left, right).astype(np.int32), level.allowed)


def _upsampled(small: tuple[Indices, Indices], allowed: Mask) -> tuple[Indices, Indices]:
    """The same offsets between target and source, on a larger grid."""
    height, width = allowed.shape
    small_height, small_width = small[0].shape
    y, x = np.indices((height, width))
    small_y = np.minimum(y * small_height // height, small_height - 1)
    small_x = np.minimum(x * small_width // width, small_width - 1)
    down = small[0][small_y, small_x] - small_y
    right = small[1][small_y, small_x] - small_x
    rows = np.clip(y + down * height // small_height, 0, height - 1)
    cols = np.clip(x + right * width // small_width, 0, width - 1)
    return _nearest(rows.astype(np.int32), cols.astype(np.int32), allowed)


def _initial(level: _Level, coarser: Image | None, rows: Indices, cols: Indices) -> Image:
    height, width = level.hole.shape
    if coarser is None:
        guess = level.image[rows, cols]
    else:
        guess = cv2.resize(coarser, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(level.hole[..., None], guess, level.image)


def _searched(
    level: _Level, estimate: Image, rows: Indices, cols: Indices, number: int, seed: int
) -> Image:
    """The estimate after rounds of searching and voting; improves rows and cols in place."""
    hole = level.hole
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
    confidence = np.maximum(1.3 ** (-depth / 4), 1e-6)
    for turn in range({0: 2, 1: 3}.get(number, 6)):
        costs = improve_patches(
            estimate, hole, level.allowed, rows, cols, level.lock,
            passes=3 if number else 2,
            radius=max(hole.shape),
            seed=seed + 1000 * number + turn,
        )  # fmt: skip
        sigma = max(1.0, float(np.percentile(costs[hole], 75)) / 2)
        weights = (np.exp(-costs / sigma) * confidence + 1e-9).astype(np.float32)
        estimate = vote(estimate, hole, rows, cols, weights)
    return estimate
