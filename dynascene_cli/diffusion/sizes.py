"""At what size and which of its frames a shot is sampled."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.diffusion.configuration import LATENT_STRIDE
from dynascene_cli.errors import InputError

SAMPLED_AREA = 768 * 432
"""Pixels of the paper's pictures (section 4.1)."""

SMALLEST_SIDE = 64
"""Three halvings of the latents leave one row of them."""

FASTEST_RATE = 30
"""Frames a second above which not every frame is sampled."""


def sampling_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of 768 × 432's area with a plate's aspect, in multiples of 8."""
    scale = math.sqrt(SAMPLED_AREA / (width * height))
    return _multiple(width * scale), _multiple(height * scale)


def check_sampling_size(size: tuple[int, int]) -> None:
    """Make sure that latents of that (width, height) exist.

    Raises:
        InputError: a side is no multiple of 8, or below 64; the hint names the nearest size.
    """
    width, height = size
    if any(side % LATENT_STRIDE or side < SMALLEST_SIDE for side in size):
        raise InputError(
            f"{width}x{height} cannot be sampled: sides are multiples of {LATENT_STRIDE}, "
            f"from {SMALLEST_SIDE} on",
            f"the nearest is {_multiple(width)}x{_multiple(height)}",
        )


def smaller_size(size: tuple[int, int]) -> tuple[int, int]:
    """A size of about half the area and the same aspect, but no side below the smallest."""
    width, height = size
    return _multiple(width * math.sqrt(0.5)), _multiple(height * math.sqrt(0.5))


def sampled_frames(frame_count: int, frame_rate: Fraction) -> NDArray[np.intp]:
    """The numbers of the frames that are sampled: every k-th, at most 30 a second, and the last."""
    stride = max(1, math.ceil(frame_rate / FASTEST_RATE))
    indices = np.arange(0, frame_count, stride)
    return indices if indices[-1] == frame_count - 1 else np.append(indices, frame_count - 1)


def _multiple(side: float) -> int:
    return max(SMALLEST_SIDE, round(side / LATENT_STRIDE) * LATENT_STRIDE)
