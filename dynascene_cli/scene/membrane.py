"""Smooth interpolation of scattered values, and its use against seams around a filled hole."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image

Field = NDArray[np.float32]


def push_pull(values: Field, weights: Field) -> Field:
    """Values (H, W, C) smoothly interpolated from where weights (H, W) are positive.

    Push-pull over an image pyramid (Gortler et al. 1996, *The Lumigraph*, section 3.4).
    """
    levels: list[tuple[Field, Field]] = []
    weight = np.minimum(weights, 1).astype(np.float32)
    value = (values * weight[..., None]).astype(np.float32)
    while min(weight.shape) > 2:
        levels.append((value, weight))
        size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
        value = cv2.resize(value, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
        weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        gain = np.minimum(1, weight * 4) / np.maximum(weight, 1e-8)
        value, weight = value * gain[..., None], weight * gain
    filled = value / np.maximum(weight, 1e-8)[..., None]
    if weight.max() > 0:
        filled = np.where(
            weight[..., None] > 0,
            filled,
            (value.sum((0, 1)) / weight.sum()),
        )
    for value, weight in reversed(levels):
        size = (weight.shape[1], weight.shape[0])
        coarse = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)
        coarse = coarse.reshape(*weight.shape, -1)
        filled = value + coarse * (1 - weight)[..., None]
    return filled.astype(np.float32)


def without_seam(image: Image, hole: NDArray[np.bool_]) -> Image:
    """The image (H, W, 3) with the step at the hole's border spread out inside the hole."""
    colour = image.astype(np.float32)
    known = (~hole).astype(np.float32)

    def local_mean(mask: Field) -> Field:
        total = cv2.GaussianBlur(colour * mask[..., None], (0, 0), 4)
        share = cv2.GaussianBlur(mask, (0, 0), 4)
        return total / np.maximum(share, 1e-3)[..., None]

    step = np.clip(local_mean(known) - local_mean(1 - known), -40, 40)
    ring = (cv2.dilate(known, np.ones((5, 5), np.uint8)) > 0) & hole
    correction = push_pull(step, ring.astype(np.float32))
    distance = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    decay = 0.06 * hole.shape[1]
    strength = np.where(hole, np.exp(-distance / decay), 0).astype(np.float32)
    corrected = np.clip(colour + strength[..., None] * correction + 0.5, 0, 255).astype(np.uint8)
    return np.where(hole[..., None], corrected, image)
