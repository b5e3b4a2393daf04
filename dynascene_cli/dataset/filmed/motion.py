"""Step 5, motion intensity (the paper's Eq. 3, after LivePhoto): how alike frames half a second
apart are.

The printed normaliser 1/(n−4) with a stride of 4 would cap the score at a quarter: the mean over
the pairs (i, i + 4), i in steps of 4, is what can give the published 0.64 to 0.77.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

RATE, STRIDE = 8, 4
STEP = STRIDE / RATE
"""Seconds: of frames at 8 a second, every fourth is compared with the one four before it."""

AREA = 768 * 432
"""Pixels of the pictures that are compared: the score depends on it."""

WINDOW = 7
STABILISERS = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)


def motion_score(frames: Iterable[Image]) -> float:
    """S of RGB frames (H, W, 3), STEP seconds apart: 1 is a still, lower means more motion.

    One frame alone counts as still.
    """
    scores = []
    before: NDArray[np.uint8] | None = None
    for frame in frames:
        height, width = frame.shape[:2]
        scale = float(np.sqrt(AREA / (height * width)))
        size = max(WINDOW, round(width * scale)), max(WINDOW, round(height * scale))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        grey = cv2.cvtColor(cv2.resize(frame, size, interpolation=way), cv2.COLOR_RGB2GRAY)
        shade = np.asarray(grey, np.uint8)
        if before is not None:
            scores.append(grey_ssim(before, shade))
        before = shade
    return float(np.mean(scores)) if scores else 1.0


def grey_ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Structural similarity of grey pictures (H, W), each 7 or more pixels a side.

    Uniform windows of 7 × 7 with the sample covariance, over those that lie inside the picture:
    scikit-image's ``structural_similarity`` as it is without options.
    """
    a, b = first.astype(float), second.astype(float)
    samples = WINDOW**2
    unbiased = samples / (samples - 1)
    mean_a, mean_b = _window_means(a), _window_means(b)
    variance_a = unbiased * (_window_means(a * a) - mean_a**2)
    variance_b = unbiased * (_window_means(b * b) - mean_b**2)
    covariance = unbiased * (_window_means(a * b) - mean_a * mean_b)
    c1, c2 = STABILISERS
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return float(similarity.mean())


def _window_means(values: Floats) -> Floats:
    """Means over the windows that lie wholly inside (H − 6, W − 6)."""
    edge = WINDOW // 2
    return np.asarray(cv2.blur(values, (WINDOW, WINDOW)), float)[edge:-edge, edge:-edge]
