"""What a frame shows, told with the help of the whole photo that it is cropped from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dynascene_cli.scene.horizon import HorizonEvidence
from dynascene_cli.scene.known_heights import KnownThing, find_known_things
from dynascene_cli.scene.labels import SceneLabels, class_probabilities, part_of, scene_labels
from dynascene_cli.scene.single_view_geometry import GeometryGuess, guess_geometry
from dynascene_cli.scene.surroundings import Surroundings
from dynascene_cli.shot import Image

LEAST_HIDDEN = 0.3
"""Share of the photo outside the frame from which on it is looked at as well."""


@dataclass(frozen=True, eq=False)
class FrameContent:
    """What is in a frame, and what of known height and what evidence of the horizon there is.

    Positions are shares of the frame's height; things and evidence may lie outside it, and
    ``evidence`` is None where the frame alone is to be looked at. ``middle`` is that of the photo,
    in shares of the frame's size.
    """

    labels: SceneLabels
    things: tuple[KnownThing, ...]
    evidence: tuple[HorizonEvidence, ...] | None = None
    middle: tuple[float, float] = (0.5, 0.5)


def frame_content(
    frame: Image, surroundings: Surroundings, closer: Image | None = None
) -> FrameContent:
    """What is in an RGB frame (H, W, 3) that is cropped from a photo, by the same ``closer``.

    Raises:
        MissingError: a network's weights are not in this installation.
    """
    height, width = frame.shape[:2]
    probabilities = class_probabilities(frame if closer is None else closer)
    room = surroundings.room
    whole_height, whole_width = height + room.top + room.bottom, width + room.left + room.right
    if 1 - height * width / (whole_height * whole_width) < LEAST_HIDDEN:
        labels = scene_labels(frame, probabilities)
        middle = (whole_width / 2 - room.left) / width, (whole_height / 2 - room.top) / height
        return FrameContent(labels, find_known_things(frame, labels), middle=middle)
    whole, around = surroundings.picture, surroundings.labels
    window = slice(room.top, room.top + height), slice(room.left, room.left + width)
    things = find_known_things(whole, around)
    guess = guess_geometry(whole, labels=around, things=things)
    ratio, top = whole_height / height, room.top / height
    aside = (room.left + width / 2 - whole_width / 2) / height
    return FrameContent(
        scene_labels(
            frame, probabilities, part_of(surroundings.probabilities, whole.shape, window)
        ),
        tuple(replace(t, foot=t.foot * ratio - top, tall=t.tall * ratio) for t in things),
        tuple(_move_evidence(guess, ratio, top, aside)),
    )


def _move_evidence(
    guess: GeometryGuess, ratio: float, top: float, aside: float
) -> Iterator[HorizonEvidence]:
    """The evidence of a whole photo, of ``ratio`` times the frame's height, at mid-frame.

    The frame begins ``top`` below the photo and lies ``aside`` of its middle, in frame heights.
    """
    lower = -aside * float(np.tan(np.radians(guess.geometry.roll_deg))) - top
    for item in guess.evidence:
        yield replace(item, row=item.row * ratio + lower, spread=item.spread * ratio)
