"""The curve of sRGB (IEC 61966-2-1), by which editors' screens show bt709 pictures."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Precision = TypeVar("Precision", np.float32, np.float64)


def linear_light(display: NDArray[Precision]) -> NDArray[Precision]:
    """Linear light 0..1 of display values 0..1."""
    display = np.asarray(display)
    bright = ((np.maximum(display, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(display <= 0.04045, display / 12.92, bright), display.dtype)


def display_light(linear: NDArray[Precision]) -> NDArray[Precision]:
    """Display values 0..1 of linear light, which is clipped to 0..1."""
    v = np.clip(np.asarray(linear), 0.0, 1.0)
    bright = 1.055 * np.maximum(v, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(v <= 0.0031308, 12.92 * v, bright), v.dtype)
