"""Who of the people in the photo is painted over in a shot."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.pipeline.request import People
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.scene import Bystander, bystanders, texture_losses
from dynascene_cli.shot import Margins, Mask
from dynascene_cli.staging import Stance, apply_similarity

COVERED = 0.1
"""A nearer bystander of whom the person would cover so much is removed."""

UNCOVERED = 0.02
"""So much of the picture's width or height past an edge shows that it cuts somebody."""


MOST_LOST = 0.35
"""The loss of texture from which somebody painted over leaves a smear."""

SMEARED = "painting them over leaves a smear in what is behind them"


@dataclass(frozen=True, eq=False)
class RemovedPeople:
    """What is painted over (H, W), people and their shadows, and what is told of it."""

    mask: Mask
    told: tuple[str, ...]


def removed_people(
    choice: People, place: Place, stance: Stance, margins: Margins
) -> RemovedPeople | None:
    """The people in the photo who are painted over, or None where nobody is asked to go.

    Under "auto" only those go whom the shot would show wrongly: who stands nearer than the person
    and is covered by them, and whom the picture's edge cuts where the move shows what lies past it.
    They stay where a trial shows that painting them over looks worse.
    """
    if choice == "keep" or place.people is None or not place.people.any():
        return None
    found = bystanders(place.photo, place.people, place.guess.ground)
    chosen = found
    if choice == "auto":
        boxes, feet = _person(stance)
        chosen = tuple(
            one
            for one in found
            if _find_covered_wrongly(one, boxes, feet) or _cut_open(one, margins, place)
        )
    if not chosen:
        return None
    whole = [one.mask | one.shadow for one in chosen]
    smeared = np.array(texture_losses(place.photo, place.guess, whole)) > MOST_LOST
    going = [
        mask for mask, poor in zip(whole, smeared, strict=True) if choice == "remove" or not poor
    ]
    nobody = np.zeros_like(place.people)
    told = tuple(_told(choice, len(found), len(going), int(smeared.sum())))
    return RemovedPeople(np.logical_or.reduce([nobody, *going]), told)


def _told(choice: People, found: int, going: int, smeared: int) -> Iterator[str]:
    """What is told of so many people found, painted over, and painted over badly."""
    shown = ", whom the shot would show cut or behind the person"
    if going:
        who = "whoever stands" if going == found else _some(going)
        why = "" if choice == "remove" else shown
        yield f"{who} in the photo{why}: painted over, shadows and all; --keep-people keeps them"
    if smeared and choice == "remove":
        yield f"{_some(smeared)} in the photo: {SMEARED}; --keep-people keeps them"
    elif smeared:
        yield (
            f"{_some(smeared)} in the photo{shown}, stay: {SMEARED} (--remove-people does it); "
            "--position or --crop keeps them out of the way"
        )


def _some(count: int) -> str:
    return "one of the people" if count == 1 else f"{count} of the people"


def _person(stance: Stance) -> tuple[Floats, Floats]:
    """The boxes (F, 4) and feet's rows (F,) of the person in the picture before any move."""
    boxes = stance.contacts.boxes
    corners = [apply_similarity(stance.clip_to_frame, boxes[:, part]) for part in ([0, 1], [2, 3])]
    feet = apply_similarity(stance.clip_to_frame, stance.contacts.points)
    seen = np.isfinite(boxes).all(axis=1)
    return np.hstack(corners)[seen], feet[seen, 1]


def _find_covered_wrongly(one: Bystander, boxes: Floats, feet: Floats) -> bool:
    x0, y0, x1, y1 = one.box
    across = np.minimum(x1, boxes[:, 2]) - np.maximum(x0, boxes[:, 0])
    down = np.minimum(y1, boxes[:, 3]) - np.maximum(y0, boxes[:, 1])
    shared = np.clip(across, 0, None) * np.clip(down, 0, None)
    covered = shared > COVERED * (x1 - x0) * (y1 - y0)
    return bool((covered & (y1 > feet + 0.05 * (y1 - y0))).any())


def _cut_open(one: Bystander, margins: Margins, place: Place) -> bool:
    """Whether an edge of the photo cuts somebody where the move shows what lies past it.

    Whom the frame alone cuts goes on in the photo around it.
    """
    height, width = place.photo.shape[:2]
    room = place.surroundings.room
    x0, _, x1, y1 = one.box
    return (
        (x0 <= 1 and room.left == 0 and margins.left > UNCOVERED * width)
        or (x1 >= width - 1 and room.right == 0 and margins.right > UNCOVERED * width)
        or (y1 >= height - 1 and room.bottom == 0 and margins.bottom > UNCOVERED * height)
    )
