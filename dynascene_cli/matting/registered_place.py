"""The place behind the person, as the frames before and after show it, where a camera turns too.

Frames are registered one to the next by a homography of what is not the person; what lies behind
them in one frame is what others show there. Where the camera goes on a way past near
things, no homography fits and nothing is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image

LENGTH = 480
"""The longer side at which frames are registered, at most."""
CLEAR = 4
"""Pixels around the person that do not show the place."""
POINTS, APART = 200, 8
LEAST_POINTS, LEAST_AGREED = 12, 0.5
"""Points to register by: how many are looked for, pixels between them, and how many must agree."""
RETURNED = 0.5
"""Pixels by which a point may miss itself when it is followed there and back."""
SQUARE = np.ones((3, 3), np.uint8)
TOLERANCE = 1.0
"""Pixels by which a point may miss the homography."""

NOISE, CERTAIN = 14.0, 40.0
"""Levels by which a picture differs from its place: the most by chance, and for certain."""
FULL, BLURRED = 0.7, 5
"""Share of the greatest difference so many pixels around from which a blur is opaque."""
MOST_NOISE = 12.0
"""Levels that one in ten of the place's pixels may differ by, for a registration to be believed."""


@dataclass(frozen=True, eq=False)
class Look:
    """A reduced frame (h, w, 3), its alpha (h, w), and where it is ``around`` them (h, w)."""

    image: Image
    alpha: Image
    around: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Place:
    """The place behind the person in one frame, as other frames show it.

    How many others show it, ``views`` (h, w), and by how many levels the frame is ``apart`` (h, w)
    from all of them but one, within a pixel; 0 where unknown.
    """

    views: NDArray[np.uint8]
    apart: FloatArray

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where (h, w) any other frame shows it."""
        return self.views > 0


@dataclass(frozen=True, eq=False)
class Plate:
    """The place itself in a ``window`` (rows, columns) of a frame, as other frames show it.

    Its ``colours`` (h, w, 3) are the median of theirs and ``spread`` (h, w) the median deviation
    from it, in levels; ``known`` (h, w) where at least two show it.
    """

    window: tuple[slice, slice]
    colours: FloatArray
    spread: FloatArray
    known: NDArray[np.bool_]


def look_of(frame: Image, alpha: Image) -> Look:
    """A frame (H, W, 3) and its alpha (H, W), reduced."""
    scale = min(1.0, LENGTH / max(frame.shape[:2]))
    size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
    small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    return look_with(small, np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)))


def look_with(image: Image, alpha: Image) -> Look:
    """A reduced frame (h, w, 3) and an alpha (h, w) of its size."""
    kernel = np.ones((2 * CLEAR + 1, 2 * CLEAR + 1), np.uint8)
    return Look(image, alpha, cv2.dilate((alpha > 8).astype(np.uint8), kernel) > 0)


def register_frames(before: Look, after: Look) -> Floats | None:
    """The homography (3, 3) from one frame's place to the next one's; None where none fits."""
    first, second = (cv2.cvtColor(each.image, cv2.COLOR_RGB2GRAY) for each in (before, after))
    away = (~before.around).astype(np.uint8)
    points = cv2.goodFeaturesToTrack(first, POINTS, 0.005, APART, mask=away)
    if points is None or len(points) < LEAST_POINTS:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(first, second, points, np.empty(0))
    back, returned, _ = cv2.calcOpticalFlowPyrLK(second, first, there, np.empty(0))
    missed = np.hypot(*(back - points)[:, 0].T)
    kept = (found.ravel() > 0) & (returned.ravel() > 0) & (missed < RETURNED)
    if kept.sum() < LEAST_POINTS:
        return None
    homography, agreed = cv2.findHomography(points[kept], there[kept], cv2.RANSAC, TOLERANCE)
    if homography is None or agreed.sum() < max(LEAST_POINTS, LEAST_AGREED * kept.sum()):
        return None
    return np.asarray(homography, float)


def place_behind(
    looks: Mapping[int, Look],
    steps: Mapping[int, Floats | None],
    index: int,
    offsets: Sequence[int],
) -> Place | None:
    """What is behind the person of frame ``index``, from frames so many ``offsets`` away.

    ``steps[i]`` is the homography from frame i to i + 1. None where no other frame is reached, or
    those that are do not fit.
    """
    now = looks[index].image
    size = now.shape[1::-1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    count = np.zeros(now.shape[:2], np.uint8)
    least, second = (np.full(now.shape[:2], 255, np.uint8) for _ in range(2))
    for other in (index + offset for offset in offsets):
        way = way_between(steps, index, other) if other in looks else None
        if way is None:
            continue
        clear = (~looks[other].around).astype(np.uint8) * 255
        shown = cv2.warpPerspective(looks[other].image, way, size, flags=flags)
        seen = cv2.warpPerspective(clear, way, size, flags=flags) == 255
        low, high = cv2.erode(shown, SQUARE), cv2.dilate(shown, SQUARE)
        red, green, blue = cv2.split(cv2.max(cv2.subtract(low, now), cv2.subtract(now, high)))
        unlike = np.maximum(cv2.max(cv2.max(red, green), blue), np.where(seen, 0, 255))
        unlike = unlike.astype(np.uint8)
        second = np.minimum(second, np.maximum(least, unlike))
        least = np.minimum(least, unlike)
        count += seen
    if not count.any():
        return None
    apart = np.where(count > 2, second, np.where(count > 0, least, 0))
    beside = apart[(count > 0) & ~looks[index].around]
    if len(beside) == 0 or np.percentile(beside, 90) > MOST_NOISE:
        return None
    return Place(count, apart.astype(np.float32))


def plate_behind(
    looks: Mapping[int, Look],
    steps: Mapping[int, Floats | None],
    index: int,
    offsets: Sequence[int],
    window: tuple[slice, slice],
) -> Plate | None:
    """The place in a window of frame ``index``, from frames so many ``offsets`` away.

    ``steps[i]`` is the homography from frame i to i + 1. None where no other frame is reached.
    """
    rows, columns = window
    corner = np.array([[1.0, 0.0, columns.start], [0.0, 1.0, rows.start], [0.0, 0.0, 1.0]])
    size = columns.stop - columns.start, rows.stop - rows.start
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    views = []
    for other in (index + offset for offset in offsets):
        way = way_between(steps, index, other) if other in looks else None
        if way is None:
            continue
        clear = (~looks[other].around).astype(np.uint8) * 255
        shown = cv2.warpPerspective(looks[other].image, way @ corner, size, flags=flags)
        seen = cv2.warpPerspective(clear, way @ corner, size, flags=flags) == 255
        views.append(np.where(seen[..., None], shown, np.float32(np.nan)))
    if not views:
        return None
    shown = np.stack(views)
    known = np.isfinite(shown[..., 0]).sum(axis=0) > 1
    shown[:, ~known] = 0
    colours = np.nanmedian(shown, axis=0)
    spread = np.nanmedian(np.abs(shown - colours), axis=0).max(axis=2)
    return Plate(window, colours.astype(np.float32), spread.astype(np.float32), known)


def way_between(steps: Mapping[int, Floats | None], first: int, last: int) -> Floats | None:
    """The homography (3, 3) from one frame to another; None where a step of it is not known."""
    way = np.eye(3)
    for index in range(min(first, last), max(first, last)):
        step = steps.get(index)
        if step is None:
            return None
        way = step @ way
    return np.asarray(way if first <= last else np.linalg.inv(way), float)


def opacity(apart: FloatArray) -> FloatArray:
    """The alpha (h, w) of what differs from its place by levels (h, w): a blur differs by less."""
    contrast = np.maximum(FULL * cv2.dilate(apart, disc(BLURRED)), CERTAIN)
    return np.asarray(np.clip((apart - NOISE) / (contrast - NOISE), 0, 1), np.float32)
