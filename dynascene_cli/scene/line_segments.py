"""The straight lines of a photo: M-LSD (Gu et al. 2022), and LSD (von Gioi et al. 2010).

LSD finds every edge that is locally straight. M-LSD, a network, finds the lines that people would
draw: of buildings, kerbs and rooms rather than of grass and brick.
"""

from functools import lru_cache

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import OnnxNetwork
from dynascene_cli.shot import Image

SHORTEST = 0.025
"""Shorter segments, as a share of the photo's width, are left out."""

MOST = 600
SIDE = 512
LEAST_SCORE = 0.1
NEIGHBOURHOOD = 5
"""A line's middle scores highest within so many cells of the network's half-size grid."""


def line_segments(photo: Image) -> Floats:
    """The straight edges (N, 4) x0, y0, x1, y1 of a photo by LSD, longest first, at most 600."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    return _longest(np.asarray(found, float).reshape(-1, 4) + 0.5, photo.shape[1])


@lru_cache(maxsize=1)
def _network() -> OnnxNetwork:
    return OnnxNetwork(weights.path_of("mlsd"))


def structural_lines(photo: Image) -> Floats:
    """The lines (N, 4) x0, y0, x1, y1 of what was built, by M-LSD, longest first, at most 600.

    Raises:
        MissingError: the network's weights are not in this installation.
    """
    height, width = photo.shape[:2]
    square = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    segments = _network_lines(square.tobytes()) * np.tile([width, height], 2) / SIDE
    return _longest(segments, width)


# A photo is read anew for every horizon that is tried in it.
@lru_cache(maxsize=2)
def _network_lines(square: bytes) -> Floats:
    """The lines (N, 4) that the network sees in a square RGB picture, in its pixels."""
    colours = np.frombuffer(square, np.uint8).reshape(SIDE, SIDE, 3).astype(np.float32)
    opaque = np.concatenate([colours, np.ones((SIDE, SIDE, 1), np.float32)], axis=-1)
    name = next(iter(_network().inputs()))
    offsets, scores = (
        array[0] for array in _network().run(["offsets", "scores"], {name: opaque[None]})
    )
    score = scores[..., 0]
    peak = cv2.dilate(score, np.ones((NEIGHBOURHOOD, NEIGHBOURHOOD), np.uint8))
    rows, columns = np.nonzero((score > LEAST_SCORE) & (score >= peak))
    middle = np.stack([columns, rows] * 2, axis=1)
    return 2.0 * (middle + offsets[rows, columns])


def _longest(segments: Floats, width: int) -> Floats:
    lengths = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    order = np.argsort(-lengths, kind="stable")
    return segments[order[lengths[order] > SHORTEST * width]][:MOST]
