"""The ground in a filmed world: the lowest plane that its background points lie on."""

from dataclasses import dataclass

import numpy as np

from dynascene_cli.geometry import Floats

STEEPEST_CAMERA_DEG = 40.0
"""How far from the picture's own down the ground's normal may lie."""

TOLERANCE = 0.015
"""Distance from the plane, as a share of a point's distance, up to which it lies on it."""

MOST_BELOW = 0.06
LEAST_CONTRAST = 2.0
"""How many times more points lie on the ground than in a layer as thick just above it."""

LEAST_SHARE = 0.08
FEWEST_POINTS = 25
LEAST_SPREAD = 0.05
TRIALS = 600

SUBSETS, SUBSET_SHARE = 4, 0.7
MOST_APART_DEG, LEAST_AGREEING = 4.0, 3
"""A ground is sure where this many of SUBSETS of the points, drawn at random, show the same."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The plane ``down`` · X = ``distance`` below the first camera, in the path's unit."""

    down: Floats
    distance: float
    share: float


def sure_ground(points: Floats) -> Ground | None:
    """The fit_ground of points (P, 3), if it does not hang on a few of them; else None.

    Some layer of a thicket, or of points of a path that is wrong, passes for a plane as well:
    another one with every draw.
    """
    ground = fit_ground(points)
    if ground is None:
        return None
    random = np.random.default_rng(1)
    agreeing = 0
    for _ in range(SUBSETS):
        part = fit_ground(points[random.random(len(points)) < SUBSET_SHARE])
        if part is not None:
            agreeing += bool(part.down @ ground.down > np.cos(np.radians(MOST_APART_DEG)))
    return ground if agreeing >= LEAST_AGREEING else None


def fit_ground(points: Floats) -> Ground | None:
    """The ground under points (P, 3) of the first camera's world, or None where none is sure.

    Random sample consensus (Fischler & Bolles 1981) over planes that lie below the camera and
    face it from below, each through three points of the lower half of the picture; almost no
    point may lie under the ground. The best is refined by least squares over its points,
    weighted by their nearness.
    """
    points = points[np.isfinite(points).all(axis=1) & (points[:, 2] > 0)]
    if len(points) < 2 * FEWEST_POINTS:
        return None
    rows = points[:, 1] / points[:, 2]
    low = points[rows >= np.median(rows)]
    tolerance = TOLERANCE * np.linalg.norm(points, axis=1)
    random = np.random.default_rng(0)
    best: Ground | None = None
    for _ in range(TRIALS):
        a, b, c = low[random.choice(len(low), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length < 1e-12:
            continue
        candidate = _judge_plane(normal / length, float(normal @ a / length), points, tolerance)
        if candidate is not None and (best is None or candidate.share > best.share):
            best = candidate
    return None if best is None else _refine_plane(best, points, tolerance)


def _judge_plane(down: Floats, distance: float, points: Floats, tolerance: Floats) -> Ground | None:
    """A plane as the ground, or None if it cannot be."""
    if down[1] < 0:
        down, distance = -down, -distance
    if distance <= 0 or down[1] < np.cos(np.radians(STEEPEST_CAMERA_DEG)):
        return None
    beyond = points @ down - distance
    on = np.abs(beyond) < tolerance
    enough = on.sum() >= FEWEST_POINTS and on.mean() >= LEAST_SHARE
    above = np.abs(beyond + 3 * tolerance) < tolerance
    if not enough or on.sum() < LEAST_CONTRAST * above.sum():
        return None
    if np.mean(beyond > 2 * tolerance) > MOST_BELOW:
        return None
    return Ground(down, distance, float(on.mean()))


def _refine_plane(ground: Ground, points: Floats, tolerance: Floats) -> Ground | None:
    for _ in range(3):
        on = np.abs(points @ ground.down - ground.distance) < tolerance
        weights = 1 / np.linalg.norm(points[on], axis=1)
        middle = np.average(points[on], axis=0, weights=weights)
        _, spread, axes = np.linalg.svd((points[on] - middle) * weights[:, None])
        if spread[1] < LEAST_SPREAD * spread[0]:
            return None
        refined = _judge_plane(axes[2], float(axes[2] @ middle), points, tolerance)
        if refined is None:
            return ground
        ground = refined
    return ground
