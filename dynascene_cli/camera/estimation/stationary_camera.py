"""Whether the camera that filmed a clip stood still, told from what is behind the person."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image

WIDTH = 480
FEATURES = 300
FEWEST_FEATURES = 20
STILL_PIXELS = 0.5
STILL_SHARE = 0.4
PERSON_MARGIN = 9


@dataclass(frozen=True)
class BackgroundMotion:
    """Whether the background moves, and by how much.

    ``still_share`` is the share of its features that stay in place between the first frame and
    the frame that fits it least; ``shift`` the largest median displacement of those that could
    be followed to a frame, as a fraction of the picture's width.
    """

    moves: bool
    still_share: float
    shift: float


def measure_background_motion(
    frames: Iterable[Image], alphas: Iterable[NDArray[np.uint8]]
) -> BackgroundMotion:
    """How the background moves over a dozen or so frames spread over a clip.

    Corners outside the mattes (uint8, 255 = person) are followed from the first frame by
    pyramidal Lucas–Kanade, there and back. Still means that enough of them stay within a
    thousandth of the width: people who pass and leaves in the wind may take the others away. A
    background without corners counts as still.
    """
    samples = (_small(frame, alpha) for frame, alpha in zip(frames, alphas, strict=True))
    first, background = next(samples)
    corners = cv2.goodFeaturesToTrack(first, FEATURES, 0.01, 7, mask=background)
    still_share, shift = 1.0, 0.0
    if corners is not None:
        for later, later_background in samples:
            found, moved = _follow_corners(first, later, corners, later_background)
            if len(moved) < FEWEST_FEATURES:
                continue
            share = float(np.mean(found & (moved < STILL_PIXELS)))
            still_share = min(still_share, share)
            if found.sum() >= FEWEST_FEATURES:
                shift = max(shift, float(np.median(moved[found])) / WIDTH)
    return BackgroundMotion(still_share < STILL_SHARE, still_share, shift)


def _small(frame: Image, alpha: NDArray[np.uint8]) -> tuple[Image, Image]:
    size = (WIDTH, max(round(frame.shape[0] * WIDTH / frame.shape[1]), 16))
    grey = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    person = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    person = cv2.dilate(person, np.ones((PERSON_MARGIN, PERSON_MARGIN), np.uint8))
    return np.asarray(grey, np.uint8), np.where(person < 13, 255, 0).astype(np.uint8)


def _follow_corners(
    first: Image, later: Image, corners: NDArray[Any], later_background: Image
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Of the corners that stay uncovered: which could be followed, and how far they moved."""
    x, y = np.clip(corners[:, 0].astype(int), 0, np.array(later.shape[::-1]) - 1).T
    corners = corners[later_background[y, x] > 0]
    if not len(corners):
        return np.zeros(0, bool), np.zeros(0, np.float32)
    there, seen, _ = cv2.calcOpticalFlowPyrLK(first, later, corners, np.empty_like(corners))
    back, seen_back, _ = cv2.calcOpticalFlowPyrLK(later, first, there, np.empty_like(corners))
    returned = np.linalg.norm((back - corners)[:, 0], axis=1) < STILL_PIXELS
    found = (seen[:, 0] > 0) & (seen_back[:, 0] > 0) & returned
    return found, np.linalg.norm((there - corners)[:, 0], axis=1)
