"""The nearest pixel of a mask."""

import cv2
import numpy as np
from numpy.typing import NDArray


def nearest_pixels(wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For every pixel (H, W) the flat index of the nearest one that is ``wanted``.

    Raises:
        ValueError: none is.
    """
    if not wanted.any():
        raise ValueError("nearest: no pixel is wanted")
    labels = cv2.distanceTransformWithLabels(
        (~wanted).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    free = np.flatnonzero(wanted)
    place = np.zeros(len(free) + 1, np.int64)
    place[labels.ravel()[free]] = free
    return np.asarray(place[labels])
