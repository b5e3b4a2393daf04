"""The person's own colours: what the camera would have seen without the old background.

Fast closed-form estimation by blur fusion (Forte, "Approximate Fast Foreground Colour
Estimation", ICIP 2021): foreground and background are local means weighted by alpha, corrected so
that they explain the frame; once over a wide neighbourhood, once over a narrow one.
"""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.shot import Image

WIDE_RADIUS = 90 / 1080
NARROW_RADIUS = 6 / 1080
"""The two radii of the paper, as shares of the frame's height at full HD."""

FALLBACK = 1e-3
"""The weight of the wide mean where the narrow neighbourhood holds no foreground at all."""


def foreground_colours(frame: Image, alpha: NDArray[np.uint8], frame_height: int) -> Image:
    """The foreground's colours (H, W, 3) of a crop and its alpha (H, W).

    ``frame_height`` is that of the whole frame, which the neighbourhoods scale with. Where alpha
    is 255 the frame's colours stay exactly; where it is 0 the nearest foreground is extended.
    """
    height, width = alpha.shape
    reduction = 2 if frame_height >= 720 else 1
    small = (max(1, -(-width // reduction)), max(1, -(-height // reduction)))
    wide = (max(1, -(-small[0] // 4)), max(1, -(-small[1] // 4)))
    small_frame = _area_resized(frame, small)
    small_alpha = _area_resized(alpha, small)

    products = _products(small_frame, small_alpha)
    wide_radius = max(2, round(WIDE_RADIUS * frame_height / (4 * reduction)))
    wide_sums = _box(_area_resized(products, wide), wide_radius)
    overall = products.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    wide_means = _means(wide_sums, _means(overall[None, None], np.zeros((1, 1, 6), np.float32)))
    wide_means = cv2.resize(wide_means, small, interpolation=cv2.INTER_LINEAR)

    narrow_radius = max(2, round(NARROW_RADIUS * frame_height / reduction))
    narrow_sums = _box(_corrected_products(small_frame, small_alpha, wide_means), narrow_radius)
    return _explained(frame, alpha, _means(narrow_sums, wide_means))


def _area_resized(image: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    if (image.shape[1], image.shape[0]) == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _box(sums: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    side = 2 * radius + 1
    return cv2.boxFilter(sums, -1, (side, side), borderType=cv2.BORDER_CONSTANT)


@njit(cache=True)
def _products(frame, alpha):  # type: ignore[no-untyped-def]
    """Per pixel: αI (3), α, (1 − α)I (3), 1 − α."""
    height, width = alpha.shape
    out = np.empty((height, width, 8), np.float32)
    for y in range(height):
        for x in range(width):
            a = alpha[y, x] * np.float32(1 / 255)
            b = np.float32(1) - a
            for c in range(3):
                out[y, x, c] = a * frame[y, x, c]
                out[y, x, 4 + c] = b * frame[y, x, c]
            out[y, x, 3] = a
            out[y, x, 7] = b
    return out


@njit(cache=True)
def _means(sums, fallback):  # type: ignore[no-untyped-def]
    """Weighted means of F (3) and B (3); ``fallback`` (broadcast) where there is no weight."""
    height, width = sums.shape[:2]
    out = np.empty((height, width, 6), np.float32)
    weight = np.float32(FALLBACK)
    for y in range(height):
        v = min(y, fallback.shape[0] - 1)
        for x in range(width):
            u = min(x, fallback.shape[1] - 1)
            f = np.float32(1) / (sums[y, x, 3] + weight)
            b = np.float32(1) / (sums[y, x, 7] + weight)
            for c in range(3):
                out[y, x, c] = (sums[y, x, c] + weight * fallback[v, u, c]) * f
                out[y, x, 3 + c] = (sums[y, x, 4 + c] + weight * fallback[v, u, 3 + c]) * b
    return out


@njit(cache=True)
def _corrected_products(frame, alpha, means):  # type: ignore[no-untyped-def]
    """The products of the F that explains the frame given the means, and of the mean B."""
    height, width = alpha.shape
    out = np.empty((height, width, 8), np.float32)
    for y in range(height):
        for x in range(width):
            a = alpha[y, x] * np.float32(1 / 255)
            b = np.float32(1) - a
            for c in range(3):
                F = means[y, x, c]
                B = means[y, x, 3 + c]
                F += a * (frame[y, x, c] - a * F - b * B)
                out[y, x, c] = a * min(max(F, np.float32(0)), np.float32(255))
                out[y, x, 4 + c] = b * B
            out[y, x, 3] = a
            out[y, x, 7] = b
    return out


@njit(cache=True)
def _explained(frame, alpha, means):  # type: ignore[no-untyped-def]
    """Full-size F from means at a smaller size; bilinear only where alpha is in between."""
    height, width = alpha.shape
    rows, columns = means.shape[:2]
    scale_y = np.float32(rows / height)
    scale_x = np.float32(columns / width)
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        v = min(max((y + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0)), rows - 1.0)
        top = min(int(v), max(rows - 2, 0))
        below = min(top + 1, rows - 1)
        fy = np.float32(v - top)
        nearest_row = min(int((y + np.float32(0.5)) * scale_y), rows - 1)
        for x in range(width):
            value = alpha[y, x]
            if value == 255:
                for c in range(3):
                    out[y, x, c] = frame[y, x, c]
                continue
            if value == 0:
                column = min(int((x + np.float32(0.5)) * scale_x), columns - 1)
                for c in range(3):
                    F = means[nearest_row, column, c]
                    out[y, x, c] = np.uint8(min(max(F, np.float32(0)), np.float32(255)) + 0.5)
                continue
            u = min(
                max((x + np.float32(0.5)) * scale_x - np.float32(0.5), np.float32(0)),
                columns - 1.0,
            )
            left = min(int(u), max(columns - 2, 0))
            right = min(left + 1, columns - 1)
            fx = np.float32(u - left)
            a = value * np.float32(1 / 255)
            b = np.float32(1) - a
            for c in range(3):
                upper = means[top, left, c] * (1 - fx) + means[top, right, c] * fx
                lower = means[below, left, c] * (1 - fx) + means[below, right, c] * fx
                F = upper * (1 - fy) + lower * fy
                upper = means[top, left, 3 + c] * (1 - fx) + means[top, right, 3 + c] * fx
                lower = means[below, left, 3 + c] * (1 - fx) + means[below, right, 3 + c] * fx
                B = upper * (1 - fy) + lower * fy
                F += a * (frame[y, x, c] - a * F - b * B)
                out[y, x, c] = np.uint8(min(max(F, np.float32(0)), np.float32(255)) + 0.5)
    return out
