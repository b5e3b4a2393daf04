"""A racket or bat that blurs at the stroke, as what differs from the place behind it.

The detector misses such things while they are fast. Near the moments at which it saw one, what
moves and sticks out of the person is it, and what looks as the place does is not.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.inference.object_detector import COCO
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import MatteFrame
from dynascene_cli.matting.external import alpha_box
from dynascene_cli.matting.registered_place import NOISE, Look, Place, opacity
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

SWUNG = [COCO[name] for name in ("tennis racket", "baseball bat")]
UNLIKE = 30.0
"""Levels from the place that a thing differs by."""
LEAST, MOST = 0.004, 0.25
"""Share of the person that it is at the least and the most."""
STICKS_OUT, NEAR = 0.035, 0.1
"""How far it reaches from the person at the least, and how near it comes, per their height."""
SEEN_TWICE = 0.5
"""Share of it behind which two other frames show the place, at the least."""
FAINT = 4
"""The least alpha of a thing that is worth taking out."""
GROUND = 0.25
"""Share of the person's height above their feet in which what moves may be their shadow."""
THIN = 0.02
"""Half the width of what is no limb, per the person's height."""
ALIKE = 0.6
"""Share of a thin piece that looks as the place does, from which it is the place."""


def is_swung(made: Sequence[MatteFrame]) -> bool:
    """Whether a racket or bat is held in any of some frames."""
    return any(np.isin(each.held, SWUNG).any() for each in made)


def swung_part(look: Look, body: Image | None, place: Place) -> FloatArray | None:
    """What (h, w), 0..1, moves and sticks out of the person in a frame; None for nothing.

    ``body`` (H, W) is the matte without what is held, None where nothing is.
    """
    alone = look.alpha
    if body is not None:
        alone = np.asarray(cv2.min(alone, _reduce(body, look)), np.uint8)
    person = alone > 128
    box = alpha_box(alone)
    if not np.isfinite(box).all():
        return None
    height, area = float(box[3] - box[1]), float(person.sum())
    gap = max(2, round(THIN * height))
    moving = ((place.apart > UNLIKE) & ~person).astype(np.uint8)
    moving = np.asarray(cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)))
    joined = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, disc(gap)) * ~person
    count, labels, table, middles = cv2.connectedComponentsWithStats(joined)
    areas = table[:, cv2.CC_STAT_AREA]
    farthest, nearest = _distances(person, np.asarray(labels, np.int32), count)
    chosen = (nearest <= NEAR * height) & (farthest >= STICKS_OUT * height)
    chosen &= (areas >= LEAST * area) & (areas <= MOST * area)
    chosen &= middles[:, 1] < box[3] - GROUND * height
    chosen &= np.bincount(labels[place.views > 1], minlength=count) >= SEEN_TWICE * areas
    chosen[0] = False
    if not chosen.any():
        return None
    around = cv2.dilate(chosen[labels].astype(np.uint8), disc(gap))
    seen = np.maximum(opacity(place.apart) * around, person.astype(np.float32))
    whole = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, disc(gap))
    return np.asarray(whole * around * ~person, np.float32)


def unlikely_part(look: Look, body: Image, place: Place) -> FloatArray:
    """What (h, w), 0..1, of the things in a matte looks as the place does.

    ``body`` (H, W) is the matte without them.
    """
    box = alpha_box(look.alpha)
    if not np.isfinite(box).all():
        return np.zeros(look.alpha.shape, np.float32)
    gap = max(2, round(THIN * float(box[3] - box[1])))
    small = _reduce(body, look)
    things = (cv2.subtract(look.alpha, small) > FAINT) & place.known
    sure = (place.views > 1) | (look.alpha > 128)
    seen = np.maximum(opacity(place.apart) * sure, small / np.float32(255))
    joined = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, disc(gap))
    return np.asarray(np.where(things, 1 - joined, 0), np.float32)


def _distances(
    person: Mask, labels: NDArray[np.int32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The greatest and least distance (count,) in pixels of labelled pieces from the person."""
    away = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 3).astype(np.float32)
    farthest, nearest = np.zeros(count, np.float32), np.full(count, np.inf, np.float32)
    np.maximum.at(farthest, labels.ravel(), away.ravel())
    np.minimum.at(nearest, labels.ravel(), away.ravel())
    return farthest, nearest


def mistaken_part(look: Look, place: Place) -> FloatArray | None:
    """What (h, w), 0..1, of a matte is thin and looks as the place does; None for nothing."""
    box = alpha_box(look.alpha)
    if not np.isfinite(box).all():
        return None
    radius = max(1, round(THIN * float(box[3] - box[1])))
    solid = (look.alpha > 128).astype(np.uint8)
    body = cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_OPEN, disc(radius)), disc(2)) > 0
    thin = ((look.alpha > 24) & ~body).astype(np.uint8)
    count, labels = cv2.connectedComponents(thin)
    alike = (place.apart < NOISE) & place.known
    share = np.bincount(labels[alike], minlength=count) / np.bincount(labels.ravel())
    mistaken = share >= ALIKE
    mistaken[0] = False
    if not mistaken.any():
        return None
    around = cv2.dilate(mistaken[labels].astype(np.float32), disc(1)) * place.known
    return np.asarray(around * (1 - opacity(place.apart)), np.float32)


def _reduce(alpha: Image, look: Look) -> Image:
    """An alpha (H, W) at a look's size."""
    return np.asarray(
        cv2.resize(alpha, look.alpha.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8
    )
