"""Smooth interpolation of scattered values over an image pyramid."""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def push_pull(values: Field, weights: Field) -> Field:
    """Values (H, W), smoothly interpolated from where weights (H, W) in 0..1 are positive.

    Gortler et al. 1996, *The Lumigraph*, section 3.4. Pixels of weight 1 are kept exactly.

    Raises:
        ValueError: no weight is positive.
    """
    if not (weights > 0).any():
        raise ValueError("push_pull: no weight is positive")
    return _pull((values * weights).astype(np.float32), weights.astype(np.float32))


def _pull(total: Field, weight: Field) -> Field:
    """The interpolation of weighted values and their weights."""
    height, width = weight.shape
    if height == 1 and width == 1:
        return np.asarray(total / weight, np.float32)
    size = ((width + 1) // 2, (height + 1) // 2)
    odd = ((0, height % 2), (0, width % 2))
    cells = np.pad(total, odd).reshape(size[1], 2, size[0], 2).sum((1, 3))
    mass = np.pad(weight, odd).reshape(size[1], 2, size[0], 2).sum((1, 3))
    full = np.minimum(mass, 1)
    coarse = _pull(cells * (full / np.maximum(mass, 1e-12)), full)
    enlarged = cv2.resize(coarse, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)[
        :height, :width
    ]
    return np.asarray(total + enlarged * (1 - weight), np.float32)
