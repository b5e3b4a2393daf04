"""The wheels of what somebody in the clip rides: followed, and made whole frame by frame."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting import (
    HiddenPart,
    WheelTrack,
    WheelView,
    alpha_box,
    changed_part,
    complete_wheels,
    expected_radii,
    find_wheels,
    is_ridden,
    reduce_image,
    track_wheel,
)
from dynascene_cli.shot import Clip, FrameSource
from dynascene_cli.video import CHUNK_LENGTH, read_frames


@dataclass(frozen=True, eq=False)
class WholeWheels:
    """What makes the wheels in a frame whole, the ``box`` (4,) of person and bicycle then, and the
    row at which the wheels begin; and the ``doubt`` in them, as their costs are.
    """

    part: HiddenPart
    box: Floats
    top: int
    doubt: float


LENGTH = 96
"""The longer side of a bicycle's box, in pixels, at which its wheels are looked for."""


def whole_wheels(
    clip: Clip, alphas: FrameSource, noted: Mapping[str, NDArray[Any]], hidden: Collection[int]
) -> Iterator[tuple[int, WholeWheels]]:
    """What makes the wheels of a bicycle whole, frame by frame, but for those that are ``hidden``.

    Nothing where too few frames show them clearly.
    ``noted`` is what mattes are told by.
    """
    rides = is_ridden(noted["held"])
    boxes = {
        int(index): noted["props"][index, int(np.argmax(rides[index]))]
        for index in np.flatnonzero(rides.any(axis=1))
        if int(index) not in hidden
    }
    for first in range(0, clip.frame_count, CHUNK_LENGTH):
        last = min(first + CHUNK_LENGTH, clip.frame_count)
        within = {index: box for index, box in boxes.items() if first <= index < last}
        if within:
            yield from _completed(clip, alphas, within)


def _completed(
    clip: Clip, alphas: FrameSource, boxes: Mapping[int, Floats]
) -> Iterator[tuple[int, WholeWheels]]:
    """The same of near frames in which a bicycle is seen in ``boxes`` (4,)."""
    sizes = [float((box[2:] - box[:2]).max()) for box in boxes.values()]
    scale = min(1.0, LENGTH / float(np.median(sizes)))
    first, last = min(boxes), max(boxes) + 1
    views = {}
    pairs = zip(read_frames(clip, first, last), alphas.frames(first, last), strict=True)
    for index, (frame, alpha) in enumerate(pairs, first):
        if index in boxes:
            views[index] = WheelView(
                reduce_image(frame, scale).astype(np.float32),
                reduce_image(alpha, scale).astype(np.float32) / np.float32(255),
            )
    tracks = _tracks(views, {index: scale * box for index, box in boxes.items()})
    if tracks is None:
        return
    pairs = zip(read_frames(clip, first, last), alphas.frames(first, last), strict=True)
    for index, (frame, alpha) in enumerate(pairs, first):
        if all(index in track.wheels for track in tracks):
            wheels = [(track.wheels[index].resized(1 / scale), track.look) for track in tracks]
            colours, whole = complete_wheels(frame, alpha, wheels)
            changed = (whole != alpha) | (colours != frame).any(axis=2)
            part = changed_part(colours, whole, changed)
            if part is not None:
                top = min(wheel.y - wheel.radius for wheel, _ in wheels)
                doubt = float(np.mean([track.costs[index] for track in tracks]))
                yield index, WholeWheels(part, alpha_box(whole), max(0, round(top)), doubt)


def _tracks(
    views: Mapping[int, WheelView], boxes: Mapping[int, Floats]
) -> tuple[WheelTrack, WheelTrack] | None:
    """How the left and the right wheel go on; None where either is never clear."""
    found = {index: find_wheels(views[index].alpha, box) for index, box in boxes.items()}
    radii = expected_radii(found, boxes)
    pairs = {index: wheels for index, wheels in found.items() if len(wheels) == 2}
    left, right = (
        track_wheel(views, {index: pair[side] for index, pair in pairs.items()}, radii)
        for side in (0, 1)
    )
    return None if left is None or right is None else (left, right)
