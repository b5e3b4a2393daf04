"""What colours around an edge tell its two sides apart, and the pixels judged by them.

In the neighbourhood of every pixel of a band, the surely-person and surely-not pixels give two
colour distributions; their linear discriminant (Fisher 1936), scaled so that the two means map to
0 and 1, turns a colour into an alpha. The sums over neighbourhoods come from summed-area tables
(Crow 1984), in whole numbers that wrap around: exact, and cheap where only a band is asked for.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.shot import Image, Mask

UNDECIDED = 128
MOMENTS = 10
WIDE_SHARE = 0.1
"""How much the wide window counts beside the near one: for where nothing near is sure."""
COLOUR_NOISE = 2e-4
"""Variance added to every colour channel, of 0..1."""
SEPARATION = 16.0
"""Squared Mahalanobis distance of the two sides at which colour and mask weigh the same."""
SEEN_SHARE = 0.02
"""Share of the windows that both sides must fill for colour to count fully."""

Places = tuple[NDArray[np.int64], FloatArray]


def edge_colours(
    picture: Image, person: Mask, place: Mask, band: Mask, near: int, wide: int
) -> FloatArray:
    """What turns colour into alpha, per pixel (h, w, 5) of a band, zero elsewhere.

    Three coefficients of RGB 0..255 and a constant, then colour's weight in 0..1. ``picture``
    (h, w, 3); ``person``, ``place`` and ``band`` (h, w) are true where a pixel is surely person,
    surely not, and asked about; ``near`` and ``wide`` are the windows' half-widths in pixels, up
    to 100.
    """
    picture = np.ascontiguousarray(picture)
    sides = _sum_moments(picture, person), _sum_moments(picture, place)
    return np.asarray(_edge_colours(band, *sides, near, wide), np.float32)


def interpolation_places(at: Floats, count: int) -> Places:
    """For positions (n,) among ``count`` ≥ 2 pixels, the pixel before each and the share past it.

    Pixel centres lie at +0.5; positions beyond the outermost centres take the outermost pixels.
    """
    inside = np.clip(at - 0.5, 0, count - 1)
    before = np.minimum(inside.astype(np.int64), count - 2)
    return before, (inside - before).astype(np.float32)


@njit(cache=True, nogil=True)
def _sum_moments(picture, chosen):  # type: ignore[no-untyped-def]
    """Summed-area table (h + 1, w + 1, 10) of a picture's moments where ``chosen``, modulo 2³²."""
    height, width = chosen.shape
    table = np.zeros((height + 1, width + 1, MOMENTS), np.uint32)
    row = np.zeros(MOMENTS, np.uint32)
    for y in range(height):
        row[:] = 0
        for x in range(width):
            if chosen[y, x]:
                r = np.uint32(picture[y, x, 0])
                g = np.uint32(picture[y, x, 1])
                b = np.uint32(picture[y, x, 2])
                row[0] += r
                row[1] += g
                row[2] += b
                row[3] += r * r
                row[4] += r * g
                row[5] += r * b
                row[6] += g * g
                row[7] += g * b
                row[8] += b * b
                row[9] += np.uint32(1)
            for moment in range(MOMENTS):
                table[y + 1, x + 1, moment] = table[y, x + 1, moment] + row[moment]
    return table


@njit(cache=True, nogil=True)
def _around(table, y, x, near, wide, sums):  # type: ignore[no-untyped-def]
    """Weighted moments around a pixel into ``sums`` (10,): colours of 0..1, and the share seen."""
    height, width = table.shape[0] - 1, table.shape[1] - 1
    sums[:] = 0
    for reach, share in ((near, 1.0), (wide, WIDE_SHARE)):
        y0, y1 = max(y - reach, 0), min(y + reach + 1, height)
        x0, x1 = max(x - reach, 0), min(x + reach + 1, width)
        weight = share / (2 * reach + 1) ** 2
        for moment in range(MOMENTS):
            total = np.uint32(
                table[y1, x1, moment]
                - table[y0, x1, moment]
                - table[y1, x0, moment]
                + table[y0, x0, moment]
            )
            sums[moment] += weight * total
    seen = sums[9] + 1e-6
    for moment in range(3):
        sums[moment] /= 255 * seen
    for moment in range(3, 9):
        sums[moment] /= 65025 * seen


@njit(cache=True, nogil=True)
def _edge_colours(band, person, place, near, wide):  # type: ignore[no-untyped-def]
    height, width = band.shape
    model = np.zeros((height, width, 5), np.float32)
    one, other = np.zeros(MOMENTS), np.zeros(MOMENTS)
    for y in range(height):
        for x in range(width):
            if not band[y, x]:
                continue
            _around(person, y, x, near, wide, one)
            _around(place, y, x, near, wide, other)
            rr = _scatter(one, other, 3, 0, 0) + COLOUR_NOISE
            rg = _scatter(one, other, 4, 0, 1)
            rb = _scatter(one, other, 5, 0, 2)
            gg = _scatter(one, other, 6, 1, 1) + COLOUR_NOISE
            gb = _scatter(one, other, 7, 1, 2)
            bb = _scatter(one, other, 8, 2, 2) + COLOUR_NOISE
            r, g, b = one[0] - other[0], one[1] - other[1], one[2] - other[2]
            i_rr, i_rg, i_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
            i_gg, i_gb, i_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
            determinant = max(i_rr * rr + i_rg * rg + i_rb * rb, 1e-14)
            along_r = (i_rr * r + i_rg * g + i_rb * b) / determinant
            along_g = (i_rg * r + i_gg * g + i_gb * b) / determinant
            along_b = (i_rb * r + i_gb * g + i_bb * b) / determinant
            separation = along_r * r + along_g * g + along_b * b
            scale = 1 / max(separation, 1e-3)
            middle = (
                along_r * (one[0] + other[0])
                + along_g * (one[1] + other[1])
                + along_b * (one[2] + other[2])
            ) / 2
            seen = min(one[9], other[9]) / SEEN_SHARE
            model[y, x, 0] = along_r * scale / 255
            model[y, x, 1] = along_g * scale / 255
            model[y, x, 2] = along_b * scale / 255
            model[y, x, 3] = 0.5 - middle * scale
            model[y, x, 4] = separation / (separation + SEPARATION) * min(seen, 1.0)
    return model


@njit(cache=True, inline="always")
def _scatter(one, other, moment, i, j):  # type: ignore[no-untyped-def]
    """The two sides' mean covariance of colours i and j."""
    return (one[moment] - one[i] * one[j] + other[moment] - other[i] * other[j]) / 2


@njit(cache=True, nogil=True)
def fill_by_colour(alpha, picture, corner, regions, masks, model, rows, columns):  # type: ignore[no-untyped-def]
    """Fill the part of an alpha (H, W) of which something is known at a reduced size (h, w).

    The part starts at row and column ``corner``; ``rows`` and ``columns`` are its pixels' places
    in the reduced size (``interpolation_places``). Where the nearest of ``regions`` (h, w) is not
    UNDECIDED it is the alpha. Elsewhere ``masks`` (h, w, 2), the coarse alpha and what colour's is
    raised by, and ``model`` (h, w, 5) of ``edge_colours`` are interpolated and meet the colour of
    ``picture`` (H, W, 3).
    """
    top, left = corner
    (before_row, past_row), (before_column, past_column) = rows, columns
    zero, half, one, white = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
    for row in range(len(before_row)):
        y, i, v = top + row, before_row[row], past_row[row]
        for column in range(len(before_column)):
            x, j, u = left + column, before_column[column], past_column[column]
            region = regions[i + (v >= half), j + (u >= half)]
            if region != UNDECIDED:
                alpha[y, x] = region
                continue
            shares = (one - v) * (one - u), (one - v) * u, v * (one - u), v * u
            by_colour = _mix(model, i, j, 3, shares)
            for k in range(3):
                by_colour += _mix(model, i, j, k, shares) * np.float32(picture[y, x, k])
            by_colour = min(max(by_colour, zero), one)
            coarse = _mix(masks, i, j, 0, shares)
            raised = _mix(masks, i, j, 1, shares)
            value = coarse + _mix(model, i, j, 4, shares) * (by_colour + raised - coarse)
            alpha[y, x] = np.uint8(min(max(value * white + half, zero), white))


@njit(cache=True, inline="always")
def _mix(values, i, j, k, shares):  # type: ignore[no-untyped-def]
    """Channel k of four neighbouring pixels from (i, j) on, mixed by their shares."""
    return (
        shares[0] * values[i, j, k]
        + shares[1] * values[i, j + 1, k]
        + shares[2] * values[i + 1, j, k]
        + shares[3] * values[i + 1, j + 1, k]
    )
