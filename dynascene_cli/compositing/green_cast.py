"""The green cast that tubes and cameras give a clip, which turns skin mustard in another place.

Daylight, lamps, walls and sand differ along blue and yellow, so that what is neutral says little of
it; along green and magenta neutral things differ little, and what does is the light's.
"""

import numpy as np

from dynascene_cli.compositing.linear_light import DECODE, LUMA, apply_gain
from dynascene_cli.compositing.roi import thin_pixels
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

NEAR_NEUTRAL, LIT, LEAST_NEUTRAL = 0.7, 0.15, 0.05
"""The share of the strongest channel's light that the weakest of a neutral thing has, the linear
luminance that it has at the least, and the share of the pixels that it must be."""

BRIGHTER = 50
"""The percentile of the neutral pixels' luminance from which on they count: a wall in the light."""

MOST_CAST = 0.1
"""Stops of red and blue against green: the clips and photos that were looked at differ by up to
that, a gym under tubes before a bus in the sun the most."""


def tint(pixels: Image) -> float | None:
    """Stops by which the light on what is neutral in pixels (N, 3) is magenta; below 0 it is green.

    That is the mean of log2 R/G and log2 B/G. None where too little is neutral; what is clipped
    tells nothing.
    """
    pixels = thin_pixels(pixels)
    light = DECODE[pixels[pixels.max(axis=1, initial=0) < 254]]
    luminance = light @ np.asarray(LUMA, np.float32)
    neutral = (light.min(axis=1) > NEAR_NEUTRAL * light.max(axis=1)) & (luminance > LIT)
    if neutral.sum() < max(LEAST_NEUTRAL * len(pixels), 20):
        return None
    bright = neutral & (luminance >= np.percentile(luminance[neutral], BRIGHTER))
    red, green, blue = light[bright].mean(axis=0)
    return float(np.log2(red * blue / green**2) / 2)


def green_cast(clip: float | None, plate: float | None) -> float:
    """Stops by which a clip's tint is greener than a plate's, limited; 0 where one is unknown."""
    if clip is None or plate is None:
        return 0.0
    return float(np.clip(plate - clip, 0.0, MOST_CAST))


def take_out_green(linear: Floats, cast: float) -> Floats:
    """Linear light (..., 3) without a green cast in stops; luminance and white stay."""
    gains = np.array([2.0**cast, 1.0, 2.0**cast])
    return apply_gain(linear, gains / np.dot(LUMA, gains))
