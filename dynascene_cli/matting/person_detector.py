"""People found in a picture, and which of them is the one from another."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import MIN_SCORE, detect_objects
from dynascene_cli.inference.yolox import YoloxNetwork
from dynascene_cli.shot import Image

BUNDLED_DETECTOR = "nanodet"

Detector = Callable[[Image, float], Floats]
"""Boxes as of people_boxes, out of a picture and the least score."""

FAINTLY_UNLIKE = 0.5
"""How unlike the last box a candidate may be of which the detector is not sure."""


def people_boxes(image: Image, min_score: float = MIN_SCORE) -> Floats:
    """Boxes (N, 5) x0, y0, x1, y1, score of the people in an RGB picture, best first."""
    return detect_objects(image, ("person",), min_score)["person"]


def person_detector(name: str) -> Detector:
    """The detector of a name: the bundled one, or a YOLOX by its registered name or its file.

    Raises:
        InputError: the file is another network, or no weights are called that.
        MissingError: the weights are not on this machine.
    """
    if name == BUNDLED_DETECTOR:
        return people_boxes
    return _yolox(detector_path(name)).people_boxes


def detector_path(name: str) -> Path:
    """The file of a detector that does not ship: one that was named, or the registered one.

    Raises:
        InputError: there is no such file, or no weights are called that.
        MissingError: the weights are not on this machine.
    """
    path = Path(name)
    return path if path.suffix == ".onnx" and path.is_file() else weights.path_of(name)


@lru_cache(maxsize=1)
def _yolox(path: Path) -> YoloxNetwork:
    return YoloxNetwork(path)


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
