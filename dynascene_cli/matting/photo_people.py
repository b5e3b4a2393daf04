"""Who stands in a photo, each of them by their pose."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.person_detector import people_boxes
from dynascene_cli.matting.pose import (
    SIDE,
    Pose,
    between_indices,
    crop_to_picture,
    mask_seen_twice,
    settling_poses,
)
from dynascene_cli.shot import Image, Mask

SCORE, FAINT_SCORE = 0.5, 0.25
"""What a detector's box of somebody scores, and of what may be somebody."""

LEAST_HEIGHT = 0.04
"""Of smaller people, as a share of the photo's height, no pose is made out."""

MOST_PEOPLE = 12
"""So many poses of people who are less certain are looked at, those of the tallest."""

PRESENT = 0.5
"""How sure the pose network must be that it sees somebody."""

SHOWN = 0.3
"""The likelihood from which a pixel may be somebody's."""


@dataclass(frozen=True, eq=False)
class PhotoPerson:
    """Somebody whom a detector sees in a photo, or may see.

    ``box`` (5,) is x0, y0, x1, y1 in pixels and the score, 0..1. ``likelihood`` (h, w) float32 in
    0..1 says which pixels of the photo's ``window`` (rows, columns) are theirs; None where no pose
    was made out.
    """

    box: Floats
    window: tuple[slice, slice]
    likelihood: NDArray[np.float32] | None

    @property
    def is_certain(self) -> bool:
        """Whether there is no doubt that this is somebody."""
        return self.likelihood is not None and float(self.box[4]) >= SCORE


def people_in_photo(photo: Image) -> tuple[PhotoPerson, ...]:
    """Who may stand in an RGB photo (H, W, 3), those first of whom the detector is surest."""
    boxes = people_boxes(photo, FAINT_SCORE)
    heights = boxes[:, 3] - boxes[:, 1]
    tallest = np.argsort(-heights, kind="stable")[:MOST_PEOPLE]
    looked_at = np.isin(np.arange(len(boxes)), tallest) | (boxes[:, 4] >= SCORE)
    looked_at &= heights >= LEAST_HEIGHT * len(photo)
    return tuple(
        _look_at(photo, box) if look else _unseen(box)
        for box, look in zip(boxes, looked_at, strict=True)
    )


def pixels_of_people(people: tuple[PhotoPerson, ...], size: tuple[int, int]) -> Mask | None:
    """Where in a photo of a size (width, height) people stand (H, W), None where nobody does."""
    mask = np.zeros(size[::-1], np.bool_)
    for person in people:
        if person.is_certain and person.likelihood is not None:
            mask[person.window] |= person.likelihood > SHOWN
    return mask if mask.any() else None


def _look_at(photo: Image, box: Floats) -> PhotoPerson:
    pose = settling_poses(photo, box)[-1]
    if pose.presence < PRESENT:
        return _unseen(box)
    to_picture = crop_to_picture(pose.crop)
    window = _window(to_picture, photo.shape)
    rows, columns = window
    warp = between_indices(to_picture)
    warp[:, 2] -= columns.start, rows.start
    size = columns.stop - columns.start, rows.stop - rows.start
    return PhotoPerson(box, window, _warp_mask(pose, warp, size))


def _unseen(box: Floats) -> PhotoPerson:
    return PhotoPerson(box, (slice(0, 0), slice(0, 0)), None)


def _window(to_picture: Floats, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of a picture that a pose's crop covers, at least one of each."""
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]]) @ to_picture.T
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    spans = []
    for first, last, length in zip(low[::-1], high[::-1], shape, strict=False):
        start = int(np.clip(first, 0, length - 1))
        spans.append(slice(start, int(np.clip(last, start + 1, length))))
    return spans[0], spans[1]


def _warp_mask(pose: Pose, warp: Floats, size: tuple[int, int]) -> NDArray[np.float32]:
    seen = mask_seen_twice(pose)
    return np.asarray(cv2.warpAffine(seen, warp, size, flags=cv2.INTER_LINEAR), np.float32)
