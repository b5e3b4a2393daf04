"""Filling holes of a photo with its own texture, at the height above the horizon where it lies.

Multi-scale PatchMatch with voting (Wexler et al. 2007). Sources are locked to the horizon: a
patch is copied only from about the rows that its target lies in, so that perspective, haze and
the sky's gradient stay plausible. A target row beyond the photo takes the nearest rows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.scene.gradient_blending import remove_seams
from dynascene_cli.scene.nearest_pixel import nearest_pixels
from dynascene_cli.scene.patchmatch import (
    ANY_KIND,
    RADIUS,
    Indices,
    Lock,
    Patches,
    improve_patches,
    vote,
    vote_steps,
)
from dynascene_cli.shot import Image, Mask

REACH = 0.06
"""How far a source row may lie from its target's, as a share of the photo's height."""

GROUND_REACHES = 2
"""So many reaches of the photo's lowest rows begin what is painted in under it."""

SEARCHED_PIXELS = 400_000
"""The finest search has at most so many hole pixels; the last vote is at full resolution."""

COARSEST = 128
APART = 0.3
PATCH_VALUES = 3 * (2 * RADIUS + 1) ** 2
ODDITY_WEIGHT = 0.4
FINAL_RADIUS = 1
FADE, SKY_FADE = 0.03, 0.15
LARGEST_STEP = 40.0
"""A greater step of 8-bit levels is an edge of something, not a seam, and is kept in part."""


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
    allowed: NDArray[np.uint8]
    penalty: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    lock: Lock


def fill(
    image: Image,
    hole: NDArray[np.bool_],
    *,
    slope: float = 0.0,
    sky: NDArray[np.bool_] | None = None,
    barred: NDArray[np.bool_] | None = None,
    kinds: NDArray[np.uint8] | None = None,
    seed: int = 0,
) -> Filling:
    """Fill ``hole`` (H, W) of the image (H, W, 3) from the rest of it.

    ``slope`` is that of the horizon, pixels down per pixel right; where ``sky`` (H, W)
    is given, only it is continued above the photo; ``barred`` (H, W) is
    kept but never copied. ``kinds`` (H, W) says what each pixel shows, inside the hole what it is
    to show (255: whatever suits): it is copied from the same kind as far as there is any. The same
    seed gives the same bytes.

    Raises:
        InputError: nothing is left to copy from.
    """
    height, width = hole.shape
    if not hole.any():
        rows, cols = np.indices((height, width), dtype=np.int32)
        return Filling(image, rows, cols)
    sources = ~hole if barred is None else ~(hole | barred)
    if not sources.any():
        raise InputError("the hole covers the whole photo", "leave some of it to copy from")
    if kinds is None:
        kinds = np.full(hole.shape, ANY_KIND, np.uint8)
    oddity = _oddity(image, sources)
    if sky is not None:
        oddity[sky] *= 0.3
    finest = min(0.5, float(np.sqrt(SEARCHED_PIXELS / np.count_nonzero(hole))))
    doublings = np.log2(max(1.0, min(height, width) * finest / COARSEST))
    estimate: Image | None = None
    small: tuple[Indices, Indices] | None = None
    for number in reversed(range(int(doublings) + 1)):
        level = _level(image, hole, sources, oddity, kinds, sky, slope, finest / 2**number)
        if not level.allowed.any():
            continue
        if small is None:
            small = _same_kind_sources(level, *_mirror_sources(level))
        else:
            small = _upsample_offsets(small, level.allowed, level.lock.first)
        estimate = _search_and_vote(level, _initial(level, estimate, *small), *small, number, seed)
    del oddity
    allowed = _permitted_sources(sources, sky)
    first = int(np.flatnonzero(sources.any(axis=1))[0])
    if small is not None:
        rows, cols = _upsample_offsets(small, allowed, first)
    else:
        own_rows, own_cols = np.indices((height, width), dtype=np.int32)
        rows, cols = _nearest(own_rows, own_cols, allowed, first)
    np.copyto(rows, np.arange(height, dtype=np.int32)[:, None], where=~hole)
    np.copyto(cols, np.arange(width, dtype=np.int32), where=~hole)
    smooth = np.zeros_like(hole) if sky is None else sky[rows, cols]
    return Filling(_paint(image, hole, rows, cols, smooth), rows, cols)


def _paint(image: Image, hole: Mask, rows: Indices, cols: Indices, smooth: Mask) -> Image:
    """The image with its hole copied from (rows, cols), without seams; ``smooth`` is sky."""
    colour, across, down = vote_steps(image, hole, rows, cols, FINAL_RADIUS)
    longer = max(hole.shape)
    in_sky, elsewhere = (np.float32(1 / (f * longer) ** 2) for f in (SKY_FADE, FADE))
    screening = np.where(smooth, in_sky, elsewhere)
    limits = LARGEST_STEP, 3 * LARGEST_STEP
    blended = remove_seams(colour, across, down, hole, screening, limits, smooth)
    del across, down
    painted = image.copy()
    painted[hole] = np.clip(blended[hole], 0, 255) + 0.5
    return painted


def _oddity(image: Image, sources: Mask) -> NDArray[np.float32]:
    """How unlike everything else in its rows each source is: mean squared 8-bit difference.

    The difference of its neighbourhood to the most similar one at least APART of the photo's
    width away. The sun or a tower is odd, grass or a row of trees is not.
    """
    rows, cols = np.flatnonzero(sources.any(axis=1)), np.flatnonzero(sources.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    width = 96
    height = max(8, round(width * (rows[-1] + 1 - rows[0]) / (cols[-1] + 1 - cols[0])))
    known = sources[box].astype(np.float32)
    share, colour = _shrink_known(image[box], known, (width, height))
    blurred = cv2.GaussianBlur(colour, (0, 0), 1.5)
    lowest = np.full((height, width), np.float32(np.inf))
    for across in range(round(APART * width), width):
        for down in range(-3, 4):
            a = slice(max(0, down), height + min(0, down)), slice(across, width)
            b = slice(max(0, -down), height + min(0, -down)), slice(0, width - across)
            squares = ((blurred[a] - blurred[b]) ** 2).mean(axis=-1)
            weights = np.minimum(share[a], share[b])
            window = (min(7, squares.shape[1]), 7)
            near = cv2.boxFilter(squares * weights, -1, window) / np.maximum(
                cv2.boxFilter(weights, -1, window), 1e-3
            )
            near = np.where(weights > 0, near, np.inf)
            np.minimum(lowest[a], near, out=lowest[a])
            np.minimum(lowest[b], near, out=lowest[b])
    lowest = np.where(np.isfinite(lowest), np.clip(lowest - 100, 0, 3000), 0)
    odd = np.zeros(sources.shape, np.float32)
    odd[box] = cv2.resize(lowest, (cols[-1] + 1 - cols[0], rows[-1] + 1 - rows[0]))
    return odd


def _level(
    image: Image,
    hole: Mask,
    sources: Mask,
    oddity: NDArray[np.float32],
    kinds: NDArray[np.uint8],
    sky: Mask | None,
    slope: float,
    scale: float,
) -> _Level:
    size = max(8, round(hole.shape[1] * scale)), max(8, round(hole.shape[0] * scale))

    def shrunk(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)

    share, colour = _shrink_known(image, (~hole).astype(np.float32), size)
    patch = np.ones((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8)

    def patches_inside(mask: Mask) -> Mask:
        whole = (shrunk(mask.astype(np.float32)) > 0.99).astype(np.uint8)
        inside = cv2.erode(whole, patch, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        return np.asarray(inside > 0)

    inside = patches_inside(sources)
    allowed = _permitted_sources(inside, None if sky is None else patches_inside(sources & sky))
    used = np.flatnonzero(allowed.any(axis=1)) if allowed.any() else np.zeros(1, int)
    lock = Lock(int(used[0]), int(used[-1]), max(2, round(REACH * np.ptp(used))), slope)
    penalty = (ODDITY_WEIGHT * PATCH_VALUES * shrunk(oddity)).astype(np.int64)
    small_kinds = np.asarray(cv2.resize(kinds, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return _Level((colour + 0.5).astype(np.uint8), share < 0.5, allowed, penalty, small_kinds, lock)


def _shrink_known(
    image: Image, known: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The known share of each pixel of a smaller picture (h, w), and its mean colour (h, w, 3)."""
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    # A channel at a time: all of a 4K canvas as floating point takes a hundred megabytes.
    totals = (
        cv2.resize(image[..., k] * known, size, interpolation=cv2.INTER_AREA) for k in range(3)
    )
    colour = np.dstack([*totals]) / np.maximum(share, 1e-3)[..., None]
    return np.asarray(share, np.float32), np.asarray(colour, np.float32)


def _permitted_sources(known: Mask, sky: Mask | None) -> NDArray[np.uint8]:
    """2 where a source may serve any target, 1 where none above the photo, else 0."""
    continued = known if sky is None or not (known & sky).any() else known & sky
    return known.astype(np.uint8) + continued


def _nearest(
    rows: Indices, cols: Indices, allowed: NDArray[np.uint8], first: int
) -> tuple[Indices, Indices]:
    """The same sources, but the nearest permitted one for each that is not permitted."""
    rows, cols = rows.copy(), cols.copy()
    for part, needed in ((slice(0, first), 2), (slice(first, None), 1)):
        wrong = allowed[rows[part], cols[part]] < needed
        served = allowed >= needed
        if not wrong.any() or not served.any():
            continue
        found = nearest_pixels(served)[rows[part][wrong], cols[part][wrong]]
        rows[part][wrong], cols[part][wrong] = np.unravel_index(found, allowed.shape)
    return rows, cols


def _mirror_sources(level: _Level) -> tuple[Indices, Indices]:
    """Sources mirrored at the edges of the photo, at their height under a tilted horizon.

    Under the photo its lowest rows are mirrored to and fro: what stands on the ground would
    seem to lie in water.
    """

    def reflected(count: int, used: NDArray[np.uint8]) -> NDArray[np.int64]:
        first, last = np.flatnonzero(used)[[0, -1]]
        around = (np.arange(count) - first) % max(1, 2 * (last - first))
        return first + np.minimum(around, 2 * (last - first) - around)

    height, width = level.hole.shape
    lock = level.lock
    cols = reflected(width, level.allowed.max(axis=0))
    tilt = np.round(lock.slope * (cols - np.arange(width))).astype(np.int64)
    rows = reflected(height, level.allowed.max(axis=1))
    below = np.arange(height) - lock.last
    band = GROUND_REACHES * lock.reach
    rows = np.where(below > 0, lock.last - np.abs((below - band) % (2 * band) - band), rows)
    tilted = np.clip(rows[:, None] + tilt, lock.first, lock.last).astype(np.int32)
    return _nearest(
        tilted, np.broadcast_to(cols.astype(np.int32), tilted.shape), level.allowed, lock.first
    )


def _same_kind_sources(level: _Level, rows: Indices, cols: Indices) -> tuple[Indices, Indices]:
    """The same sources, but the nearest of the wanted kind for targets that have another's."""
    wrong = level.hole & (level.kinds != ANY_KIND) & (level.kinds[rows, cols] != level.kinds)
    for kind in np.unique(level.kinds[wrong]).tolist():
        right = (level.allowed > 0) & (level.kinds == kind)
        if right.any():
            lacking = wrong & (level.kinds == kind)
            found = nearest_pixels(right)[lacking]
            rows[lacking], cols[lacking] = np.unravel_index(found, right.shape)
    return rows, cols


def _upsample_offsets(
    small: tuple[Indices, Indices], allowed: NDArray[np.uint8], first: int
) -> tuple[Indices, Indices]:
    """The same offsets between target and source, on a larger grid."""
    height, width = allowed.shape
    small_height, small_width = small[0].shape
    y, x = np.arange(height, dtype=np.int32), np.arange(width, dtype=np.int32)
    cells = np.ix_(
        np.minimum(y * small_height // height, small_height - 1),
        np.minimum(x * small_width // width, small_width - 1),
    )
    down = (small[0] - np.arange(small_height)[:, None]) * height // small_height
    right = (small[1] - np.arange(small_width)) * width // small_width
    rows = np.clip(down.astype(np.int32)[cells] + y[:, None], 0, height - 1)
    cols = np.clip(right.astype(np.int32)[cells] + x, 0, width - 1)
    return _nearest(rows, cols, allowed, first)


def _initial(level: _Level, coarser: Image | None, rows: Indices, cols: Indices) -> Image:
    height, width = level.hole.shape
    if coarser is None:
        guess = level.image[rows, cols]
    else:
        enlarged = cv2.resize(coarser, (width, height), interpolation=cv2.INTER_CUBIC)
        guess = np.asarray(enlarged, np.uint8)
    return np.where(level.hole[..., None], guess, level.image)


def _search_and_vote(
    level: _Level, estimate: Image, rows: Indices, cols: Indices, number: int, seed: int
) -> Image:
    """The estimate after rounds of searching and voting; improves rows and cols in place."""
    hole = level.hole
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
    confidence = np.maximum(1.3 ** (-depth / 4), 1e-6)
    for turn in range({0: 3, 1: 4}.get(number, 6)):
        flat = np.ascontiguousarray(estimate).reshape(len(hole), -1)
        patches = Patches(flat, hole, level.allowed, level.penalty, level.kinds)
        costs = improve_patches(
            patches,
            rows,
            cols,
            level.lock,
            passes=3 if number else 2,
            radius=max(hole.shape),
            seed=seed + 1000 * number + turn,
        )
        sigma = max(1.0, float(np.percentile(costs[hole], 75)) / 2)
        weights = (np.exp(-costs / sigma) * confidence + 1e-9).astype(np.float32)
        estimate = vote(estimate, hole, rows, cols, weights)
    return estimate
