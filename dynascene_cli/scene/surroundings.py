"""What a photo shows around the frame that is cropped from it: margins that need no painting in."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.scene.labels import SceneLabels, class_probabilities, scene_labels
from dynascene_cli.scene.outlined_people import SeenPerson, with_people
from dynascene_cli.scene.popup import level_grid
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Image, Margins


class Surroundings:
    """The photo around its frame, looked at once a camera may see it.

    ``room`` is how far the photo goes on beyond the frame, in frame pixels; ``picture`` makes the
    frame and all of its room, RGB; ``people`` finds who is in such a picture.
    """

    def __init__(
        self,
        room: Margins,
        picture: Callable[[], Image],
        people: Callable[[Image], Iterable[SeenPerson]] = lambda _: (),
    ) -> None:
        self.room = room
        self._make, self._people = picture, people

    @cached_property
    def picture(self) -> Image:
        """The frame and its room (H, W, 3)."""
        return self._make()

    @cached_property
    def labels(self) -> SceneLabels:
        """What is in that picture."""
        return scene_labels(self.picture, self.probabilities)

    @cached_property
    def probabilities(self) -> FloatArray:
        """How likely each class is in that picture (151, h, w)."""
        return class_probabilities(self.picture)

    @cached_property
    def _outlined(self) -> SceneLabels:
        return with_people(self.labels, self.picture, self._people(self.picture))

    def forget(self) -> None:
        """Give back what was looked at: large, and made again where it is needed once more."""
        for seen in ("picture", "labels", "_outlined"):
            vars(self).pop(seen, None)

    def within(self, margins: Margins) -> Margins:
        """The part of a canvas's margins that the photo shows."""
        room = vars(self.room)
        return Margins(**{side: min(size, room[side]) for side, size in vars(margins).items()})

    def widen(
        self, photo: Image, guess: GeometryGuess, room: Margins
    ) -> tuple[Image, GeometryGuess]:
        """The framed photo (H, W, 3) and its guess with the photo's own picture ``room`` around.

        In the frame the picture, sky and ground stay as they are.
        """
        if room == Margins():
            return photo, guess
        height, width = photo.shape[:2]
        top, left = self.room.top - room.top, self.room.left - room.left
        part = (
            slice(top, top + room.top + height + room.bottom),
            slice(left, left + room.left + width + room.right),
        )
        frame = slice(room.top, room.top + height), slice(room.left, room.left + width)
        picture = self.picture[part].copy()
        picture[frame] = photo
        return picture, self._widen_guess(guess, room, part, frame)

    def _widen_guess(
        self,
        guess: GeometryGuess,
        room: Margins,
        part: tuple[slice, slice],
        frame: tuple[slice, slice],
    ) -> GeometryGuess:
        sides = room.sides
        sky, ground = np.pad(guess.sky, sides, "edge"), np.pad(guess.ground, sides, "edge")
        labels = guess.labels
        if labels is not None:
            around = self._outlined
            people = np.zeros(around.classes.shape, np.uint8)[part]
            if around.people is not None:
                people = around.people[part].copy()
            if labels.people is not None:
                np.maximum(people[frame], labels.people, out=people[frame])
            labels = replace(labels, classes=around.classes[part], people=people)
            sky, ground = labels.mask("sky") & guess.sky.any(), labels.mask("ground", "water")
        geometry = replace(
            guess.geometry,
            width=sky.shape[1],
            height=sky.shape[0],
            horizon=guess.geometry.horizon + room.top,
            off_centre=guess.geometry.off_centre + (room.left - room.right) / 2,
        )
        _, level = level_grid(geometry)
        sky, ground = sky & (level < 0), ground & (level > 0)
        sky[frame], ground[frame] = guess.sky, guess.ground
        return replace(guess, geometry=geometry, sky=sky, ground=ground, labels=labels)
