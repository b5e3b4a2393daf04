"""The hole that the person leaves in a scene picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

Hidden = NDArray[np.bool_]

PAPER_AREA = 768 * 432

FAINTEST = 12
"""Alpha, of 255, above which a pixel shows something of the person."""


def person_hole(alpha: NDArray[np.uint8], dilation: float) -> Hidden:
    """Where the person is (H, W), widened by so many pixels of a picture of 768 × 432.

    The paper masks and dilates the person in the scene image (section 3.2, task 3), so that
    nothing of their outline or near shadow tells the network about them.
    """
    height, width = alpha.shape
    radius = round(dilation * np.sqrt(width * height / PAPER_AREA))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate((alpha > FAINTEST).astype(np.uint8), disc), dtype=bool)
