"""What something in the clip hides of the person for a moment: found, cached, laid over frames."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting import (
    BESIDE_RUN,
    HiddenPart,
    HiddenRun,
    Passage,
    WholePerson,
    alpha_box,
    complete_hidden,
    find_passage,
    hidden_runs,
    is_ridden,
    reduce_image,
    reduction_for,
    whole_person,
    without_gaps,
)
from dynascene_cli.shot import Clip, FrameSource, Image
from dynascene_cli.storage.array_files import open_arrays
from dynascene_cli.video import read_frames

PARTS = ("corner", "colours", "alpha")


@dataclass(frozen=True, eq=False)
class HiddenParts:
    """What completes frames of a clip, read from a file of the project when it is needed.

    ``boxes`` (4,) are those of the completed mattes, by frame; ``height`` is the clip's.
    """

    path: Path | None = None
    height: int = 0
    boxes: Mapping[int, Floats] = field(default_factory=dict)

    def complete(self, index: int, frame: Image, alpha: Image) -> tuple[Image, Image]:
        """A frame (H, W, 3) and its alpha (H, W), of the clip's size or resized, completed."""
        if self.path is None or index not in self.boxes:
            return frame, alpha
        with open_arrays(self.path) as kept:
            corner, colours, own = (kept[f"{index}/{name}"] for name in PARTS)
        part = HiddenPart(int(corner[0]), int(corner[1]), colours, own)
        if len(frame) != self.height:
            part = part.resized(len(frame) / self.height)
        return part.laid_over(frame, alpha)

    def without(self, indices: Collection[int]) -> "HiddenParts":
        """The same without some frames."""
        boxes = {index: box for index, box in self.boxes.items() if index not in indices}
        return HiddenParts(self.path, self.height, boxes)


def read_hidden_parts(path: Path, clip: Clip) -> HiddenParts:
    """What was kept of a clip."""
    with open_arrays(path) as kept:
        boxes = dict(zip(kept["frames"].tolist(), kept["boxes"], strict=True))
    return HiddenParts(path, clip.height, boxes)


def write_hidden_parts(
    path: Path, clip: Clip, alphas: FrameSource, noted: Mapping[str, NDArray[Any]]
) -> None:
    """Look for what is hidden, and keep what completes it; ``noted`` is what mattes are told by."""
    arrays: dict[str, NDArray[Any]] = {}
    boxes: dict[int, Floats] = {}
    rides = bool(is_ridden(noted["held"]).any())
    for run in hidden_runs(noted, float(clip.frame_rate)):
        for index, part in _parts(run, clip, alphas, rides):
            values = np.array([part.x, part.y]), part.colours, part.alpha
            arrays |= {f"{index}/{name}": each for name, each in zip(PARTS, values, strict=True)}
            boxes[index] = alpha_box(part.alpha) + np.tile([part.x, part.y], 2)
    frames = np.array(sorted(boxes), int)
    kept = np.array([boxes[index] for index in frames.tolist()]).reshape(-1, 4)
    np.savez(path, frames=frames, boxes=kept, **arrays)  # type: ignore[arg-type]


def _parts(
    run: HiddenRun, clip: Clip, alphas: FrameSource, rides: bool
) -> Iterator[tuple[int, HiddenPart]]:
    """What completes the frames of a run; nothing where they are not surely hidden.

    Whoever ``rides`` is looked for with whole wheels.
    """
    first = max(0, run.before - BESIDE_RUN)
    last = min(clip.frame_count, run.after + BESIDE_RUN + 1)
    around = {*range(first, run.before + 1), *range(run.after, last)}
    reduction = reduction_for(next(alphas.frames(run.before, run.before + 1)))
    images, small, whole = [], [], {}
    pairs = zip(read_frames(clip, first, last), alphas.frames(first, last), strict=True)
    for index, (frame, alpha) in enumerate(pairs, first):
        images.append(reduce_image(frame, reduction))
        reduced = reduce_image(alpha, reduction)
        small.append(without_gaps(reduced) if rides else reduced)
        if index in around:
            whole[index] = frame if index in (run.before, run.after) else None, alpha
    way = find_passage(run, first, images, small, (clip.width, clip.height))
    if way is None:
        return
    people = _people(way, whole)
    hidden = run.hidden
    pairs = zip(
        read_frames(clip, hidden.start, hidden.stop),
        alphas.frames(hidden.start, hidden.stop),
        strict=True,
    )
    for index, (frame, alpha) in zip(hidden, pairs, strict=True):
        part = complete_hidden(way, index, people, WholePerson(frame, alpha))
        if part is not None:
            yield index, part


def _people(
    way: Passage, seen: Mapping[int, tuple[Image | None, Image]]
) -> tuple[WholePerson, WholePerson]:
    """The person as they are whole before a run and after it."""
    people = []
    for source, at in enumerate((way.run.before, way.run.after)):
        frame, alpha = seen[at]
        assert frame is not None
        beside = (at - 1, at - 2) if source == 0 else (at + 1, at + 2)
        others = {index: seen[index][1] for index in beside if index in seen}
        people.append(whole_person(way, source, frame, alpha, others))
    return people[0], people[1]
