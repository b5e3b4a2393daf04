"""The bright place that shows between the strands of hair of who is filmed against the light.

Networks draw wind-blown hair as a soft veil. Before a bright place that is dark strands with sky
between them; in another place the sky would stand around the head as a white tuft. Against the
light brightness tells hair from sky: what is as bright as the place beside it, and has no other
colour, is not hair.
"""

import cv2
import numpy as np

from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.frame_reduction import reduce_frame
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

HEIGHT = 400
"""Rows at which it is judged where hair may be, at most."""
BRIGHTER = 3.0
"""Stops by which the place is brighter than a person who is filmed against the light."""
DISPLAY_GAMMA = 2.2
LEAST_SEEN = 100
"""Pixels of each side, reduced, without which nothing is told of the light."""
NONE, SURE = 5, 250
"""Alphas up to which the place, and from which on the person, is seen."""
FAINTEST, SOLID = 25, 230
"""Alphas between which a matte is soft."""
BROAD, AROUND, APART = 0.006, 0.08, 0.01
"""Half the width of softness that is hair and no edge; how far beyond it hair may be; how far
from the matte's edge a side is sure. Shares of the frame's height."""
NEAR, WIDE, WIDE_SHARE = 0.04, 0.2, 0.1
"""Half-widths of the windows over which the sides' brightness is taken, in frame heights, and how
much the wide one counts."""
LEAST_GAP, WHOLE_GAP = 2.0, 3.0
"""By how many of their deviations the sides' brightness differs where it is relied on: a little,
and wholly."""
OTHER_COLOUR = 8.0
"""Levels of chroma from which on a colour is not the place's, and half of those at which it is
surely none: a sleeve's lit edge is as bright as the sky."""
STRAND = 0.55
"""The share of the way from the place's brightness to the hair's from which on all is hair: rims
are lit."""


def is_against_light(frame: Image, alpha: Image) -> bool:
    """Whether the place in a frame (H, W, 3) is far brighter than the person, by their alpha."""
    small, seen = reduce_frame(frame, alpha, HEIGHT)
    light = _light(small)
    person, place = light[seen >= SURE], light[seen <= NONE]
    if person.size < LEAST_SEEN or place.size < LEAST_SEEN:
        return False
    ratio = (np.median(place) + 1) / (np.median(person) + 1)
    return float(DISPLAY_GAMMA * np.log2(ratio)) > BRIGHTER


def clear_backlit_hair(frame: Image, alpha: Image) -> Image:
    """An alpha (H, W) of who ``is_against_light``, without the place that shows through hair."""
    small, seen = reduce_frame(frame, alpha, HEIGHT)
    light = _light(small)
    height = seen.shape[0]
    soft = ((seen > FAINTEST) & (seen < SOLID)).astype(np.uint8)
    hair = cv2.morphologyEx(soft, cv2.MORPH_OPEN, disc(max(1, round(BROAD * height))))
    if not hair.any():
        return alpha
    # By distance: a dilation so wide takes ten times as long.
    away = cv2.distanceTransform(1 - hair, cv2.DIST_L2, 3)
    zone = (away <= AROUND * height).astype(np.uint8)
    apart = disc(max(1, round(APART * height)))
    # Among the hair a matte may be sure of what is sky.
    person = cv2.erode((seen >= SURE).astype(np.uint8), apart) & (1 - zone)
    place = cv2.erode((seen <= NONE).astype(np.uint8), apart)
    dark, dark_spread = _brightness(light, person > 0)
    bright, bright_spread = _brightness(light, place > 0)
    gaps = (bright - dark) / (dark_spread + bright_spread)
    trust = np.clip((gaps - LEAST_GAP) / (WHOLE_GAP - LEAST_GAP), 0, 1)
    blurred = cv2.GaussianBlur(zone.astype(np.float32), (0, 0), max(1.0, BROAD * height))
    x, y, width, rows = cv2.boundingRect((blurred > 0).astype(np.uint8))
    colour = np.median(_chroma(small[seen <= NONE][None]), axis=(0, 1))
    return _unmix(
        frame, alpha, np.dstack([trust * blurred, dark, bright]), (x, y, width, rows), colour
    )


def _light(picture: Image) -> Image:
    """The brightness (h, w) 0..255 of a picture (h, w, 3)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _chroma(picture: Image) -> FloatArray:
    """How far (h, w, 2) the colours of a picture (h, w, 3) are from grey, in levels of 255."""
    levels = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2YCrCb)[..., 1:]
    return levels.astype(np.float32) - np.float32(128)


def _brightness(light: Image, side: Mask) -> tuple[FloatArray, FloatArray]:
    """The mean and deviation (h, w) of brightness 0..255 around every pixel, over one side.

    Both are those of the whole side where it is not near.
    """
    level = light.astype(np.float32)
    weight = side.astype(np.float32)
    height = light.shape[0]
    sums = np.array([(weight * level**power).mean() for power in range(3)]) * np.float32(1e-3)
    total = np.broadcast_to(sums.astype(np.float32), (*light.shape, 3)).copy()
    moments = np.dstack([weight, weight * level, weight * level * level])
    for reach, share in ((NEAR, 1.0), (WIDE, WIDE_SHARE)):
        sides = (2 * max(1, round(reach * height)) + 1,) * 2
        total += np.float32(share) * cv2.blur(moments, sides, borderType=cv2.BORDER_CONSTANT)
    mean = total[..., 1] / np.maximum(total[..., 0], 1e-9)
    square = total[..., 2] / np.maximum(total[..., 0], 1e-9)
    spread = np.sqrt(np.maximum(square - mean * mean, 1.0))
    return np.asarray(mean, np.float32), np.asarray(spread, np.float32)


def _unmix(
    frame: Image,
    alpha: Image,
    known: FloatArray,
    part: tuple[int, int, int, int],
    colour: FloatArray,
) -> Image:
    """An alpha (H, W) lowered to what the frame says.

    ``known`` (h, w, 3): how much that is trusted, 0..1, and the two sides' brightness; ``part`` is
    what of it is trusted at all: x, y, width, height; ``colour`` (2,) is the place's chroma.
    """
    (height, width), (rows, columns) = alpha.shape, known.shape[:2]
    left, right = part[0] * width // columns, -(-(part[0] + part[2]) * width // columns)
    top, bottom = part[1] * height // rows, -(-(part[1] + part[3]) * height // rows)
    there = np.s_[top:bottom, left:right]
    # Half a small pixel's shift is far less than what is told apart here.
    inside = known[part[1] : part[1] + part[3], part[0] : part[0] + part[2]]
    trust, dark, bright = cv2.split(cv2.resize(inside, (right - left, bottom - top)))
    picture = np.ascontiguousarray(frame[there])
    strands = (bright - _light(picture)) / np.maximum(STRAND * (bright - dark), 1.0)
    own = np.clip(_chroma_apart(picture, colour) / OTHER_COLOUR - 1, 0, 1)
    before = alpha[there].astype(np.float32)
    least = np.minimum(before, 255 * np.clip(np.maximum(strands, own), 0, 1))
    lowered = alpha.copy()
    lowered[there] = np.round(before + trust * (least - before))
    return lowered


def _chroma_apart(picture: Image, colour: FloatArray) -> FloatArray:
    """How far (h, w) a picture's chroma is from all between grey and a place's: clouds in a sky."""
    chroma = _chroma(picture)
    along = np.clip(chroma @ colour / max(float(colour @ colour), 1.0), 0, 1)
    apart = chroma - along[..., None] * colour
    return np.asarray(np.sqrt((apart * apart).sum(axis=-1)), np.float32)
