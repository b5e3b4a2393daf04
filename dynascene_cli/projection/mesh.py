"""A layer's depth canvas as a mesh of world points that remember where in the picture they lie."""

import heapq
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.projection.depth_edges import CutCells, find_cut_cells
from dynascene_cli.projection.intersecting_planes import no_owners, split_card_cells
from dynascene_cli.projection.planar_regions import find_flat_pieces
from dynascene_cli.shot import Cards, Image, Margins, SceneGeometry

REFINED_SHARE = 0.5
"""How many grid lines refinement may add, as a share of the regular ones."""

FINEST_STEP = 2.0

BENT_SHARE = 98
"""Per cent of a grid line that must lie within what is tolerated."""

TOLERATED_PARALLAX = 0.04
"""Pixels by which a cell's flat interpolation may miss the relief before it is split."""

FLAT_PARALLAX = 2.5e-4
"""Pixels by which what is drawn as one flat piece may be off: less than pieces overlap by."""

LEAST_CUT = 0.5
"""Pixels of parallax across a step below which it is not worth cutting."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A grid of vertices, ``ys`` × ``xs`` in canvas pixels, and those that cut cells add.

    ``points`` (N, 3) in the world, ``source`` (N, 2) in canvas pixels, ``depth`` (N,) at the
    photo's pose; grid vertices come first, row by row. ``flats`` (R, 4) are the
    corners of rectangles of cells that lie in one plane; ``bent`` (rows − 1, columns − 1) are
    the other cells that are not cut; ``quads`` (M, 4) and ``sides`` (M,) the two sides of cut ones.
    ``alpha`` (H, W) tells the sides apart, None where nothing is cut; or ``owners`` (H, W) do,
    empty where there are none: ``sides`` are then the cards that the quads show.
    """

    xs: Floats
    ys: Floats
    points: Floats
    source: Floats
    depth: Floats
    bent: NDArray[np.bool_]
    flats: NDArray[np.int64]
    quads: NDArray[np.int64]
    sides: NDArray[np.int64]
    alpha: Image | None
    owners: NDArray[np.uint16] = field(default_factory=no_owners)

    @property
    def is_cut(self) -> bool:
        """Whether cells are cut."""
        return len(self.quads) > 0


def default_step(width: int, height: int) -> int:
    """Grid step in pixels: 8, or 16 for frames of a megapixel and more."""
    return 8 if width * height < 1_000_000 else 16


def relief_mesh(
    depth: NDArray[np.float32],
    geometry: SceneGeometry,
    margins: Margins,
    *,
    step: float,
    cut: float | None = None,
    cards: Cards | None = None,
    reach: float = 0.0,
) -> Mesh:
    """The mesh of a depth map (h, w) that spans the frame and its margins at any resolution.

    ``step`` is the regular grid step in frame pixels. ``reach``, metres × pixels, is how far the
    camera will move times its focal length: lines are added where cells would miss an uncut relief
    by more than 0.04 px of parallax. ``cut`` and ``cards`` are Layer's.
    """
    width = geometry.width + margins.left + margins.right
    height = geometry.height + margins.top + margins.bottom
    inverse = 1.0 / depth.astype(np.float64)
    bends = reach > 0 and cut is None and cards is None
    tolerance = TOLERATED_PARALLAX / reach if bends else np.inf
    ys = _lines(inverse, height, step, tolerance)
    xs = _lines(inverse.T, width, step, tolerance)
    at_vertices = _along(_along(inverse, ys, height).T, xs, width).T
    at_vertices = np.maximum(at_vertices, inverse.min() / 2)
    cells = CutCells.none((len(ys) - 1, len(xs) - 1))
    if cards is not None and reach > 0:
        cells = split_card_cells(cards, ys, xs)
    elif cut is not None and reach > 0:
        rows, columns = _indices(ys, height, len(inverse)), _indices(xs, width, inverse.shape[1])
        mixed = _ratio_around(inverse)[np.ix_(rows, columns)] > cut
        at_vertices = np.where(mixed, inverse[np.ix_(rows, columns)], at_vertices)
        cells = find_cut_cells(
            inverse,
            at_vertices,
            ys * len(inverse) / height,
            xs * inverse.shape[1] / width,
            largest_ratio=cut,
            least_jump=LEAST_CUT / reach,
        )
    x, y = np.meshgrid(xs, ys)
    grid = np.stack([x, y], axis=-1).reshape(-1, 2)
    source = np.concatenate([grid, grid[cells.twins]])
    z = 1.0 / np.concatenate([at_vertices.ravel(), cells.twin_inverse_depth])
    offset = source - [margins.left, margins.top]
    homogeneous = np.concatenate([offset, np.ones((len(offset), 1))], axis=1)
    camera_points = homogeneous @ np.linalg.inv(geometry.intrinsics).T * z[:, None]
    points = camera_points @ geometry.extrinsics[:, :3]
    slack = FLAT_PARALLAX / reach if reach > 0 else np.inf
    # In one order of memory, since each is compiled for itself.
    inverse = np.ascontiguousarray(at_vertices)
    flats, bent = find_flat_pieces(inverse, ys, xs, cells.kept, slack)
    return Mesh(
        xs, ys, np.ascontiguousarray(points), source, z, bent, flats,
        cells.quads, cells.sides, cells.alpha,
        cards.index if cards is not None and len(cells.quads) else no_owners(),
    )  # fmt: skip


def _along(values: Floats, positions: Floats, length: float) -> Floats:
    """Rows of ``values`` (n, m), whose centres divide ``length``, interpolated at positions."""
    n = len(values)
    index = positions * (n / length) - 0.5
    first = np.clip(np.floor(index).astype(int), 0, max(n - 2, 0))
    fraction = (index - first)[:, None]
    return values[first] * (1 - fraction) + values[np.minimum(first + 1, n - 1)] * fraction


def _lines(inverse: Floats, length: float, step: float, tolerance: float) -> Floats:
    """Grid lines from 0 to ``length``: regular ones, halved where the relief bends most."""
    count = max(int(np.ceil(length / step)), 1)
    lines = np.append(np.arange(count) * step, length).astype(float)

    if not np.isfinite(tolerance):
        return lines

    def bends(begins: Floats, ends: Floats) -> Floats:
        fractions = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        positions = begins[:, None] + (ends - begins)[:, None] * fractions
        rows = _along(inverse, positions.ravel(), length).reshape(*positions.shape, -1)
        flat = rows[:, :1] * (1 - fractions[:, None]) + rows[:, -1:] * fractions[:, None]
        return np.percentile(np.abs(rows - flat).max(axis=1), BENT_SHARE, axis=1)

    intervals = list(zip(-bends(lines[:-1], lines[1:]), lines[:-1], lines[1:], strict=True))
    heapq.heapify(intervals)
    added: list[float] = []
    while intervals and len(added) < REFINED_SHARE * count:
        error, a, b = heapq.heappop(intervals)
        if -error <= tolerance:
            break
        if b - a >= 2 * FINEST_STEP:
            middle = (a + b) / 2
            added.append(middle)
            halves = np.array([a, middle]), np.array([middle, b])
            for half in zip(-bends(*halves), *halves, strict=True):
                heapq.heappush(intervals, half)
    return np.sort(np.concatenate([lines, added]))


def _indices(positions: Floats, length: float, count: int) -> NDArray[np.int64]:
    return np.clip((positions * (count / length)).astype(np.int64), 0, count - 1)


def _ratio_around(inverse: Floats) -> Floats:
    """The ratio of depths among each pixel and its neighbours."""
    window = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(inverse, window), float) / cv2.erode(inverse, window)
