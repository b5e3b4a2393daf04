"""What pictures are compared by, and how sure a mean over shots is.

Pictures are uint8 (F, H, W, 3), and only pixels that ``where`` (F, H, W) is true at count.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynascene_cli.geometry import Floats

Pictures = NDArray[np.uint8]
Where = NDArray[np.bool_]

PEAK = 255.0
WINDOW = 11
WINDOW_SIGMA = 1.5
STABILISERS = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)
RESAMPLES = 1000
COVERAGE = 0.95


def squared_error(made: Pictures, truth: Pictures, where: Where) -> float:
    """The mean squared difference of the colours' 0..255; NaN where no pixel counts."""
    if not where.any():
        return float("nan")
    return float(np.mean((made[where].astype(float) - truth[where]) ** 2))


def psnr(error: ArrayLike) -> Floats:
    """Decibels of mean squared errors: 10·log₁₀(255² / error); infinite for no error."""
    with np.errstate(divide="ignore"):
        decibels = 10 * np.log10(PEAK**2 / np.asarray(error, dtype=float))
    return np.asarray(decibels, dtype=np.float64)


def ssim(made: Pictures, truth: Pictures, where: Where) -> float:
    """Structural similarity (Wang et al. 2004), the mean over pixels and colours.

    Their Gaussian window, 11 wide with a deviation of 1.5; it reaches over the border by
    mirroring, since small pictures have too few pixels to lose. Pixels that do not count are the
    truth's before windows are laid over them. NaN where none counts.
    """
    if not where.any():
        return float("nan")
    return float(similarity_map(np.where(where[..., None], made, truth), truth)[where].mean())


def similarity_map(made: Pictures, truth: Pictures) -> Floats:
    """Structural similarity (F, H, W, 3) of windows about every pixel, mirrored at the border."""
    a, b = _stack_channels(made), _stack_channels(truth)
    mean_a, mean_b = _blur(a), _blur(b)
    variance_a = _blur(a * a) - mean_a**2
    variance_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = STABILISERS
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    frames, height, width = truth.shape[:3]
    return similarity.reshape(height, width, frames, 3).transpose(2, 0, 1, 3)


def interval(values: ArrayLike, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Between what the mean lies with 95 %, by the percentile bootstrap (Efron 1979) over values.

    Values that are NaN are left out; both ends are NaN where none is left.
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if not known.size:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, len(known), (resamples, len(known)))
    tail = 50 * (1 - COVERAGE)
    low, high = np.percentile(known[drawn].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)


def _stack_channels(pictures: Pictures) -> Floats:
    """(H, W, 3F): OpenCV filters many channels at once."""
    frames, height, width, colours = pictures.shape
    return pictures.transpose(1, 2, 0, 3).reshape(height, width, frames * colours).astype(float)


def _blur(channels: Floats) -> Floats:
    window = cv2.getGaussianKernel(WINDOW, WINDOW_SIGMA)
    blurred = cv2.sepFilter2D(channels, -1, window, window, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float64).reshape(channels.shape)
