"""Rectangles of whole pixels, so that work is done only where the person is."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
"""An array whose values' type the tables of OpenCV cannot tell."""


class Box(NamedTuple):
    """Columns x0 ≤ x < x1 and rows y0 ≤ y < y1; empty where x1 ≤ x0 or y1 ≤ y0."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def empty(self) -> bool:
        """Whether no pixel lies in the box."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.x1 - self.x0, self.y1 - self.y0

    def grow(self, margin: int, width: int, height: int) -> "Box":
        """The box with a margin around it, kept inside a width × height picture."""
        return Box(
            max(self.x0 - margin, 0),
            max(self.y0 - margin, 0),
            min(self.x1 + margin, width),
            min(self.y1 + margin, height),
        )

    def within(self, outer: "Box") -> "Box":
        """The box as the crop of an outer one has it."""
        return Box(self.x0 - outer.x0, self.y0 - outer.y0, self.x1 - outer.x0, self.y1 - outer.y0)

    def crop(self, image: AnyArray) -> AnyArray:
        """The box's view of an image (H, W, ...)."""
        return image[self.y0 : self.y1, self.x0 : self.x1]


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of these; NOWHERE where all are empty."""
    corners = np.array([box for box in boxes if not box.empty])
    if not len(corners):
        return NOWHERE
    return Box(*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())


NOWHERE = Box(0, 0, 0, 0)
"""The box of no pixel."""


def opaque_box(alpha: NDArray[np.uint8], threshold: int) -> Box:
    """The smallest box of the pixels whose alpha exceeds the threshold."""
    _, mask = cv2.threshold(alpha, threshold, 255, cv2.THRESH_BINARY)
    x, y, width, height = cv2.boundingRect(mask)
    return Box(x, y, x + width, y + height)


def thin_pixels(pixels: AnyArray) -> AnyArray:
    """Every few of pixels (N, 3): some fifty thousand, which tell a colour as well as millions."""
    return pixels[:: max(1, len(pixels) // 50_000)]


def reduce_by_blocks(image: AnyArray, reduction: int) -> AnyArray:
    """The image with each whole block of reduction × reduction pixels averaged into one.

    Rows and columns that fill no block are left out (an image smaller than a block is one).
    """
    rows = max(image.shape[0] // reduction, 1)
    columns = max(image.shape[1] // reduction, 1)
    whole = image[: rows * reduction, : columns * reduction]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
