"""The two wheels of what is ridden: where their outlines are in a picture.

Seen from the side a wheel is a circle, from elsewhere an ellipse that is narrower, and the two of a
bicycle have one size. Its tyre stands out as a ring in a matte that has holes, rags and smears.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray

ANGLES = 48
"""Directions from a wheel's middle in which it is looked at."""
RADII = 0.15, 0.17, 0.19, 0.21, 0.23, 0.25, 0.27, 0.3
"""Radii of wheels that are tried, per the longer side of the bicycle's box."""
WIDTHS = 0.55, 0.65, 0.75, 0.85, 0.95
"""Widths per height that are tried: a wheel seen more along its way is no ring any more."""
TILTS = -0.2, 0.0, 0.2
"""By how much the longer axis that is tried is turned from upright, radians, clockwise."""
RIM, BESIDE, SPOKES = 0.95, 1.22, 0.7
"""Shares of a wheel's radius at which its ring, what is beside it and its spokes are looked at."""
FILLED = 0.7
"""How much of what the spokes have counts against a ring: frame and feet are before them."""
APART, SIZES, ASLANT = 1.2, 1.25, 1.0
"""Of a bicycle's two wheels: how far apart their middles are at the least across the picture, and
up and down at the most, in radii of one; by what factor the radii differ at the most."""
STEP = 2


@dataclass(frozen=True)
class Wheel:
    """An ellipse: its middle in pixels, its longer radius in pixels, width per height, 0..1, and
    by how many radians clockwise its longer axis is turned from upright.
    """

    x: float
    y: float
    radius: float
    width: float
    tilt: float

    def resized(self, scale: float) -> "Wheel":
        """The same in a picture that is resized."""
        return Wheel(scale * self.x, scale * self.y, scale * self.radius, self.width, self.tilt)

    def points(self, shares: Floats, angles: Floats) -> Floats:
        """The points (m, n, 2) at shares (m,) of the radius in directions (n,), in radians.

        Directions are those of the wheel seen from the side: 0 is right, π/2 down.
        """
        across = self.radius * self.width * np.outer(shares, np.cos(angles))
        down = self.radius * np.outer(shares, np.sin(angles))
        x, y = _turned(across, down, self.tilt)
        return np.asarray(np.stack([x + self.x, y + self.y], axis=-1), float)

    def polar(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The shares of the radius at which points (…) are, and their directions."""
        turned = _turned(x - self.x, y - self.y, -self.tilt)
        across, down = turned[0] / (self.radius * self.width), turned[1] / self.radius
        return np.hypot(across, down), np.arctan2(down, across)


def directions() -> Floats:
    """The directions (ANGLES,) in which a wheel is looked at, in radians."""
    return np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)


def find_wheels(alpha: FloatArray, box: Floats) -> list[tuple[Wheel, float]]:
    """A bicycle's wheels, left and right, as an alpha (h, w) in 0..1 shows them about its box (4,).

    Each with how much of a ring there is, up to 1; only the clearer where there is no other.
    """
    seen = sorted(_rings(alpha, box), key=lambda each: -each[1])
    if not seen:
        return []
    first = seen[0]
    others = (each for each in seen if _may_be_one_bicycle(first[0], each[0]))
    found = [first, *([second] if (second := next(others, None)) else [])]
    return sorted(found, key=lambda each: each[0].x)


def _rings(alpha: FloatArray, box: Floats) -> Iterator[tuple[Wheel, float]]:
    """Of each size and shape the two clearest rings that are apart from each other."""
    length = float((box[2:] - box[:2]).max())
    xs = np.arange(box[0], box[2], STEP)
    ys = np.arange((box[1] + box[3]) / 2 - 0.1 * length, box[3] + STEP, STEP)
    around = round(0.35 * length) + STEP
    padded = np.pad(alpha, around)
    rows, columns = np.round(ys).astype(int) + around, np.round(xs).astype(int) + around
    shares = np.array([RIM, BESIDE, SPOKES])
    for radius, width, tilt in product(RADII, WIDTHS, TILTS):
        offsets = Wheel(0, 0, radius * length, width, tilt).points(shares, directions())
        offsets = np.round(offsets).astype(int)
        down = np.clip(rows[:, None, None] + offsets[:, None, None, :, 1], 0, len(padded) - 1)
        right = columns[None, :, None] + offsets[:, None, None, :, 0]
        right = np.clip(right, 0, padded.shape[1] - 1)
        ring, beside, spokes = padded[down, right]
        clear = ringed(ring, beside, spokes).mean(axis=2)
        for _ in range(2):
            row, column = np.unravel_index(int(clear.argmax()), clear.shape)
            place = Wheel(float(xs[column]), float(ys[row]), radius * length, width, tilt)
            yield place, float(clear[row, column])
            clear[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -1


def ringed(ring: FloatArray, beside: FloatArray, spokes: FloatArray) -> FloatArray:
    """How much of a ring, up to 1, alphas (…) at its rim, beside it and at its spokes make."""
    return np.asarray(np.minimum(ring - beside, ring - FILLED * spokes), np.float32)


def _may_be_one_bicycle(one: Wheel, other: Wheel) -> bool:
    return (
        abs(one.x - other.x) > APART * one.radius
        and abs(one.y - other.y) < ASLANT * one.radius
        and 1 / SIZES < other.radius / one.radius < SIZES
    )


def _turned(x: Floats, y: Floats, tilt: float) -> tuple[Floats, Floats]:
    cosine, sine = math.cos(tilt), math.sin(tilt)
    return x * cosine - y * sine, x * sine + y * cosine


def samples(image: FloatArray, points: Floats) -> FloatArray:
    """An image (h, w, …) between its pixels at points (…, n, 2); 0 outside."""
    flat = points.reshape(-1, *points.shape[-2:]).astype(np.float32)
    seen = cv2.remap(image, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR)
    return np.asarray(seen.reshape(*points.shape[:-1], *image.shape[2:]), np.float32)
