"""From what explains the keyframes to an estimate of every frame, with reasons for its worth."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry
from dynascene_cli.camera.estimation.confidence import Doubt, reasons_against
from dynascene_cli.camera.estimation.estimate import (
    GATE_PIXELS,
    TRACKING_WIDTH,
    Confidence,
    Estimate,
    Integers,
)
from dynascene_cli.camera.estimation.initialisation import TrackObservations, triangulate
from dynascene_cli.camera.estimation.keyframe_selection import solve_every_frame
from dynascene_cli.camera.estimation.motion_hypotheses import MotionHypothesis
from dynascene_cli.camera.estimation.reconstruction import place_points
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath

_KNOWN_LENS = "if it is known: --focal-mm, in render --clip-focal-mm"

_FARTHEST = 1e-3
"""Inverse depth, in units of the median's, below which a point is not told."""


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """A clip as the solver sees it: pixels from the principal point at TRACKING_WIDTH."""

    observations: TrackObservations
    frame_rate: Fraction
    size: tuple[int, int]

    @property
    def to_clip(self) -> float:
        """Clip pixels in a pixel at TRACKING_WIDTH."""
        return self.size[0] / TRACKING_WIDTH


@dataclass(frozen=True)
class Lens:
    """What is known of the first frame's focal length, in pixels at TRACKING_WIDTH."""

    focal: float
    observable: bool
    source: Literal["estimated", "given", "exif", "assumed"]


def estimate_static_camera(filmed: TrackedClip, usable: NDArray[np.bool_], lens: Lens) -> Estimate:
    """The estimate of a camera that does not move."""
    observations = filmed.observations
    n = observations.camera_count
    starts = np.flatnonzero(np.diff(observations.track, prepend=-1))
    lengths = np.diff(np.append(starts, len(observations.track)))
    errors = np.linalg.norm(
        observations.pixels - np.repeat(observations.pixels[starts], lengths, axis=0), axis=1
    )
    extrinsics = np.tile(np.eye(3, 4), (n, 1, 1))
    return Estimate(
        path=_path(filmed, extrinsics, np.full(n, lens.focal)),
        method="tracks",
        confidence="static",
        inliers=float(np.mean(errors < GATE_PIXELS)),
        median_px=float(np.median(errors)),
        residuals=errors,
        frame_residuals=median_errors(observations.camera, errors, n),
        registered=usable,
        focal_px=lens.focal * filmed.to_clip,
        focal_observable=False,
        focal_source=lens.source,
        points=np.zeros((0, 3)),
        reasons=("the background does not move",),
        warnings=_lens_warnings(filmed, lens),
    )


def estimate_moving_camera(
    filmed: TrackedClip,
    frames: Integers,
    numbers: Integers,
    best: MotionHypothesis,
    doubt: Doubt,
    lens: Lens,
    details: dict[str, Any],
) -> Estimate:
    """The estimate of a camera that turns or moves, as ``best`` explains its key ``frames``.

    ``numbers`` are the tracks of the explanation's points.
    """
    observations = filmed.observations
    turns = best.moves == "rotation"
    points = np.full((int(observations.track[-1]) + 1, 4), np.nan)
    points[numbers] = best.solved.points
    extrinsics, focals, registered = solve_every_frame(
        observations, frames, replace(best.solved, points=points), turns
    )
    errors = _errors(observations, points, extrinsics, focals)
    known = np.isfinite(errors)
    inliers = float(np.mean(errors[known] < GATE_PIXELS))
    median = float(np.median(errors[known]))
    frame_residuals = median_errors(
        observations.camera[known], errors[known], observations.camera_count
    )
    everything = _add_left_out_points(observations, points, extrinsics, focals, turns)
    residuals = _errors(observations, everything, extrinsics, focals)
    extrinsics, space = _normalise_to_first_camera(
        observations, points, errors, extrinsics, int(np.argmax(registered)), turns
    )
    sides = float(focals[0]) * filmed.to_clip / max(filmed.size)
    reasons = reasons_against(inliers, median, frame_residuals, registered, doubt, best, sides)
    confidence: Confidence = "low" if reasons else "rotation" if turns else "high"
    if turns:
        reasons = ["pure rotation explains the tracks: no translation is claimed", *reasons]
    return Estimate(
        path=_path(filmed, extrinsics, focals),
        method="tracks",
        confidence=confidence,
        inliers=inliers,
        median_px=median,
        residuals=residuals,
        frame_residuals=frame_residuals,
        registered=registered,
        focal_px=float(focals[0]) * filmed.to_clip,
        focal_observable=lens.observable,
        focal_source=lens.source,
        points=space,
        reasons=tuple(reasons),
        warnings=_lens_warnings(filmed, lens),
        details={
            **details,
            "expected_path_error": doubt.path,
            "expected_turn_error_deg": doubt.turn_deg,
            "expected_focal_error": doubt.focal,
        },
    )


def apply_fallback(
    path: Estimate, simple: Estimate, moves: Literal["rotation", "static"], share: float
) -> Estimate:
    """The simple camera that takes the place of a ``path`` of low confidence, and why.

    ``share`` of the background is within a pixel of it.
    """
    does = "turn on its spot" if moves == "rotation" else "stand still"
    reason = (
        f"the clip's camera path cannot be trusted ({'; '.join(path.reasons)}): the camera is "
        f"taken to {does}, which explains {share:.0%} of the background within a pixel"
    )
    return replace(simple, confidence=moves, reasons=(reason,), warnings=(*simple.warnings, reason))


def _lens_warnings(filmed: TrackedClip, lens: Lens) -> tuple[str, ...]:
    pixels = lens.focal * filmed.to_clip
    if lens.source == "assumed":
        return (
            f"the clip's focal length does not show in this move: {pixels:.0f} px is assumed "
            f"({_KNOWN_LENS})",
        )
    if lens.source == "estimated" and not lens.observable:
        return (f"the clip's focal length, {pixels:.0f} px, is uncertain ({_KNOWN_LENS})",)
    return ()


def _errors(
    observations: TrackObservations, points: Floats, extrinsics: Floats, focals: Floats
) -> Floats:
    """Distances (O,) of all observations from their points' reprojections, NaN without a point."""
    X, E = points[observations.track], extrinsics[observations.camera]
    Y = np.einsum("oij,oj->oi", E[:, :, :3], X[:, :3]) + X[:, 3:] * E[:, :, 3]
    z = np.where(Y[:, 2] > 1e-9, Y[:, 2], 1e-9)
    shown = focals[observations.camera, None] * Y[:, :2] / z[:, None]
    return np.linalg.norm(shown - observations.pixels, axis=1)


def _add_left_out_points(
    observations: TrackObservations, points: Floats, extrinsics: Floats, focals: Floats, turns: bool
) -> Floats:
    """The points (T, 4) of all tracks: those without one (NaN) are put where the cameras see them.

    At infinity, if the camera only ``turns``.
    """
    seen, numbers = observations.seen_by(0, observations.camera_count, 1)
    R, t = np.ascontiguousarray(extrinsics[:, :, :3]), np.ascontiguousarray(extrinsics[:, :, 3])
    found = place_points(seen, R, t, focals, 0.0) if turns else triangulate(seen, R, t, focals)
    everything = points.copy()
    everything[numbers] = np.where(np.isnan(points[numbers, :1]), found, points[numbers])
    return everything


def median_errors(groups: Integers, values: Floats, count: int) -> Floats:
    """The median of the values (O,) of each group (count,), NaN where it has none."""
    order = np.lexsort((values, groups))
    bounds = np.searchsorted(groups[order], np.arange(count + 1))
    result = np.full(count, np.nan)
    some = np.flatnonzero(bounds[1:] > bounds[:-1])
    result[some] = values[order][(bounds[some] + bounds[some + 1]) // 2]
    return result


def _normalise_to_first_camera(
    observations: TrackObservations,
    points: Floats,
    errors: Floats,
    extrinsics: Floats,
    first: int,
    turns: bool,
) -> tuple[Floats, Floats]:
    """Poses whose world is the first camera and its unit the median depth there, and the points.

    ``first`` is the first frame that sees points.
    """
    moved = geometry.relative_to_first(extrinsics)
    if turns:
        moved[:, :, 3] = 0
        return moved, np.zeros((0, 3))
    E = extrinsics[0]
    rotated = np.column_stack([points[:, :3] @ E[:, :3].T + points[:, 3:] * E[:, 3], points[:, 3]])
    good = errors < GATE_PIXELS
    at_first = np.unique(observations.track[good & (observations.camera == first)])
    inverse = rotated[at_first, 3] / rotated[at_first, 2]
    unit = 1 / max(float(np.median(inverse)), 1e-9)
    moved[:, :, 3] /= unit
    known = np.unique(observations.track[good])
    finite = known[rotated[known, 3] * unit > _FARTHEST * rotated[known, 2]]
    return moved, rotated[finite, :3] / rotated[finite, 3:] / unit


def _path(filmed: TrackedClip, extrinsics: Floats, focals: Floats) -> CameraPath:
    width, height = filmed.size
    intrinsics = np.zeros((len(focals), 3, 3))
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focals * filmed.to_clip
    intrinsics[:, 0, 2], intrinsics[:, 1, 2], intrinsics[:, 2, 2] = width / 2, height / 2, 1
    return CameraPath(intrinsics, extrinsics, width, height, filmed.frame_rate, "scene_depth")
