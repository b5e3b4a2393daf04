"""A frame and its matte made smaller to be judged, and what was found there taken out of it."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image


def reduce_frame(frame: Image, alpha: Image, rows: int) -> tuple[Image, Image]:
    """A frame (H, W, 3) and its alpha (H, W) at ``rows`` rows, or as they are if smaller."""
    scale = min(1.0, rows / frame.shape[0])
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(alpha, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray(seen, np.uint8)


def take_out(alpha: Image, gone: NDArray[Any]) -> Image:
    """An alpha (H, W) without the share ``gone`` (h, w, float) of it, 0..1."""
    result = alpha.copy()
    if not gone.any():
        return result
    # Little is taken out as a rule: the rest need not be worked on.
    rows, columns = (np.asarray(gone.any(axis=axis)) for axis in (1, 0))
    part = _enlarged_span(rows, len(alpha)), _enlarged_span(columns, alpha.shape[1])
    shown = cv2.resize(gone, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)[part]
    result[part] = np.round(alpha[part] * (1 - np.clip(shown, 0, 1)))
    return result


def _enlarged_span(where: NDArray[np.bool_], length: int) -> slice:
    """What of a row of ``length`` pixels bilinear enlargement reaches from those of ``where``."""
    scale = length / len(where)
    first, last = np.flatnonzero(where)[[0, -1]]
    return slice(max(0, math.floor((first - 1) * scale)), math.ceil((last + 2) * scale))
