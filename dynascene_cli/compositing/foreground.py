"""The person's own colours: what the camera would have seen without the old background.

Fast closed-form estimation by blur fusion (Forte, "Approximate Fast Foreground Colour
Estimation", ICIP 2021): foreground and background are local means weighted by alpha, corrected so
that they explain the frame; once over a wide neighbourhood, once over a narrow one. Then edges
that the old background stained are cleared of it (``spill``).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.compositing.roi import AnyArray, reduce_by_blocks
from dynascene_cli.compositing.spill import clear_spill

WIDE_RADIUS = 90 / 1080
NARROW_RADIUS = 6 / 1080
"""The two radii of the paper, as shares of the frame's height at full HD."""

FALLBACK = 1e-3
"""The weight of the wide mean where the narrow neighbourhood holds no foreground at all."""


FADING = 32
"""Levels of alpha below 255 over which a narrower alpha sets in, so that no step shows."""


class Foreground(NamedTuple):
    """A person's own colours (H, W, 3) and alpha (H, W), narrower where an edge was stained."""

    colours: NDArray[Any]
    alpha: NDArray[Any]


def estimate_foreground(frame: AnyArray, alpha: NDArray[np.uint8], frame_height: int) -> Foreground:
    """The foreground of a crop (H, W, 3) and its alpha (H, W).

    Colours and alpha come back as uint8, or unrounded where the frame is float32 of the same range.
    ``frame_height`` is that of the whole frame, which the neighbourhoods scale with. Where alpha
    is 255 it and the frame's colours stay exactly; where it is 0 the nearest foreground is
    extended.
    """
    reduction = min(max(2, frame_height // 270), *alpha.shape)
    small_frame, small_alpha = (
        reduce_by_blocks(frame, reduction),
        reduce_by_blocks(alpha, reduction),
    )
    rows, columns = small_alpha.shape
    products = _products(small_frame, small_alpha)
    overall = np.array([cv2.mean(each) for each in products], np.float32)[:, None, None]
    overall = _means(overall, np.zeros((2, 1, 1, 3), np.float32))
    wide_radius = max(2, round(WIDE_RADIUS * frame_height / (4 * reduction)))
    coarse = (max(columns // 4, 1), max(rows // 4, 1))
    wide_sums = _boxes(
        [cv2.resize(p, coarse, interpolation=cv2.INTER_AREA) for p in products], wide_radius
    )
    wide_means = _resize_pair(_means(wide_sums, overall), (columns, rows))

    narrow_radius = max(2, round(NARROW_RADIUS * frame_height / reduction))
    corrected = _correct_products(small_frame, small_alpha, wide_means)
    means = _means(_boxes(corrected, narrow_radius), wide_means)
    kept = clear_spill(small_frame, small_alpha, means, corrected[0], narrow_radius)
    out = Foreground(np.empty(frame.shape, frame.dtype), alpha.astype(frame.dtype))
    rounding = np.float32(0.5 if frame.dtype == np.uint8 else 0)
    _solve_foreground(frame, alpha, means, kept, np.float32(1 / reduction), rounding, *out)
    return out


def _resize_pair(pair: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.stack([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in pair])


def _boxes(pair: Iterable[AnyArray], radius: int) -> NDArray[np.float32]:
    side = (2 * radius + 1, 2 * radius + 1)
    return np.stack([cv2.boxFilter(p, -1, side, borderType=cv2.BORDER_CONSTANT) for p in pair])


@njit(cache=True, nogil=True)
def _products(frame, alpha):  # type: ignore[no-untyped-def]
    """(2, H, W, 4): αI, α; then (1 − α)I, 1 − α."""
    height, width = alpha.shape
    out = np.empty((2, height, width, 4), np.float32)
    for y in range(height):
        for x in range(width):
            a = alpha[y, x] * np.float32(1 / 255)
            b = np.float32(1) - a
            for c in range(3):
                out[0, y, x, c] = a * frame[y, x, c]
                out[1, y, x, c] = b * frame[y, x, c]
            out[0, y, x, 3] = a
            out[1, y, x, 3] = b
    return out


@njit(cache=True, nogil=True)
def _means(sums, fallback):  # type: ignore[no-untyped-def]
    """(2, H, W, 3): weighted means F and B; the fallback's (or its one's) where weights vanish."""
    height, width = sums.shape[1:3]
    out = np.empty((2, height, width, 3), np.float32)
    weight = np.float32(FALLBACK)
    for i in range(2):
        for y in range(height):
            v = min(y, fallback.shape[1] - 1)
            for x in range(width):
                u = min(x, fallback.shape[2] - 1)
                share = np.float32(1) / (sums[i, y, x, 3] + weight)
                for c in range(3):
                    out[i, y, x, c] = (sums[i, y, x, c] + weight * fallback[i, v, u, c]) * share
    return out


@njit(cache=True, nogil=True)
def _correct_products(frame, alpha, means):  # type: ignore[no-untyped-def]
    """The products of the F that explains the frame given the means, and of the mean B."""
    height, width = alpha.shape
    out = np.empty((2, height, width, 4), np.float32)
    for y in range(height):
        for x in range(width):
            a = alpha[y, x] * np.float32(1 / 255)
            b = np.float32(1) - a
            for c in range(3):
                F = means[0, y, x, c]
                B = means[1, y, x, c]
                F += a * (frame[y, x, c] - a * F - b * B)
                out[0, y, x, c] = a * min(max(F, np.float32(0)), np.float32(255))
                out[1, y, x, c] = b * B
            out[0, y, x, 3] = a
            out[1, y, x, 3] = b
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_foreground(frame, alpha, means, kept, step, rounding, out, narrowed):  # type: ignore[no-untyped-def]
    """Full-size F from means at a smaller size; bilinear only where alpha is in between.

    There ``narrowed`` is the alpha times the share that is ``kept`` of it.
    """
    height, width = alpha.shape
    rows, columns = means.shape[1:3]
    zero, half, one, most = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
    nearest = np.empty((columns, 3), out.dtype)
    row_of_nearest = -1
    for y in range(height):
        v = min(max((y + half) * step - half, zero), np.float32(rows - 1))
        top = int(v)
        below = min(top + 1, rows - 1)
        fy = np.float32(v - top)
        upper_f, lower_f, upper_b, lower_b = (
            means[0, top],
            means[0, below],
            means[1, top],
            means[1, below],
        )
        nearest_row = min(int((y + half) * step), rows - 1)
        if nearest_row != row_of_nearest:
            row_of_nearest = nearest_row
            for place in range(columns):
                for c in range(3):
                    F = means[0, nearest_row, place, c]
                    nearest[place, c] = min(max(F, zero), most) + rounding
        alphas, own, result = alpha[y], frame[y], out[y]
        for x in range(width):
            value = alphas[x]
            if value == 255:
                for c in range(3):
                    result[x, c] = own[x, c]
                continue
            if value == 0:
                column = np.uint32(min(int((x + half) * step), columns - 1))
                for c in range(3):
                    result[x, c] = nearest[column, c]
                continue
            u = min(max((x + half) * step - half, zero), np.float32(columns - 1))
            left = np.uint32(u)
            right = np.uint32(min(left + 1, columns - 1))
            fx = np.float32(u - left)
            upper = kept[top, left] * (one - fx) + kept[top, right] * fx
            lower = kept[below, left] * (one - fx) + kept[below, right] * fx
            lost = one - (upper * (one - fy) + lower * fy)
            lost *= min((most - value) * np.float32(1 / FADING), one)
            a = value * np.float32(1 / 255) * (one - lost)
            b = one - a
            narrowed[y, x] = a * most + rounding
            for c in range(3):
                upper = upper_f[left, c] * (one - fx) + upper_f[right, c] * fx
                lower = lower_f[left, c] * (one - fx) + lower_f[right, c] * fx
                F = upper * (one - fy) + lower * fy
                upper = upper_b[left, c] * (one - fx) + upper_b[right, c] * fx
                lower = lower_b[left, c] * (one - fx) + lower_b[right, c] * fx
                B = upper * (one - fy) + lower * fy
                F += a * (own[x, c] - a * F - b * B)
                result[x, c] = min(max(F, zero), most) + rounding
