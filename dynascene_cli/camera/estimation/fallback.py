"""The simplest camera that does, where a path cannot be trusted: one at rest, or one that turns.

A wrong path makes the place slide under the person; a camera that is a pixel off does not. Which
tracks are background is not known here, since a matte may miss the person: what follows the person
agrees with no such camera, so the share that does is asked for, evenly over the picture.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dynascene_cli.camera.estimation.estimate import (
    GATE_INLIERS,
    GATE_MEDIAN_PIXELS,
    GATE_PIXELS,
    TRACKING_WIDTH,
)
from dynascene_cli.camera.estimation.motion_hypotheses import MotionHypothesis
from dynascene_cli.camera.estimation.per_frame_estimate import median_errors
from dynascene_cli.camera.estimation.reconstruction import Observations, reprojection_errors
from dynascene_cli.geometry import Floats

BACKGROUND_PIXELS = 3.0
"""Median distance from some explanation, in pixels that were tracked, up to which a track counts
as background."""

REST_SHARE, TURN_SHARE = 0.4, 0.5
"""Shares of the background that a camera at rest, and one that turns, must explain."""

AS_GOOD = 0.9
"""Rest is preferred where it explains this share of what turning does."""

CELL = TRACKING_WIDTH / 12
"""Side of the cells that count alike, however many points lie in them."""


@dataclass(frozen=True)
class Fallback:
    """The camera to fall back to, and the share of the background within a pixel of it."""

    moves: Literal["rest", "rotation"]
    share: float


def choose_fallback(
    seen: Observations, tripod: MotionHypothesis, travelling: MotionHypothesis, pixel: float
) -> Fallback | None:
    """The simple camera that explains the background within a pixel, or None if none does.

    ``pixel`` is the size of one of the picture that was tracked, at TRACKING_WIDTH.
    """
    turned, travelled = (reprojection_errors(seen, e.solved) for e in (tripod, travelling))
    rested = distances_from_rest(seen)
    count = len(seen.anchors)
    nearest = np.min(
        [median_errors(seen.point, e, count) for e in (rested, turned, travelled)], axis=0
    )
    background = (nearest < BACKGROUND_PIXELS * pixel)[seen.point]
    if not background.any():
        return None
    weights = _even_weights(seen, background)
    rest, turn = (float(weights @ (e < pixel)) for e in (rested, turned))
    if np.median(turned) <= GATE_MEDIAN_PIXELS and np.mean(turned < GATE_PIXELS) >= GATE_INLIERS:
        return Fallback("rotation", turn)
    if rest >= REST_SHARE and rest >= AS_GOOD * turn:
        return Fallback("rest", rest)
    return Fallback("rotation", turn) if turn >= TURN_SHARE else None


def distances_from_rest(seen: Observations) -> Floats:
    """How far (O,) each observation is from the middle of its track."""
    count = len(seen.anchors)
    middles = np.stack([median_errors(seen.point, axis, count) for axis in seen.pixels.T], axis=1)
    return np.linalg.norm(seen.pixels - middles[seen.point], axis=1)


def _even_weights(seen: Observations, background: np.ndarray) -> Floats:
    """Weights (O,) of the background's observations that make its cells count alike; sum 1."""
    columns, rows = np.floor(seen.pixels / CELL).astype(int).T
    _, cells = np.unique(columns * 1000 + rows, return_inverse=True)
    crowd = np.bincount(cells, weights=background.astype(float))
    weights = background / np.maximum(crowd[cells], 1.0)
    return np.asarray(weights / weights.sum())
