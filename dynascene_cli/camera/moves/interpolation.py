"""Curves through keyframes: easing, positions and orientations."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.moves.keyframes import Interpolation
from dynascene_cli.geometry import Floats, slerp

EASINGS = {
    "linear": (0.0, 0.0, 1.0, 1.0),
    "ease-in": (0.42, 0.0, 1.0, 1.0),
    "ease-out": (0.0, 0.0, 0.58, 1.0),
    "ease-in-out": (0.42, 0.0, 0.58, 1.0),
}
"""The CSS timing functions (W3C css-easing-1, section 2.2): x1, y1, x2, y2."""


def bezier_handles(easing: str) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of an easing's name or of ``cubic-bezier(x1,y1,x2,y2)``.

    Raises:
        ValueError: it is neither, or x1 or x2 lies outside 0..1.
    """
    if easing in EASINGS:
        return EASINGS[easing]
    match = re.fullmatch(r"cubic-bezier\((.*)\)", easing)
    x1, y1, x2, y2 = map(float, match[1].split(",") if match else ())
    if not (0 <= x1 <= 1 and 0 <= x2 <= 1 and abs(y1) <= 10 and abs(y2) <= 10):
        raise ValueError(easing)
    return x1, y1, x2, y2


def ease(easing: str, fraction: Floats) -> Floats:
    """Progress at a fraction (0..1) of the time between two keyframes; 0 and 1 stay exact."""
    x1, y1, x2, y2 = bezier_handles(easing)
    if (x1, x2) == (y1, y2):
        return fraction
    low, high = np.zeros_like(fraction), np.ones_like(fraction)
    for _ in range(50):
        middle = (low + high) / 2
        before = _bezier(x1, x2, middle) < fraction
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.where(
        fraction <= 0, 0.0, np.where(fraction >= 1, 1.0, _bezier(y1, y2, (low + high) / 2))
    )


def segments(
    times: Floats, easings: Sequence[str], wanted: Floats
) -> tuple[NDArray[np.intp], Floats]:
    """For each wanted time the keyframe that it follows and the eased way to the next, 0..1.

    Before the first and after the last keyframe the end is held.
    """
    if len(times) == 1:
        return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted))
    index = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    fraction = np.clip((wanted - times[index]) / (times[index + 1] - times[index]), 0, 1)
    for segment in np.unique(index):
        here = index == segment
        fraction[here] = ease(easings[segment], fraction[here])
    return index, fraction


def interpolate_values(
    times: Floats,
    values: Floats,
    index: NDArray[np.intp],
    fraction: Floats,
    interpolation: Interpolation,
) -> Floats:
    """Values (F, D) at ``fraction`` of the segments ``index`` between keyframes' values (N, D).

    ``catmull-rom`` has its knots at the keyframes' times (Barry & Goldman 1988), so that the
    speed is continuous even where keyframes are unevenly spaced.
    """
    if len(times) == 1:
        return values[index]
    u = fraction[:, None]
    start, end = values[index], values[index + 1]
    if interpolation == "linear":
        return start + (end - start) * u
    duration = np.diff(times)[:, None]
    slopes = _keyframe_slopes(duration, np.diff(values, axis=0))
    leave = slopes[index] * duration[index]
    arrive = slopes[index + 1] * duration[index]
    rise = u * u * (3 - 2 * u)
    bend = u * (1 - u) * ((1 - u) * leave - u * arrive)
    return start + (end - start) * rise + bend


def interpolate_orientations(
    times: Floats,
    quaternions: Floats,
    index: NDArray[np.intp],
    fraction: Floats,
    interpolation: Interpolation,
) -> Floats:
    """Unit quaternions (F, 4) between keyframes' (N, 4), each way the shorter one.

    ``linear`` is slerp; ``catmull-rom`` the quaternion Hermite curve of Kim, Kim & Shin (1995)
    with the slopes of values_between, which is slerp again for two keyframes.
    """
    if len(times) == 1:
        return quaternions[index]
    if interpolation == "linear":
        return slerp(quaternions[index], quaternions[index + 1], fraction)
    turns = _logarithm(_product(_conjugate(quaternions[:-1]), quaternions[1:]))
    duration = np.diff(times)[:, None]
    slopes = _keyframe_slopes(duration, turns)
    leave = _exponential(slopes[index] * duration[index] / 3)
    arrive = _exponential(slopes[index + 1] * duration[index] / 3)
    between = _product(_conjugate(leave), _exponential(turns[index]))
    middle = _logarithm(_product(between, _conjugate(arrive)))
    u = fraction[:, None]
    curve = quaternions[index]
    for turn, share in (
        (_logarithm(leave), 1 - (1 - u) ** 3),
        (middle, u * u * (3 - 2 * u)),
        (_logarithm(arrive), u**3),
    ):
        curve = _product(curve, _exponential(turn * share))
    return curve / np.linalg.norm(curve, axis=-1, keepdims=True)


def _keyframe_slopes(duration: Floats, changes: Floats) -> Floats:
    speeds = changes / duration
    inner = (speeds[:-1] * duration[1:] + speeds[1:] * duration[:-1]) / (
        duration[:-1] + duration[1:]
    )
    return np.concatenate([speeds[:1], inner, speeds[-1:]])


def _bezier(first: float, second: float, s: Floats) -> Floats:
    return 3 * first * s * (1 - s) ** 2 + 3 * second * s * s * (1 - s) + s**3


def _product(a: Floats, b: Floats) -> Floats:
    w = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], axis=-1, keepdims=True)
    xyz = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w, xyz], axis=-1)


def _conjugate(q: Floats) -> Floats:
    return q * [1.0, -1.0, -1.0, -1.0]


def _logarithm(q: Floats) -> Floats:
    """Rotation vectors (..., 3) of at most half a turn."""
    shorter = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(shorter[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, shorter[..., :1])
    return shorter[..., 1:] * np.where(sine < 1e-12, 2.0, angle / np.maximum(sine, 1e-12))


def _exponential(rotation_vector: Floats) -> Floats:
    half = np.linalg.norm(rotation_vector, axis=-1, keepdims=True) / 2
    return np.concatenate([np.cos(half), rotation_vector * np.sinc(half / np.pi) / 2], axis=-1)
