"""What a network may paint of a frame, and how its pixels are joined to those that are kept.

A network that is given pixels to keep gives them back changed a little, in colour most of all, and
paints its own copy of the person. So the kept ones are pasted back, what was painted is shifted in
colour to meet them, and the copy is covered.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.numerics.morphology import disc
from dynascene_cli.numerics.push_pull import push_pull
from dynascene_cli.shot import Image

Mask = NDArray[np.bool_]
Coverage = NDArray[np.float32]

KNOWN = 250
"""Levels of 255 from which on a pixel counts as seen in the photo."""

SOLID, FAINT = 0.5, 0.02
"""Coverage of the person that counts as theirs, and that may be seen."""

MOST_PIXELS = 640 * 360
"""Colour is matched on pictures of at most so many pixels: a shift is smooth."""


@dataclass(frozen=True)
class Rims:
    """Pixels around the unseen (``seam``), the person (``person``) and their ``copy``'s outline."""

    seam: int
    person: int
    copy: int

    def scale(self, factor: float) -> "Rims":
        """The same on a picture so many times as large."""
        return Rims(*(max(1, round(width * factor)) for width in vars(self).values()))


def open_region(seen: Image, coverage: Coverage, rims: Rims) -> Mask:
    """Where pixels need not be kept (H, W): what the photo does not show, the person, their rims.

    ``seen`` (H, W) is 255 where the photo is seen; ``coverage`` (H, W) the person's, 0..1.
    """
    return _widen(seen < KNOWN, rims.seam) | _widen(coverage >= SOLID, rims.person)


def solid_person(coverage: Coverage) -> Mask:
    """Where the person's own pixels are given (H, W): without their soft edge."""
    solid = (coverage >= SOLID).astype(np.uint8)
    # Beyond the picture's border the person goes on.
    eroded = cv2.erode(solid, disc(1), borderType=cv2.BORDER_CONSTANT, borderValue=(1,))
    return np.asarray(eroded > 0)


def cover_copy(painted: Image, plate: Image, coverage: Coverage, fringe: int) -> Image:
    """What was painted, with the plate in place of the network's copy of the person.

    The copy reaches at most ``fringe`` pixels beyond them. The plate's colours are shifted to what
    is painted around it, so that no outline shows.
    """
    person = _widen(coverage > FAINT, 2 * fringe)
    if not person.any():
        return painted
    around = _widen(person, fringe) & ~person
    shift = _smooth_shift(painted.astype(np.float32) - plate, around, person)
    # Whole where the copy's fringe may be, and mixed over as much again.
    return _mix(painted, plate + shift, _inside(person, fringe))


def join(painted: Image, plate: Image, region: Mask, person: Mask, rims: Rims) -> Image:
    """The plate, exactly, but for the region, where what was painted meets it in colour.

    What is beside the ``person`` is no measure of colour.
    """
    if not region.any():
        return plate
    around = _widen(region, rims.seam) & ~region & ~person
    shift = _smooth_shift(plate.astype(np.float32) - painted, around, region)
    return _mix(plate, painted + shift, _inside(region, rims.seam))


def _smooth_shift(difference: NDArray[np.float32], known: Mask, wanted: Mask) -> Coverage:
    """The difference (H, W, 3) where it is known, smoothly carried into what is wanted."""
    if not known.any():
        return np.zeros_like(difference)
    height, width = known.shape
    factor = min(1.0, (MOST_PIXELS / (height * width)) ** 0.5)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    weight = known.astype(np.float32)
    small = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    if not (small > 0).any():
        return np.zeros_like(difference)
    total = cv2.resize(difference * weight[..., None], size, interpolation=cv2.INTER_AREA)
    mean = total / np.maximum(small, 1e-6)[..., None]
    certain = np.minimum(small, np.float32(1))
    filled = [push_pull(np.asarray(mean[..., c], np.float32), certain) for c in range(3)]
    shift = cv2.resize(np.dstack(filled), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(shift * wanted[..., None], np.float32)


def _mix(below: Image, above: NDArray[np.float32], weight: Coverage) -> Image:
    """``below`` exactly where the weight is 0."""
    mixed = below + (above - below) * weight[..., None]
    return np.asarray(np.clip(mixed, 0, 255) + 0.5, np.uint8)


def _inside(region: Mask, width: int) -> Coverage:
    """0 outside, rising to 1 over so many pixels inside."""
    # The picture's border is no edge of the region.
    padded = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(np.clip(distance / max(width, 1), 0, 1), np.float32)


def _widen(mask: Mask, width: int) -> Mask:
    if width <= 0:
        return mask
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc(width)) > 0)
