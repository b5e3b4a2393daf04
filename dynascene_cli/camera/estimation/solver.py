"""The story of a solution: from tracks of the background to the camera that filmed it."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.bundle_adjustment import (
    SolverOptions,
    adjust_bundle,
    fixed_focal,
    shared_focal,
)
from dynascene_cli.camera.estimation.confidence import (
    MOST_PATH_DOUBT,
    Doubt,
    estimate_doubt,
    estimate_noise,
)
from dynascene_cli.camera.estimation.estimate import (
    GATE_INLIERS,
    GATE_MEDIAN_PIXELS,
    GATE_PIXELS,
    TRACKING_WIDTH,
    ClipFacts,
    Estimate,
    FeatureTracks,
    Integers,
)
from dynascene_cli.camera.estimation.fallback import choose_fallback
from dynascene_cli.camera.estimation.initialisation import TrackObservations, thin_tracks
from dynascene_cli.camera.estimation.keyframe_selection import select_keyframes
from dynascene_cli.camera.estimation.motion_hypotheses import (
    LOSS_PIXELS,
    PRIOR_FOCAL,
    MotionHypothesis,
    fit_moving_camera,
    fit_turning_camera,
    refit_turning_camera,
)
from dynascene_cli.camera.estimation.per_frame_estimate import (
    Lens,
    TrackedClip,
    apply_fallback,
    estimate_moving_camera,
    estimate_static_camera,
    median_errors,
)
from dynascene_cli.camera.estimation.reconstruction import (
    Observations,
    reprojection_errors,
    select_points,
)
from dynascene_cli.camera.estimation.rolling_shutter import (
    READOUT_STEP,
    READOUTS,
    remove_rolling_shutter,
)
from dynascene_cli.camera.estimation.track_checks import find_usable_frames
from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.threads import map_in_threads

STILL_PIXELS = 0.3
"""90th-percentile displacement below which a camera is static."""

TRIPOD_GAIN = 1.4
"""How many times more pure rotation may cost than a moving camera and still be believed."""

MOST_SLANTED = 0.03
"""A camera that gets less far, in median depths, may be a tripod with a rolling shutter."""

SLANT_SHARE, SLANT_GAIN = 0.7, 2.5
"""It may cost at most this share of what it costs without one, and so many times what a camera
that travels does, to which the shutter lends its freedom."""

READOUT_TRACKS = 60
"""Tracks a camera on which the readout is sought."""

STRAY_PIXELS, MOST_STRAYS = 3.0, 0.2
"""A track whose median error is larger moves by itself, if no more observations than that do."""

_FEW_STRAYS = 4
"""Stray tracks from which on it is asked whether a moving camera explains them."""

_NEAREST = 30.0
"""Inverse depth, in units of the median's, of a point that has slipped into the camera."""

OBSERVABLE_FOCAL = 0.04
"""Expected error of log focal length beyond which tracks do not tell it."""

_FLAT_COST = 1.02
"""Relative rise of the cost under the assumed focal length that is no evidence against it."""


@dataclass(frozen=True)
class KnownLens:
    """What is known of the focal length before any solving, in pixels at TRACKING_WIDTH."""

    focal: float | None
    source: Literal["given", "exif"]
    prior: float

    @classmethod
    def of(cls, clip: ClipFacts) -> "KnownLens":
        """What is known of a clip's."""
        to_clip = clip.size[0] / TRACKING_WIDTH
        focal = None if clip.focal is None else clip.focal / to_clip
        return cls(focal, clip.focal_source, PRIOR_FOCAL * max(clip.size) / to_clip)

    def unseen(self) -> Lens:
        """The lens of a clip that does not show it."""
        if self.focal is None:
            return Lens(self.prior, False, "assumed")
        return Lens(self.focal, False, self.source)


@dataclass(frozen=True, eq=False)
class _Solution:
    """A camera that may be behind the tracks, and the observations that it explains.

    ``numbers`` are the tracks of its points; ``readout`` is that of a rolling shutter.
    """

    filmed: TrackedClip
    seen: Observations
    numbers: Integers
    camera: MotionHypothesis
    readout: float = 0.0


def observations_of_tracks(tracks: FeatureTracks) -> TrackObservations:
    """Tracks as the solver takes them: pixels from the middle, at TRACKING_WIDTH."""
    middle = np.array([tracks.width, tracks.height]) / 2
    pixels = (tracks.pixels - middle) * (TRACKING_WIDTH / tracks.width)
    return TrackObservations(tracks.track, tracks.frame, pixels, tracks.frame_count)


def estimate_from_tracks(tracks: FeatureTracks, clip: ClipFacts) -> Estimate:
    """The camera that explains the tracks of a clip.

    A focal length is believed if it is known. Where the path would be of low confidence, a camera
    that turns or stands still takes its place if it explains the background within a pixel.

    Raises:
        InputError: the clip is a single frame.
        StageError: too few tracks, or none across some frame: the message names the numbers.
    """
    usable = find_usable_frames(tracks)
    filmed = TrackedClip(observations_of_tracks(tracks), clip.frame_rate, clip.size)
    lens = KnownLens.of(clip)
    if _is_still(filmed.observations):
        return estimate_static_camera(filmed, usable, lens.unseen())
    frames = select_keyframes(filmed.observations, usable)
    observations = select_frames(filmed.observations, frames)
    seen, numbers = observations.seen_by(0, len(frames), 3)
    tripod = fit_turning_camera(observations, seen, frames, lens.focal, lens.prior)
    travelling = fit_moving_camera(observations, seen, frames, tripod, lens.focal, lens.prior)
    turned = _Solution(filmed, seen, numbers, tripod)
    best = _choose_solution(turned, travelling, frames, lens)
    estimate = _finish_estimate(best, frames, lens)
    if estimate.confidence == "low":
        estimate = _prefer_simpler(estimate, turned, travelling, usable, frames, lens)
    details = {
        "keyframes": len(frames),
        "tripod_cost": tripod.cost,
        "travelling_cost": travelling.cost,
        "travelled": _travel_distance(travelling),
        "readout": best.readout,
    }
    return replace(estimate, details=details | estimate.details)


def _choose_solution(
    turned: _Solution, travelling: MotionHypothesis, frames: Integers, lens: KnownLens
) -> _Solution:
    """A camera that moves, or one that only turns if that explains the tracks as well."""
    tripod = turned.camera
    if _is_tripod(turned.seen, tripod, travelling):
        return turned
    if _travel_distance(travelling) < MOST_SLANTED:
        slanted = _slanted_tripod(turned, frames, lens)
        most = min(SLANT_SHARE * tripod.cost, SLANT_GAIN * travelling.cost)
        if slanted is not None and slanted.camera.cost < most:
            return slanted
        if _is_doubtful_step(turned.seen, tripod, travelling, lens.focal is not None):
            return turned
    return replace(turned, camera=travelling)


def _prefer_simpler(
    estimate: Estimate,
    turned: _Solution,
    travelling: MotionHypothesis,
    usable: NDArray[np.bool_],
    frames: Integers,
    lens: KnownLens,
) -> Estimate:
    """The estimate, or that of a camera that turns or rests if it explains the background."""
    filmed = turned.filmed
    pixel = TRACKING_WIDTH / min(filmed.size[0], TRACKING_WIDTH)
    fallback = choose_fallback(turned.seen, turned.camera, travelling, pixel)
    if fallback is None:
        return estimate
    if fallback.moves == "rest":
        still = estimate_static_camera(filmed, usable, lens.unseen())
        return apply_fallback(estimate, still, "static", fallback.share)
    turns = _finish_estimate(turned, frames, lens)
    return apply_fallback(estimate, turns, "rotation", fallback.share)


def _finish_estimate(solution: _Solution, frames: Integers, before: KnownLens) -> Estimate:
    """What a solution of the key ``frames`` says of every frame, without what moves by itself."""
    seen, numbers, best = drop_stray_points(solution.seen, solution.numbers, solution.camera)
    doubt = doubt_for(seen, best, before.focal is not None)
    best, lens = fix_reported_focal(seen, best, doubt, before)
    details = {
        "zooms": best.zooms,
        "moving_tracks": 1 - len(seen.point) / len(solution.seen.point),
    }
    return estimate_moving_camera(solution.filmed, frames, numbers, best, doubt, lens, details)


def _is_tripod(seen: Observations, tripod: MotionHypothesis, travelling: MotionHypothesis) -> bool:
    """Whether a camera that only turns explains the tracks about as well as one that moves.

    Things that move by themselves let a moving camera explain some of them, so the tracks that
    the tripod explains are compared; of the others, a camera that truly moves explains most.
    """
    turned = reprojection_errors(seen, tripod.solved)
    travelled = reprojection_errors(seen, travelling.solved)
    if np.median(turned) > GATE_MEDIAN_PIXELS:
        return False
    strays = median_errors(seen.point, turned, len(seen.anchors)) > STRAY_PIXELS
    if np.mean(strays[seen.point]) > MOST_STRAYS:
        return False
    explained = median_errors(seen.point, travelled, len(seen.anchors))[strays] < GATE_PIXELS
    if len(explained) > _FEW_STRAYS and np.mean(explained) > 0.5:
        return False
    kept = ~strays[seen.point]
    return bool(_cost(turned[kept]) < TRIPOD_GAIN * _cost(travelled[kept]))


def _is_doubtful_step(
    seen: Observations, tripod: MotionHypothesis, travelling: MotionHypothesis, known: bool
) -> bool:
    """Whether a small travel is no path that could be believed, and pure rotation passes the gate.

    With few points, noise that lasts as long as they do is explained by a step of the camera.
    """
    return (
        tripod.cost < SLANT_GAIN * travelling.cost
        and _passes_gate(seen, tripod)
        and doubt_for(seen, travelling, known).path > MOST_PATH_DOUBT
    )


def _passes_gate(seen: Observations, explanation: MotionHypothesis) -> bool:
    errors = reprojection_errors(seen, explanation.solved)
    return bool(
        np.median(errors) <= GATE_MEDIAN_PIXELS and np.mean(errors < GATE_PIXELS) >= GATE_INLIERS
    )


def _travel_distance(explanation: MotionHypothesis) -> float:
    """How far the camera gets from where it began, in median depths."""
    solved = explanation.solved
    far = np.linalg.norm(solved.centres - solved.centres[0], axis=1).max()
    inverse = solved.points[:, 3] / np.linalg.norm(solved.points[:, :3], axis=1)
    return float(far * np.median(inverse))


def _slanted_tripod(turned: _Solution, frames: Integers, lens: KnownLens) -> _Solution | None:
    """What a tripod with a rolling shutter saw, exposed at once.

    The readout is sought on the longest tracks, near the tripod without one. None where it gains
    that little there, or lets no pure rotation through the gate.
    """
    filmed = turned.filmed
    height = TRACKING_WIDTH * filmed.size[1] / filmed.size[0]
    longest = thin_tracks(filmed.observations, READOUT_TRACKS)

    @cache
    def cost(readout: float) -> float:
        upright = select_frames(remove_rolling_shutter(longest, height, readout), frames)
        return refit_turning_camera(upright.seen_by(0, len(frames), 3)[0], turned.camera).cost

    costs = map_in_threads(cost, (0.0, *READOUTS))[1:]
    nearest = READOUTS[int(np.argmin(costs))]
    around = [nearest - READOUT_STEP, nearest, nearest + READOUT_STEP]
    bend, slope, _ = np.polyfit(around, [cost(each) for each in around], 2)
    lowest = float(np.clip(-slope / (2 * bend), around[0], around[2])) if bend > 0 else nearest
    readout = min((nearest, lowest), key=cost)
    if cost(readout) > SLANT_SHARE * cost(0.0):
        return None
    upright = remove_rolling_shutter(filmed.observations, height, readout)
    chosen = select_frames(upright, frames)
    seen, numbers = chosen.seen_by(0, len(frames), 3)
    tripod = fit_turning_camera(chosen, seen, frames, lens.focal, lens.prior)
    if not _passes_gate(seen, tripod):
        return None
    return _Solution(replace(filmed, observations=upright), seen, numbers, tripod, readout)


def drop_stray_points(
    seen: Observations, numbers: Integers, best: MotionHypothesis
) -> tuple[Observations, Integers, MotionHypothesis]:
    """All three without the points that move by themselves, adjusted once more.

    Unless so many seem to that it must be the camera that is wrong.
    """
    errors = median_errors(seen.point, reprojection_errors(seen, best.solved), len(seen.anchors))
    steady = (errors < STRAY_PIXELS) & (best.solved.points[:, 3] < _NEAREST)
    if np.mean(~steady[seen.point]) > MOST_STRAYS:
        return seen, numbers, best
    seen = select_points(seen, steady)
    state = replace(best.solved, points=best.solved.points[steady])
    fit = adjust_bundle(
        seen,
        state,
        SolverOptions(scale=LOSS_PIXELS, rounds=30, gain=1e-6),
        focal=best.focal,
        moves=best.moves,
    )
    return seen, numbers[steady], replace(best, solved=fit.reconstruction, cost=fit.cost)


def _cost(errors: Floats) -> float:
    return float(np.log1p((errors / LOSS_PIXELS) ** 2).sum())


def _is_still(observations: TrackObservations) -> bool:
    """Whether points stay where they were first seen."""
    starts = np.flatnonzero(np.diff(observations.track, prepend=-1))
    lengths = np.diff(np.append(starts, len(observations.track)))
    away = observations.pixels - np.repeat(observations.pixels[starts], lengths, axis=0)
    moved = np.linalg.norm(away, axis=1)
    moved = np.delete(moved, starts)
    return bool(len(moved) and np.percentile(moved, 90) < STILL_PIXELS)


def select_frames(observations: TrackObservations, frames: Integers) -> TrackObservations:
    """The observations in ``frames`` alone, whose cameras are numbered in that order."""
    place = np.full(observations.camera_count, -1)
    place[frames] = np.arange(len(frames))
    kept = place[observations.camera] >= 0
    return TrackObservations(
        observations.track[kept],
        place[observations.camera[kept]],
        observations.pixels[kept],
        len(frames),
    )


def doubt_for(seen: Observations, best: MotionHypothesis, known: bool) -> Doubt:
    """The errors to expect of ``best``, whose focal length is ``known`` or was solved."""
    noise = estimate_noise(reprojection_errors(seen, best.solved))
    focal = best.focal
    if not known and not best.zooms:
        focal = shared_focal(seen.camera_count, float(best.solved.focals[0]), 0.0)
    return estimate_doubt(
        seen, best.solved, noise, scale=LOSS_PIXELS, focal=focal, moves=best.moves
    )


def fix_reported_focal(
    seen: Observations, best: MotionHypothesis, doubt: Doubt, before: KnownLens
) -> tuple[MotionHypothesis, Lens]:
    """The explanation under the focal length that is to be told, and how that is known."""
    solved = float(best.solved.focals[0])
    if before.focal is not None:
        return best, Lens(before.focal, False, before.source)
    if doubt.focal <= OBSERVABLE_FOCAL:
        return best, Lens(solved, True, "estimated")
    if best.zooms:
        return best, Lens(solved, False, "estimated")
    n = seen.camera_count
    assumed = adjust_bundle(
        seen, replace(best.solved, focals=np.full(n, before.prior)),
        SolverOptions(scale=LOSS_PIXELS, rounds=40), focal=fixed_focal(n), moves=best.moves,
    )  # fmt: skip
    if assumed.cost < _FLAT_COST * best.cost:
        best = replace(best, solved=assumed.reconstruction, cost=assumed.cost, focal=fixed_focal(n))
        return best, Lens(before.prior, False, "assumed")
    return best, Lens(solved, False, "estimated")
