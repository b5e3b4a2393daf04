"""What grows and shrinks masks."""

import cv2
import numpy as np
from numpy.typing import NDArray


def disc(radius: int) -> NDArray[np.uint8]:
    """A round kernel for OpenCV: 1 within ``radius`` pixels of its middle."""
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
