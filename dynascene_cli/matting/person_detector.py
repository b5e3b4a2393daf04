"""People found in a picture, and which of them is the one from another."""

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import MIN_SCORE, detect_objects
from dynascene_cli.shot import Image

FAINTLY_UNLIKE = 0.5
"""How unlike the last box a candidate may be of which the detector is not sure."""


def people_boxes(image: Image, min_score: float = MIN_SCORE) -> Floats:
    """Boxes (N, 5) x0, y0, x1, y1, score of the people in an RGB picture, best first."""
    return detect_objects(image, ("person",), min_score)["person"]


def most_alike(box: Floats, candidates: Floats) -> Floats | None:
    """The candidate (of (N, 4+)) most like ``box`` in place and size; None when none is.

    With an unknown box (NaN) the largest candidate is taken. A person does not move by more than
    their own size, nor change their height twofold, between two looks; a candidate whose score, if
    it has one, is under MIN_SCORE counts only about where the box was.
    """
    if len(candidates) == 0:
        return None
    size = candidates[:, 2:4] - candidates[:, :2]
    if not np.isfinite(box).all():
        return candidates[np.argmax(np.prod(size, axis=1))]
    height = box[3] - box[1]
    distance = np.linalg.norm(
        (candidates[:, :2] + candidates[:, 2:4] - box[:2] - box[2:4]) / 2, axis=1
    ) / max(height, 1.0)
    growth = np.abs(np.log2(np.maximum(size[:, 1], 1.0) / max(height, 1.0)))
    unlike = distance + growth
    scores = candidates[:, 4] if candidates.shape[1] > 4 else np.ones(len(candidates))
    unlike[(scores < MIN_SCORE) & (unlike > FAINTLY_UNLIKE)] = np.inf
    unlike[(distance >= 1) | (growth >= 1)] = np.inf
    best = int(np.argmin(unlike))
    return candidates[best] if np.isfinite(unlike[best]) else None
