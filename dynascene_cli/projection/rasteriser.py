"""A z-buffered scanline raster from mesh to picture, and the sampler at the end of it.

The picture is drawn in bands of rows whose buffers stay in the processor's cache. Pixels are
indexed by their centres (index = pixel − 0.5), texels likewise. What is linear over a triangle on
the screen is u·q, v·q and q = Z_source / Z_target, since the source position is itself a
projection of the world point; perspective-correct interpolation of u and v alone would be wrong.
The kernels hold no state and no locks, so that frames can be drawn on several threads.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.projection.cut_fill import (
    Cuts,
    Fringe,
    fill_card_triangle,
    fill_cut_triangle,
)
from dynascene_cli.projection.span_fill import (
    Band,
    fill_quadrilateral,
    fill_triangle,
)
from dynascene_cli.projection.texture import LIST_COLUMNS, SampledTexture, Texels

NEAR = 0.05
"""Metres in front of the camera at which triangles are clipped."""

PENDING = np.uint32(1)
"""What no texel is: a pixel whose source is known and whose colour is yet to be sampled."""

_BAND_ROWS = 32
_STRIP_ROWS = 128
"""Rows that are filled together, and rows whose colours are sampled together."""


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
def _clip_to_near_plane(vertices, i, j, k, corners):  # type: ignore[no-untyped-def]
    """Write what lies beyond the near plane into ``corners`` (4, 6); how many corners it has."""
    screen, in_front = vertices
    ids = (i, j, k)
    count = 0
    for n in range(3):
        this, after = ids[n], ids[(n + 1) % 3]
        if in_front[this]:
            # A loop, since an assignment of rows makes numba compile the text of its error too.
            for m in range(6):
                corners[count, m] = screen[this, m]
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
def row_extents(screen, in_front, bent):  # type: ignore[no-untyped-def]
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
def _gap_columns(picture):  # type: ignore[no-untyped-def]
    """The columns first ≤ x < last between which pixels of a picture (rows, W) are 0."""
    left, right = picture.shape[1], 0
    for y in range(picture.shape[0]):
        row = picture[y]
        for x in range(left):
            if row[x] == 0:
                left = x
                break
        for x in range(row.shape[0] - 1, right - 1, -1):
            if row[x] == 0:
                right = x + 1
                break
    return left, right


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_cells(vertices, bent, extents, band):  # type: ignore[no-untyped-def]
    """Draw the grid's bent cells, two triangles each, into a band."""
    screen, in_front = vertices
    top, left, right = band.top, band.left, band.right
    bottom = top + band.nearest.shape[0] - 1
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
                if max(max(xa, xb), max(xc, xd)) < left or min(min(xa, xb), min(xc, xd)) >= right:
                    continue
                fill_triangle(screen[a], screen[b], screen[c], band)
                fill_triangle(screen[b], screen[d], screen[c], band)
            else:
                for i0, i1, i2 in ((a, b, c), (b, d, c)):
                    count = _clip_to_near_plane(vertices, i0, i1, i2, corners)
                    for n in range(1, count - 1):
                        fill_triangle(corners[0], corners[n], corners[n + 1], band)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_flats(vertices, flats, band):  # type: ignore[no-untyped-def]
    """Draw the flat pieces into a band."""
    screen, in_front = vertices
    top, left, right = band.top, band.left, band.right
    bottom = top + band.nearest.shape[0] - 1
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
            if max(max(xa, xb), max(xc, xd)) < left - 1:
                continue
            if min(min(xa, xb), min(xc, xd)) > right:
                continue
            fill_quadrilateral(screen[a], screen[b], screen[c], screen[d], band)
        else:
            for i0, i1, i2 in ((a, b, c), (b, d, c)):
                count = _clip_to_near_plane(vertices, i0, i1, i2, corners)
                for m in range(1, count - 1):
                    fill_triangle(corners[0], corners[m], corners[m + 1], band)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_cut_cells(vertices, cuts, texels, band, fringe):  # type: ignore[no-untyped-def]
    """Draw both sides, or all cards, of the cut cells into a band."""
    screen, in_front = vertices
    quads, top, left, right = cuts.quads, band.top, band.left, band.right
    bottom = top + band.nearest.shape[0] - 1
    corners = np.empty((4, 6))
    for n in range(quads.shape[0]):
        a, b, c, d = quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3]
        if in_front[a] and in_front[b] and in_front[c] and in_front[d]:
            ya, yb, yc, yd = screen[a, 1], screen[b, 1], screen[c, 1], screen[d, 1]
            if max(max(ya, yb), max(yc, yd)) < top or min(min(ya, yb), min(yc, yd)) > bottom:
                continue
            xa, xb, xc, xd = screen[a, 0], screen[b, 0], screen[c, 0], screen[d, 0]
            if max(max(xa, xb), max(xc, xd)) < left or min(min(xa, xb), min(xc, xd)) >= right:
                continue
        for i0, i1, i2 in ((a, b, c), (b, d, c)):
            count = _clip_to_near_plane(vertices, i0, i1, i2, corners)
            for m in range(1, count - 1):
                p, q, r = corners[0], corners[m], corners[m + 1]
                if cuts.owners.size > 0:
                    fill_card_triangle((p, q, r), cuts, n, texels, band, fringe)
                else:
                    fill_cut_triangle((p, q, r), cuts.sides[n], texels, band, fringe)


@njit(cache=True, nogil=True, error_model="numpy")
def source_map(screen, in_front, bent, flats, width, height):  # type: ignore[no-untyped-def]
    """1/Z (0 where uncovered) and source positions in texels, each (height, width)."""
    nearest = np.zeros((height, width))
    u_map = np.zeros((height, width), np.float32)
    v_map = np.zeros((height, width), np.float32)
    vertices, band = (screen, in_front), Band(0, 0, width, nearest, u_map, v_map)
    _fill_flats(vertices, flats, band)
    _fill_cells(vertices, bent, row_extents(screen, in_front, bent), band)
    return nearest, u_map, v_map


@njit(cache=True, nogil=True, error_model="numpy")
def find_sources(  # type: ignore[no-untyped-def]
    vertices, cells, extents, cuts, texels, top, scale, picture, inverse_depth, fringe, u, v
):
    """Where a layer shows in rows of the picture from ``top`` on: how many pixels, how many not.

    Of the pixels of ``picture`` (rows, W) that are 0 those that it covers become PENDING, and
    their source positions times ``scale`` are listed in ``u`` and ``v``, row by row.
    """
    rows, width = picture.shape
    band_nearest = np.empty((_BAND_ROWS, width))
    band_u = np.empty((_BAND_ROWS, width), np.float32)
    band_v = np.empty((_BAND_ROWS, width), np.float32)
    found, uncovered = np.uint64(0), 0
    for first in range(0, rows, _BAND_ROWS):
        last = min(first + _BAND_ROWS, rows)
        left, right = _gap_columns(picture[first:last])
        if left >= right:
            continue
        count = last - first
        band = Band(top + first, left, right, band_nearest[:count], band_u[:count], band_v[:count])
        band.nearest[:, left:right] = 0
        _fill_flats(vertices, cells[1], band)
        _fill_cells(vertices, cells[0], extents, band)
        _fill_cut_cells(vertices, cuts, texels, band, fringe)
        for row in range(count):
            pixels = picture[first + row]
            near_row, u_row, v_row = band_nearest[row], band_u[row], band_v[row]
            for x in range(left, right):
                if pixels[x] != 0:
                    continue
                if inverse_depth.size > 0:
                    inverse_depth[first + row, x] = near_row[x]
                if near_row[x] > 0:
                    pixels[x] = PENDING
                    u[found], v[found] = u_row[x] * scale, v_row[x] * scale
                    found += np.uint64(1)
                else:
                    uncovered += 1
    return found, uncovered


@njit(cache=True, nogil=True, error_model="numpy")
def paint_pending(colours, picture):  # type: ignore[no-untyped-def]
    """Give the PENDING pixels of a picture (rows, W) the colours (N,) in order, made opaque."""
    at = np.uint64(0)
    for y in range(picture.shape[0]):
        row = picture[y]
        for x in range(row.shape[0]):
            if row[x] == PENDING:
                row[x] = colours[at] | np.uint32(0xFF000000)
                at += np.uint64(1)


@dataclass(frozen=True, eq=False)
class Canvas:
    """What a frame is drawn on: texels, 0 where nothing is yet, 1/Z and soft edges of cuts (H, W).

    Without cuts the latter two are empty; so is ``deep`` (H, W, 3), the picture in 16 bits, where
    the layers have none. It serves one frame after another: to get its memory anew takes half as
    long as to draw.
    """

    texels: Texels
    deep: NDArray[np.uint16]
    inverse_depth: NDArray[np.float32]
    fringe: Fringe

    @classmethod
    def of(cls, width: int, height: int, *, is_cut: bool, is_deep: bool) -> "Canvas":
        """A canvas for frames of a size."""
        shape, nothing = (height, width), (0, 0)
        cut_shape = shape if is_cut else nothing
        # Single precision: of a 4K picture, several of which are drawn at once, it is 33 MB less.
        fringe = Fringe(np.empty(cut_shape, np.int64), np.empty(cut_shape, np.float32))
        deep = np.empty((*(shape if is_deep else nothing), 3), np.uint16)
        return cls(np.empty(shape, np.uint32), deep, np.empty(cut_shape, np.float32), fringe)


def draw_layer(
    vertices: tuple[Floats, NDArray[np.bool_]],
    cells: tuple[NDArray[np.bool_], NDArray[np.int64]],
    cuts: Cuts,
    texture: SampledTexture,
    canvas: Canvas,
) -> int:
    """Draw a layer behind those drawn before; how many pixels remain uncovered.

    ``vertices`` are those of `screen_vertices`, ``cells`` the grid's bent ones and its flat pieces.
    The ``canvas`` is drawn on where its texels are 0.
    """
    picture, deep = canvas.texels, canvas.deep
    height, width = picture.shape
    extents = row_extents(*vertices, cells[0])
    u, v = np.empty((2, _STRIP_ROWS * width + LIST_COLUMNS), np.float32)
    uncovered = 0
    for top in range(0, height, _STRIP_ROWS):
        strip = slice(top, top + _STRIP_ROWS)
        found, gaps = find_sources(
            vertices, cells, extents, cuts, texture.finest, top, texture.scale,
            picture[strip], canvas.inverse_depth[strip], canvas.fringe, u, v,
        )  # fmt: skip
        uncovered += gaps
        if found and deep.size:
            pending = picture[strip] == PENDING
            deep[strip][pending] = texture.sample_deep_list(u, v, int(found))
        if found:
            paint_pending(texture.sample_list(u, v, int(found)), picture[strip])
    return uncovered
