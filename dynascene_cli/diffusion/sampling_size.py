"""At what size and which of its frames a shot is sampled."""

import math
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError

FASTEST_RATE = 30
"""Frames a second above which not every frame is sampled."""


class SizeRule(Protocol):
    """Which pictures a network samples: its usual area, what sides are multiples of, the least."""

    @property
    def sampled_area(self) -> int:
        """Pixels."""
        ...

    @property
    def latent_stride(self) -> int:
        """Pixels of which every side is a multiple."""
        ...

    @property
    def smallest_side(self) -> int:
        """Pixels."""
        ...


def sampling_size(width: int, height: int, config: SizeRule) -> tuple[int, int]:
    """(width, height) of the network's usual area with a plate's aspect, in whole latents."""
    scale = math.sqrt(config.sampled_area / (width * height))
    return _whole(width * scale, config), _whole(height * scale, config)


def choose_size(
    asked: tuple[int, int] | None, plate_size: tuple[int, int], config: SizeRule
) -> tuple[int, int]:
    """The (width, height) that is sampled: the one that is asked for, else the plate's in shape.

    Raises:
        InputError: latents of that size do not exist.
    """
    size = asked or sampling_size(*plate_size, config)
    check_sampling_size(size, config)
    return size


def check_sampling_size(size: tuple[int, int], config: SizeRule) -> None:
    """Make sure that latents of that (width, height) exist.

    Raises:
        InputError: a side is not of whole latents, or below the smallest; the hint names the
            nearest size.
    """
    width, height = size
    stride, smallest = config.latent_stride, config.smallest_side
    if any(side % stride or side < smallest for side in size):
        raise InputError(
            f"{width}x{height} cannot be sampled: sides are multiples of {stride}, "
            f"from {smallest} on",
            f"the nearest is {_whole(width, config)}x{_whole(height, config)}",
        )


def smaller_size(size: tuple[int, int], config: SizeRule) -> tuple[int, int]:
    """A size of about half the area and the same aspect, but no side below the smallest."""
    width, height = (_whole(side * math.sqrt(0.5), config) for side in size)
    return width, height


def select_sampled_frames(
    frame_count: int, frame_rate: Fraction, fastest: int = FASTEST_RATE
) -> NDArray[np.intp]:
    """The frames that are sampled: every k-th, at most ``fastest`` a second, and the last."""
    stride = max(1, math.ceil(frame_rate / fastest))
    indices = np.arange(0, frame_count, stride)
    return indices if indices[-1] == frame_count - 1 else np.append(indices, frame_count - 1)


def _whole(side: float, config: SizeRule) -> int:
    stride = config.latent_stride
    return max(config.smallest_side, round(side / stride) * stride)
