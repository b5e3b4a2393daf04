"""The nouns of camera estimation: tracks of background points, and what was made of them."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath

Method = Literal["tracks", "colmap", "vggsfm"]
Confidence = Literal["high", "low", "rotation", "static"]
Integers = NDArray[np.int64]

GATE_PIXELS = 1.5
GATE_INLIERS = 0.9
GATE_MEDIAN_PIXELS = 0.3
"""What a solution must reach to be trusted: the share of observations within GATE_PIXELS of
their reprojection, and the median distance, at TRACKING_WIDTH."""

TRACKING_WIDTH = 960
"""Pixels of width that clips are tracked at, and that residuals are told in."""


@dataclass(frozen=True, eq=False)
class FeatureTracks:
    """Points of the background, followed through a clip.

    One row an observation, ordered by ``track`` and then ``frame`` (O,); ``pixels`` (O, 2) in a
    picture of ``width`` × ``height``, pixel centres at +0.5. Tracks are numbered from 0.
    """

    track: Integers
    frame: Integers
    pixels: Floats
    frame_count: int
    width: int
    height: int

    @property
    def track_count(self) -> int:
        """How many points were followed."""
        return int(self.track[-1]) + 1 if len(self.track) else 0


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip before its camera is.

    ``size`` is (width, height); ``focal`` is in its pixels, and given or read from the file.
    """

    frame_rate: Fraction
    size: tuple[int, int]
    focal: float | None = None
    focal_source: Literal["given", "exif"] = "given"


@dataclass(frozen=True, eq=False)
class Estimate:
    """The camera that filmed a clip, and how far to believe it.

    ``path`` starts at [I|0], in units of the median depth of what the first frame shows
    (``scene_depth``), and has the clip's size. ``inliers`` is the share of observations within
    GATE_PIXELS of their reprojection and ``median_px`` their median distance, both in pixels of a
    picture TRACKING_WIDTH wide; ``residuals`` (O,) are the distances of all the tracks'
    observations, those included that the solution leaves out as moving by themselves, and
    ``frame_residuals`` (F,) is each frame's median, NaN where it has no observation. ``registered``
    (F,) tells the frames that were solved from those filled in between. ``focal_px`` is the first
    frame's, in clip pixels; when it is not ``focal_observable`` it was given, read or assumed, as
    ``focal_source`` says. ``points`` (P, 3) is the background in the path's world. ``reasons`` say
    why the confidence is what it is.
    """

    path: CameraPath
    method: Method
    confidence: Confidence
    inliers: float
    median_px: float
    residuals: Floats
    frame_residuals: Floats
    registered: NDArray[np.bool_]
    focal_px: float
    focal_observable: bool
    focal_source: Literal["estimated", "given", "exif", "assumed"]
    points: Floats
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
