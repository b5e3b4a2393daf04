"""What of each frame is background: the mattes widened, and those that miss the person mended."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.estimate import TRACKING_WIDTH
from dynascene_cli.shot import Image

MARGIN = 15
"""Pixels that the person is widened by in a picture TRACKING_WIDTH wide: a matte's own error and
half of a tracker's window."""

LEAST_MARGIN = 10
REACH = 4
"""Frames before and after in which a lost person is looked for."""

LOST_SHARE = 0.5
"""A matte with less than this share of its neighbours' area has lost part of the person."""

OPAQUE = 13


def background_masks(
    alphas: Iterable[NDArray[np.uint8]], width: int, height: int
) -> Iterator[Image]:
    """Masks (height, width), 255 where no person is near, one for each alpha (255 = person).

    Reads REACH alphas ahead. A matte that is empty, or far smaller than its neighbours', is
    joined with the nearest ones before and after it that are not.
    """
    stream = (_person(alpha, width, height) for alpha in alphas)
    window: deque[Image] = deque(maxlen=2 * REACH + 1)
    ahead = deque(islice(stream, REACH + 1))
    earlier: deque[Image] = deque(maxlen=REACH)
    while ahead:
        window.clear()
        window.extend(earlier)
        window.extend(ahead)
        yield _far_from(_mend_missing_person(list(window), len(earlier)), width)
        earlier.append(ahead.popleft())
        ahead.extend(islice(stream, 1))


def _person(alpha: NDArray[np.uint8], width: int, height: int) -> Image:
    small = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)
    return (small >= OPAQUE).astype(np.uint8)


def _mend_missing_person(people: list[Image], index: int) -> Image:
    areas = np.array([person.sum() for person in people])
    whole = np.flatnonzero(areas >= LOST_SHARE * areas.max())
    if index in whole or not areas.max():
        return people[index]
    found = people[index]
    for near in (whole[whole < index][-1:], whole[whole > index][:1]):
        for neighbour in near:
            found = found | people[neighbour]
    return found


def _far_from(person: Image, width: int) -> Image:
    margin = max(MARGIN * width / TRACKING_WIDTH, LEAST_MARGIN)
    if not person.any():
        return np.full_like(person, 255)
    distance = cv2.distanceTransform(1 - person, cv2.DIST_L2, cv2.DIST_MASK_5)
    return (distance > margin).astype(np.uint8) * 255
