"""A z-buffered scanline raster from mesh to picture, and the sampler at the end of it.

The picture is drawn in bands of rows whose buffers stay in the processor's cache. Pixels are
indexed by their centres (index = pixel − 0.5), texels likewise. What is linear over a triangle on
the screen is u·q, v·q and q = Z_source / Z_target, since the source position is itself a
projection of the world point; perspective-correct interpolation of u and v alone would be wrong.
The kernels hold no state and no locks, so that frames can be drawn on several threads.
"""

import numpy as np
from numba import njit

from dynascene_cli.projection.span_fill import (
    by_height,
    fill_quadrilateral,
    fill_triangle,
    planes,
    row_range,
    span,
)
from dynascene_cli.projection.texture import mix, opaque, sample, to_fixed_point

NEAR = 0.05
"""Metres in front of the camera at which triangles are clipped."""

NEARER, FARTHER = 1, 0
"""The sides of a cut cell, which the texture's alpha tells apart."""

_BAND_ROWS = 32
_TILE_COLUMNS = 384
"""Where the picture slants, a row of it crosses many rows of the texture: tiles cross few."""


@njit(cache=True, nogil=True, error_model="numpy")
def screen_vertices(points, source, depth, camera, texels_per_pixel):  # type: ignore[no-untyped-def]
    """Vertices as the raster takes them, (N, 6), and which of them lie beyond the near plane.

    ``points`` (N, 3) world, ``source`` (N, 2) canvas pixels, ``depth`` (N,) at the photo,
    ``camera`` (3, 4) = K[R|t]. A row in front is (x, y, 1/Z, u·q, v·q, q), in pixel and texel
    indices; one behind is homogeneous, (x·Z, y·Z, Z, u·Z_source, v·Z_source, Z_source).
    """
    count = points.shape[0]
    screen = np.empty((count, 6))
    in_front = np.empty(count, np.bool_)
    for i in range(count):
        X, Y, Z = points[i, 0], points[i, 1], points[i, 2]
        w = camera[2, 0] * X + camera[2, 1] * Y + camera[2, 2] * Z + camera[2, 3]
        x = camera[0, 0] * X + camera[0, 1] * Y + camera[0, 2] * Z + camera[0, 3] - 0.5 * w
        y = camera[1, 0] * X + camera[1, 1] * Y + camera[1, 2] * Z + camera[1, 3] - 0.5 * w
        u = (source[i, 0] - 0.5) * texels_per_pixel * depth[i]
        v = (source[i, 1] - 0.5) * texels_per_pixel * depth[i]
        in_front[i] = w > NEAR
        scale = 1.0 / w if in_front[i] else 1.0
        screen[i, 0] = x * scale
        screen[i, 1] = y * scale
        screen[i, 2] = scale if in_front[i] else w
        screen[i, 3] = u * scale
        screen[i, 4] = v * scale
        screen[i, 5] = depth[i] * scale
    return screen, in_front


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_cut_triangle(  # type: ignore[no-untyped-def]
    a, b, c, side, texels, top, nearest, u_map, v_map, fringe, fringe_nearest
):
    """Draw one side of a cut: what is surely its own into the band, soft edges into the fringe."""
    texel_rows, texel_columns = texels.shape
    flat = texels.ravel()
    rows, columns = nearest.shape
    corners = by_height(a, b, c)
    first, last = row_range(corners, top, rows)
    if first > last:
        return
    zx, zy, ux, uy, vx, vy, qx, qy, solid = planes(a, b, c)
    if not solid:
        return
    for y in range(first, last + 1):
        begin, end = span(float(y), corners, columns)
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
            elif side == NEARER and alpha > 0 and z > fringe_nearest[y, x]:
                fringe_nearest[y, x] = z
                fringe[y, x] = colour


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
def _fill_card_triangle(  # type: ignore[no-untyped-def]
    a, b, c, card, owners, texels, scale_down, top, nearest, u_map, v_map, fringe, fringe_nearest
):
    """Draw one card's own pixels into the band, and the soft edges around them into the fringe."""
    texel_rows, texel_columns = texels.shape
    flat = texels.ravel()
    rows, columns = nearest.shape
    corners = by_height(a, b, c)
    first, last = row_range(corners, top, rows)
    if first > last:
        return
    zx, zy, ux, uy, vx, vy, qx, qy, solid = planes(a, b, c)
    if not solid:
        return
    for y in range(first, last + 1):
        begin, end = span(float(y), corners, columns)
        for x in range(begin, end + 1):
            dx, dy, row = x - a[0], y - a[1], y - top
            z = a[2] + zx * dx + zy * dy
            scale = 1.0 / (a[5] + qx * dx + qy * dy)
            u, v = (a[3] + ux * dx + uy * dy) * scale, (a[4] + vx * dx + vy * dy) * scale
            share, own = _owner_shares(owners, card, u * scale_down, v * scale_down)
            if own:
                if z > nearest[row, x]:
                    nearest[row, x] = z
                    u_map[row, x] = u
                    v_map[row, x] = v
            elif share > 0 and z > fringe_nearest[y, x]:
                colour = sample(
                    flat, texel_rows, texel_columns, to_fixed_point(u), to_fixed_point(v)
                )
                fringe_nearest[y, x] = z
                fringe[y, x] = (colour & 0xFFFFFFFFFFFF) | (share << 48)


@njit(cache=True, nogil=True, error_model="numpy")
def _clip_to_near_plane(screen, in_front, i, j, k, corners):  # type: ignore[no-untyped-def]
    """Write what lies beyond the near plane into ``corners`` (4, 6); how many corners it has."""
    ids = (i, j, k)
    count = 0
    for n in range(3):
        this, after = ids[n], ids[(n + 1) % 3]
        if in_front[this]:
            corners[count] = screen[this]
            count += 1
        if in_front[this] != in_front[after]:
            front, behind = (this, after) if in_front[this] else (after, this)
            w = 1.0 / screen[front, 2]
            t = (w - NEAR) / (w - screen[behind, 2])
            for m in range(6):
                at_front = screen[front, m] * w if m != 2 else w
                corners[count, m] = (at_front + (screen[behind, m] - at_front) * t) / NEAR
            corners[count, 2] = 1.0 / NEAR
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _row_extents(screen, in_front, bent):  # type: ignore[no-untyped-def]
    """The highest and lowest y of each row of cells, (rows, 2); endless if any lies behind."""
    columns = bent.shape[1] + 1
    extents = np.empty((bent.shape[0], 2))
    for j in range(bent.shape[0]):
        top, bottom = np.inf, -np.inf
        for vertex in range(j * columns, (j + 2) * columns):
            if in_front[vertex]:
                top, bottom = min(top, screen[vertex, 1]), max(bottom, screen[vertex, 1])
            else:
                top, bottom = -np.inf, np.inf
                break
        extents[j, 0], extents[j, 1] = top, bottom
    return extents


@njit(cache=True, nogil=True, error_model="numpy")
def _has_gaps(picture):  # type: ignore[no-untyped-def]
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            if picture[y, x] == 0:
                return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_cells(  # type: ignore[no-untyped-def]
    screen, in_front, bent, extents, top, nearest, u_map, v_map
):
    """Draw the grid's bent cells, two triangles each, into a band."""
    rows, width = nearest.shape
    bottom = top + rows - 1
    columns = bent.shape[1] + 1
    corners = np.empty((4, 6))
    for j in range(bent.shape[0]):
        if extents[j, 0] > bottom or extents[j, 1] < top:
            continue
        for i in range(columns - 1):
            if not bent[j, i]:
                continue
            a = j * columns + i
            b, c, d = a + 1, a + columns, a + columns + 1
            if in_front[a] and in_front[b] and in_front[c] and in_front[d]:
                ya, yb, yc, yd = screen[a, 1], screen[b, 1], screen[c, 1], screen[d, 1]
                if max(max(ya, yb), max(yc, yd)) < top or min(min(ya, yb), min(yc, yd)) > bottom:
                    continue
                xa, xb, xc, xd = screen[a, 0], screen[b, 0], screen[c, 0], screen[d, 0]
                if max(max(xa, xb), max(xc, xd)) < 0 or min(min(xa, xb), min(xc, xd)) > width - 1:
                    continue
                fill_triangle(screen[a], screen[b], screen[c], top, nearest, u_map, v_map)
                fill_triangle(screen[b], screen[d], screen[c], top, nearest, u_map, v_map)
            else:
                for i0, i1, i2 in ((a, b, c), (b, d, c)):
                    count = _clip_to_near_plane(screen, in_front, i0, i1, i2, corners)
                    for n in range(1, count - 1):
                        fill_triangle(
                            corners[0], corners[n], corners[n + 1], top, nearest, u_map, v_map
                        )


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_flats(screen, in_front, flats, top, nearest, u_map, v_map):  # type: ignore[no-untyped-def]
    """Draw the flat pieces into a band."""
    rows, width = nearest.shape
    bottom = top + rows - 1
    corners = np.empty((4, 6))
    for n in range(flats.shape[0]):
        a, b, c, d = flats[n, 0], flats[n, 1], flats[n, 2], flats[n, 3]
        if in_front[a] and in_front[b] and in_front[c] and in_front[d]:
            ya, yb, yc, yd = screen[a, 1], screen[b, 1], screen[c, 1], screen[d, 1]
            if max(max(ya, yb), max(yc, yd)) < top - 1:
                continue
            if min(min(ya, yb), min(yc, yd)) > bottom + 1:
                continue
            xa, xb, xc, xd = screen[a, 0], screen[b, 0], screen[c, 0], screen[d, 0]
            if max(max(xa, xb), max(xc, xd)) < -1 or min(min(xa, xb), min(xc, xd)) > width:
                continue
            fill_quadrilateral(
                screen[a], screen[b], screen[c], screen[d], top, nearest, u_map, v_map
            )
        else:
            for i0, i1, i2 in ((a, b, c), (b, d, c)):
                count = _clip_to_near_plane(screen, in_front, i0, i1, i2, corners)
                for m in range(1, count - 1):
                    fill_triangle(
                        corners[0], corners[m], corners[m + 1], top, nearest, u_map, v_map
                    )


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_cut_cells(  # type: ignore[no-untyped-def]
    screen, in_front, quads, sides, owners, scale_down, texels, top, nearest, u_map, v_map,
    fringe, fringe_nearest,
):  # fmt: skip
    """Draw both sides, or all cards, of the cut cells into a band."""
    bottom = top + nearest.shape[0] - 1
    corners = np.empty((4, 6))
    for n in range(quads.shape[0]):
        a, b, c, d = quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3]
        if in_front[a] and in_front[b] and in_front[c] and in_front[d]:
            ya, yb, yc, yd = screen[a, 1], screen[b, 1], screen[c, 1], screen[d, 1]
            if max(max(ya, yb), max(yc, yd)) < top or min(min(ya, yb), min(yc, yd)) > bottom:
                continue
        for i0, i1, i2 in ((a, b, c), (b, d, c)):
            count = _clip_to_near_plane(screen, in_front, i0, i1, i2, corners)
            for m in range(1, count - 1):
                if owners.size > 0:
                    _fill_card_triangle(
                        corners[0], corners[m], corners[m + 1], sides[n], owners, texels,
                        scale_down, top, nearest, u_map, v_map, fringe, fringe_nearest,
                    )  # fmt: skip
                    continue
                _fill_cut_triangle(
                    corners[0], corners[m], corners[m + 1], sides[n], texels,
                    top, nearest, u_map, v_map, fringe, fringe_nearest,
                )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def source_map(screen, in_front, bent, flats, width, height):  # type: ignore[no-untyped-def]
    """1/Z (0 where uncovered) and source positions in texels, each (height, width)."""
    nearest = np.zeros((height, width))
    u_map = np.zeros((height, width), np.float32)
    v_map = np.zeros((height, width), np.float32)
    extents = _row_extents(screen, in_front, bent)
    _fill_flats(screen, in_front, flats, 0, nearest, u_map, v_map)
    _fill_cells(screen, in_front, bent, extents, 0, nearest, u_map, v_map)
    return nearest, u_map, v_map


@njit(cache=True, nogil=True, error_model="numpy")
def draw_layer(  # type: ignore[no-untyped-def]
    screen, in_front, bent, flats, quads, sides, owners, texels_per_pixel,
    texels, coarser, level, coarser_weight, picture,
    inverse_depth, fringe, fringe_nearest,
):  # fmt: skip
    """Draw a layer behind those drawn before; how many pixels remain uncovered.

    ``texels`` of ``level`` and ``coarser`` of the next are mixed by ``coarser_weight`` / 256.
    ``owners`` (H, W) are the canvas pixels' cards, of which ``sides`` are those of the quads, or
    empty. ``picture`` (H, W) is drawn into: texels, 0 where nothing was drawn yet. ``fringe``
    (H, W) collects the soft edges of cuts, ``fringe_nearest`` their 1/Z and ``inverse_depth`` that
    of the picture; they may be empty where no layer is cut.
    """
    height, width = picture.shape
    band_nearest = np.empty((_BAND_ROWS, width))
    band_u = np.empty((_BAND_ROWS, width), np.float32)
    band_v = np.empty((_BAND_ROWS, width), np.float32)
    extents = _row_extents(screen, in_front, bent)
    uncovered = 0
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        if not _has_gaps(picture[top:bottom]):
            continue
        nearest, u_map, v_map = (
            band_nearest[: bottom - top], band_u[: bottom - top], band_v[: bottom - top],
        )  # fmt: skip
        nearest[:] = 0
        _fill_flats(screen, in_front, flats, top, nearest, u_map, v_map)
        _fill_cells(screen, in_front, bent, extents, top, nearest, u_map, v_map)
        _fill_cut_cells(
            screen, in_front, quads, sides, owners, 1.0 / texels_per_pixel, texels,
            top, nearest, u_map, v_map, fringe, fringe_nearest,
        )  # fmt: skip
        if inverse_depth.size > 0:
            for row in range(bottom - top):
                for x in range(width):
                    if picture[top + row, x] == 0:
                        inverse_depth[top + row, x] = nearest[row, x]
        for left in range(0, width, _TILE_COLUMNS):
            tile = slice(left, min(left + _TILE_COLUMNS, width))
            uncovered += _sample_tile(
                texels, coarser, level, coarser_weight,
                nearest[:, tile], u_map[:, tile], v_map[:, tile], picture[top:bottom, tile],
            )  # fmt: skip
    return uncovered


@njit(cache=True, nogil=True, error_model="numpy")
def _sample_tile(  # type: ignore[no-untyped-def]
    texels, coarser, level, coarser_weight, nearest, u_map, v_map, picture
):
    rows, columns = texels.shape
    coarser_rows, coarser_columns = coarser.shape
    flat, coarser_flat = texels.ravel(), coarser.ravel()
    uncovered = 0
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            if picture[y, x] == 0:
                if nearest[y, x] > 0:
                    u, v = (
                        to_fixed_point(u_map[y, x]) >> level,
                        to_fixed_point(v_map[y, x]) >> level,
                    )
                    colour = sample(flat, rows, columns, u, v)
                    if coarser_weight > 0:
                        soft = sample(coarser_flat, coarser_rows, coarser_columns, u >> 1, v >> 1)
                        colour = mix(colour, soft, coarser_weight)
                    picture[y, x] = opaque(colour)
                else:
                    uncovered += 1
    return uncovered


@njit(cache=True, nogil=True, error_model="numpy")
def lay_fringe(picture, inverse_depth, fringe, fringe_nearest):  # type: ignore[no-untyped-def]
    """Mix the soft edges of cuts over a picture (H, W, 4) where nothing lies before them."""
    height, width = inverse_depth.shape
    for y in range(height):
        for x in range(width):
            if fringe_nearest[y, x] > inverse_depth[y, x] > 0:
                colour = fringe[y, x]
                alpha = colour >> 48
                for channel, shift in ((0, 0), (1, 32), (2, 16)):
                    front = (colour >> shift) & 255
                    behind = np.int64(picture[y, x, channel])
                    picture[y, x, channel] = (front * alpha + behind * (255 - alpha) + 127) // 255
