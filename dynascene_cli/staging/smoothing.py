"""Noisy series over time, made steady without delay."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.loess import neighbours, smooth_locally
from dynascene_cli.shot import Mask


def all_finite(values: Floats) -> Mask:
    """Whether values (..., N) are known in all their last axis (...)."""
    return np.asarray(np.isfinite(values).all(axis=-1))


def bridge_gaps(values: Floats, known: Mask) -> Floats:
    """Values (F, ...) with unknown frames on the straight line between their known neighbours.

    Before the first and after the last known frame the value is held. At least one is known.
    """
    frames = np.arange(len(values))
    times = frames[known]
    columns = values.reshape(len(values), -1).T
    filled = [np.interp(frames, times, column[known]) for column in columns]
    return np.stack(filled, axis=-1).reshape(values.shape)


def filter_median(values: Floats, reach: int) -> Floats:
    """The median of each value of (F, ...) and its neighbours up to ``reach`` frames away.

    Near the ends the window shrinks and stays symmetric, so that a steady motion is kept.
    """
    result = values.copy()
    for near in range(1, reach + 1):
        length = 2 * near + 1
        if length > len(values):
            break
        medians = np.median(sliding_window_view(values, length, axis=0), axis=-1)
        result[near : len(values) - near] = medians
    return result


def close_dips(values: Floats, reach: int) -> Floats:
    """Values (F,) whose dips of up to 2·reach frames are filled to the lower of their two brims.

    A morphological closing: rising and falling trends stay as they are. Beyond its ends the
    series is continued by its own point reflection, so that a trend goes on there too.
    """
    if len(values) < 3:
        return values.copy()
    length = 2 * reach + 1
    padded = np.pad(values, 2 * reach, mode="reflect", reflect_type="odd")
    dilated = sliding_window_view(padded, length).max(axis=-1)
    return np.maximum(sliding_window_view(dilated, length).min(axis=-1), values)


def smooth_bilaterally(values: Floats, weights: Floats, sigma: float, reach: float) -> Floats:
    """Values (F, N), each averaged with those near it in time that are also near in place.

    A bilateral filter (Tomasi & Manduchi 1998) of ``sigma`` frames and ``reach`` pixels: what
    only trembles comes to rest, and a step from one place to the next stays as sudden as it is.
    Nearness is judged by the values smoothed over a fifth of ``sigma``.
    """
    frames = len(values)
    guide = smooth_locally(values, weights, max(sigma / 5, 0.5))
    total = np.zeros((frames, 1))
    result = np.zeros(values.shape)
    for offset, here, there in neighbours(frames, sigma):
        apart = np.sum((guide[there] - guide[here]) ** 2, axis=1, keepdims=True) / reach**2
        w = np.exp(-((offset / sigma) ** 2) / 2 - apart / 2) * weights[there, None]
        total[here] += w
        result[here] += w * values[there]
    return np.asarray(result / total)
