"""In which frames something may hide the person, by what was noted of their mattes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 1.0
"""Seconds for which somebody is completed: by then they have turned, or walk differently."""
LOW, WHOLE = 0.6, 0.85
"""Shares of the usual area below which something may hide the person, and from which they are
whole."""
FEWEST, AT_ONCE = 2, 2
"""Frames that are so low at the least, and those between them that may not be."""
USUAL, BESIDE = 1.0, 5
"""What is usual: in seconds around a frame, and in frames at the side that is seen whole."""

LONGER, TRIED = 8, 4
"""Frames by which a run may be longer at either end, for the person and what they ride to be whole
there, and how many such runs are tried."""
FARTHER = 0.1
"""How much less a frame's doubt must be for a run to be a frame longer: limbs stand still in it."""
LATER = 0.03
"""How much better a frame's matte must be, of its area, to be taken for one a frame nearer."""


@dataclass(frozen=True)
class HiddenRun:
    """The frames between the last that shows somebody whole and the first that does again."""

    before: int
    after: int

    @property
    def hidden(self) -> range:
        """The frames between."""
        return range(self.before + 1, self.after)


def hidden_runs(made: Mapping[str, NDArray[Any]], frame_rate: float) -> Iterator[HiddenRun]:
    """Where something may hide the person for a short time, who is whole before and after.

    ``made`` holds, for every frame (F,): ``found``, ``filled``, ``area``, the matte's share of the
    picture, ``faded``, the share of it that was half-transparent, and ``touched`` (F, 4), the
    picture's edges that it reaches.
    """
    area, faded = (np.asarray(made[name], float) for name in ("area", "faded"))
    failed = made["filled"].astype(bool) | ~made["found"].astype(bool)
    cut = made["touched"].any(axis=1)
    reach = max(1, round(USUAL * frame_rate))
    low = failed.copy()
    for index in range(len(area)):
        around = slice(max(0, index - reach), index + reach + 1)
        seen = area[around][~failed[around]]
        low[index] |= len(seen) > 0 and area[index] < LOW * float(np.median(seen))
    free = 0
    for first, last in _groups(np.flatnonzero(low)):
        before = _whole(area, faded, failed | cut, range(first - 1, free - 1, -1))
        after = _whole(area, faded, failed | cut, range(last + 1, len(area)))
        if before is None or after is None:
            continue
        run = HiddenRun(before, after)
        if low[first : last + 1].sum() >= FEWEST and len(run.hidden) <= LONGEST * frame_rate:
            yield run
            free = after


def runs_between(run: HiddenRun, doubts: Mapping[int, float], frame_rate: float) -> list[HiddenRun]:
    """Runs like one, but between frames near its ends that are known to be whole, the best first.

    ``doubts`` are those in the frames that are known to be whole; ends that are near none stay.
    """
    befores = [i for i in range(run.before, run.before - LONGER - 1, -1) if i in doubts]
    afters = [i for i in range(run.after, run.after + LONGER + 1) if i in doubts]
    runs = [
        HiddenRun(before, after)
        for before in befores or [run.before]
        for after in afters or [run.after]
    ]

    def doubt(each: HiddenRun) -> float:
        longer = len(each.hidden) - len(run.hidden)
        return doubts.get(each.before, 0) + doubts.get(each.after, 0) + FARTHER * longer

    short = [each for each in runs if len(each.hidden) <= LONGEST * frame_rate]
    return sorted(short, key=doubt)[:TRIED] or [run]


def _groups(indices: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """The first and last of rising numbers that are near each other."""
    if len(indices):
        parts = np.split(indices, np.flatnonzero(np.diff(indices) > AT_ONCE + 1) + 1)
        yield from ((int(part[0]), int(part[-1])) for part in parts)


def _whole(
    area: NDArray[np.float64],
    faded: NDArray[np.float64],
    unfit: NDArray[np.bool_],
    indices: range,
) -> int | None:
    """The best of the first frames from which on the person is as large as in those that follow."""
    for position, index in enumerate(indices):
        on = [each for each in indices[position : position + BESIDE] if not unfit[each]]
        usual = float(np.median(area[on])) if on else 0.0
        if unfit[index] or area[index] < WHOLE * usual:
            continue
        good = [each for each in on if area[each] >= WHOLE * usual]
        doubts = [_doubt(area[each] / usual, faded[each], abs(each - index)) for each in good]
        return good[int(np.argmin(doubts))]
    return None


def _doubt(size: float, faded: float, later: int) -> float:
    return abs(float(np.log(size))) + float(faded) + LATER * later
