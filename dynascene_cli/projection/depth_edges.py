"""Mesh cells that span a step in depth, drawn twice: as their nearer and as their farther side.

A cell that stretched over the step would smear the silhouette, one left out would eat it. So the
nearer surface goes on flat to the cell's border, the farther one likewise, and an alpha at full
resolution says which pixels belong to which.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.projection.cut_fill import FARTHER, NEARER
from dynascene_cli.shot import Image

FRINGE = 4
"""Pixels around a step that its cells must contain: the soft edge ends within them."""

STEP = 7
"""Pixels within which a step in depth happens, blurred as depth maps are."""

REACH = FRINGE + STEP // 2
"""Pixels around a cut cell by which its two sides are judged."""

SUDDEN = 0.7
"""Share of what depth does in thrice as many pixels that makes it a step and no slope."""


@dataclass(frozen=True, eq=False)
class CutCells:
    """The cells that are kept whole and the two sides of the others.

    Twin vertices share the place of grid vertex ``twins`` (T,) but lie on the surface across the
    step, at ``twin_inverse_depth`` (T,); in ``quads`` (M, 4) they are numbered after the grid's.
    """

    kept: NDArray[np.bool_]
    quads: NDArray[np.int64]
    sides: NDArray[np.int64]
    twins: NDArray[np.int64]
    twin_inverse_depth: Floats
    alpha: Image | None

    @classmethod
    def none(cls, shape: tuple[int, int]) -> "CutCells":
        """No cell of a grid of this shape is cut."""
        empty = np.empty(0, np.int64)
        return cls(np.ones(shape, bool), empty.reshape(0, 4), empty, empty, np.empty(0), None)


def find_cut_cells(
    inverse: Floats,
    at_vertices: Floats,
    ys: Floats,
    xs: Floats,
    *,
    largest_ratio: float,
    least_jump: float,
) -> CutCells:
    """Find and split the cells over which depths differ by more than ``largest_ratio``.

    ``inverse`` (H, W) is inverse depth, ``at_vertices`` its values on the grid lines ``ys`` ×
    ``xs`` in its pixels. Nothing is cut where inverse depth jumps by less than ``least_jump``, or
    evenly, as ground does that recedes to the horizon.
    """
    rows, columns = ys[:-1].astype(np.int64), xs[:-1].astype(np.int64)
    edge = _find_steps(inverse, largest_ratio, least_jump)
    around_edge, _ = _spread(edge.astype(np.float64), 2 * FRINGE + 1)
    is_cut = _block(np.maximum, around_edge, rows, columns) > 0
    if not is_cut.any():
        return CutCells.none(is_cut.shape)

    j, i = np.nonzero(is_cut)
    highest, lowest = _spread(inverse, 2 * REACH + 1)
    middle = np.sqrt(
        _block(np.maximum, highest, rows, columns) * _block(np.minimum, lowest, rows, columns)
    )
    near_mask, near_surface, far_surface = _split_cells(
        inverse, edge, rows, columns, middle, is_cut
    )

    across = at_vertices.shape[1]
    corner = j * across + i
    corners = np.stack([corner, corner + 1, corner + across, corner + across + 1], axis=1)
    vertex_rows = np.minimum(ys.astype(np.int64), len(inverse) - 1)
    vertex_columns = np.minimum(xs.astype(np.int64), inverse.shape[1] - 1)
    on_step = (around_edge[np.ix_(vertex_rows, vertex_columns)] > 0).ravel()[corners]
    is_near = at_vertices.ravel()[corners] > middle[j, i][:, None]
    near_quads, near_twins, near_values = _side(
        corners, ~is_near | on_step, near_surface, at_vertices.size
    )
    far_quads, far_twins, far_values = _side(
        corners, is_near | on_step, far_surface, at_vertices.size + len(near_twins)
    )
    return CutCells(
        kept=~is_cut,
        quads=np.concatenate([near_quads, far_quads]),
        sides=np.repeat(np.array([NEARER, FARTHER]), len(j)),
        twins=np.concatenate([near_twins, far_twins]),
        twin_inverse_depth=np.concatenate([near_values, far_values]),
        alpha=_soft_alpha(near_mask),
    )


def _find_steps(inverse: Floats, largest_ratio: float, least_jump: float) -> NDArray[np.bool_]:
    """Where (H, W) depth jumps within a few pixels."""
    high, low = _spread(inverse, STEP)
    wide_high, wide_low = _spread(inverse, 3 * STEP)
    jump = high - low
    sudden = jump > SUDDEN * (wide_high - wide_low)
    return (high > low * largest_ratio) & sudden & (jump > least_jump)


def _split_cells(
    inverse: Floats,
    edge: NDArray[np.bool_],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    middle: Floats,
    is_cut: NDArray[np.bool_],
) -> tuple[Image, Floats, Floats]:
    """The pixels (H, W) on the nearer side of the cut cells, 1, and each side's surface (M, 2)."""
    j, i = np.nonzero(is_cut)
    sloping = _spread(edge.astype(np.float64), STEP)[0] > 0
    near_mask = np.zeros(inverse.shape, np.uint8)
    near_surface, far_surface = np.empty((len(j), 2)), np.empty((len(j), 2))
    row_ends = np.append(rows[1:], len(inverse))
    column_ends = np.append(columns[1:], inverse.shape[1])
    for n, (jj, ii) in enumerate(zip(j, i, strict=True)):
        top, bottom, left, right = rows[jj], row_ends[jj], columns[ii], column_ends[ii]
        near_mask[top:bottom, left:right] = inverse[top:bottom, left:right] > middle[jj, ii]
        window = np.s_[max(top - REACH, 0) : bottom + REACH, max(left - REACH, 0) : right + REACH]
        around, level = inverse[window], ~sloping[window]
        is_near = around > middle[jj, ii]
        near_surface[n] = _surface(around, is_near, level, np.max)
        far_surface[n] = _surface(around, ~is_near, level, np.min)
    return near_mask, near_surface, far_surface


def _spread(values: Floats, size: int) -> tuple[Floats, Floats]:
    """The largest and the smallest value within a square of ``size`` around each pixel."""
    window = np.ones((size, size), np.uint8)
    return np.asarray(cv2.dilate(values, window)), np.asarray(cv2.erode(values, window))


def _block(
    reduction: np.ufunc, values: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> Floats:
    reduced: Floats = reduction.reduceat(reduction.reduceat(values, rows, axis=0), columns, axis=1)
    return reduced


def _surface(
    inverse: Floats,
    own_side: NDArray[np.bool_],
    level: NDArray[np.bool_],
    extreme: Callable[[Floats], float],
) -> tuple[float, float]:
    """The inverse depth of one side of a step, and how far to trust it.

    It is the mean of the side's pixels off the slope; a cell at the end of a blurred step may see
    none, and then offers the extreme, for want of better.
    """
    own = own_side & level
    if own.any():
        return float(inverse[own].mean()), 1.0
    return float(extreme(inverse[own_side])), 1e-3


def _side(
    corners: NDArray[np.int64], has_twin: NDArray[np.bool_], surface: Floats, first: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Quads of one side, with corners off its surface replaced by twins numbered from ``first``.

    A twin's inverse depth is the mean of its cells', so that neighbouring cells meet; ``surface``
    (M, 2) is each cell's and its weight.
    """
    twins, number = np.unique(corners[has_twin], return_inverse=True)
    value, weight = surface[np.nonzero(has_twin)[0]].T
    weighted = np.bincount(number, value * weight, len(twins))
    quads = corners.copy()
    quads[has_twin] = first + number
    return quads, twins, weighted / np.bincount(number, weight, len(twins))


def _soft_alpha(near_mask: Image) -> Image:
    """255 on the nearer side and the pixel beside it, which photos blend, then 0 within 2 px."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    own = cv2.dilate(near_mask * np.uint8(255), disc)
    soft: Image = np.maximum(own, cv2.GaussianBlur(cv2.dilate(own, disc), (5, 5), 0.8))
    return soft
