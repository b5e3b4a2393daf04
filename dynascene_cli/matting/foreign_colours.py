"""Whether pieces of the filmed ground, or lettering on it, stay in a matte beside the feet."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.external import alpha_box
from dynascene_cli.matting.frame_reduction import reduce_frame, take_out
from dynascene_cli.shot import Image, Mask

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
BITS = 3
"""Colours are told apart by so many upper bits of each channel."""
UNIFORM, UNIFORM_BITS, UNLIKE = 0.06, 4, 2e-4
"""Of a plain ground: the share of it that each of its colours has at the least, in how many of a
channel's bits they are told apart, and the share of the body that has them at the most."""
LEAST_PATCH = 0.0004
"""Share of the person that a patch of ground in their matte has at the least."""


def drop_uniform_ground(frame: Image, alpha: Image) -> Image:
    """An alpha (H, W) without patches, low in it, of a plain ground that the body does not match.

    Whatever looks just like the ground beside it would be lost against it in the clip too.
    """
    small, seen = reduce_frame(frame, alpha, HEIGHT)
    person, box = seen > NONE, alpha_box(seen)
    if not np.isfinite(box).all():
        return alpha
    place, low = _place_beside(seen), _lower_rows(box, ABOVE)
    body = slice(low.start)
    codes = _colour_codes(small, UNIFORM_BITS)
    own = _shares(codes[body][person[body]], UNIFORM_BITS)
    beside = _shares(codes[low][place[low]], UNIFORM_BITS)
    ground = np.zeros(person.shape, np.uint8)
    ground[low] = ((beside > UNIFORM) & (own < UNLIKE))[codes[low]] & person[low]
    patches = cv2.morphologyEx(ground, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if patches.sum() < LEAST_PATCH * person.sum():
        return alpha
    grown = cv2.dilate(patches, np.ones((3, 3), np.uint8)).astype(np.float32)
    return take_out(alpha, cv2.GaussianBlur(grown, (0, 0), 0.7))


def foreign_share(frame: Image, alpha: Image) -> float:
    """The share of a person's pixels, low in an alpha (H, W), that have the place's colours alone.

    0 where nobody is seen.
    """
    small, seen = reduce_frame(frame, alpha, HEIGHT)
    person = seen > SURE
    box = alpha_box(seen)
    if not person.any() or not np.isfinite(box).all():
        return 0.0
    place, low = _place_beside(seen), _lower_rows(box, LOW)
    body = slice(_lower_rows(box, ABOVE).start)
    colours = _colour_codes(small, BITS)
    own = _shares(colours[body][person[body]], BITS)
    beside = _shares(colours[low][place[low]], BITS)
    feet = colours[low][person[low]]
    foreign = (own[feet] < OWN) & (beside[feet] > BESIDE)
    return float(foreign.sum() / person.sum())


def _place_beside(seen: Image) -> Mask:
    """Where a reduced alpha (h, w) shows the place, and is not next to the person either."""
    person = (seen > NONE).astype(np.uint8)
    return np.asarray(cv2.dilate(person, np.ones((GAP, GAP), np.uint8)) == 0)


def _lower_rows(box: Floats, share: float) -> slice:
    """The rows of the lower end of a person's box (4,), a share of its height."""
    bottom, tall = float(box[3]), float(box[3] - box[1])
    return slice(round(bottom - share * tall), round(bottom))


def _colour_codes(picture: Image, bits: int) -> NDArray[np.int64]:
    """The colours (h, w) of a picture (h, w, 3), told apart by the upper bits of each channel."""
    upper = np.asarray(picture, np.int64) >> (8 - bits)
    red, green, blue = np.moveaxis(upper, -1, 0)
    return np.asarray((red << 2 * bits) + (green << bits) + blue)


def _shares(codes: NDArray[np.int64], bits: int) -> Floats:
    """The share of each colour among pixels (N,)."""
    return np.bincount(codes, minlength=1 << 3 * bits) / max(len(codes), 1)
