"""How well people can be painted over in a photo: tried at a small size, judged by its texture.

What is painted in over a façade or a crowd comes out as smoke: smooth where everything around it
has edges. A smooth patch shows the more, the larger it is.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.numerics.morphology import disc
from dynascene_cli.scene.inpainting import fill
from dynascene_cli.scene.outpainting import add_fringe, single_things
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Image, Mask

SIDE = 480
"""Pixels of the photo's longer side in the trial."""
AROUND = 0.15
"""How far around somebody the place is compared, as a share of their height."""


def texture_losses(photo: Image, guess: GeometryGuess, removed: Sequence[Mask]) -> list[float]:
    """How much smoother each of ``removed`` (H, W) is painted over than what is around it is.

    The difference of the mean gradients of the lightness (0 to 255 a pixel), times the square
    root of the share of the photo. Over 0.35 a smear is seen.
    """
    scale = min(1.0, SIDE / max(photo.shape[:2]))
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)

    def reduced(mask: Mask) -> Mask:
        return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0

    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    holes = [add_fringe(reduced(mask)) for mask in removed]
    hole = np.logical_or.reduce(holes)
    sky, barred = reduced(guess.sky), single_things(guess)
    if (hole | (barred is not None and reduced(barred))).all():
        return [np.inf] * len(holes)
    filled = fill(
        small,
        hole,
        slope=-float(np.tan(np.radians(guess.geometry.roll_deg))),
        sky=sky if sky.any() else None,
        barred=None if barred is None else reduced(barred),
    )
    before, after = _gradients(small), _gradients(filled.image)
    losses = []
    for mask in holes:
        rows = np.flatnonzero(mask.any(axis=1))
        ring = _grown(mask, max(3, round(AROUND * np.ptp(rows)))) & ~_grown(hole, 1)
        inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if not ring.any() or not inside.any():
            losses.append(0.0)
            continue
        smoother = float(before[ring].mean() - after[inside].mean())
        losses.append(smoother * float(np.sqrt(mask.mean())))
    return losses


def _gradients(image: Image) -> NDArray[np.float32]:
    lightness = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[..., 0], np.float32)
    across, down = (cv2.Sobel(lightness, cv2.CV_32F, x, 1 - x) / 8 for x in (1, 0))
    return np.asarray(np.hypot(across, down), np.float32)


def _grown(mask: Mask, radius: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc(radius)) > 0)
