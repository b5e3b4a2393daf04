"""Seams removed in the gradient domain, after *Image Melding* (Darabi et al. 2012, section 4).

The copied patches vote for each pixel's colour V and for its differences G to its neighbours; the
picture u that minimises Σ|∇u − G|² + λ|u − V|² has the texture of the copies without their steps
in brightness. The correction c = u − V is solved for, coarse to fine.
"""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Mask

Field = NDArray[np.float32]

SWEEPS = 10


def remove_seams(
    colour: Field,
    across: Field,
    down: Field,
    hole: Mask,
    length: Floats,
    limit: Floats,
    sky: Mask,
) -> Field:
    """Colours (H, W, 3) whose steps inside the hole follow the wanted differences.

    ``across`` and ``down`` (H, W, 3) are the wanted u(x+1) − u(x) and u(y+1) − u(y) of every pixel
    at or beside the hole; the correction fades over about ``length`` (H, W) pixels.
    Of a step greater than ``limit`` (H, W) inside the hole only so much is corrected: it is an
    edge of something. At the hole's border it is a seam, and all of it is, or nothing where one
    side alone is ``sky`` (H, W): a roof that the border cuts would darken the sky above it.
    """
    below = _corrections(colour, down, hole, sky, limit)
    turned = (across.swapaxes(0, 1), hole.T, sky.T, limit.T)
    right = np.ascontiguousarray(_corrections(colour.swapaxes(0, 1), *turned).swapaxes(0, 1))
    screening = (1 / length**2).astype(np.float32)
    return np.asarray(colour + _solve(right, below, hole, screening), np.float32)


def _corrections(colour: Field, wanted: Field, hole: Mask, sky: Mask, limit: Floats) -> Field:
    """What is to be corrected (H, W, 3) of the wanted steps from row to row."""
    step = np.zeros_like(colour)
    step[:-1] = colour[1:] - colour[:-1]
    missing = wanted - step
    apart = np.maximum(np.abs(step), np.abs(missing)).max(axis=-1)
    beside, border, edge = hole.copy(), np.zeros_like(hole), np.zeros_like(hole)
    beside[:-1] |= hole[1:]
    border[:-1] = hole[:-1] != hole[1:]
    edge[:-1] = (sky[:-1] != sky[1:]) & (apart[:-1] > np.minimum(limit[:-1], limit[1:]))
    missing *= beside[..., None]
    missing[-1] = 0
    largest = np.where(border, np.where(edge, 0, np.inf), limit)[..., None].astype(np.float32)
    return np.asarray(np.clip(missing, -largest, largest), np.float32)


def _solve(right: Field, below: Field, hole: Mask, screening: Field) -> Field:
    height, width = hole.shape
    if min(height, width) < 8:
        correction = np.zeros_like(right)
    else:
        coarse_hole = _halve(hole.astype(np.float32)[..., None])[..., 0] > 0.5
        coarse = _solve(
            _coarse_steps(right),
            _coarse_steps(below.transpose(1, 0, 2)).transpose(1, 0, 2).copy(),
            coarse_hole,
            4 * _halve(screening[..., None])[..., 0],
        )
        size = (2 * coarse.shape[1], 2 * coarse.shape[0])
        smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
        correction = np.asarray(np.where(hole[..., None], smooth, 0), np.float32)
    _relax(correction, right, below, hole, screening, SWEEPS)
    return correction


def _halve(values: Field) -> Field:
    """The mean of 2×2 pixels (H, W, C), edges repeated where the size is odd."""
    even = np.pad(values, ((0, values.shape[0] % 2), (0, values.shape[1] % 2), (0, 0)), "edge")
    total = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return np.asarray(total / 4, np.float32)


def _coarse_steps(right: Field) -> Field:
    """Steps between the centres of 2×2 cells, from those between pixels."""
    odd = ((0, right.shape[0] % 2), (0, right.shape[1] % 2), (0, 0))
    steps = np.pad(right, odd)
    inner, outer = steps[:, ::2], steps[:, 1::2]
    following = np.zeros_like(inner)
    following[:, :-1] = inner[:, 1:]
    total = 0.5 * inner + outer + 0.5 * following
    return np.asarray((total[::2] + total[1::2]) / 2, np.float32)


@njit(cache=True, nogil=True)
def _relax(c, right, below, hole, screening, sweeps):  # type: ignore[no-untyped-def]
    height, width = hole.shape
    for _ in range(sweeps):
        for y in range(height):
            for x in range(width):
                if not hole[y, x]:
                    continue
                for k in range(3):
                    total = np.float32(0)
                    count = screening[y, x]
                    if x > 0:
                        total += c[y, x - 1, k] + right[y, x - 1, k]
                        count += np.float32(1)
                    if x + 1 < width:
                        total += c[y, x + 1, k] - right[y, x, k]
                        count += np.float32(1)
                    if y > 0:
                        total += c[y - 1, x, k] + below[y - 1, x, k]
                        count += np.float32(1)
                    if y + 1 < height:
                        total += c[y + 1, x, k] - below[y, x, k]
                        count += np.float32(1)
                    c[y, x, k] = total / count
