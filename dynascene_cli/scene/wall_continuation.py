"""Walls that an edge of the photo cuts, carried on beyond it along their own planes.

Beside the photo a wall is mirrored over the edge in depth, so that a fence's rail and a façade's
cornices run on towards their vanishing point; above it, in height. A search for patches knows
nothing of either: it breaks the fence, and ends a house that the upper edge cuts in the sky.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.popup import PopUp, Surface, level_grid
from dynascene_cli.scene.popup_layers import GROUND, SKY
from dynascene_cli.shot import Image, Margins, Mask

NO_PLANE, OUTSIDE = -1, -2

LEAST_BESIDE, LEAST_ABOVE = 0.02, 0.08
"""The share of an edge beside, or above, the photo that a wall must fill to be carried on over it:
a spire that touches the upper edge ends there."""

NEAREST_MIRROR = 2.0
"""A wall is carried on to at most so many times its depth at the edge, or to one in so many: beyond
it would be made of too few, or too many, pixels of the photo."""

SLANT = 0.6
"""By how much of itself a wall's inverse depth changes over the picture's width, at least, where it
is carried on beside the photo: mirrored, a wall that faces the camera would only be doubled."""


@dataclass(frozen=True, eq=False)
class Continuation:
    """Which pixels (H, W) of a canvas walls go on over, and where in the photo they come from.

    ``columns`` and ``rows`` (H, W) float32 are pixel indices of the photo.
    """

    mask: Mask
    columns: NDArray[np.float32]
    rows: NDArray[np.float32]

    def paint(self, canvas: Image, photo: Image) -> Image:
        """The canvas (H, W, 3) with the walls of the photo (h, w, 3) painted in."""
        copied = cv2.remap(
            photo, self.columns, self.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.where(self.mask[..., None], np.asarray(copied, np.uint8), canvas)


@dataclass(frozen=True, eq=False)
class _Edge:
    """The pixels of a canvas ``beyond`` an edge of the photo, and the ``planes`` (n,) along it.

    −1 where no wall is wide enough there to be carried on, nor is it the ground.
    """

    beyond: tuple[NDArray[np.intp], ...]
    planes: NDArray[np.int32]
    column: float
    is_above: bool


def continue_walls(
    popup: PopUp, margins: Margins, barred: Mask | None, *, above: bool = True
) -> Continuation:
    """How the walls of a pop-up go on over its margins, beside the photo with the ground.

    What is ``barred`` (h, w) of the photo is not copied. Over the upper edge, if ``above``, a wall
    goes on where it meets the edge alone: a roof that ends beside it is not mirrored.
    """
    column, level = (grid.astype(float) for grid in level_grid(popup.geometry, margins))
    mask = np.zeros(column.shape, np.bool_)
    columns, rows = np.zeros((2, *column.shape), np.float32)
    sources = popup.index if barred is None else np.where(barred, NO_PLANE, popup.index)
    for edge in _edges(popup, margins, above):
        at = edge.beyond
        for plane in np.unique(edge.planes[edge.planes > SKY]):
            meets = source = column[at], level[at]
            if not edge.is_above:
                meets, source = _mirror_aside(popup, plane, edge.column, *source)
            met = _planes_met(popup, edge, *meets)
            u, v = _pixels(popup, *source)
            v = np.where(v < 0, -1 - v, v)
            carried = (met == plane) | ((met == GROUND) & (not edge.is_above))
            taken = carried & (_planes_at(sources, u, v) == met)
            own = at[0][taken], at[1][taken]
            mask[own], columns[own], rows[own] = True, u[taken], v[taken]
    return Continuation(mask, columns, rows)


def _edges(popup: PopUp, margins: Margins, above: bool) -> list[_Edge]:
    """The left, right and, if wanted, upper edge of a photo that has margins there."""
    height, width = popup.index.shape
    grid_column, _ = level_grid(popup.geometry)
    x = np.arange(width + margins.left + margins.right) - margins.left
    y = np.arange(height + margins.top + margins.bottom)[:, None] - margins.top
    sides = (
        (x + 0 * y < 0, np.s_[:, 0], False),
        (x + 0 * y >= width, np.s_[:, -1], False),
        ((y < 0) & (x >= 0) & (x < width), np.s_[0, :], True),
    )
    found = []
    for beyond, own, is_above in sides:
        if beyond.any() and (above or not is_above):
            planes = _wide_walls(popup, popup.index[own], LEAST_ABOVE if is_above else LEAST_BESIDE)
            found.append(
                _Edge(np.nonzero(beyond), planes, float(np.median(grid_column[own])), is_above)
            )
    return found


def _wide_walls(popup: PopUp, planes: NDArray[np.int32], least: float) -> NDArray[np.int32]:
    """The planes (n,) along an edge, but −1 where neither ground nor a wall wide enough is."""
    starts = np.flatnonzero(np.diff(planes, prepend=-1))
    lengths = np.diff(starts, append=len(planes))
    wide = (popup.shown[planes[starts]] == Surface.STRUCTURE) & (lengths > least * len(planes))
    kept = wide | (planes[starts] == GROUND)
    return np.where(np.repeat(kept, lengths), planes, NO_PLANE)


def _mirror_aside(
    popup: PopUp, plane: int, border: float, column: Floats, level: Floats
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Where levelled pixels' lines to a wall's vanishing point meet the edge, and their mirrors.

    These are at the same height on the wall, and as many times as far behind the ``border``'s
    column as the pixels are before it, or the other way round; NaN where that is too far off.
    """
    offset, slope, _ = popup.planes[plane]
    here, there = offset + slope * border, offset + slope * column
    if abs(slope) * popup.geometry.width < SLANT * here:
        nowhere = np.full_like(column, np.nan)
        return (nowhere, nowhere), (nowhere, nowhere)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = here / there
    ratio = np.where((ratio < NEAREST_MIRROR) & (ratio > 1 / NEAREST_MIRROR), ratio, np.nan)
    vanishing = -offset / slope
    meets, source = (
        (vanishing + (column - vanishing) * scale, level * scale) for scale in (ratio, ratio**2)
    )
    return meets, source


def _pixels(popup: PopUp, column: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Pixel indices (column, row) of the photo at levelled positions."""
    geometry = popup.geometry
    angle = np.radians(geometry.roll_deg)
    across = np.cos(angle) * column + np.sin(angle) * level
    down = np.cos(angle) * level - np.sin(angle) * column
    return across + geometry.middle - 0.5, down + geometry.horizon - 0.5


def _planes_met(popup: PopUp, edge: _Edge, column: Floats, level: Floats) -> NDArray[np.int32]:
    """The plane of the edge at levelled positions on it, −1 where these are NaN."""
    along = _pixels(popup, column, level)[0 if edge.is_above else 1]
    known = np.isfinite(along)
    place = np.where(known, along, 0).round().astype(int)
    return np.where(known, edge.planes[np.clip(place, 0, len(edge.planes) - 1)], NO_PLANE)


def _planes_at(index: NDArray[np.int32], column: Floats, row: Floats) -> NDArray[np.int32]:
    """The planes (h, w) at pixel indices, −2 outside and where these are NaN."""
    height, width = index.shape
    known = np.isfinite(column) & np.isfinite(row)
    i, j = (np.where(known, place, -1).round().astype(int) for place in (column, row))
    inside = known & (i >= 0) & (i < width) & (j >= 0) & (j < height)
    return np.where(inside, index[np.clip(j, 0, height - 1), np.clip(i, 0, width - 1)], OUTSIDE)
