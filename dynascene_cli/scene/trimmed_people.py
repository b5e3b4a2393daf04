"""What a coarse network calls people and is not: the ground, water or sky around them.

It would move with their card under a move, and leave a bite in a shore or kerb beside them.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.scene.nearest_pixel import nearest_pixels
from dynascene_cli.scene.popup import Surface
from dynascene_cli.shot import Image, Mask

WORKING_PIXELS = 250_000
"""Larger photos are scaled down: labels are off by far more than a pixel of these."""

LEAST_HEIGHT = 0.04
"""Smaller people, as a share of the picture's height, are left as they are labelled."""

MOST_PEOPLE = 12
"""So many are looked at, the largest first."""

AROUND, BESIDE = 0.15, 0.06
"""How far around somebody the background's colours are learnt, and how far beyond their labels they
may reach, in their heights."""

ITERATIONS = 3

CERTAIN = 2
"""Of the states of labelled people: they are outlined."""

LEAST_DOUBTED = 0.98
"""People of whom more is certain need not be looked at."""

LEAST_PIXELS = 32
"""Fewer pixels of somebody, or around them, tell no mixture of colours."""

LEAST_KEPT, LEAST_TALL = 0.4, 0.5
"""The share of the labelled pixels, and of their height, below which the colours do not tell
somebody from what is behind them: by night, or in dark clothes before a hedge."""


def trim_people(
    surfaces: NDArray[np.uint8], photo: Image, certain: Mask | None = None
) -> NDArray[np.uint8]:
    """Surfaces (H, W) whose people are less what looks like the background beside and over them.

    Told by GrabCut (Rother et al. 2004) on the photo (H, W, 3). What is below somebody's trunk
    stays theirs: bare legs look like sand. What is taken off them belongs to what it borders on.
    Where people are ``certain`` (H, W) they stay.
    """
    people = surfaces == Surface.PERSON
    if not people.any() or people.all():
        return surfaces
    height, width = surfaces.shape
    scale = min(1.0, (WORKING_PIXELS / surfaces.size) ** 0.5)
    size = round(width * scale), round(height * scale)
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    states = people.astype(np.uint8)
    if certain is not None:
        states[people & certain] = CERTAIN
    states = cv2.resize(states, size, interpolation=cv2.INTER_NEAREST)
    packed = _all_surplus(states.tobytes(), small.tobytes(), size)
    surplus = np.frombuffer(packed, np.uint8).reshape(size[::-1]).astype(np.float32)
    taken = people & (cv2.resize(surplus, (width, height)) > 0.5)
    if certain is not None:
        taken &= ~certain
    if not taken.any():
        return surfaces
    return np.where(taken, surfaces.ravel()[nearest_pixels(~people)], surfaces)


# A shot's plan and its scene ask for the same photo again and again.
@lru_cache(maxsize=4)
def _all_surplus(labelled: bytes, picture: bytes, size: tuple[int, int]) -> bytes:
    """1 where labelled people (h, w) of an RGB picture are the background, else 0, as bytes."""
    shape = size[::-1]
    photo = np.frombuffer(picture, np.uint8).reshape(*shape, 3)
    people = np.frombuffer(labelled, np.uint8).reshape(shape)
    surplus = np.zeros(shape, np.bool_)
    joined = (people > 0).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    largest = np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MOST_PEOPLE] + 1
    for part in largest:
        x, y, wide, tall, _ = stats[part].tolist()
        if tall < LEAST_HEIGHT * shape[0]:
            continue
        pad = max(6, round(AROUND * tall))
        box = np.s_[max(0, y - pad) : y + tall + pad, max(0, x - pad) : x + wide + pad]
        own = parts[box] == part
        certain = own & (people[box] == CERTAIN)
        if np.count_nonzero(certain) < LEAST_DOUBTED * np.count_nonzero(own):
            surplus[box] |= _surplus(photo[box], own, max(2, round(BESIDE * tall)))
    return surplus.tobytes()


def _surplus(picture: Image, own: Mask, beside: int) -> Mask:
    """What of somebody's ``own`` pixels (h, w) is the background beside or above them."""
    states = np.full(own.shape, cv2.GC_BGD, np.uint8)
    ring = cv2.dilate(own.astype(np.uint8), np.ones((2 * beside + 1, 2 * beside + 1), np.uint8))
    states[ring > 0] = cv2.GC_PR_BGD
    states[own] = cv2.GC_PR_FGD
    if min(np.count_nonzero(own), np.count_nonzero(~own)) < LEAST_PIXELS:
        return np.zeros_like(own)
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, own.shape[1], own.shape[0])
    # Its mixtures start from random numbers.
    cv2.setRNGSeed(0)
    part = np.ascontiguousarray(picture)
    cv2.grabCut(part, states, whole, outside, inside, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    kept = own & ((states == cv2.GC_FGD) | (states == cv2.GC_PR_FGD))
    tall, labelled = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(own.any(axis=1))
    if kept.sum() < LEAST_KEPT * own.sum() or np.ptp(tall) < LEAST_TALL * np.ptp(labelled):
        return np.zeros_like(own)
    under = np.maximum.accumulate(kept, axis=0)
    return np.asarray(own & ~under)
