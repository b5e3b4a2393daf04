"""The part of a photo that shows ground to stand on, where a frame shows only part of it."""

from collections.abc import Callable

import cv2
import numpy as np

from dynascene_cli.scene.free_ground import free_ground
from dynascene_cli.scene.labels import SceneLabels, scene_labels
from dynascene_cli.scene.single_view_geometry import guess_geometry
from dynascene_cli.shot import Image, Mask

LEAST_HIDDEN = 0.1
"""Of the photo's width or height: less outside the frame leaves no other part to choose."""

WORKING_SIDE = 360
"""The photo's shorter side, in pixels, at which ground is looked for."""

STEPS = 40
"""How many crops are looked at from edge to edge."""

LEAST_SIZE, PERSON_HEIGHT = 0.16, 1.7
"""Ground counts where a person, of so many metres, is at least this share of the frame tall: no
speck, seen from a raised camera."""

ENOUGH, WORTHWHILE = 0.35, 0.1
"""Shares of the crop's middle columns with ground: as much as is needed, and the least gain."""

LEAST_AREA = 0.08
"""Free ground over less of the crop is a step or a landing, where nobody stands at ease."""

MIDDLE_COLUMNS = 0.1
"""A share of the width at either side of the crop on which nobody is put."""


def ground_crop(
    photo: Image,
    size: tuple[int, int],
    labels_of: Callable[[Image], SceneLabels] = scene_labels,
) -> tuple[float, float] | None:
    """The centre, as fractions of a whole RGB photo, of the crop that shows ground to stand on.

    ``size`` (width, height) is the frame's. Of all crops with enough free ground in the foreground
    it is the nearest to the middle, else the one that shows most; None where that gains nothing.
    ``labels_of`` says what is in a picture.
    """
    height, width = photo.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    frame = np.array([size[0] / (scale * width), size[1] / (scale * height)])
    axis = int(np.argmin(frame))
    hidden = 1 - float(frame[axis])
    if hidden < LEAST_HIDDEN:
        return None
    shrunk = min(1.0, WORKING_SIDE / min(height, width))
    working = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    small = np.asarray(cv2.resize(photo, working, interpolation=cv2.INTER_AREA), np.uint8)
    guess = guess_geometry(small, labels=labels_of(small))
    free = free_ground(small, guess)
    if free is None:
        return None
    frame_height = frame[1] * working[1]
    rows = np.arange(working[1]) - guess.geometry.horizon
    tall = PERSON_HEIGHT / guess.geometry.camera_height * rows
    near = np.asarray(free & (tall >= LEAST_SIZE * frame_height)[:, None])
    starts = np.linspace(0, hidden, STEPS + 1)

    def part(mask: Mask, start: float) -> Mask:
        first = [0.0, 0.0]
        first[axis] = start
        (x0, y0), (x1, y1) = (
            np.round((np.array(first) + reach) * working).astype(int) for reach in (0, frame)
        )
        return mask[y0:y1, x0:x1]

    def share(start: float) -> float:
        shown = part(near, start)
        margin = round(MIDDLE_COLUMNS * shown.shape[1])
        return float(shown[:, margin : shown.shape[1] - margin].any(axis=0).mean())

    shares = np.array([share(float(start)) for start in starts])
    away = np.abs(starts - hidden / 2)
    enough = np.flatnonzero(shares >= ENOUGH)
    best = int(enough[away[enough].argmin()] if len(enough) else shares.argmax())
    gain = shares[best] - shares[away.argmin()]
    if gain < WORTHWHILE or part(free, float(starts[best])).mean() < LEAST_AREA:
        return None
    centre = [0.5, 0.5]
    centre[axis] = float(starts[best] + frame[axis] / 2)
    return centre[0], centre[1]
