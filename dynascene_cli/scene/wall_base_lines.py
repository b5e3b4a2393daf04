"""The line on which an upright thing meets the ground, as the few straight walls that it shows.

The inverse depth of a vertical plane is a linear function of the picture's column, and that of a
wall along a street is zero at the column of the street's vanishing point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dynascene_cli.geometry import Floats

MOST_SAMPLES = 120
"""Base lines are fitted at so many columns at most."""

PIECE_COST = 6.0
"""Misfit, in squared tolerances times samples, that one more piece must save."""

LARGEST_MISFIT = 9.0
"""Squared tolerances beyond which a column counts as an outlier."""

FREE_COST, AIMED_COST = 0.12, 0.04
"""Share of a piece's columns that a wall of any, or of a known, direction must explain better than
a card that faces the camera."""

CORNER = 3.0
"""Samples between where two walls were parted and the corner in which their planes meet."""

SLOPE_RATIO = 6.0
"""A wall's inverse depth may grow so many times over its width."""

BRIDGED = 1.01, 2.5
"""Ratios of depth between which a jump is bridged: a smaller one parts nothing, and over a larger
one the farther wall would be stretched too much."""


@dataclass(frozen=True)
class Wall:
    """A vertical plane over the columns ``first`` ≤ x < ``last``: 1/Z = offset + slope · x."""

    first: float
    last: float
    offset: float
    slope: float

    def inverse_depth(self, column: float) -> float:
        """1/Z of the wall at a column."""
        return self.offset + self.slope * column


def walls(
    columns: Floats,
    inverse: Floats,
    tolerance: Floats,
    span: tuple[float, float],
    *,
    vanishing: Sequence[float] = (),
    frontal: bool = False,
    narrowest: float = 0.0,
) -> list[Wall]:
    """The walls over ``span`` that inverse depths (N,) at the ``columns`` (N,) of a base show.

    Columns ascend; ``tolerance`` (N,) is how exactly each inverse depth is known; ``vanishing``
    are columns at which walls may vanish; ``frontal`` walls face the camera. Walls narrower than
    ``narrowest`` columns are none: two feet of one person are not two cards.
    """
    chosen = np.unique(np.linspace(0, len(columns) - 1, MOST_SAMPLES).round().astype(int))
    x, d, t = columns[chosen], _median_of_five(inverse)[chosen], tolerance[chosen]
    cuts = _pieces(x, d, t, frontal, narrowest)
    found = []
    for start, stop in pairwise(cuts):
        part = slice(start, stop)
        first = span[0] if start == 0 else (x[start - 1] + x[start]) / 2
        last = span[1] if stop == len(x) else (x[stop - 1] + x[stop]) / 2
        offset, slope = _plane(x[part], d[part], t[part], (first, last), vanishing, frontal)
        found.append(Wall(float(first), float(last), offset, slope))
    return _join_walls(found, CORNER * (x[-1] - x[0]) / max(len(x) - 1, 1))


def _join_walls(found: list[Wall], reach: float) -> list[Wall]:
    """The walls; neighbours that meet within ``reach`` of where they part end at their corner."""
    for k, (left, right) in enumerate(pairwise(found)):
        turn = left.slope - right.slope
        corner = (right.offset - left.offset) / turn if turn else np.inf
        if abs(corner - left.last) < reach and found[k].first < corner < right.last:
            found[k] = replace(found[k], last=float(corner))
            found[k + 1] = replace(right, first=float(corner))
    return found


def bridge_jumps(found: Sequence[Wall]) -> list[Wall]:
    """The walls, side by side, without moderate jumps of depth from one to the next.

    Where a wall begins behind its neighbour, the half of it beside that neighbour runs from the
    one's depth to the other's.
    """
    bridged: list[Wall] = []
    for k, wall in enumerate(found):
        middle = (wall.first + wall.last) / 2
        deep = wall.inverse_depth(middle)
        before = found[k - 1].inverse_depth(wall.first) if k else 0.0
        after = found[k + 1].inverse_depth(wall.last) if k + 1 < len(found) else 0.0
        start, stop = wall.first, wall.last
        if _is_bridged(before, wall.inverse_depth(start)):
            bridged.append(_wall_through(start, before, middle, deep))
            start = middle
        if _is_bridged(after, wall.inverse_depth(stop)):
            stop = middle
        if start < stop:
            bridged.append(replace(wall, first=start, last=stop))
        if stop < wall.last:
            bridged.append(_wall_through(stop, deep, wall.last, after))
    return bridged


def bend_through(found: Sequence[Wall]) -> list[Wall]:
    """The walls, side by side, as one surface: bent in the middle of each, and parted nowhere.

    A mountain side has no straight lines that would show the bends, and its foot shows where it
    is nearer or farther, but none of its columns hides what is beside it.
    """
    middles = [(wall.first + wall.last) / 2 for wall in found]
    between = (
        _wall_through(start, left.inverse_depth(start), stop, right.inverse_depth(stop))
        for (start, left), (stop, right) in pairwise(zip(middles, found, strict=True))
    )
    first, last = replace(found[0], last=middles[0]), replace(found[-1], first=middles[-1])
    return [first, *between, last]


def _is_bridged(near: float, far: float) -> bool:
    return BRIDGED[0] * far < near <= BRIDGED[1] * far


def _wall_through(first: float, start: float, last: float, stop: float) -> Wall:
    slope = (stop - start) / (last - first)
    return Wall(first, last, start - slope * first, slope)


def _median_of_five(values: Floats) -> Floats:
    padded = np.pad(values, 2, "edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1))


def _pieces(x: Floats, d: Floats, t: Floats, frontal: bool, narrowest: float) -> list[int]:
    """Where to cut the samples so that straight pieces fit best: dynamic programming."""
    if x[-1] - x[0] < 2 * narrowest:
        return [0, len(x)]
    n = len(x)
    weight = 1 / t**2
    middle = x.mean()
    sums = [
        np.concatenate([[0.0], np.cumsum(values)])
        for values in (
            weight,
            weight * (x - middle),
            weight * (x - middle) ** 2,
            weight * d,
            weight * d * (x - middle),
            weight * d * d,
        )
    ]
    best = np.full(n + 1, np.inf)
    best[0] = 0.0
    before = np.zeros(n + 1, int)
    for stop in range(1, n + 1):
        w, wx, wxx, wd, wdx, wdd = (total[stop] - total[:stop] for total in sums)
        misfit = wdd - wd**2 / w
        if not frontal:
            spread = wxx - wx**2 / w
            together = wdx - wx * wd / w
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = np.where(spread > 1e-9 * wxx.max(), together**2 / spread, 0.0)
            misfit = misfit - gain
        short = np.maximum(3 - (stop - np.arange(stop)), 0) * PIECE_COST
        cost = best[:stop] + np.maximum(misfit, 0) + PIECE_COST + short
        cost[x[stop - 1] - x[:stop] < narrowest] = np.inf
        if not np.isfinite(cost).any():
            continue
        before[stop] = int(cost.argmin())
        best[stop] = cost[before[stop]]
    cuts = [n]
    while cuts[-1] > 0:
        cuts.append(int(before[cuts[-1]]))
    return cuts[::-1]


def _plane(
    x: Floats,
    d: Floats,
    t: Floats,
    span: tuple[float, float],
    vanishing: Sequence[float],
    frontal: bool,
) -> tuple[float, float]:
    """Offset and slope of the wall that most columns of one piece agree on."""
    candidates = [(float(np.median(d)), 0.0, 0.0)]
    if not frontal and len(x) >= 4:
        for column in vanishing:
            away = x - column
            if (away > 0).all() or (away < 0).all():
                slope = float(np.median(d / away))
                candidates.append((-slope * column, slope, AIMED_COST))
        i, j = np.triu_indices(len(x), max(1, len(x) // 3))
        slope = float(np.median((d[j] - d[i]) / (x[j] - x[i])))
        candidates.append((float(np.median(d - slope * x)), slope, FREE_COST))
    scores = []
    for offset, slope, cost in candidates:
        ends = offset + slope * np.array(span)
        misfit = np.minimum(((offset + slope * x - d) / t) ** 2, LARGEST_MISFIT) / LARGEST_MISFIT
        possible = ends.min() > 0 and ends.max() < SLOPE_RATIO * max(ends.min(), d.min() / 2)
        scores.append(float(misfit.mean()) + cost if possible else np.inf)
    offset, slope, _ = candidates[int(np.argmin(scores))]
    return offset, slope
