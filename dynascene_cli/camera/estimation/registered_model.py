"""What a COLMAP model says of a clip's camera, held against the clip's own tracks.

Whoever made the model, and of whatever points: its cameras are where a bundle adjustment of the
tracks begins, and what that leaves over tells how far to believe it.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from dynascene_cli.camera.estimation.bundle_adjustment import (
    Adjustment,
    FocalModel,
    SolverOptions,
    adjust_bundle,
    fixed_focal,
    shared_focal,
)
from dynascene_cli.camera.estimation.estimate import (
    TRACKING_WIDTH,
    ClipFacts,
    Estimate,
    FeatureTracks,
    Integers,
    Method,
)
from dynascene_cli.camera.estimation.initialisation import triangulate
from dynascene_cli.camera.estimation.keyframe_selection import MOST_KEYFRAMES
from dynascene_cli.camera.estimation.motion_hypotheses import (
    LOSS_PIXELS,
    MotionHypothesis,
)
from dynascene_cli.camera.estimation.per_frame_estimate import TrackedClip, estimate_moving_camera
from dynascene_cli.camera.estimation.reconstruction import Observations, Reconstruction
from dynascene_cli.camera.estimation.solver import (
    KnownLens,
    doubt_for,
    drop_stray_points,
    fix_reported_focal,
    observations_of_tracks,
    select_frames,
)
from dynascene_cli.camera.formats.colmap import BENT_PIXELS, ColmapModel
from dynascene_cli.errors import StageError
from dynascene_cli.geometry import Floats, relative_to_first

_ROUNDS = 60

_FLAT_COST = 1.02
"""Relative rise of the cost that is no evidence against the usual focal length."""


def frame_name(frame: int) -> str:
    """The image file that stands for a frame in a model."""
    return f"{frame:06d}.png"


def estimate_from_model(
    model: ColmapModel,
    tracks: FeatureTracks,
    clip: ClipFacts,
    method: Method,
    details: dict[str, Any] | None = None,
) -> Estimate:
    """The path of a model whose images are called by frame_name.

    A focal length that is known of the clip takes the place of the model's. Frames without an
    image are resected, or filled in between.

    Raises:
        StageError: the model has fewer than two frames, its images are of another clip, or none of
            the tracks runs through it.
    """
    if len(model.names) < 2:
        raise _report_unsolved(method, len(model.names), tracks)
    frames, solved = _cameras(model, tracks.frame_count)
    filmed = TrackedClip(observations_of_tracks(tracks), clip.frame_rate, clip.size)
    observations = select_frames(filmed.observations, frames)
    seen, numbers = observations.seen_by(0, len(frames), 3)
    if not len(numbers):
        raise _report_unsolved(method, len(frames), tracks)
    before = KnownLens.of(clip)
    best = _hypothesis(seen, solved, before)
    seen, numbers, best = drop_stray_points(seen, numbers, best)
    try:
        doubt = doubt_for(seen, best, before.focal is not None)
    except np.linalg.LinAlgError as error:
        raise _report_unsolved(method, len(frames), tracks) from error
    best, lens = fix_reported_focal(seen, best, doubt, before)
    details = {"frames_in_model": len(model.names)} | (details or {})
    estimate = estimate_moving_camera(filmed, frames, numbers, best, doubt, lens, details)
    estimate = replace(estimate, method=method)
    bent = float(model.bent.max())
    if bent <= BENT_PIXELS:
        return estimate
    reason = f"the lens bends the picture's corners by {bent:.1f} pixels"
    return replace(estimate, confidence="low", reasons=(*estimate.reasons, reason))


def _report_unsolved(method: Method, count: int, tracks: FeatureTracks) -> StageError:
    return StageError(
        f"{method} solved {count} of {tracks.frame_count} frames",
        "the camera may hardly move, or the background show too little: try --method tracks",
    )


def _cameras(model: ColmapModel, frame_count: int) -> tuple[Integers, Reconstruction]:
    """The frames (N,) that a model's images stand for, MOST_KEYFRAMES at most, and its cameras.

    The world is the first camera, its unit the median depth there.
    """
    count = len(model.names)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_KEYFRAMES)).round().astype(int))
    frame_of = {frame_name(frame): frame for frame in range(frame_count)}
    strange = next((name for name in model.names if name not in frame_of), None)
    if strange is not None:
        raise StageError(f"the model's image {strange} is no frame of the clip", "solve it again")
    frames = np.array([frame_of[model.names[i]] for i in chosen], dtype=np.int64)
    centred = relative_to_first(model.extrinsics)
    focals = model.intrinsics[chosen][:, [0, 1], [0, 1]].mean(axis=1)
    return frames, Reconstruction(
        np.ascontiguousarray(centred[chosen, :, :3]),
        centred[chosen, :, 3] / _median_depth(model),
        focals * TRACKING_WIDTH / model.sizes[chosen, 0],
        np.zeros((0, 4)),
    )


def _hypothesis(seen: Observations, solved: Reconstruction, before: KnownLens) -> MotionHypothesis:
    """The model's cameras and the tracks' points, adjusted together.

    Where the move does not show the focal length a model's is anywhere, so the usual one is tried
    as well, and preferred when it costs as little.
    """
    n = seen.camera_count
    if before.focal is not None:
        fit = _adjust(seen, replace(solved, focals=np.full(n, before.focal)), fixed_focal(n))
        return MotionHypothesis(fit.reconstruction, fit.cost, fixed_focal(n), "pose")
    focal = shared_focal(n, before.prior)
    usual = replace(solved, focals=np.full(n, before.prior))
    near = _adjust(seen, usual, fixed_focal(n)).reconstruction
    ends = [_adjust(seen, near, focal), _adjust(seen, solved, focal)]
    best = ends[0] if ends[0].cost <= _FLAT_COST * ends[1].cost else ends[1]
    return MotionHypothesis(best.reconstruction, best.cost, focal, "pose")


def _adjust(seen: Observations, cameras: Reconstruction, focal: FocalModel) -> Adjustment:
    points = triangulate(seen, cameras.rotations, cameras.translations, cameras.focals)
    start = replace(cameras, points=points)
    return adjust_bundle(seen, start, SolverOptions(scale=LOSS_PIXELS, rounds=_ROUNDS), focal=focal)


def _median_depth(model: ColmapModel) -> float:
    """The median depth of a model's points before its first camera."""
    E: Floats = model.extrinsics[0]
    depths = model.points @ E[2, :3] + E[2, 3]
    ahead = depths[depths > 0]
    return float(np.median(ahead)) if len(ahead) else 1.0
