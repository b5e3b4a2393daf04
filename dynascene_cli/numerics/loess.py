"""Series over time, smoothed by local straight lines (Cleveland 1979, locally weighted regression).

Without delay, and exact for steady motion up to both ends.
"""

from collections.abc import Callable, Iterator

import numpy as np

from dynascene_cli.geometry import Floats

REACH_SIGMAS = 3.0
WINDOW_SIGMAS = 2.0


def window_sigma(seconds: float, frame_rate: float) -> float:
    """The Gaussian's frames under which what swings once in ``seconds`` all but goes (0.7 %)."""
    return seconds * frame_rate / WINDOW_SIGMAS


def neighbours(frames: int, sigma: float) -> Iterator[tuple[int, slice, slice]]:
    """Offsets up to 3 sigma, each with the frames that have such a neighbour, and these."""
    reach = min(int(np.ceil(REACH_SIGMAS * sigma)), frames - 1)
    for offset in range(-reach, reach + 1):
        here = slice(max(0, -offset), frames - max(0, offset))
        yield offset, here, slice(here.start + offset, here.stop + offset)


def fit_local_lines(
    weights: Floats, sigma: float, values_at: Callable[[slice, slice], Floats]
) -> Floats:
    """What the line through each frame's neighbours under a Gaussian is at the frame, (F, N).

    ``values_at(here, there)`` are the neighbours ``there`` as the frames ``here`` see them: the
    values themselves, or their differences from those here. ``weights`` (F,) are positive.
    """
    frames = len(weights)
    columns = values_at(slice(0, 1), slice(0, 1)).shape[1]
    s0, s1, s2 = np.zeros((3, frames, 1))
    t0, t1 = np.zeros((2, frames, columns))
    for offset, here, there in neighbours(frames, sigma):
        w = np.exp(-((offset / sigma) ** 2) / 2) * weights[there, None]
        values = values_at(here, there)
        s0[here] += w
        s1[here] += w * offset
        s2[here] += w * offset**2
        t0[here] += w * values
        t1[here] += w * offset * values
    determinant = s0 * s2 - s1 * s1
    straight = determinant > 1e-9 * s0 * s0
    safe = np.where(straight, determinant, 1.0)
    return np.asarray(np.where(straight, (s2 * t0 - s1 * t1) / safe, t0 / s0))


def smooth_locally(values: Floats, weights: Floats, sigma: float) -> Floats:
    """Values (F, N), weighted by ``weights`` (F,), on the lines through their neighbours."""
    return fit_local_lines(weights, sigma, lambda _, there: values[there])


def offsets_to_lines(values: Floats, sigma: float) -> Floats:
    """From values (F, N) to the lines through their neighbours: exactly 0 where nothing moves."""
    even = np.ones(len(values))
    return fit_local_lines(even, sigma, lambda here, there: values[there] - values[here])
