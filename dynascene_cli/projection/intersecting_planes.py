"""Mesh cells in which several planes meet, drawn once for each plane, exactly.

A layer of cards knows the plane of every pixel. Where a cell holds one plane it is a cell like
others; where it holds several, each is drawn over the whole cell, and shows its own pixels only.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.projection.depth_edges import CutCells
from dynascene_cli.shot import Cards

BORDER = 2
"""Pixels beyond a cell whose planes are drawn in it as well: their soft edges reach so far."""

FARTHEST = 1e-6
"""1/m: a plane that has vanished inside a cell goes on at this inverse depth."""


def split_card_cells(cards: Cards, ys: Floats, xs: Floats) -> CutCells:
    """The cells of a grid, ``ys`` × ``xs`` in canvas pixels, that show more than one card."""
    window = np.ones((2 * BORDER + 1, 2 * BORDER + 1), np.uint8)
    high, low = cv2.dilate(cards.index, window), cv2.erode(cards.index, window)
    rows, columns = ys[:-1].astype(int), xs[:-1].astype(int)
    highest = np.maximum.reduceat(np.maximum.reduceat(high, rows, axis=0), columns, axis=1)
    lowest = np.minimum.reduceat(np.minimum.reduceat(low, rows, axis=0), columns, axis=1)
    mixed = highest != lowest
    if not mixed.any():
        return CutCells.none(mixed.shape)
    cells, owners = [], []
    row_ends = np.append(rows[1:], len(cards.index)) + BORDER
    column_ends = np.append(columns[1:], cards.index.shape[1]) + BORDER
    for j, i in zip(*np.nonzero(mixed), strict=True):
        top, left = max(rows[j] - BORDER, 0), max(columns[i] - BORDER, 0)
        present = np.unique(cards.index[top : row_ends[j], left : column_ends[i]])
        cells.append(np.broadcast_to([j, i], (len(present), 2)))
        owners.append(present)
    place, owner = np.concatenate(cells), np.concatenate(owners).astype(np.int64)
    across = len(xs)
    corner = place[:, 0] * across + place[:, 1]
    twins = np.stack([corner, corner + 1, corner + across, corner + across + 1], axis=1)
    a, b, c = (cards.planes[owner, k][:, None] for k in range(3))
    inverse = a + b * xs[twins % across] + c * ys[twins // across]
    vertices = np.arange(twins.size, dtype=np.int64).reshape(twins.shape)
    return CutCells(
        kept=~mixed,
        quads=len(ys) * across + vertices,
        sides=owner,
        twins=twins.ravel(),
        twin_inverse_depth=np.maximum(inverse, FARTHEST).ravel(),
        alpha=None,
    )


def no_owners() -> NDArray[np.uint16]:
    """What stands for the cards of a layer that has none."""
    return np.zeros((0, 0), np.uint16)
