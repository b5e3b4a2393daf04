"""Wheels made whole: tyre and rim opaque all around, and nothing of the ground in them or outside.

Grass grows before a tyre, and networks lose it against the ground. What the clear frames show of it
is put in where a frame shows something else: on the side where nothing of rider and frame is before
it, and wherever the matte has nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.wheel_tracks import WheelLook
from dynascene_cli.matting.wheels import Wheel
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

LIKE = 32.0
"""Levels up to which what is seen is like tyre and rim."""
ASIDE, DOWN = 0.35, 0.7
"""Up to which cosine of the angle to the other wheel, and from which sine of that below the
middle, nothing of rider and frame is before a wheel."""
OUTSIDE = 1.5
"""Shares of the radius up to which what is outside a wheel there is no part of the thing."""
NOTHING, SOLID = 0.25, 0.6
"""The alphas of frame and pedals, between the wheels, and of the rider's inside, from which they
are seen, and are solid."""
INSIDE = 2
"""Pixels from their edge at which the rider is solid."""
BELOW = 0.1
"""How far below its wheels nothing of a bicycle is, per radius."""


@dataclass(frozen=True, eq=False)
class WholeWheel:
    """A wheel in a frame, by what each pixel (h, w) has to do with it.

    Its share of the ``radius`` and ``angle`` in radians; 0..1, how much of it is tyre and rim
    (``ring``), the ``inside`` of these, and ``clear`` of rider and frame; and whether it is in the
    ``lower`` half.
    """

    look: WheelLook
    radius: FloatArray
    angle: FloatArray
    ring: FloatArray
    inside: FloatArray
    clear: FloatArray

    @property
    def lower(self) -> FloatArray:
        """1 below the middle (h, w), falling to 0 above it."""
        return np.asarray(np.clip(3 * np.sin(self.angle) + 1, 0, 1), np.float32)

    @property
    def colours(self) -> FloatArray:
        """The colours (h, w, 3) of tyre and rim in each direction."""
        first, last = self.look.shares[0], self.look.shares[-1]
        return _unrolled(self.look.colours, (self.radius - first) / (last - first), self.angle)

    @property
    def mistaken(self) -> FloatArray:
        """How surely (h, w), 0..1, what is there is none of it: ground in it, or outside."""
        usual = _unrolled(self.look.within, self.radius / self.look.shares[0], self.angle)
        unusual = self.inside * (1 - np.clip(2.5 * usual - 0.9, 0, 1))
        beyond = (1 - self.ring) * (self.radius > self.look.shares[-1]) * self.lower
        beyond *= np.clip((OUTSIDE - self.radius) * 4, 0, 1)
        return np.asarray(self.clear * np.maximum(unusual, beyond), np.float32)

    @property
    def away(self) -> FloatArray:
        """1 away from the wheel (h, w), 0 in it and near it."""
        return np.asarray(np.clip((self.radius - OUTSIDE) * 4, 0, 1), np.float32)


def complete_wheels(
    frame: Image, alpha: Image, wheels: Sequence[tuple[Wheel, WheelLook]]
) -> tuple[Image, Image]:
    """A frame (H, W, 3) and its alpha (H, W) with both wheels of a bicycle whole."""
    colours, opaque = frame.astype(np.float32), alpha.astype(np.float32) / 255
    first, second = (wheel for wheel, _ in wheels)
    whole = [
        _whole(wheel, look, other, alpha.shape)
        for (wheel, look), other in zip(wheels, (second, first), strict=True)
    ]
    decided = np.clip((opaque - NOTHING) / (SOLID - NOTHING), 0, 1)
    rider = cv2.erode((opaque > NOTHING).astype(np.uint8), disc(INSIDE)) > 0
    opaque += _between(whole, (first, second)) * (decided - opaque)
    opaque = np.where(rider, np.maximum(opaque, decided), opaque)
    for one, other in ((whole[0], whole[1]), (whole[1], whole[0])):
        told = one.colours
        like = np.clip(2 - cv2.blur(np.abs(frame - told).max(axis=2), (3, 3)) / LIKE, 0, 1)
        free = np.maximum(one.clear, np.clip(1.5 - 2 * alpha / np.float32(255), 0, 1))
        painted = one.ring * free * (1 - like)
        colours += painted[..., None] * (told - colours)
        opaque *= 1 - one.mistaken * other.away
        opaque = np.maximum(opaque, one.ring * np.maximum(free, like))
    opaque[round(max(each.y + (1 + BELOW) * each.radius for each in (first, second))) + 1 :] = 0
    return _levels(colours), _levels(255 * opaque)


def _whole(wheel: Wheel, look: WheelLook, other: Wheel, shape: tuple[int, ...]) -> WholeWheel:
    rows, columns = np.indices(shape[:2]).astype(float)
    radius, angle = (each.astype(np.float32) for each in wheel.polar(columns, rows))
    toward = np.arctan2(other.y - wheel.y, other.x - wheel.x)
    clear: Mask = (np.cos(angle - toward) < ASIDE) | (np.sin(angle) > DOWN)
    pixels = wheel.radius * wheel.width**0.5
    inner, outer = look.shares[0], look.shares[-1]
    ring = np.clip(np.minimum(radius - inner, outer - radius) * pixels + 0.5, 0, 1)
    inside = np.clip((inner - radius) * pixels, 0, 1)
    softly = cv2.GaussianBlur(clear.astype(np.float32), (0, 0), 1.0)
    return WholeWheel(look, radius, angle, ring, inside, np.asarray(softly, np.float32))


def _between(whole: Sequence[WholeWheel], wheels: tuple[Wheel, Wheel]) -> FloatArray:
    """1 where (h, w) frame and pedals are: between the wheels' middles, and about these."""
    outline = np.zeros(whole[0].radius.shape, np.uint8)
    corners = []
    for wheel in wheels:
        corners += [[wheel.x, wheel.y - wheel.radius], [wheel.x, wheel.y + wheel.radius]]
    hull = cv2.convexHull(np.round(corners).astype(np.int32))
    cv2.fillConvexPoly(outline, np.asarray(hull, np.int32), 1)
    softly = cv2.GaussianBlur(outline.astype(np.float32), (0, 0), 1.0)
    clear = np.maximum(*(each.clear * each.inside for each in whole))
    return np.asarray(softly * (1 - clear), np.float32)


def _unrolled(values: FloatArray, share: FloatArray, angle: FloatArray) -> FloatArray:
    """Values (m, n, …), from the first of m to the last, at shares (h, w) of that and angles."""
    row = np.clip(share, 0, 1) * (len(values) - 1)
    column = (angle / (2 * np.pi)) % 1 * values.shape[1]
    wrapped = np.concatenate([values, values[:, :1]], axis=1)
    seen = cv2.remap(wrapped, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(seen, np.float32)


def _levels(values: NDArray[np.floating[Any]]) -> Image:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
