"""Series over time, smoothed by local straight lines: without delay, exact for steady motion."""

import math
from collections.abc import Callable

import numpy as np

from dynascene_cli.geometry import Floats

REACH_SIGMAS = 3.0
WINDOW_SIGMAS = 2.0


def window_sigma(seconds: float, frame_rate: float) -> float:
    """The Gaussian's frames under which what swings once in ``seconds`` all but goes (0.7 %)."""
    return seconds * frame_rate / WINDOW_SIGMAS


def offsets_to_local_lines(
    frames: int, sigma: float, differences: Callable[[slice, slice], Floats]
) -> Floats:
    """From each frame to the line through its neighbours under a Gaussian, (F, N).

    ``differences(here, there)`` are those of the values at two slices of as many frames.
    Locally weighted regression (Cleveland 1979): zero phase, steady up to both ends.
    """
    reach = min(math.ceil(REACH_SIGMAS * sigma), frames - 1)
    s0, s1, s2 = np.zeros((3, frames, 1))
    columns = differences(slice(0, 1), slice(0, 1)).shape[1]
    t0, t1 = np.zeros((2, frames, columns))
    for offset in range(-reach, reach + 1):
        here = slice(max(0, -offset), frames - max(0, offset))
        apart = differences(here, slice(here.start + offset, here.stop + offset))
        w = math.exp(-((offset / sigma) ** 2) / 2)
        s0[here] += w
        s1[here] += w * offset
        s2[here] += w * offset**2
        t0[here] += w * apart
        t1[here] += w * offset * apart
    determinant = s0 * s2 - s1 * s1
    alone = determinant < 1e-12 * s0 * s0
    return np.asarray(np.where(alone, 0.0, s2 * t0 - s1 * t1) / np.where(alone, 1.0, determinant))


def smooth_by_local_lines(values: Floats, sigma: float) -> Floats:
    """Values (F, N) moved onto the lines through their neighbours."""

    def differences(here: slice, there: slice) -> Floats:
        return values[there] - values[here]

    return values + offsets_to_local_lines(len(values), sigma, differences)
