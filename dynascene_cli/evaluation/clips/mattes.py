"""How good a matte is, without a trimap: the measures of Robust Video Matting's evaluation."""

from itertools import pairwise

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

GRADIENT_SIGMA, GRADIENT_EDGE = 1.4, 1e-2
"""Deviation of the Gaussian derivative, and the value below which its window ends."""

STEP, TOLERANCE = 0.1, 0.15
"""Of connectivity (Rhemann et al. 2009): between thresholds, and the least difference counted."""


class MatteErrors:
    """MAD and MSE × 1000, SAD, Grad and Conn / 1000, dtSSD × 100: means over a clip's frames.

    The first frame's dtSSD, which has none before it, is 0 and counted, as there.
    """

    def __init__(self) -> None:
        self._before: tuple[Floats, Floats] | None = None
        self._rows: list[list[float]] = []

    def add(self, made: Image, truth: Image) -> None:
        """The next alphas, uint8 (H, W)."""
        a, b = made / 255.0, truth / 255.0
        change = 0.0
        if self._before is not None:
            change = float(np.sqrt(np.mean(((a - self._before[0]) - (b - self._before[1])) ** 2)))
        difference = np.abs(a - b)
        self._rows.append(
            [
                float(difference.mean()) * 1e3,
                float((difference**2).mean()) * 1e3,
                float(difference.sum()) / 1e3,
                gradient_error(a, b),
                connectivity_error(a, b),
                change * 1e2,
            ]
        )
        self._before = a, b

    def finish(self) -> dict[str, float]:
        """The clip's means."""
        names = ("mad", "mse", "sad", "grad", "conn", "dtssd")
        return dict(zip(names, np.mean(self._rows, axis=0).tolist(), strict=True))


def gradient_error(made: Floats, truth: Floats) -> float:
    """Σ(|∇α̂| − |∇α|)² / 1000 of alphas (H, W) that are stretched to 0..1."""
    return float(((_gradient(made) - _gradient(truth)) ** 2).sum()) / 1e3


def _gradient(alpha: Floats) -> Floats:
    low, high = float(alpha.min()), float(alpha.max())
    stretched = (alpha - low) / (high - low) if high > low else np.zeros_like(alpha)
    kernel = _derivative_kernel()
    across, down = (
        cv2.filter2D(stretched, -1, each, borderType=cv2.BORDER_REPLICATE)
        for each in (kernel, kernel.T)
    )
    return np.asarray(np.hypot(across, down))


def _derivative_kernel() -> Floats:
    """The derivative of a Gaussian down a picture, of unit norm."""
    sigma = GRADIENT_SIGMA
    edge = np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * GRADIENT_EDGE))
    half = int(np.ceil(sigma * edge))
    x = np.arange(-half, half + 1)
    bell = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    kernel = np.outer(bell, -x * bell / sigma**2)
    return np.asarray(kernel / np.linalg.norm(kernel))


def connectivity_error(made: Floats, truth: Floats) -> float:
    """Σ|φ(α̂) − φ(α)| / 1000: how much is not part of what both mattes' main body is."""
    level = np.full(truth.shape, -1.0)
    thresholds = np.arange(0, 1 + STEP, STEP)
    for lower, threshold in pairwise(thresholds):
        both = ((truth >= threshold) & (made >= threshold)).astype(np.uint8)
        _, labels, found, _ = cv2.connectedComponentsWithStats(both, connectivity=4)
        sizes = found[1:, cv2.CC_STAT_AREA]
        body = labels == np.argmax(sizes) + 1 if len(sizes) else np.zeros(truth.shape, bool)
        level[(level == -1) & ~body] = lower
    level[level == -1] = 1
    return float(np.abs(_connectedness(made - level) - _connectedness(truth - level)).sum()) / 1e3


def _connectedness(above: Floats) -> Floats:
    return np.asarray(1 - above * (above >= TOLERANCE))
