"""What the clip hides of the person, or mattes miss of their wheels: found, cached, laid over."""

import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting import (
    BESIDE_RUN,
    LONGER,
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
    runs_between,
    whole_person,
    without_gaps,
)
from dynascene_cli.pipeline.whole_wheels import WholeWheels, whole_wheels
from dynascene_cli.shot import Clip, FrameSource, Image
from dynascene_cli.storage.array_files import open_arrays, write_array
from dynascene_cli.video import read_frames

PARTS = ("corner", "colours", "alpha")


@dataclass(frozen=True, eq=False)
class HiddenParts:
    """What completes frames of a clip, read from a file of the project when it is needed.

    ``boxes`` (4,) are those of the completed mattes, by frame; in ``hidden`` frames something hides
    the person, in the others their wheels are made whole; ``height`` is the clip's.
    """

    path: Path | None = None
    height: int = 0
    boxes: Mapping[int, Floats] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()

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
        return replace(self, boxes=boxes, hidden=self.hidden - frozenset(indices))


def read_hidden_parts(path: Path, clip: Clip) -> HiddenParts:
    """What was kept of a clip."""
    with open_arrays(path) as kept:
        boxes = dict(zip(kept["frames"].tolist(), kept["boxes"], strict=True))
        hidden = frozenset(kept["hidden"].tolist())
    return HiddenParts(path, clip.height, boxes, hidden)


def write_hidden_parts(
    path: Path, clip: Clip, alphas: FrameSource, noted: Mapping[str, NDArray[Any]]
) -> None:
    """Look for what is hidden, and keep what completes it; ``noted`` is what mattes are told by."""
    runs = list(hidden_runs(noted, float(clip.frame_rate)))
    doubtful = {index for run in runs for index in run.hidden}
    near = {i for run in runs for i in range(run.before - LONGER, run.after + LONGER + 1)}
    rides = bool(is_ridden(noted["held"]).any())
    boxes: dict[int, Floats] = {}
    hidden: set[int] = set()
    wheels: dict[int, WholeWheels] = {}
    with zipfile.ZipFile(path, "w") as archive:
        for index, whole in whole_wheels(clip, alphas, noted, doubtful):
            if index in near:
                wheels[index] = whole
            else:
                _keep(archive, index, whole.part)
                boxes[index] = whole.box
        doubts = {i: each.doubt + float(noted["faded"][i]) for i, each in wheels.items()}
        for run in runs:
            tried = runs_between(run, doubts, float(clip.frame_rate))
            for index, part, box in _parts(tried, clip, alphas, wheels, rides):
                if index not in hidden:
                    _keep(archive, index, part)
                    boxes[index] = box
                    hidden.add(index)
        for index, whole in wheels.items():
            if index not in hidden:
                _keep(archive, index, whole.part)
                boxes[index] = whole.box
        frames = sorted(boxes)
        kept = np.array([boxes[index] for index in frames]).reshape(-1, 4)
        write_array(archive, "frames", np.array(frames, int))
        write_array(archive, "boxes", kept)
        write_array(archive, "hidden", np.array(sorted(hidden), int))


def _keep(archive: zipfile.ZipFile, index: int, part: HiddenPart) -> None:
    values = np.array([part.x, part.y]), part.colours, part.alpha
    for name, each in zip(PARTS, values, strict=True):
        write_array(archive, f"{index}/{name}", each)


def _parts(
    runs: Sequence[HiddenRun],
    clip: Clip,
    alphas: FrameSource,
    wheels: Mapping[int, WholeWheels],
    rides: bool,
) -> Iterator[tuple[int, HiddenPart, Floats]]:
    """What completes the frames of the first run that shows it, and the person's boxes (4,) then.

    Nothing where they are not surely hidden. Whoever ``rides`` is looked for with whole wheels.
    """
    ways = (_passage(run, clip, alphas, wheels, rides) for run in runs)
    way = next((each for each in ways if each is not None), None)
    if way is None:
        return
    people = _people(way, clip, alphas, wheels)
    hidden = way.run.hidden
    for index, seen in _seen(clip, alphas, wheels, hidden):
        part = complete_hidden(way, index, people, seen, rides)
        if part is not None:
            yield index, part, alpha_box(part.laid_over(seen.frame, seen.alpha)[1])


def _seen(
    clip: Clip, alphas: FrameSource, wheels: Mapping[int, WholeWheels], frames: range
) -> Iterator[tuple[int, WholePerson]]:
    """Frames and their mattes, with wheels that were made whole."""
    decoded = read_frames(clip, frames.start, frames.stop)
    pairs = zip(decoded, alphas.frames(frames.start, frames.stop), strict=True)
    for index, pair in zip(frames, pairs, strict=True):
        whole = wheels[index].part.laid_over(*pair) if index in wheels else pair
        yield index, WholePerson(*whole)


def _passage(
    run: HiddenRun, clip: Clip, alphas: FrameSource, wheels: Mapping[int, WholeWheels], rides: bool
) -> Passage | None:
    """How the person goes past what hides them, if they surely do."""
    reduction = reduction_for(next(alphas.frames(run.before, run.before + 1)))
    window = range(
        max(0, run.before - BESIDE_RUN), min(clip.frame_count, run.after + BESIDE_RUN + 1)
    )
    images, mattes = [], []
    for _, seen in _seen(clip, alphas, wheels, window):
        images.append(reduce_image(seen.frame, reduction))
        small = reduce_image(seen.alpha, reduction)
        mattes.append(without_gaps(small) if rides else small)
    return find_passage(run, window.start, images, mattes, (clip.width, clip.height))


def _people(
    way: Passage, clip: Clip, alphas: FrameSource, wheels: Mapping[int, WholeWheels]
) -> tuple[WholePerson, WholePerson]:
    """The person as they are whole before a run and after it."""
    people = []
    for source, at in enumerate((way.run.before, way.run.after)):
        (_, seen), *_ = _seen(clip, alphas, wheels, range(at, at + 1))
        beside = (at - 1, at - 2) if source == 0 else (at + 1, at + 2)
        near = range(max(at - 2, min(way.places)), min(at + 2, max(way.places)) + 1)
        others = {i: each.alpha for i, each in _seen(clip, alphas, wheels, near) if i in beside}
        top = wheels[at].top if at in wheels else None
        people.append(whole_person(way, source, seen, others, top))
    return people[0], people[1]
