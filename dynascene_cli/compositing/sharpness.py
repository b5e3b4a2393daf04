"""How soft a picture's sharpest edges are: what its lens, sensor and coding let through."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing.roi import AnyArray
from dynascene_cli.shot import Image

FINE, COARSE = 0.6, 1.2
"""Standard deviations in pixels of the two blurs that an edge is compared under."""

SHARPEST_SHARE = 25
"""Percentile of edge softness that stands for the picture: motion and defocus only add to it."""

SHARP = 0.73
"""What this measure says of an ideal edge sampled by pixel areas; less is artificial sharpening."""

FEWEST_EDGES = 200


def edge_softness(picture: Image, usable: NDArray[np.bool_] | None = None) -> float | None:
    """The Gaussian softness, in pixels, of the sharpest strong edges within ``usable`` (H, W).

    Edge by edge from the ratio of gradients under two blurs (Zhuo and Sim, "Defocus map
    estimation from a single image", Pattern Recognition 2011). None where edges are too few.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine_x, fine_y, fine = _gradient(gray, FINE)
    coarse = _gradient(gray, COARSE)[2]
    ridge = _is_ridge(fine_x, fine_y, fine)
    ridge[:4] = ridge[-4:] = ridge[:, :4] = ridge[:, -4:] = False
    if usable is not None:
        ridge &= usable
    strong = ridge & (fine > max(12.0, float(np.percentile(fine[ridge], 80)) if ridge.any() else 0))
    if strong.sum() < FEWEST_EDGES:
        return None
    ratio = np.clip(fine[strong] / coarse[strong], 1.001, COARSE / FINE)
    variance = (COARSE**2 - ratio**2 * FINE**2) / (ratio**2 - 1)
    return float(np.sqrt(max(np.percentile(variance, SHARPEST_SHARE), 0.0)))


def _gradient(gray: AnyArray, blur: float) -> tuple[AnyArray, AnyArray, AnyArray]:
    smooth = cv2.GaussianBlur(gray, (0, 0), blur)
    x = cv2.filter2D(smooth, -1, np.array([[-0.5, 0, 0.5]], np.float32))
    y = cv2.filter2D(smooth, -1, np.array([[-0.5], [0], [0.5]], np.float32))
    return x, y, cv2.magnitude(x, y)


def _is_ridge(x: AnyArray, y: AnyArray, magnitude: AnyArray) -> NDArray[np.bool_]:
    """Where the gradient is the largest along its own nearer axis: the middle of an edge."""
    across = np.abs(x) >= np.abs(y)
    left, right = np.roll(magnitude, 1, 1), np.roll(magnitude, -1, 1)
    above, below = np.roll(magnitude, 1, 0), np.roll(magnitude, -1, 0)
    horizontal = (magnitude >= left) & (magnitude > right)
    vertical = (magnitude >= above) & (magnitude > below)
    return np.where(across, horizontal, vertical)


def missing_blur(clip_softness: float, plate_softness: float, limit: float) -> float:
    """The Gaussian blur in pixels that makes the plate as soft as the clip; 0 when hardly seen."""
    plate = max(plate_softness, SHARP)
    missing = float(np.sqrt(max(clip_softness**2 - plate**2, 0.0)))
    return 0.0 if missing < 0.3 else min(missing, limit)
