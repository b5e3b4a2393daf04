"""Whether what a detector took for a thing stands out of the place, or is a piece of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.pose import between_indices, crop_to_picture
from dynascene_cli.shot import Image

TRUNCATED_SHARE = 0.15
"""Share of a box's outline along which what stands out goes on beyond it: it is no thing's."""
ALIKE = 0.45
"""Overlap of two colour histograms (Swain & Ballard 1991) beyond which they show one thing."""
BINS = 8
RIM = 3
LEAST_PIXELS = 60
"""Pixels on either side that make a histogram."""


def sample_crop(values: Image, crop: Floats, side: int) -> Image:
    """A picture's values (H, W) where a crop (``side``, ``side``) shows them, 0 beyond it."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warp = between_indices(crop_to_picture(crop, side))
    return np.asarray(cv2.warpAffine(values, warp, (side, side), flags=flags), np.uint8)


def is_truncated(
    salient: FloatArray, window: NDArray[np.bool_], elsewhere: NDArray[np.bool_]
) -> bool:
    """Whether what stands out (h, w) in 0..1 is cut straight by a window's edges.

    ``elsewhere`` (h, w): the person, or outside the picture, where a thing may well be cut.
    """
    inner = cv2.erode(window.astype(np.uint8), np.ones((2 * RIM + 1,) * 2, np.uint8)) > 0
    rim = window & ~inner & ~elsewhere
    length = max(int((window & ~inner).sum()), 1)
    return bool((salient[rim] > 0.5).sum() > TRUNCATED_SHARE * length)


def looks_like_place(image: Image, thing: NDArray[np.bool_], place: NDArray[np.bool_]) -> bool:
    """Whether a thing's pixels (h, w) have the colours of the place around it."""
    if min(int(thing.sum()), int(place.sum())) < LEAST_PIXELS:
        return False
    first, second = (_histogram(image, each) for each in (thing, place))
    return float(np.minimum(first, second).sum()) > ALIKE


def _histogram(image: Image, where: NDArray[np.bool_]) -> FloatArray:
    """The shares (8, 8, 8) of the colours (RGB) at some pixels, neighbouring bins mixed."""
    ranges = [0, 256] * 3
    counts = cv2.calcHist([image], [0, 1, 2], where.astype(np.uint8), [BINS] * 3, ranges)
    return np.asarray(counts / max(float(counts.sum()), 1.0), np.float32)
