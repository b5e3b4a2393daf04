"""Lenses that zoom: a focal length per frame, as smooth as a hand on a zoom ring.

The logarithm of the focal length is a cubic spline with a knot every few frames. A zoom looks
much like a dolly, so it is believed only where a fixed focal length leaves clearly more
unexplained.
"""

import numpy as np
from scipy.interpolate import BSpline

from dynascene_cli.camera.estimation.bundle_adjustment import FocalModel
from dynascene_cli.camera.estimation.estimate import Integers
from dynascene_cli.camera.estimation.initialisation import TrackObservations
from dynascene_cli.geometry import Floats

KNOT_FRAMES = 6
"""Frames between knots."""

LEAST_ZOOM = 0.02
"""Logarithm of the ratio of the longest to the shortest focal length that is called a zoom."""

LEAST_GAIN = 1.15
"""How many times more a fixed focal length must cost before a zoom is believed."""

_SMOOTHNESS = 400.0
"""px² per squared second difference of log f at neighbouring knots."""


def zooming_focals(frames: Integers, prior: float, stiffness: float = 10.0) -> FocalModel:
    """Focal lengths that move with time, for cameras at ``frames``, drawn weakly to ``prior``."""
    pieces = max(1, round(int(frames[-1] - frames[0]) / KNOT_FRAMES))
    place = (frames - frames[0]) * (pieces / max(1, frames[-1] - frames[0]))
    knots = np.arange(-3, pieces + 4, dtype=float)
    basis = BSpline.design_matrix(place, knots, 3).toarray()
    count = basis.shape[1]
    bend = np.diff(np.eye(count), n=2, axis=0)
    level = np.full((count, count), stiffness / count**2)
    return FocalModel(basis, np.full(count, np.log(prior)), _SMOOTHNESS * bend.T @ bend + level)


def chain_focals(observations: TrackObservations, rotations: Floats, focal: float) -> Floats:
    """Focal lengths (N,) by which pure rotations explain each camera's view from the one before.

    Robust ratio of the observed to the turned picture, composed; a dolly shows in it too.
    """
    order = np.lexsort((observations.track, observations.camera))
    bounds = np.searchsorted(observations.camera[order], np.arange(observations.camera_count + 1))
    rays = np.column_stack([observations.pixels / focal, np.ones(len(observations.pixels))])
    logs = np.zeros(observations.camera_count)
    for c in range(1, observations.camera_count):
        before, after = order[bounds[c - 1] : bounds[c]], order[bounds[c] : bounds[c + 1]]
        _, i, j = np.intersect1d(
            observations.track[before],
            observations.track[after],
            assume_unique=True,
            return_indices=True,
        )
        turned = rays[before[i]] @ (rotations[c] @ rotations[c - 1].T).T
        a, b = focal * turned[:, :2] / turned[:, 2:], observations.pixels[after[j]]
        ratio, weights = 1.0, np.ones(len(a))
        for _ in range(8 if len(a) > 2 else 0):
            ratio = float(np.sum(weights[:, None] * a * b) / np.sum(weights[:, None] * a * a))
            errors = np.linalg.norm(b - ratio * a, axis=1)
            weights = 1 / (1 + (errors / max(0.3, float(np.median(errors)))) ** 2)
        logs[c] = logs[c - 1] + np.log(max(ratio, 0.5))
    return focal * np.exp(logs)


def is_zoom(focals: Floats) -> bool:
    """Whether focal lengths (N,) differ by more than tracks' noise makes them."""
    return bool(np.log(focals.max() / focals.min()) > LEAST_ZOOM)
