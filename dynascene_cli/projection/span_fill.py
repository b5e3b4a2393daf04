"""Triangles and flat quadrilaterals drawn row by row into a band of the picture.

What is linear over a flat piece on the screen is 1/Z, u·q, v·q and q (see the raster).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats

OVERLAP = 1e-3
"""Pixels by which pieces overlap: corners that lie on the edge of a larger piece leave no gap."""


class Band(NamedTuple):
    """Rows of a picture, from row ``top``, and columns ``left`` ≤ x < ``right`` drawn together.

    1/Z of what is nearest, 0 where nothing is yet, and its source position in texels: (rows, W)
    each.
    """

    top: int
    left: int
    right: int
    nearest: Floats
    u_map: NDArray[np.float32]
    v_map: NDArray[np.float32]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def by_height(a, b, c):  # type: ignore[no-untyped-def]
    """Corners from top to bottom, so that triangles sharing an edge compute it alike."""
    x0, y0, x1, y1, x2, y2 = a[0], a[1], b[0], b[1], c[0], c[1]
    if y1 < y0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    if y2 < y0:
        x0, y0, x2, y2 = x2, y2, x0, y0
    if y2 < y1:
        x1, y1, x2, y2 = x2, y2, x1, y1
    return x0, y0, x1, y1, x2, y2


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def reciprocal(value):  # type: ignore[no-untyped-def]
    """1 / value; 0 for a height of nothing."""
    return 1.0 / value if value > 1e-12 else 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def span(y, corners, band):  # type: ignore[no-untyped-def]
    """First and last pixel of row ``y`` inside a triangle of corners from top to bottom."""
    x0, y0, x1, y1, x2, y2 = corners
    y = min(max(y, y0), y2)
    left = x0 + (y - y0) * (x2 - x0) * reciprocal(y2 - y0)
    if y < y1:
        right = x0 + (y - y0) * (x1 - x0) * reciprocal(y1 - y0)
    else:
        right = x1 + (y - y1) * (x2 - x1) * reciprocal(y2 - y1)
    if right < left:
        left, right = right, left
    return pixels_between(left, right, band)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def pixels_between(left, right, band):  # type: ignore[no-untyped-def]
    """First and last pixel of a band between two edges; the last is before the first if none is."""
    begin = int(np.ceil(min(max(left - OVERLAP, float(band.left)), band.right + 1.0)))
    end = int(np.floor(max(min(right + OVERLAP, band.right - 1.0), band.left - 1.0)))
    return begin, end


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def planes(a, b, c):  # type: ignore[no-untyped-def]
    """Gradients along x and y of the four quantities that are linear over a triangle."""
    abx, aby, acx, acy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
    area = abx * acy - acx * aby
    r = 1.0 / area if abs(area) > 1e-9 else 0.0
    px, py, sx, sy = acy * r, aby * r, abx * r, acx * r
    return (
        (b[2] - a[2]) * px - (c[2] - a[2]) * py,
        (c[2] - a[2]) * sx - (b[2] - a[2]) * sy,
        (b[3] - a[3]) * px - (c[3] - a[3]) * py,
        (c[3] - a[3]) * sx - (b[3] - a[3]) * sy,
        (b[4] - a[4]) * px - (c[4] - a[4]) * py,
        (c[4] - a[4]) * sx - (b[4] - a[4]) * sy,
        (b[5] - a[5]) * px - (c[5] - a[5]) * py,
        (c[5] - a[5]) * sx - (b[5] - a[5]) * sy,
        r != 0.0,
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def row_range(corners, top, rows):  # type: ignore[no-untyped-def]
    """First and last row of a triangle within a band of ``rows`` rows from ``top``."""
    first = max(top, int(np.ceil(max(corners[1] - OVERLAP, -1.0))))
    last = min(top + rows - 1, int(np.floor(min(corners[5] + OVERLAP, top + rows + 1.0))))
    return first, last


@njit(cache=True, nogil=True, error_model="numpy")
def fill_triangle(a, b, c, band):  # type: ignore[no-untyped-def]
    """Draw a triangle's source positions into a band."""
    top, nearest, u_map, v_map = band.top, band.nearest, band.u_map, band.v_map
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
        dx, dy, row = begin - a[0], y - a[1], y - top
        _fill_span(
            begin, end,
            a[2] + zx * dx + zy * dy, zx, a[3] + ux * dx + uy * dy, ux,
            a[4] + vx * dx + vy * dy, vx, a[5] + qx * dx + qy * dy, qx,
            nearest[row], u_map[row], v_map[row],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _widen_span(y, x0, y0, x1, y1, left, right):  # type: ignore[no-untyped-def]
    """A row's extent, widened to where an edge crosses it; neighbours compute it alike."""
    if y1 < y0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    if y0 <= y <= y1:
        x = x0 + (y - y0) * (x1 - x0) * reciprocal(y1 - y0)
        left, right = min(left, x), max(right, x)
    return left, right


@njit(cache=True, nogil=True, error_model="numpy")
def fill_quadrilateral(a, b, c, d, band):  # type: ignore[no-untyped-def]
    """Draw a flat, convex quadrilateral, a and b over c and d, into a band.

    Large pieces of ground and wall are one: half the spans that two triangles would take.
    """
    top, nearest, u_map, v_map = band.top, band.nearest, band.u_map, band.v_map
    rows = nearest.shape[0]
    highest, lowest = min(min(a[1], b[1]), min(c[1], d[1])), max(max(a[1], b[1]), max(c[1], d[1]))
    first = max(top, int(np.ceil(max(highest - OVERLAP, -1.0))))
    last = min(top + rows - 1, int(np.floor(min(lowest + OVERLAP, top + rows + 1.0))))
    if first > last:
        return
    zx, zy, ux, uy, vx, vy, qx, qy, solid = planes(a, b, c)
    if not solid:
        zx, zy, ux, uy, vx, vy, qx, qy, solid = planes(d, c, b)
        if not solid:
            return
        a, b, c, d = d, c, b, a
    for y in range(first, last + 1):
        inner = min(max(float(y), highest), lowest)
        left, right = _widen_span(inner, a[0], a[1], b[0], b[1], np.inf, -np.inf)
        left, right = _widen_span(inner, b[0], b[1], d[0], d[1], left, right)
        left, right = _widen_span(inner, d[0], d[1], c[0], c[1], left, right)
        left, right = _widen_span(inner, c[0], c[1], a[0], a[1], left, right)
        begin, end = pixels_between(left, right, band)
        dx, dy, row = begin - a[0], y - a[1], y - top
        _fill_span(
            begin, end,
            a[2] + zx * dx + zy * dy, zx, a[3] + ux * dx + uy * dy, ux,
            a[4] + vx * dx + vy * dy, vx, a[5] + qx * dx + qy * dy, qx,
            nearest[row], u_map[row], v_map[row],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _fill_span(  # type: ignore[no-untyped-def]
    begin, end, z, zx, u, ux, v, vx, q, qx, near_row, u_row, v_row
):
    """Draw pixels ``begin`` to ``end`` of a row, from values at the first and their gradients."""
    for i in range(end - begin + 1):
        x = np.uint64(begin + i)
        zi = z + zx * i
        if zi > near_row[x]:
            scale = 1.0 / (q + qx * i)
            near_row[x] = zi
            u_row[x] = np.float32((u + ux * i) * scale)
            v_row[x] = np.float32((v + vx * i) * scale)
