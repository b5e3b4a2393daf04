"""What is ridden, and its rider, as what differs from the place that is seen through them.

Between the spokes of a wheel the networks see neither thing nor place, and leave a half-transparent
disc. Where the frames around show the place behind it, what looks like it is the place, and what
does not is tyre, frame or fork.
"""

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.external import alpha_box
from dynascene_cli.matting.registered_place import Look, Plate
from dynascene_cli.matting.ridden_things import BOX_MARGIN
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

WINDOW = 0.25
"""How far around a thing's box the place is looked at, per its longer side."""
REACH = BOX_MARGIN + 0.06
"""How far around its box a thing may reach, softly, per that side."""
LEAST_APART, SPREADS = 6.0, 0.5
"""Levels that a picture differs from its place by, at the least and in the place's own mean
deviations, before anything is seen there."""
CERTAIN, FULL, NEAR = 20.0, 0.7, 2
"""Levels beyond those, and share of the greatest difference so many pixels around, from which a
thing is opaque."""
SEEN = 0.35
"""The opacity from which a pixel belongs to a piece of the thing."""
LEAST_PIECE, ON_THING = 0.02, 0.1
"""Shares: of the thing that a piece is at the least, and of a piece that the networks take for the
thing, or that is the rider."""
LEAST_PATCH, MOST_PATCH = 16, 0.06
"""Pixels of a patch of the place in the rider's own matte, as between arm and handlebar, at the
least, and its share of them at the most."""
MOST_UNEXPLAINED = 0.1
"""Share of the place beside that may look like a thing, for the place to be believed."""
SQUARE = np.ones((3, 3), np.uint8)


def window_around(look: Look, box: Floats) -> tuple[slice, slice]:
    """The rows and columns in which the place about a thing in a box (4,) and its rider lies."""
    person = alpha_box(look.alpha)
    low, high = np.fmin(box[:2], person[:2]), np.fmax(box[2:], person[2:])
    margin = WINDOW * float((box[2:] - box[:2]).max())
    return _grown(np.concatenate([low, high]), margin, look.alpha.shape)


def see_through(
    look: Look, body: FloatArray, box: Floats, plate: Plate
) -> tuple[FloatArray, FloatArray] | None:
    """What (h, w), 0..1, of a thing in a box (4,) is opaque, and what of thing and rider is place.

    ``body`` (h, w) is the matte without the thing, and ``plate`` the place in the window around
    both; all in the look's pixels. None where the frames around do not tell.
    """
    window, shape = plate.window, look.alpha.shape
    apart = _apart(look.image[window], plate)
    level = LEAST_APART + SPREADS * cv2.blur(plate.spread, (3, 3))
    contrast = np.maximum(FULL * cv2.dilate(apart, disc(NEAR)), level + CERTAIN)
    opaque = np.clip((apart - level) / (contrast - level), 0, 1) * plate.known
    beside = plate.known & ~look.around[window]
    if not beside.any() or float((opaque[beside] > 0.5).mean()) > MOST_UNEXPLAINED:
        return None
    alike = plate.known & (cv2.blur(apart, (3, 3)) < LEAST_APART)
    own = body.copy()
    own[window] *= 1 - _patches(alike, opaque, body[window])
    inside = np.zeros(shape, bool)
    inside[_grown(box, REACH * float((box[2:] - box[:2]).max()), shape)] = True
    part, known = np.zeros(shape, np.float32), np.zeros(shape, bool)
    part[window] = cv2.morphologyEx(opaque.astype(np.float32), cv2.MORPH_CLOSE, disc(1))
    known[window] = plate.known
    part *= inside
    part *= _pieces_of_thing(part, look.alpha.astype(np.float32) / np.float32(255), own)
    place = np.where(inside, known * (1 - np.maximum(part, own)), body - own)
    return part, np.asarray(place, np.float32)


def _patches(alike: Mask, opaque: FloatArray, body: FloatArray) -> FloatArray:
    """Where (h, w), 0..1, a rider's matte has patches, ``alike`` throughout, of the place."""
    mistaken = (alike & (body > SEEN)).astype(np.uint8)
    opened = cv2.morphologyEx(mistaken, cv2.MORPH_OPEN, disc(1))
    _, labels, table, _ = cv2.connectedComponentsWithStats(opened)
    areas = table[:, cv2.CC_STAT_AREA]
    kept = (areas >= LEAST_PATCH) & (areas <= MOST_PATCH * (body > 0.5).sum())
    kept[0] = False
    grown = cv2.dilate(kept[labels].astype(np.float32), disc(2))
    return np.asarray(grown * (1 - opaque), np.float32)


def _apart(image: Image, plate: Plate) -> FloatArray:
    """By how many levels (h, w) an image (h, w, 3) differs from its place within a pixel."""
    colours = plate.colours
    low, high = cv2.erode(colours, SQUARE), cv2.dilate(colours, SQUARE)
    now = image.astype(np.float32)
    apart = np.maximum(np.maximum(low - now, now - high), 0).max(axis=2)
    return np.asarray(cv2.GaussianBlur(apart, (0, 0), 0.6), np.float32)


def _pieces_of_thing(part: FloatArray, alpha: FloatArray, body: FloatArray) -> FloatArray:
    """1 where (h, w) pieces are large and lie on the thing or adjoin its rider, else 0."""
    thing = (alpha > 0.5) & (body < 0.5)
    solid = (part > SEEN) | (body > 0.5)
    count, labels, table, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
    areas = table[:, cv2.CC_STAT_AREA]
    on_it = np.bincount(labels[solid & (alpha > 0.3)], minlength=count)
    kept = (areas >= LEAST_PIECE * thing.sum()) & (on_it >= ON_THING * areas)
    kept[0] = False
    return np.asarray(cv2.dilate(kept[labels].astype(np.float32), disc(1)), np.float32)


def _grown(box: Floats, margin: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of a box (4,) grown by a margin, inside a picture (height, width)."""
    low = np.floor(np.maximum(box[:2] - margin, 0)).astype(int)
    high = np.ceil(np.minimum(box[2:] + margin, shape[::-1])).astype(int)
    return slice(low[1], max(high[1], low[1] + 1)), slice(low[0], max(high[0], low[0] + 1))
