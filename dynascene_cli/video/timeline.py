"""Timestamps to a constant frame rate: which source frame serves which output frame."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

STANDARD_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
    Fraction(100),
    Fraction(120000, 1001),
    Fraction(120),
)
"""Frame rates that editors and players expect, ascending."""

STILL_RATE = Fraction(24)
"""The rate of a picture that has only one frame."""

Indices = NDArray[np.int64]
Seconds = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Timeline:
    """A constant rate, and for each of its frames the index of the source frame that serves it.

    ``dropped`` counts source frames that no output frame shows.
    """

    rate: Fraction
    source_frames: Indices
    variable: bool
    dropped: int = 0


def snap_rate(rate: Fraction | float) -> Fraction:
    """The standard rate within 0.04 % of ``rate``, else itself: 23.98 means 24000/1001."""
    exact = Fraction(rate)
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - exact))
    if abs(nearest - exact) <= nearest * Fraction(4, 10000):
        return nearest
    return exact.limit_denominator(1001)


def frame_slots(seconds: Seconds, rate: Fraction) -> Indices:
    """The frame of a constant rate that is nearest to each time."""
    return np.floor(seconds * float(rate) + 0.5).astype(np.int64)


def timeline(
    seconds: Seconds, tick: float, last_duration: float, declared: tuple[Fraction, ...]
) -> Timeline:
    """Conform source times to a constant rate at which every source frame is shown.

    Constant-rate times map one to one, whatever their rounding. ``seconds`` ascend strictly from
    0; ``tick`` is their resolution; ``last_duration`` is how long the last frame lasts, 0 where
    unknown; ``declared`` are the rates that the container claims, the likeliest first.
    """
    constant = constant_rate(seconds, tick, declared)
    if constant is not None:
        return Timeline(constant, np.arange(len(seconds)), variable=False)
    rate = _conforming_rate(seconds, tick, declared)
    slots = frame_slots(seconds, rate)
    end = frame_slots(seconds[-1:] + last_duration, rate)[0]
    frames = np.arange(max(end, slots[-1] + 1))
    served = np.searchsorted(slots, frames, side="right") - 1
    return Timeline(rate, served, variable=True, dropped=len(seconds) - len(np.unique(served)))


def resample_frames(seconds: Seconds, last_duration: float, rate: Fraction) -> Timeline:
    """The source frame current at each frame of a rate that the user asked for."""
    if len(seconds) > 1:
        last_duration = last_duration or float(np.median(np.diff(seconds)))
    count = max(1, round((seconds[-1] + last_duration) * float(rate)))
    times = np.arange(count) / float(rate)
    served = np.searchsorted(seconds, times + 1e-4 / float(rate), side="right") - 1
    return Timeline(rate, served, variable=False, dropped=len(seconds) - len(np.unique(served)))


def constant_rate(seconds: Seconds, tick: float, declared: tuple[Fraction, ...]) -> Fraction | None:
    """The rate that the times follow to within their resolution or a mild jitter, or None."""
    if len(seconds) == 1:
        return next(iter(_usual(declared)), STILL_RATE)
    mean = Fraction((len(seconds) - 1) / float(seconds[-1]))
    standard = sorted(STANDARD_RATES, key=lambda rate: abs(rate - mean))
    candidates = [*map(snap_rate, declared), *standard, mean.limit_denominator(1001)]
    deviations = [
        float(np.abs(seconds * float(rate) - np.arange(len(seconds))).max()) for rate in candidates
    ]
    for rate, deviation in zip(candidates, deviations, strict=True):
        if deviation <= min(1.01 * tick * float(rate), 0.45):
            return rate
    # A declared grid with frames left out is variable, though its mean may look like jitter.
    if any(_on_grid(seconds, tick, rate) for rate in _usual(declared)):
        return None
    best = int(np.argmin(deviations))
    return candidates[best] if deviations[best] < 0.3 else None


def _conforming_rate(seconds: Seconds, tick: float, declared: tuple[Fraction, ...]) -> Fraction:
    # Of a grid with holes, such as 15 fps, the usual step is the grid's own.
    own = snap_rate(1 / float(np.median(np.diff(seconds))))
    for rate in (*_usual(declared), own, *STANDARD_RATES):
        if rate <= STANDARD_RATES[-1] and _on_grid(seconds, tick, rate):
            return rate
    for rate in STANDARD_RATES:
        if (np.diff(frame_slots(seconds, rate)) > 0).all():
            return rate
    return STANDARD_RATES[-1]


def _usual(declared: tuple[Fraction, ...]) -> list[Fraction]:
    return [rate for rate in map(snap_rate, declared) if rate in STANDARD_RATES]


def _on_grid(seconds: Seconds, tick: float, rate: Fraction) -> bool:
    slots = frame_slots(seconds, rate)
    off = np.abs(seconds * float(rate) - slots).max()
    return bool(off <= min(1.01 * tick * float(rate), 0.1) and (np.diff(slots) > 0).all())
