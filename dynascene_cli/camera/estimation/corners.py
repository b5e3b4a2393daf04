"""Where a picture can be followed: corners that stand out of the noise, spread evenly."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.estimate import TRACKING_WIDTH, Integers
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

CELLS = 12
"""Columns of the grid over which points are spread evenly."""

SPACING = 14
"""Pixels between points, in a picture TRACKING_WIDTH wide."""

LEAST_SPACING = 6
BORDER = 6

SPREAD = 3.0
"""Deviation in pixels of the window that a corner is judged in."""

LEAST_SLOPE = 1.2
NOISE_SLOPE = 0.6
"""Mean squared slope (code values a pixel) that a corner must have: at least, and times the
noise's variance, which is three times what noise alone has."""

LEAST_RATIO = 0.04
"""Of the squared slopes across and along an edge, from which on it is a corner."""

LEAST_NOISE = 0.3
LARGEST_NOISE = 4.0


def noise_deviation(grey: Image) -> float:
    """A picture's noise in code values, told where it is smoothest (Immerkær 1996)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))
    size = (max(grey.shape[1] // 16, 1), max(grey.shape[0] // 16, 1))
    shrunk = cv2.resize(rough, size, interpolation=cv2.INTER_AREA)
    deviation = np.sqrt(np.pi / 2) / 6 * float(np.percentile(shrunk, 20))
    return min(max(deviation, LEAST_NOISE), LARGEST_NOISE)


def corner_strength(grey: Image) -> NDArray[np.float32]:
    """Mean squared slope (H, W) in the direction where the picture around a pixel slopes least.

    Zero along straight edges, whose points would slide (Shi & Tomasi 1994, with a Gaussian
    window, so that it is strongest at the corner itself).
    """
    dx = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    products = ((dx, dx), (dy, dy), (dx, dy))
    xx, yy, xy = (cv2.GaussianBlur(a * b, (0, 0), SPREAD) for a, b in products)
    half = cv2.magnitude((xx - yy) / 2, xy)
    mean = (xx + yy) / 2
    weaker = mean - half
    weaker[weaker < LEAST_RATIO * (mean + half)] = 0
    return np.asarray(weaker, np.float32)


def find_new_corners(
    grey: Image, background: Image, taken: Floats, wanted: int, noise: float
) -> Integers:
    """New points (N, 2), whole pixel indices, that make up ``wanted`` with those that are taken.

    They lie on the background (255) away from points that are taken (pixel indices); emptier
    cells of the grid come first, and stronger corners within them.
    """
    width = grey.shape[1]
    spacing = max(round(SPACING * width / TRACKING_WIDTH), LEAST_SPACING)
    free = background.copy()
    for x, y in taken.round().astype(int):
        cv2.circle(free, (int(x), int(y)), spacing, 0, -1)
    free[:BORDER], free[-BORDER:], free[:, :BORDER], free[:, -BORDER:] = 0, 0, 0, 0
    strength = corner_strength(grey)
    strength[(free == 0) | (strength < max(LEAST_SLOPE, NOISE_SLOPE * noise**2))] = 0
    neighbourhood = np.ones((2 * spacing - 1, 2 * spacing - 1), np.uint8)
    y, x = np.nonzero((strength > 0) & (strength == cv2.dilate(strength, neighbourhood)))
    cells = _cells(x, y, width)
    order = np.lexsort((-strength[y, x], cells))
    x, y, cells = x[order], y[order], cells[order]
    rank = np.arange(len(cells)) - np.searchsorted(cells, cells)
    crowd = np.bincount(
        _cells(taken[:, 0], taken[:, 1], width), minlength=int(cells.max(initial=0)) + 1
    )
    order = np.lexsort((-strength[y, x], rank + crowd[cells]))[: max(wanted - len(taken), 0)]
    return np.stack([x[order], y[order]], axis=1)


def _cells(x: Floats | Integers, y: Floats | Integers, width: int) -> Integers:
    """The number of the grid's cell that each pixel index lies in."""
    side = width / CELLS
    return (y // side).astype(np.int64) * CELLS + (x // side).astype(np.int64)
