"""Who in the clip is the one person to follow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.matting.person_detector import people_boxes
from dynascene_cli.matting.segmentation import salient_mask, selfie_mask
from dynascene_cli.shot import Clip, Image

SAMPLES = 10
SIMILAR = 0.6
SELECTABLE = 0.25
"""Heights as shares of the tallest box: alike enough to be asked about; tall enough to choose."""
MANY_SHARE = 0.25
FEW = 5
PART_AREA, PART_AGREEMENT, PART_SIDE = 0.08, 0.6, 256
"""Of a person without a head: the least share of the picture, the overlap of what two networks
mean, and the size at which U²-Netp looks."""


class NobodyError(InputError):
    """The clip shows nobody whom a matte could be of."""


@dataclass(frozen=True, eq=False)
class PersonSelection:
    """The person to follow: their box (4,) in ``frame``, the first in which people were found."""

    box: Floats
    frame: int
    warnings: tuple[str, ...] = ()


def select_person(
    clip: Clip,
    frames_at: Callable[[Sequence[int]], Iterable[Image]],
    person: str | None = None,
) -> PersonSelection:
    """Choose the person to follow by looking at about ten frames spread over the clip.

    ``frames_at`` gives the clip's frames of rising numbers. ``person`` is left, right, largest or
    a number counted from 1 at the left, and applies to the first of those frames with people in it.

    Raises:
        NobodyError: nobody is there.
        InputError: several people are there and none is chosen, or the choice is none of them.
    """
    fps = float(clip.frame_rate)
    indices = np.unique(np.linspace(0, clip.frame_count - 1, SAMPLES).round().astype(int))
    seen = [
        (index, _sizeable(people_boxes(frame), SELECTABLE))
        for index, frame in _numbered(indices, frames_at)
    ]
    peopled = [(index, boxes) for index, boxes in seen if len(boxes)]
    if not peopled:
        part = _part_of_person(frames_at, indices[:: max(1, len(indices) // FEW)])
        if part is not None:
            box, frame = part
            return PersonSelection(
                box, frame, ("no whole person is seen in the clip: check the matte",)
            )
        raise NobodyError(
            f"nobody was found in {clip.path}",
            "use a clip that shows one whole person, or give their matte with --matte",
        )
    counts = {index: len(_sizeable(boxes, SIMILAR)) for index, boxes in peopled}
    crowded = [index for index, count in counts.items() if count > 1]
    several = len(crowded) >= max(1, round(MANY_SHARE * len(peopled)))
    first, boxes = peopled[0]
    if several and person is None:
        when = _ranges_text(_around(crowded, indices, clip.frame_count), fps)
        raise InputError(
            f"{clip.path} shows {max(counts.values())} people of similar size ({when})",
            f"choose with --person left, right, largest or 1 to {len(boxes)} from the left",
        )
    warnings: tuple[str, ...] = ()
    if several:
        warnings = ("several people are in the clip: where they cross, check the matte",)
    return PersonSelection(_choose_box(boxes, person, str(clip.path))[:4], first, warnings)


def _numbered(
    indices: NDArray[np.int_], frames_at: Callable[[Sequence[int]], Iterable[Image]]
) -> Iterator[tuple[int, Image]]:
    numbers = indices.tolist()
    return zip(numbers, frames_at(numbers), strict=True)


def _part_of_person(
    frames_at: Callable[[Sequence[int]], Iterable[Image]], indices: NDArray[np.int_]
) -> tuple[Floats, int] | None:
    """The box (4,) of a person without a head in the picture, and the first frame that shows them.

    Where selfie segmentation and U²-Netp mean the same large part of most of the frames.
    """
    seen: list[tuple[Floats, int]] = []
    for index, frame in _numbered(indices, frames_at):
        people = selfie_mask(frame) > 0.5
        if people.mean() < PART_AREA:
            continue
        salient = salient_mask(frame, PART_SIDE) > 0.5
        if (people & salient).sum() > PART_AGREEMENT * (people | salient).sum():
            rows, columns = np.flatnonzero(people.any(axis=1)), np.flatnonzero(people.any(axis=0))
            box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            seen.append((np.array(box, float), index))
    return seen[0] if 2 * len(seen) > len(indices) else None


def _around(chosen: Sequence[int], samples: NDArray[np.int_], count: int) -> list[tuple[int, int]]:
    """Frame ranges nearer to the chosen samples than to any other sample."""
    nearest = samples[np.abs(np.arange(count)[:, None] - samples).argmin(axis=1)]
    return _ranges(np.isin(nearest, chosen))


def _sizeable(boxes: Floats, share: float) -> Floats:
    heights = boxes[:, 3] - boxes[:, 1]
    return boxes[heights >= share * heights.max(initial=0)]


def _choose_box(boxes: Floats, person: str | None, clip_name: str) -> Floats:
    areas = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    if person is None or person == "largest":
        return boxes[np.argmax(areas)]
    from_left = boxes[np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")]
    if person in ("left", "right"):
        return from_left[0 if person == "left" else -1]
    number = int(person) if person.isascii() and person.isdigit() else 0
    if not 1 <= number <= len(from_left):
        raise InputError(
            f"there is no person {person} in {clip_name}",
            f"left, right, largest or 1 to {len(from_left)} counted from the left",
        )
    return from_left[number - 1]


def _ranges(flags: Sequence[bool] | NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, np.int8), [0]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _ranges_text(ranges: Sequence[tuple[int, int]], fps: float) -> str:
    return ", ".join(f"{first / fps:.1f}–{last / fps:.1f} s" for first, last in ranges)


def lost_ranges(found: Sequence[bool], fps: float) -> list[tuple[float, float]]:
    """Times in seconds (start, end) for which nobody was found, however short."""
    return [(first / fps, last / fps) for first, last in _ranges(~np.asarray(found, bool))]


def frame_times(flags: Sequence[bool], fps: float) -> str:
    """The times in seconds of flagged frames, runs of them as ranges; empty where none is."""
    return ", ".join(
        f"{first / fps:.2f} s"
        if last == first + 1
        else f"{first / fps:.2f}–{(last - 1) / fps:.2f} s"
        for first, last in _ranges(flags)
    )
