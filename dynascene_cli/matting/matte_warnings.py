"""What to tell of a matte that was made: where it cannot be trusted, and what helps."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.inference.object_detector import COCO
from dynascene_cli.matting.faded_parts import TOLD_SHARE
from dynascene_cli.matting.person_selection import frame_times, lost_ranges

MOST_CAME = 0.1
"""Share of the person that may come into the matte from one frame to the next at its beginning."""
BEGINNING = 3
HIDDEN, AT_ONCE = 0.75, 2
"""Share of the usual area that a person who is hidden in part shows at the most, and the frames in
a row that may show more meanwhile."""
MOST_FOREIGN = 0.008
"""Share of the person, low in the matte, that may have the colours of the place alone."""

CORRECTED = "--matte-fixes FOLDER corrects single frames, --matte takes another matte"
NAMES = {index: name for name, index in COCO.items()}


def matte_warnings(made: Mapping[str, NDArray[Any]], frame_rate: float) -> Iterator[str]:
    """Warnings about a matte, from what was noted of its frames.

    ``made`` holds, for every frame (F,): ``found`` and ``filled``; ``area``, the matte's share of
    the picture; ``faded``, ``came`` and ``foreign`` shares of the person; ``held`` (F, n), the
    classes of things held, −1 for none; ``lettering`` (F, n, 5) lines of it on the person, NaN for
    none; ``completed``, where what hides them is taken away.
    """
    completed = made["completed"].astype(bool)
    found, filled = made["found"] | completed, made["filled"].astype(bool) & ~completed
    failed = filled | ~found
    hidden = hidden_around(failed, made["area"]) & ~completed
    without = _leave_out(hidden, frame_rate)
    if times := frame_times(completed.tolist(), frame_rate):
        yield (
            f"something hides the person in part at {times}: what it hides is carried on from the "
            f"frames before and after, and limbs may stand still meanwhile; {CORRECTED}"
        )
    for start, end in lost_ranges(found.tolist(), frame_rate):
        yield f"the person is lost from {start:.2f} s to {end:.2f} s; {without}"
    if times := frame_times(filled.tolist(), frame_rate):
        missing = ""
        if (hidden & ~failed).any():
            around = frame_times(hidden.tolist(), frame_rate)
            missing = f"; parts of the person are missing, or hidden by something, at {around}"
        yield (
            f"the matte fails at {times} and is filled from the frames before: check it, "
            f"or {without}{missing}"
        )
    faded = (made["faded"] > TOLD_SHARE) & ~completed
    if times := frame_times(faded.tolist(), frame_rate):
        what = " or ".join(["fast limbs", *(NAMES[kind] for kind in _held(made["held"]))])
        yield (
            f"the matte is unsure at {times} (half-transparent {what}), and parts may be missing "
            f"or torn there: {CORRECTED}"
        )
    late = np.flatnonzero(made["came"][:BEGINNING] > MOST_CAME)
    if len(late):
        whole = float(late[-1] / frame_rate)
        yield (
            f"a part of the person is missing from the matte before {whole:.2f} s: begin that "
            "much later (--start), or correct those frames (--matte-fixes FOLDER)"
        )
    if np.isfinite(made["lettering"]).any():
        yield (
            "lettering that was drawn over the clip lies on the person: it is painted over, and "
            f"what it hides of them is made up; {CORRECTED}"
        )
    if float(np.nanmedian(made["foreign"])) > MOST_FOREIGN:
        yield (
            "something of the clip's ground may stay in the matte at the person's feet: "
            f"{CORRECTED}"
        )


def hidden_around(failed: NDArray[np.bool_], area: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The frames (F,) that failed, and those around them whose matte has little of its usual area.

    Somebody who goes behind a tree loses parts before the matte fails, and after it.
    """
    hidden = failed.copy()
    if not failed.any() or failed.all():
        return hidden
    small = failed | (area < HIDDEN * float(np.median(area[~failed])))
    for start in np.flatnonzero(failed):
        for way in (-1, 1):
            last = index = int(start)
            while 0 <= index < len(small) and abs(index - last) <= AT_ONCE:
                last = index if small[index] else last
                index += way
            low, high = sorted((int(start), last))
            hidden[low : high + 1] = True
    return hidden


def _leave_out(failed: NDArray[np.bool_], frame_rate: float) -> str:
    """How to leave out the frames (F,) that failed, and keep the longer end of the clip."""
    where = np.flatnonzero(failed)
    if len(where) == 0:
        return ""
    before, after = int(where[0]), len(failed) - 1 - int(where[-1])
    if before >= after:
        return f"end the shot after {before / frame_rate:.2f} s (--end)"
    return f"begin the shot {(where[-1] + 1) / frame_rate:.2f} s later (--start)"


def _held(classes: NDArray[np.int_]) -> list[int]:
    return [int(kind) for kind in np.unique(classes) if kind >= 0]
