"""Step 3, cuts: where one shot ends and another begins, and the clips that shots are divided into.

The score is PySceneDetect's content detector's (Castellano), as the paper uses it: the mean change
of hue, saturation and value from one frame to the next, of pixels in OpenCV's 8-bit HSV. The
package itself would bring a second OpenCV, which overwrites the one that is installed.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np

from dynascene_cli.shot import Image

WORKING_WIDTH = 256
SHORTEST_SHOT = 15
"""Frames: a change that follows a cut sooner is a flash."""


def content_changes(frames: Iterable[Image]) -> list[float]:
    """How much each frame (H, W, 3) differs from the one before, 0..255; 0 of the first."""
    changes: list[float] = []
    before = None
    for frame in frames:
        height, width = frame.shape[:2]
        if width > WORKING_WIDTH:
            size = (WORKING_WIDTH, max(1, round(height * WORKING_WIDTH / width)))
            frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
        shade = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
        changes.append(0.0 if before is None else float(cv2.absdiff(shade, before).mean()))
        before = shade
    return changes


def cut_frames(changes: Sequence[float], threshold: float) -> list[int]:
    """The frames that begin a new shot."""
    cuts: list[int] = []
    for frame, change in enumerate(changes):
        if change >= threshold and frame - (cuts[-1] if cuts else 0) >= SHORTEST_SHOT:
            cuts.append(frame)
    return cuts


def divide_shots(
    frames: int, cuts: Sequence[int], rate: Fraction, min_seconds: float, max_seconds: float
) -> tuple[list[tuple[int, int]], int]:
    """The clips (first, past the last frame) that shots give, and how many shots are too short.

    A shot longer than ``max_seconds`` becomes the fewest clips of equal length that are not.
    """
    borders = [0, *cuts, frames]
    clips: list[tuple[int, int]] = []
    too_short = 0
    for first, last in pairwise(borders):
        seconds = float((last - first) / rate)
        if seconds < min_seconds:
            too_short += 1
            continue
        parts = max(1, math.ceil(seconds / max_seconds - 1e-9))
        edges = [first + (last - first) * part // parts for part in range(parts + 1)]
        clips += pairwise(edges)
    return clips, too_short
