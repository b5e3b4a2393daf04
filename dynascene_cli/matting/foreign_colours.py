"""Whether pieces of the filmed ground, or lettering on it, stay in a matte beside the feet."""

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.external import alpha_box
from dynascene_cli.shot import Image

HEIGHT = 400
"""Rows at which a frame is looked at, at most."""
LOW, ABOVE = 0.15, 0.3
"""Shares of the person's height, at its lower end: what may hold pieces of the ground, and what is
above it for sure."""
OWN, BESIDE = 0.001, 0.01
"""Shares of pixels: a colour that less of the body above has is foreign to it, and one that more
of the place beside has is the place's."""
GAP = 9
"""Pixels around the person that belong to neither."""
SURE, NONE = 230, 20
BITS = 5
"""Colours are told apart by their three upper bits."""


UNIFORM, UNIFORM_BITS, UNLIKE = 0.06, 4, 2e-4
"""Of a plain ground: the share of it that each of its colours has at the least, in how many of a
channel's bits they are told apart, and the share of the body that has them at the most."""
LEAST_PATCH = 0.0004
"""Share of the person that a patch of ground in their matte has at the least."""


def drop_uniform_ground(frame: Image, alpha: Image) -> Image:
    """An alpha (H, W) without patches, low in it, of a plain ground that the body does not match.

    Whatever looks just like the ground beside it would be lost against it in the clip too.
    """
    scale = min(1.0, HEIGHT / frame.shape[0])
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    seen = np.asarray(cv2.resize(alpha, small.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    person, box = seen > NONE, alpha_box(seen)
    if not np.isfinite(box).all():
        return alpha
    place = cv2.dilate(person.astype(np.uint8), np.ones((GAP, GAP), np.uint8)) == 0
    tall = float(box[3] - box[1])
    low = slice(round(float(box[3]) - ABOVE * tall), round(float(box[3])))
    body = slice(round(float(box[3]) - ABOVE * tall))
    reduced = np.asarray(small, np.int64) >> (8 - UNIFORM_BITS)
    codes = (reduced[..., 0] << 8) + (reduced[..., 1] << 4) + reduced[..., 2]
    own = _shares(codes[body][person[body]], 4096)
    beside = _shares(codes[low][place[low]], 4096)
    ground = np.zeros(person.shape, np.uint8)
    ground[low] = ((beside > UNIFORM) & (own < UNLIKE))[codes[low]] & person[low]
    patches = cv2.morphologyEx(ground, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if patches.sum() < LEAST_PATCH * person.sum():
        return alpha
    gone = cv2.GaussianBlur(
        cv2.dilate(patches, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 0.7
    )
    gone = cv2.resize(gone, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.round(alpha * (1 - np.clip(gone, 0, 1))).astype(np.uint8)


def foreign_share(frame: Image, alpha: Image) -> float:
    """The share of a person's pixels, low in an alpha (H, W), that have the place's colours alone.

    0 where nobody is seen.
    """
    scale = min(1.0, HEIGHT / frame.shape[0])
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    seen = np.asarray(cv2.resize(alpha, small.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    person = seen > SURE
    box = alpha_box(seen)
    if not person.any() or not np.isfinite(box).all():
        return 0.0
    place = cv2.dilate((seen > NONE).astype(np.uint8), np.ones((GAP, GAP), np.uint8)) == 0
    tall = float(box[3] - box[1])
    low = slice(round(float(box[3]) - LOW * tall), round(float(box[3])))
    body = slice(round(float(box[3]) - ABOVE * tall))
    reduced = np.asarray(small, np.int64) >> BITS
    colours = (reduced[..., 0] << 6) + (reduced[..., 1] << 3) + reduced[..., 2]
    own = _shares(colours[body][person[body]])
    beside = _shares(colours[low][place[low]])
    feet = colours[low][person[low]]
    foreign = (own[feet] < OWN) & (beside[feet] > BESIDE)
    return float(foreign.sum() / person.sum())


def _shares(colours: np.ndarray[tuple[int], np.dtype[np.int64]], count: int = 512) -> Floats:
    return np.bincount(colours, minlength=count) / max(len(colours), 1)
