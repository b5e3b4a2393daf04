"""A photo as it fills a frame, and what networks see in it: the same whatever is given of it."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.inference.onnx_network import OnnxNetwork
from dynascene_cli.matting import PhotoPerson, people_in_photo, pixels_of_people
from dynascene_cli.scene import (
    FrameContent,
    Surroundings,
    find_depth_network,
    frame_content,
    predict_depth,
    with_people,
)
from dynascene_cli.shot import Image, Margins
from dynascene_cli.video import (
    CoverWindow,
    Photo,
    cover_window,
    cover_with_room,
    read_photo,
    resize_to_cover,
    room_around,
)
from dynascene_cli.weights.registry import path_of

KEPT = 3
"""Framings that are kept: a shot is planned in the photo's middle, where it shows ground, and a
little larger."""

LABELLED, LEAST_FINER = 513, 1.25
"""The shorter side at which the labels' network sees a picture, and how much finer than the frame
the photo must be for it to be labelled in the frame's place."""


@dataclass(frozen=True, eq=False)
class FramedPhoto:
    """A photo's ``picture`` (H, W, 3) in a frame, where that lies in it, and what is around."""

    photo: Photo
    picture: Image
    window: CoverWindow
    surroundings: Surroundings

    @property
    def photo_size(self) -> tuple[int, int]:
        """The whole photo's width and height."""
        return self.photo.pixels.shape[1], self.photo.pixels.shape[0]

    @cached_property
    def content(self) -> FrameContent:
        """What is in the frame, told with the help of the whole photo."""
        content = frame_content(self.picture, self.surroundings, self._closer())
        return replace(content, labels=with_people(content.labels, self.picture, self._seen))

    @cached_property
    def _seen(self) -> tuple[PhotoPerson, ...]:
        return people_in_photo(self.picture)

    def _closer(self) -> Image | None:
        """What a small frame shows, as finely as the labels' network sees it; None if it is fine
        enough, or the photo is no finer."""
        height, width = self.picture.shape[:2]
        finer = min(LABELLED / min(height, width), 1 / self.window.scale)
        if finer < LEAST_FINER:
            return None
        size = round(width * finer), round(height * finer)
        scale, left, top = (
            finer * value for value in (self.window.scale, self.window.left, self.window.top)
        )
        return cover_with_room(self.photo.pixels, size, CoverWindow(scale, left, top), Margins())

    @cached_property
    def people(self) -> NDArray[np.bool_]:
        """Where (H, W) people stand in the frame."""
        labelled = self.content.labels.mask("person")
        height, width = self.picture.shape[:2]
        posed = pixels_of_people(self._seen, (width, height))
        return labelled if posed is None else posed | labelled

    @cached_property
    def predicted_depth(self) -> NDArray[np.float32] | None:
        """What the installed depth network says of the frame (H, W), None where there is none."""
        network = find_depth_network()
        if network is None:
            return None
        return predict_depth(self.picture, OnnxNetwork(path_of(network)))


@lru_cache(maxsize=KEPT)
def frame_photo(
    path: Path,
    fingerprint: str,
    size: tuple[int, int],
    crop: tuple[float, float],
    zoom: float = 1.0,
) -> FramedPhoto:
    """The photo of a file with this fingerprint in a frame of ``size`` (width, height).

    ``crop`` is the fraction of the photo that is to be in the frame's middle, ``zoom`` how many
    times as large as it fills the frame it is shown. Who changes the settings of a shot again and
    again has it looked at once.

    Raises:
        InputError: the photo cannot be read.
    """
    photo = read_photo(path)
    photo_size = photo.pixels.shape[1], photo.pixels.shape[0]
    window = cover_window(photo_size, size, crop, zoom)
    room = room_around(photo_size, size, window)
    around = Surroundings(
        room, lambda: cover_with_room(photo.pixels, size, window, room), people_in_photo
    )
    if zoom == 1:
        picture = resize_to_cover(photo.pixels, *size, crop)
    else:
        picture = cover_with_room(photo.pixels, size, window, Margins())
    return FramedPhoto(photo, picture, window, around)
