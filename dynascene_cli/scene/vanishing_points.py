"""Vanishing points of a photo's straight lines, by RANSAC over line segments.

A vanishing point is a direction in the camera's
coordinates; points are found one after the other, each taking the segments that aim at it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats

TOLERANCE_DEG = 2.0
TRIALS = 1000


@dataclass(frozen=True, eq=False)
class VanishingPoint:
    """Where parallel lines meet.

    ``direction`` (3,) is a unit vector in camera coordinates with z ≥ 0; ``share`` is the length
    of the segments that aim there among all; ``below`` is the share of that length which lies
    below the point itself.
    """

    direction: Floats
    share: float
    segments: int
    below: float


def vanishing_points(
    segments: Floats, focal: float, centre: tuple[float, float], seed: int = 0
) -> tuple[VanishingPoint, ...]:
    """Up to four vanishing points of segments (N, 4), most supported first."""
    if len(segments) < 8:
        return ()
    ends = (segments.reshape(-1, 2, 2) - centre) / focal
    span = ends[:, 1] - ends[:, 0]
    lengths = np.linalg.norm(span, axis=1)
    along = span / lengths[:, None]
    middle = ends.mean(axis=1)
    homogeneous = np.concatenate([ends, np.ones_like(ends[..., :1])], axis=-1)
    normals = np.cross(homogeneous[:, 0], homogeneous[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)

    def aiming(directions: Floats) -> NDArray[np.bool_]:
        """Which segments (N,) aim at each direction (M, 3): (M, N)."""
        towards = directions[:, None, :2] - directions[:, None, 2:] * middle
        towards = towards / (np.linalg.norm(towards, axis=-1, keepdims=True) + 1e-12)
        sine = along[:, 0] * towards[..., 1] - along[:, 1] * towards[..., 0]
        return np.asarray(np.abs(sine) < np.sin(np.radians(TOLERANCE_DEG)))

    rng = np.random.default_rng(seed)
    free = np.ones(len(segments), np.bool_)
    points: list[VanishingPoint] = []
    while len(points) < 4 and free.sum() >= 6:
        index = np.flatnonzero(free)
        chance = lengths[index] / lengths[index].sum()
        pairs = rng.choice(index, (TRIALS, 2), p=chance)
        trials = np.cross(normals[pairs[:, 0]], normals[pairs[:, 1]])
        sizes = np.linalg.norm(trials, axis=1)
        trials = trials[sizes > 1e-4] / sizes[sizes > 1e-4, None]
        if not len(trials):
            break
        support = (aiming(trials) & free) @ lengths
        direction = trials[support.argmax()]
        members = aiming(direction[None])[0] & free
        for _ in range(2):
            refined = np.linalg.svd(normals[members] * lengths[members, None])[2][-1]
            candidates = aiming(refined[None])[0] & free
            if lengths[candidates].sum() >= 0.98 * lengths[members].sum():
                direction, members = refined, candidates
        if members.sum() < 5:
            break
        direction = -direction if direction[2] < 0 else direction
        row = direction[1] / max(direction[2], 1e-9)
        total = lengths[members].sum()
        below = lengths[members & (middle[:, 1] > row)].sum() / total
        share = float(total / lengths.sum())
        points.append(VanishingPoint(direction, share, int(members.sum()), float(below)))
        free &= ~members
    return tuple(points)
