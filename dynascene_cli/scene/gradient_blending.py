"""Seams removed in the gradient domain, after *Image Melding* (Darabi et al. 2012, section 4).

The copied patches vote for each pixel's colour V and for its differences G to its neighbours; the
picture u that minimises Σ|∇u − G|² + λ|u − V|² has the texture of the copies without their steps
in brightness. The correction c = u − V is solved for, coarse to fine.
"""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.shot import Mask

Field = NDArray[np.float32]

SWEEPS = 10


def remove_seams(
    colour: Field,
    across: Field,
    down: Field,
    hole: Mask,
    screening: Field,
    limits: tuple[float, float],
    sky: Mask,
) -> Field:
    """Colours (H, W, 3) whose steps inside the hole follow the wanted differences.

    ``across`` and ``down`` (H, W, 3) are the wanted u(x+1) − u(x) and u(y+1) − u(y) of every pixel
    at or beside the hole; the correction fades over about √(1 / ``screening``) pixels (H, W).
    Of a step greater than the first of ``limits`` inside the hole, the second in the ``sky``
    (H, W), only so much is corrected: it is an edge of something. At the hole's border it is a
    seam, and all of it is, or nothing where one side alone is sky: a roof that the border cuts
    would darken the sky above it.

    The three pictures are float32 of the whole canvas, a hundred megabytes each for a 4K photo:
    they are worked on in place, what is made besides a channel at a time, and ``colour`` is what is
    returned.
    """
    _keep_corrections(across, colour, hole, sky, limits, 0, 1)
    _keep_corrections(down, colour, hole, sky, limits, 1, 0)
    for k in range(3):
        colour[..., k] += _solve(across[..., k], down[..., k], hole, screening)
    return colour


@njit(cache=True, nogil=True)
def _keep_corrections(wanted, colour, hole, sky, limits, dy, dx):  # type: ignore[no-untyped-def]
    """Leave of the wanted steps what is to be corrected of the colours' own."""
    height, width = hole.shape
    for y in range(height):
        for x in range(width):
            to_y, to_x = y + dy, x + dx
            inside = to_y < height and to_x < width
            if not inside or not (hole[y, x] or hole[to_y, to_x]):
                for k in range(3):
                    wanted[y, x, k] = 0
                continue
            apart = np.float32(0)
            for k in range(3):
                step = colour[to_y, to_x, k] - colour[y, x, k]
                wanted[y, x, k] -= step
                apart = max(apart, abs(step), abs(wanted[y, x, k]))
            largest = np.float32(limits[1] if sky[y, x] else limits[0])
            if hole[y, x] != hole[to_y, to_x]:
                edge = sky[y, x] != sky[to_y, to_x] and apart > min(limits)
                largest = np.float32(0 if edge else np.inf)
            for k in range(3):
                wanted[y, x, k] = min(max(wanted[y, x, k], -largest), largest)


def _solve(right: Field, below: Field, hole: Mask, screening: Field) -> Field:
    """The correction (H, W) of one channel."""
    height, width = hole.shape
    if min(height, width) < 8:
        correction = np.zeros(hole.shape, np.float32)
    else:
        coarse_hole = _halve(hole.astype(np.float32)) > 0.5
        coarse = _solve(
            _coarse_steps(right), _coarse_steps(below.T).T, coarse_hole, 4 * _halve(screening)
        )
        size = (2 * coarse.shape[1], 2 * coarse.shape[0])
        smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        correction = np.ascontiguousarray(smooth[:height, :width], np.float32)
        correction[~hole] = 0
    _relax(correction, right, below, hole, screening, SWEEPS)
    return correction


def _halve(values: Field) -> Field:
    """The mean of 2×2 pixels (H, W), edges repeated where the size is odd."""
    height, width = values.shape
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2)), "edge")
    total = values[::2, ::2] + values[1::2, ::2]
    total += values[::2, 1::2]
    total += values[1::2, 1::2]
    total /= 4
    return np.asarray(total, np.float32)


def _coarse_steps(right: Field) -> Field:
    """Steps between the centres of 2×2 cells, from those between pixels."""
    height, width = right.shape
    if height % 2 or width % 2:
        right = np.pad(right, ((0, height % 2), (0, width % 2)))
    total = 0.5 * right[:, ::2]
    total += right[:, 1::2]
    total[:, :-1] += 0.5 * right[:, 2::2]
    return np.asarray((total[::2] + total[1::2]) / 2, np.float32)


@njit(cache=True, nogil=True)
def _relax(c, right, below, hole, screening, sweeps):  # type: ignore[no-untyped-def]
    height, width = hole.shape
    for _ in range(sweeps):
        for y in range(height):
            for x in range(width):
                if not hole[y, x]:
                    continue
                total = np.float32(0)
                count = screening[y, x]
                if x > 0:
                    total += c[y, x - 1] + right[y, x - 1]
                    count += np.float32(1)
                if x + 1 < width:
                    total += c[y, x + 1] - right[y, x]
                    count += np.float32(1)
                if y > 0:
                    total += c[y - 1, x] + below[y - 1, x]
                    count += np.float32(1)
                if y + 1 < height:
                    total += c[y + 1, x] - below[y, x]
                    count += np.float32(1)
                c[y, x] = total / count
