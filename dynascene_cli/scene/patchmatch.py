"""Nearest patches of an image inside itself: the numerical core of filling holes.

PatchMatch (Barnes et al. 2009) with the voting of Wexler et al. (2007). Distances are sums of
squared differences of 8-bit values in integers, and the image is searched in a fixed number of
bands that see each other only as they were before the pass, so the result does not depend on
how many threads run or how they are timed.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.shot import Image, Mask

RADIUS = 3
"""Patches are 7×7 pixels."""

BANDS = 8
FAR = np.int64(1 << 40)

ANY_KIND = 255
"""The kind of a target that any source may serve."""

WRONG_KIND = np.int64(60**2 * 3 * (2 * RADIUS + 1) ** 2)
"""What is added to the distance of a source of another kind than its target's: 60 levels off."""

Indices = NDArray[np.int32]


class Lock(NamedTuple):
    """Which rows may serve which: a source lies within ``reach`` rows of its target's row.

    Rows run along the horizon, which falls by ``slope`` pixels per pixel to the right; targets
    above ``first`` or below ``last`` are served as those rows are, with a third of their distance
    to them added to the reach.
    """

    first: int
    last: int
    reach: int
    slope: float


class Patches(NamedTuple):
    """What is filled, and what may be copied there.

    ``flat`` (H, 3W) is the image, with the present estimate inside the ``hole`` (H, W); ``allowed``
    (H, W) is positive at the centres of patches that may be copied, at least RADIUS from the
    border, and 2 where they may also be copied above the first row of a lock; ``penalty`` is added
    to the distance of each of them. ``kinds`` (H, W) are those of the sources and those that
    targets want, ANY_KIND where a target takes all.
    """

    flat: Image
    hole: Mask
    allowed: NDArray[np.uint8]
    penalty: NDArray[np.int64]
    kinds: NDArray[np.uint8]


@njit(cache=True, nogil=True)
def _distance(flat, size, y, x, sy, sx, limit):  # type: ignore[no-untyped-def]
    height, width = size
    total = np.int64(0)
    left = max(-RADIUS, -x)
    count = 3 * (min(RADIUS, width - 1 - x) - left + 1)
    here = 3 * (x + left)
    there = 3 * (sx + left)
    for dy in range(max(-RADIUS, -y), min(RADIUS, height - 1 - y) + 1):
        row = np.int32(0)
        target = flat[y + dy, here : here + count]
        source = flat[sy + dy, there : there + count]
        for i in range(count):
            difference = np.int32(target[i]) - np.int32(source[i])
            row += difference * difference
        total += row
        if total >= limit:
            return total
    return total


@njit(cache=True, nogil=True)
def _extra(penalty, kinds, y, x, sy, sx):  # type: ignore[no-untyped-def]
    wanted = kinds[y, x]
    if wanted != ANY_KIND and kinds[sy, sx] != wanted:
        return penalty[sy, sx] + WRONG_KIND
    return penalty[sy, sx]


@njit(cache=True, nogil=True)
def _search_band(patches, field, old, lock, sweep):  # type: ignore[no-untyped-def]
    """Improve the sources of a band's patches, in place, by their neighbours' and random ones."""
    flat, hole, allowed, penalty, kinds = patches
    rows, cols, costs = field
    old_rows, old_cols = old
    top, bottom, backward, radius, seed = sweep
    first, last, reach, slope = lock
    size = height, width = hole.shape
    state = np.uint64(seed)
    step = 1 if backward else -1
    for row in range(top, bottom):
        y = bottom - 1 - (row - top) if backward else row
        level = min(max(y, first), last)
        slack = reach + (abs(y - level) + 2) // 3
        needed = 2 if y < first else 1
        for column in range(width):
            x = width - 1 - column if backward else column
            if not hole[y, x]:
                continue
            best_y, best_x = rows[y, x], cols[y, x]
            extra = _extra(penalty, kinds, y, x, best_y, best_x)
            best = extra + _distance(flat, size, y, x, best_y, best_x, FAR)
            for neighbour in range(2):
                ny = y + step if neighbour == 0 else y
                nx = x if neighbour == 0 else x + step
                if ny < 0 or nx < 0 or ny >= height or nx >= width or not hole[ny, nx]:
                    continue
                if top <= ny < bottom:
                    cy, cx = rows[ny, nx] - (ny - y), cols[ny, nx] - (nx - x)
                else:
                    cy, cx = old_rows[ny, nx] - (ny - y), old_cols[ny, nx] - (nx - x)
                if cy < 0 or cx < 0 or cy >= height or cx >= width or allowed[cy, cx] < needed:
                    continue
                if abs(cy - level - slope * (cx - x)) > slack:
                    continue
                extra = _extra(penalty, kinds, y, x, cy, cx)
                distance = extra + _distance(flat, size, y, x, cy, cx, best - extra)
                if distance < best:
                    best, best_y, best_x = distance, cy, cx
            reach_x = radius
            while reach_x >= 1:
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                reach_y = min(reach_x, slack)
                low = np.int64(state & np.uint64(0xFFFFFF))
                high = np.int64((state >> np.uint64(32)) & np.uint64(0xFFFFFF))
                cy = best_y - reach_y + low % (2 * reach_y + 1)
                cx = best_x - reach_x + high % (2 * reach_x + 1)
                reach_x //= 2
                if cy < 0 or cx < 0 or cy >= height or cx >= width or allowed[cy, cx] < needed:
                    continue
                if abs(cy - level - slope * (cx - x)) > slack:
                    continue
                extra = _extra(penalty, kinds, y, x, cy, cx)
                distance = extra + _distance(flat, size, y, x, cy, cx, best - extra)
                if distance < best:
                    best, best_y, best_x = distance, cy, cx
            rows[y, x], cols[y, x], costs[y, x] = best_y, best_x, best


@njit(cache=True, nogil=True)
def _vote_band(flat, hole, sources, weights, band, out):  # type: ignore[no-untyped-def]
    rows, cols = sources
    height, width = hole.shape
    for y in range(band[0], band[1]):
        for x in range(width):
            if not hole[y, x]:
                continue
            red = green = blue = total = np.float32(0)
            for ny in range(max(0, y - RADIUS), min(height, y + RADIUS + 1)):
                for nx in range(max(0, x - RADIUS), min(width, x + RADIUS + 1)):
                    if not hole[ny, nx]:
                        continue
                    sy = rows[ny, nx] + y - ny
                    sx = 3 * (cols[ny, nx] + x - nx)
                    if sy < 0 or sx < 0 or sy >= height or sx >= 3 * width:
                        continue
                    weight = weights[ny, nx]
                    red += weight * flat[sy, sx]
                    green += weight * flat[sy, sx + 1]
                    blue += weight * flat[sy, sx + 2]
                    total += weight
            if total > 0:
                out[y, 3 * x] = np.uint8(red / total + np.float32(0.5))
                out[y, 3 * x + 1] = np.uint8(green / total + np.float32(0.5))
                out[y, 3 * x + 2] = np.uint8(blue / total + np.float32(0.5))


@njit(cache=True, nogil=True)
def _vote_steps_band(image, hole, sources, radius, band, votes_of):  # type: ignore[no-untyped-def]
    rows, cols = sources
    colour, across, down = votes_of
    height, width = hole.shape
    for y in range(band[0], band[1]):
        for x in range(width):
            right = x + 1 < width and hole[y, x + 1]
            below = y + 1 < height and hole[y + 1, x]
            if not hole[y, x] and not right and not below:
                continue
            votes = np.float32(0)
            right_votes = np.float32(0)
            below_votes = np.float32(0)
            for ny in range(max(0, y - radius), min(height, y + radius + 1)):
                for nx in range(max(0, x - radius), min(width, x + radius + 1)):
                    if not hole[ny, nx]:
                        continue
                    sy = rows[ny, nx] + y - ny
                    sx = cols[ny, nx] + x - nx
                    if sy < 0 or sx < 0 or sy >= height or sx >= width or hole[sy, sx]:
                        continue
                    votes += 1
                    step_right = sx + 1 < width and not hole[sy, sx + 1]
                    step_below = sy + 1 < height and not hole[sy + 1, sx]
                    right_votes += step_right
                    below_votes += step_below
                    for k in range(3):
                        here = np.float32(image[sy, sx, k])
                        colour[y, x, k] += here
                        if step_right:
                            across[y, x, k] += image[sy, sx + 1, k] - here
                        if step_below:
                            down[y, x, k] += image[sy + 1, sx, k] - here
            for k in range(3):
                colour[y, x, k] /= max(votes, np.float32(1))
                across[y, x, k] /= max(right_votes, np.float32(1))
                down[y, x, k] /= max(below_votes, np.float32(1))


def _bands(height: int) -> list[tuple[int, int]]:
    edges = [height * i // BANDS for i in range(BANDS + 1)]
    return [(top, bottom) for top, bottom in pairwise(edges) if top < bottom]


def improve_patches(
    patches: Patches,
    rows: Indices,
    cols: Indices,
    lock: Lock,
    *,
    passes: int,
    radius: int,
    seed: int,
) -> NDArray[np.int64]:
    """Improve, in place, the sources (rows, cols) (H, W) of the hole's patches; their distances.

    ``radius`` is that of the first random try, in pixels.
    """
    height, width = patches.hole.shape
    costs = np.zeros((height, width), np.int64)
    bands = _bands(height)
    states = np.random.SeedSequence(seed).generate_state(passes * len(bands), np.uint64) | 1
    field = rows, cols, costs
    with ThreadPoolExecutor(min(len(bands), os.cpu_count() or 1)) as threads:
        for number in range(passes):
            old = rows.copy(), cols.copy()
            jobs = []
            for (top, bottom), state in zip(bands, states[number * len(bands) :], strict=False):
                sweep = top, bottom, number % 2 == 1, radius, state
                jobs.append(threads.submit(_search_band, patches, field, old, lock, sweep))
            for job in jobs:
                job.result()
    return costs


def vote(
    image: Image,
    hole: Mask,
    rows: Indices,
    cols: Indices,
    weights: NDArray[np.float32],
) -> Image:
    """The image (H, W, 3) with its hole repainted from all patches that overlap each pixel.

    ``weights`` (H, W) is how much each hole pixel's own patch counts.
    """
    height, width = hole.shape
    flat = np.ascontiguousarray(image).reshape(height, width * 3)
    out = flat.copy()
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        jobs = [
            threads.submit(_vote_band, flat, hole, (rows, cols), weights, band, out)
            for band in _bands(height)
        ]
        for job in jobs:
            job.result()
    return out.reshape(image.shape)


def vote_steps(
    image: Image, hole: Mask, rows: Indices, cols: Indices, radius: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Colours (H, W, 3) and their steps to the right and down that the copied patches vote for.

    Colours outside the hole are the image's own; steps are meant at or beside the hole only.
    """
    height = len(hole)
    colour, across, down = (np.zeros(image.shape, np.float32) for _ in range(3))
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        jobs = [
            threads.submit(
                _vote_steps_band, image, hole, (rows, cols), radius, band, (colour, across, down)
            )
            for band in _bands(height)
        ]
        for job in jobs:
            job.result()
    np.copyto(colour, image, where=~hole[..., None])
    return colour, across, down
