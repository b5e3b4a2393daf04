"""What is drawn where a mesh is cut: a side's or card's own pixels, and soft edges around them."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.projection.span_fill import by_height, planes, row_range, span
from dynascene_cli.projection.texture import sample, to_fixed_point

NEARER, FARTHER = 1, 0
"""The sides of a cut cell, which the texture's alpha tells apart."""


class Fringe(NamedTuple):
    """The soft edges of cuts, with their alpha, and their 1/Z: (H, W) each."""

    colours: NDArray[np.int64]
    nearest: NDArray[np.float32]


class Cuts(NamedTuple):
    """The cells that are drawn more than once: ``quads`` (M, 4) of vertices, and which ``sides``.

    ``owners`` (H, W) are the canvas pixels' cards, of which the sides are some then, or empty.
    """

    quads: NDArray[np.int64]
    sides: NDArray[np.int64]
    owners: NDArray[np.integer]
    pixels_per_texel: float


@njit(cache=True, nogil=True, error_model="numpy")
def fill_cut_triangle(triangle, side, texels, band, fringe):  # type: ignore[no-untyped-def]
    """Draw one side of a cut: what is surely its own into the band, soft edges into the fringe."""
    a, b, c = triangle
    top, nearest, u_map, v_map = band.top, band.nearest, band.u_map, band.v_map
    texel_rows, texel_columns = texels.shape
    flat = texels.ravel()
    rows = nearest.shape[0]
    corners = by_height(a, b, c)
    first, last = row_range(corners, top, rows)
    if first > last:
        return
    zx, zy, ux, uy, vx, vy, qx, qy, solid = planes(a, b, c)
    if not solid:
        return
    for y in range(first, last + 1):
        begin, end = span(float(y), corners, band)
        for x in range(begin, end + 1):
            dx, dy, row = x - a[0], y - a[1], y - top
            z = a[2] + zx * dx + zy * dy
            scale = 1.0 / (a[5] + qx * dx + qy * dy)
            u, v = (a[3] + ux * dx + uy * dy) * scale, (a[4] + vx * dx + vy * dy) * scale
            colour = sample(flat, texel_rows, texel_columns, to_fixed_point(u), to_fixed_point(v))
            alpha = colour >> 48
            if (alpha == 255) == (side == NEARER):
                if z > nearest[row, x]:
                    nearest[row, x] = z
                    u_map[row, x] = u
                    v_map[row, x] = v
            elif side == NEARER and alpha > 0 and np.float32(z) > fringe.nearest[y, x]:
                fringe.nearest[y, x] = z
                fringe.colours[y, x] = colour


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _owner_shares(owners, card, x, y):  # type: ignore[no-untyped-def]
    """The share (0..255) of a card in the pixels around a canvas position, and its nearest one."""
    rows, columns = owners.shape
    x, y = min(max(x, 0.0), columns - 1.0), min(max(y, 0.0), rows - 1.0)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, columns - 1), min(top + 1, rows - 1)
    fx, fy = x - left, y - top
    share = 0.0
    if owners[top, left] == card:
        share += (1 - fx) * (1 - fy)
    if owners[top, right] == card:
        share += fx * (1 - fy)
    if owners[bottom, left] == card:
        share += (1 - fx) * fy
    if owners[bottom, right] == card:
        share += fx * fy
    nearest = owners[bottom if fy > 0.5 else top, right if fx > 0.5 else left]
    return int(255 * share + 0.5), nearest == card


@njit(cache=True, nogil=True, error_model="numpy")
def fill_card_triangle(triangle, cuts, n, texels, band, fringe):  # type: ignore[no-untyped-def]
    """Draw the own pixels of a cell's card into the band, and soft edges around into the fringe."""
    a, b, c = triangle
    top, nearest, u_map, v_map = band.top, band.nearest, band.u_map, band.v_map
    card = cuts.sides[n]
    texel_rows, texel_columns = texels.shape
    flat = texels.ravel()
    rows = nearest.shape[0]
    corners = by_height(a, b, c)
    first, last = row_range(corners, top, rows)
    if first > last:
        return
    zx, zy, ux, uy, vx, vy, qx, qy, solid = planes(a, b, c)
    if not solid:
        return
    for y in range(first, last + 1):
        begin, end = span(float(y), corners, band)
        for x in range(begin, end + 1):
            dx, dy, row = x - a[0], y - a[1], y - top
            z = a[2] + zx * dx + zy * dy
            scale = 1.0 / (a[5] + qx * dx + qy * dy)
            u, v = (a[3] + ux * dx + uy * dy) * scale, (a[4] + vx * dx + vy * dy) * scale
            share, own = _owner_shares(
                cuts.owners, card, u * cuts.pixels_per_texel, v * cuts.pixels_per_texel
            )
            if own:
                if z > nearest[row, x]:
                    nearest[row, x] = z
                    u_map[row, x] = u
                    v_map[row, x] = v
            elif share > 0 and np.float32(z) > fringe.nearest[y, x]:
                colour = sample(
                    flat, texel_rows, texel_columns, to_fixed_point(u), to_fixed_point(v)
                )
                fringe.nearest[y, x] = z
                fringe.colours[y, x] = (colour & 0xFFFFFFFFFFFF) | (share << 48)


@njit(cache=True, nogil=True, error_model="numpy")
def lay_fringe(picture, inverse_depth, fringe, step):  # type: ignore[no-untyped-def]
    """Mix the soft edges of cuts over a picture (H, W, C) where nothing lies before them.

    ``step`` is what a level of 8 bits is in the picture.
    """
    height, width = inverse_depth.shape
    for y in range(height):
        for x in range(width):
            if fringe.nearest[y, x] > inverse_depth[y, x] > 0:
                colour = fringe.colours[y, x]
                alpha = colour >> 48
                for channel, shift in ((0, 0), (1, 32), (2, 16)):
                    front = ((colour >> shift) & 255) * step
                    behind = np.int64(picture[y, x, channel])
                    picture[y, x, channel] = (front * alpha + behind * (255 - alpha) + 127) // 255
