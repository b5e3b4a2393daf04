"""Whites of a person that outshine the whites of the photo, and the curve that softens them."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.compositing.linear_light import DECODE, ENCODE, ENCODE_STEPS, LUMA
from dynascene_cli.compositing.roi import thin_pixels
from dynascene_cli.shot import Image

Precision = TypeVar("Precision", np.float32, np.float64)

NEAR_NEUTRAL = 0.75
"""The share of the strongest channel's light that the weakest of a white or grey thing has: white
cloth, paint and paper do in daylight and under lamps, skin and grass do not."""

WHITE_PERCENTILE, LEAST_NEUTRAL = 90, 0.01
"""Which percentile of the luminance of a photo's neutral pixels its white is, and the share of all
pixels that they are at the least: a meadow or a forest has too few to tell."""

WHITE, LEAST_WHITE = 0.5, 0.1
"""Linear light from which on what is neutral on a person is white, and their share that it is at
the least: a white shirt is a quarter of a dancer, white shoes or a ball are a twentieth."""

CLOSENESS, MOST_SOFTENED = 0.5, 0.4
"""The share of the stops between the two whites that is taken out, and the most: on a bright road,
whose concrete is no white, a shirt turned grey by more, and cheeks flat."""

KNEE = 0.5
"""From which share of what white becomes the curve bends: below are faces in ordinary light."""


@dataclass(frozen=True)
class WhiteCurve:
    """Linear luminance ``top`` becomes ``to``; up to ``to`` · KNEE nothing changes.

    Beyond the knee it is k + t / (1 + c·t), whose slope is 1 there and falls from there on.
    """

    top: float
    to: float

    @property
    def knee(self) -> float:
        """Luminance up to which the curve is the identity."""
        return KNEE * self.to

    @property
    def bend(self) -> float:
        """The c of the curve, by which ``top`` becomes ``to``."""
        reach, becomes = self.top - self.knee, self.to - self.knee
        return (reach / becomes - 1) / reach

    def soften(self, linear: NDArray[Precision]) -> NDArray[Precision]:
        """Linear light (..., 3), its luminance by the curve: channels keep their ratios."""
        luminance = linear @ np.asarray(LUMA, linear.dtype)
        over = np.maximum(luminance - self.knee, 0)
        softened = over / (1 + self.bend * over)
        share = 1 - (over - softened) / np.maximum(luminance, self.knee)
        return np.asarray(linear * share[..., None], linear.dtype)

    def soften_display(self, colours: Image) -> Image:
        """Display values (H, W, 3) by the curve; a new picture."""
        softened = colours.copy()
        _soften(softened, np.float32(self.knee), np.float32(self.bend), DECODE, ENCODE)
        return softened


@njit(cache=True, nogil=True, error_model="numpy")
def _soften(colours, knee, bend, decode, encode):  # type: ignore[no-untyped-def]
    """``WhiteCurve.soften`` of display values, in place, by tables."""
    one, half, steps = np.float32(1), np.float32(0.5), np.float32(ENCODE_STEPS)
    red, green, blue = np.float32(LUMA[0]), np.float32(LUMA[1]), np.float32(LUMA[2])
    for y in range(colours.shape[0]):
        row = colours[y]
        for x in range(colours.shape[1]):
            r, g, b = decode[row[x, 0]], decode[row[x, 1]], decode[row[x, 2]]
            luminance = red * r + green * g + blue * b
            over = luminance - knee
            if over > 0:
                share = steps * (knee + over / (one + bend * over)) / luminance
                row[x, 0] = encode[np.uint32(r * share + half)]
                row[x, 1] = encode[np.uint32(g * share + half)]
                row[x, 2] = encode[np.uint32(b * share + half)]


def person_white(pixels: Image) -> float | None:
    """The linear luminance 0..1 of a person's white clothes in their pixels (N, 3); None: none."""
    pixels = thin_pixels(pixels)
    neutral = _neutral_light(pixels)
    white = neutral[neutral > WHITE]
    enough = len(pixels) > 0 and len(white) >= LEAST_WHITE * len(pixels)
    return float(np.percentile(white, WHITE_PERCENTILE)) if enough else None


def plate_white(ground: Image) -> float | None:
    """The linear luminance 0..1 of what is white on a plate's ground (H, W, 3); None: too little.

    Where nothing is brighter than grey it is that of the grey; what is clipped is a lamp or a
    reflection.
    """
    pixels = ground.reshape(-1, 3)
    pixels = thin_pixels(pixels[pixels.max(axis=1) < 250])
    neutral = _neutral_light(pixels)
    enough = len(pixels) > 0 and len(neutral) >= LEAST_NEUTRAL * len(pixels)
    return float(np.percentile(neutral, WHITE_PERCENTILE)) if enough else None


def white_curve(person: float, plate: float) -> WhiteCurve | None:
    """What brings a person's white (linear luminance) to a plate's; None: it is no brighter."""
    if plate >= person:
        return None
    stops = min(CLOSENESS * float(np.log2(person / plate)), MOST_SOFTENED)
    return WhiteCurve(person, person * 2.0**-stops)


def _neutral_light(pixels: Image) -> NDArray[np.float32]:
    """The linear luminance (M,) of those of some display pixels (N, 3) that are near grey."""
    light = DECODE[pixels]
    neutral = light[light.min(axis=1) > NEAR_NEUTRAL * light.max(axis=1)]
    return np.asarray(neutral @ np.asarray(LUMA, np.float32))
