"""Parts of the person that other frames tell of: a leg in the air as the clip begins, a racket.

The networks know a fast limb by the frame before. At a clip's beginning there is none, so what came
into the matte later is looked for in the first frames, as what differs from the place behind it.
What is swung is looked for so wherever the detector may have missed it, and what is ridden is told
from the place that is seen through it.
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import MatteFrame
from dynascene_cli.matting.fusion import nearness, share_at_once
from dynascene_cli.matting.matte_warnings import BEGINNING, MOST_CAME
from dynascene_cli.matting.registered_place import (
    CLEAR,
    Look,
    Place,
    look_of,
    look_with,
    opacity,
    place_behind,
    plate_behind,
    register_frames,
)
from dynascene_cli.matting.ridden_things import is_ridden
from dynascene_cli.matting.see_through import see_through, window_around
from dynascene_cli.matting.swung_things import is_swung, mistaken_part, swung_part, unlikely_part
from dynascene_cli.matting.temporal import move_masks
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

AROUND = 24
"""Frames before and after one that are remembered to complete it."""
LATER = (4, 8, 12, 16, 20, 24)
BOTH = tuple(sign * away for away in range(2, 25, 2) for sign in (1, -1))
"""Frames away that show the place behind a limb as a clip begins, and behind what is swung."""
THROUGH = tuple(sign * away for away in range(3, 25, 3) for sign in (1, -1))
"""Frames away that show the place behind what is ridden."""
SEEN_AGO = 12
"""Frames from one in which the detector saw a racket within which it may be there unseen."""
STRIP = 7
"""Pixels at the picture's edges in which what is seen goes on where the place is not known."""
REACH = 0.04
"""How far a limb may be from where the next frame's matte, carried back, has it: a share of the
picture's longer side."""
LEAST_PIECE = 0.004
"""Share of the person that a piece is at the least."""


class MatteCompletion:
    """The mattes of consecutive frames, each completed by those around it."""

    def __init__(self, beginning: bool) -> None:
        """``beginning`` tells whether the first frame is the clip's."""
        self._beginning = beginning
        self._looks_behind = False
        self._made: dict[int, MatteFrame] = {}
        self._looks: dict[int, Look] = {}
        self._steps: dict[int, Floats | None] = {}

    def complete(self, seen: Iterator[tuple[Image, MatteFrame]]) -> Iterator[MatteFrame]:
        """The mattes of frames (H, W, 3), in order."""
        number = -1
        for number, (frame, made) in enumerate(seen):
            self._made[number] = made
            self._looks_behind |= is_swung([made]) or bool(_ridden_boxes(made))
            if self._looks_behind or (self._beginning and number <= AROUND):
                self._looks[number] = look_of(frame, made.alpha)
            if number >= AROUND:
                yield self._done(number - AROUND)
        for waiting in range(max(0, number - AROUND + 1), number + 1):
            yield self._done(waiting)

    def _done(self, number: int) -> MatteFrame:
        if number == 0 and self._beginning:
            self._complete_beginning()
        near = range(number - SEEN_AGO, number + SEEN_AGO + 1)
        if number in self._looks and is_swung([self._made[i] for i in near if i in self._made]):
            self._complete_swung(number)
        for box in _ridden_boxes(self._made[number]):
            self._see_through(number, box)
        for known in (self._made, self._looks, self._steps):
            known.pop(number - AROUND - 1, None)
        return self._made[number]

    def _place(self, number: int, offsets: tuple[int, ...]) -> Place | None:
        self._register(number, offsets)
        return place_behind(self._looks, self._steps, number, offsets)

    def _register(self, number: int, offsets: tuple[int, ...]) -> None:
        reached = [number + offset for offset in (0, *offsets) if number + offset in self._looks]
        for index in range(min(reached), max(reached)):
            if index not in self._steps and {index, index + 1} <= self._looks.keys():
                self._steps[index] = register_frames(self._looks[index], self._looks[index + 1])

    def _change(self, number: int, share: FloatArray, adds: bool) -> None:
        """Add a part (h, w), 0..1, to a frame's matte, or take it away."""
        look, made = self._looks[number], self._made[number]
        part = cv2.resize(share, made.alpha.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        alphas = []
        for alpha, changed in ((made.alpha, part), (look.alpha, share)):
            levels = np.round(255 * np.clip(changed, 0, 1)).astype(np.uint8)
            alphas.append(cv2.max(alpha, levels) if adds else cv2.min(alpha, 255 - levels))
        whole, small = (np.asarray(alpha, np.uint8) for alpha in alphas)
        self._made[number] = replace(made, alpha=whole)
        self._looks[number] = look_with(look.image, small)

    def _complete_beginning(self) -> None:
        """Complete the first frames where a large part of the person comes late."""
        first = [self._made[i] for i in range(BEGINNING) if i in self._made]
        if BEGINNING not in self._looks or not any(made.came > MOST_CAME for made in first):
            return
        for number in reversed(range(BEGINNING)):
            place = self._place(number, LATER)
            missing = None
            if place is not None:
                missing = missing_part(self._looks[number], self._looks[number + 1], place)
            if missing is not None:
                self._change(number, missing, adds=True)
        for number in range(1, BEGINNING):
            before, after = (
                self._looks[i].alpha.astype(np.float32) / np.float32(255)
                for i in (number - 1, number)
            )
            came = min(self._made[number].came, share_at_once(after, before))
            self._made[number] = replace(self._made[number], came=came)

    def _complete_swung(self, number: int) -> None:
        """Take out what is no racket of what is held or thin, and complete the racket."""
        place = self._place(number, BOTH)
        if place is None:
            return
        body = self._made[number].body
        if body is not None:
            self._change(number, unlikely_part(self._looks[number], body, place), adds=False)
        mistaken = mistaken_part(self._looks[number], place)
        if mistaken is not None:
            self._change(number, mistaken, adds=False)
        swung = swung_part(self._looks[number], body, place)
        if swung is not None:
            self._change(number, swung, adds=True)

    def _see_through(self, number: int, box: Floats) -> None:
        """Decide what is ridden in a box (4,) by the place that is seen through it."""
        look, body = self._looks[number], self._made[number].body
        if body is None:
            return
        scale = look.alpha.shape[1] / body.shape[1]
        self._register(number, THROUGH)
        window = window_around(look, scale * box)
        plate = plate_behind(self._looks, self._steps, number, THROUGH, window)
        small = cv2.resize(body, look.alpha.shape[::-1], interpolation=cv2.INTER_AREA)
        alone = small.astype(np.float32) / np.float32(255)
        found = None if plate is None else see_through(look, alone, scale * box, plate)
        if found is not None:
            part, place = found
            self._change(number, place, adds=False)
            self._change(number, part, adds=True)


def _ridden_boxes(made: MatteFrame) -> list[Floats]:
    """The boxes (4,) of what is ridden in a frame."""
    pairs = zip(made.props, is_ridden(made.held), strict=False)
    return [box for box, rides in pairs if rides]


def missing_part(look: Look, later: Look, place: Place) -> FloatArray | None:
    """What (h, w), 0..1, a matte misses that the next frame's has; None for nothing."""
    # At the picture's edges a camera that moves leaves a strip that no other frame shows.
    strip = ~place.known
    strip[STRIP:-STRIP, STRIP:-STRIP] = False
    apart = np.where(strip, cv2.dilate(place.apart, disc(STRIP)), place.apart)
    carried = move_masks(look.image, later.image, [later.alpha.astype(np.float32) / 255]).masks[0]
    missing = opacity(np.asarray(apart, np.float32)) * nearness(carried > 0.5, REACH)
    person = look.alpha > 128
    missing = np.maximum(missing, _root(missing > 0.5, person, place) * carried)
    solid = missing > 0.5
    count, labels = cv2.connectedComponents((solid | person).astype(np.uint8))
    beyond = np.bincount(labels[solid & ~person], minlength=count)
    touching = np.bincount(labels[person], minlength=count) > 0
    kept = touching & (beyond >= LEAST_PIECE * max(int(person.sum()), 1))
    kept[0] = False
    if not kept.any():
        return None
    grown = cv2.dilate(kept[labels].astype(np.uint8), disc(2))
    return np.asarray(missing * grown, np.float32)


def _root(found: Mask, person: Mask, place: Place) -> FloatArray:
    """1 where (h, w) pieces that were found apart from a person may join them, unseen.

    Next to a body that stays where it is no frame shows the place.
    """
    count, labels = cv2.connectedComponents((found | person).astype(np.uint8))
    joined = np.isin(np.arange(count), labels[person])
    apart = (found & ~joined[labels]).astype(np.uint8)
    between = cv2.dilate(apart, disc(3 * CLEAR)) * cv2.dilate(
        person.astype(np.uint8), disc(3 * CLEAR)
    )
    return np.asarray((between > 0) & ~place.known, np.float32)
