"""Display and linear light: tables between the two, and gains that keep white white."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.video.srgb_curve import display_light, linear_light

LUMA = (0.2126, 0.7152, 0.0722)
"""The weights of linear R, G and B in luminance (bt709)."""

ENCODE_STEPS = 16383

BLACK, BLACK_LIFT = 0.012, 0.25
"""Linear light from which down a lift fades, and the share of its stops that the darkest gets."""


DECODE: NDArray[np.float32] = linear_light(np.arange(256) / 255).astype(np.float32)
"""Linear light 0..1 of every 8-bit display value."""

ENCODE: NDArray[np.uint8] = np.round(
    255 * display_light(np.arange(ENCODE_STEPS + 1) / ENCODE_STEPS)
).astype(np.uint8)
"""The 8-bit display value of linear light in steps of 1 / ENCODE_STEPS."""


def apply_gain(linear: ArrayLike, gain: ArrayLike) -> Floats:
    """Linear light 0..1 times a gain (0.5..2) that fades towards white.

    White neither clips nor is tinted; below half of full light the gain is nearly pure. The curve
    is monotone for gains under 2.
    """
    x = np.asarray(linear, dtype=float)
    g = np.asarray(gain, dtype=float)
    return g * x / (1 + (g - 1) * x * x)


def expose(linear: ArrayLike, gain: ArrayLike) -> Floats:
    """Linear light 0..1 as a camera of another exposure sees it: times a gain of 0.25..2.

    A gain under 1 is pure, so that it turns no skin blotchy: to keep white white it would have to
    stretch what is just darker. One above 1 fades towards white, which it would clip.
    """
    x = np.asarray(linear, dtype=float)
    g = np.asarray(gain, dtype=float)
    return np.where(g < 1, g * x, apply_gain(x, np.maximum(g, 1)))


def light_table(change: Callable[[Floats], Floats]) -> NDArray[np.uint8]:
    """A table (256, 3) that does to 8-bit R, G and B what ``change`` does to their light."""
    light = change(np.repeat(DECODE[:, None].astype(float), 3, axis=1))
    return np.round(255 * display_light(light)).astype(np.uint8)


@cache
def deep_decode() -> NDArray[np.float32]:
    """Linear light 0..1 of every 16-bit display value."""
    return linear_light(np.arange(65536) / 65535).astype(np.float32)


def lift(linear: ArrayLike, stops: float) -> Floats:
    """Linear light 0..1, the dark lifted by ``stops``.

    The lift fades from the darkest on, so that what is bright keeps its modelling and white stays
    white; and towards black, so that black hair stays black and its noise is not seen.
    """
    x, gain = np.asarray(linear, dtype=float), 2.0**stops
    lifted = gain * x / (1 + (gain - 1) * x)
    kept = BLACK * gain ** (BLACK_LIFT - 1)
    return lifted * (x + kept) / (x + BLACK) * (1 + BLACK) / (1 + kept)
