"""The cameras that may be behind tracks: one that turns, one that moves, each zooming or not."""

from dataclasses import dataclass, replace
from typing import Literal

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
    GATE_INLIERS,
    GATE_MEDIAN_PIXELS,
    GATE_PIXELS,
    Integers,
)
from dynascene_cli.camera.estimation.initialisation import (
    TrackObservations,
    chain_rotations,
    incremental_sfm,
    multi_starts,
    thin_tracks,
    triangulate,
)
from dynascene_cli.camera.estimation.reconstruction import (
    Observations,
    Reconstruction,
    place_points,
    reprojection_errors,
)
from dynascene_cli.camera.estimation.zoom import LEAST_GAIN, chain_focals, is_zoom, zooming_focals
from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.threads import map_in_threads

PLAUSIBLE_FOCALS = (0.3, 4.5)
"""Focal lengths, in the picture's longer sides, between which lenses lie (11 to 160 mm)."""

PRIOR_FOCAL = 0.9
"""The assumed focal length, in the picture's longer sides: about 32 mm on a full frame."""

LOSS_PIXELS = 1.0
"""Scale of Cauchy's loss in a final adjustment."""

_LAST_TURNS = SolverOptions(LOSS_PIXELS, rounds=30)
"""How a camera that only turns is adjusted at last."""

_START_TRACKS = 120
_MULTI_CAMERAS = 60
"""Tracks a camera in the starts, and cameras up to which multi is tried."""

_OTHER_FOCALS = (0.6, 1.7)
"""Factors of the assumed focal length that are tried beside it."""

_REGROWTHS, _FALL = 3, 0.98
"""Times that growing is tried again under the focal length found, while that costs this less."""

_FARTHEST = 0.02
"""Least inverse depth that a reversed point begins with, in units of the median's."""

_SAME_COST, _SAME_PATH = 1.03, 0.005
"""Rivals cost at most this many times more, and differ by more than this share of the path."""


@dataclass(frozen=True, eq=False)
class MotionHypothesis:
    """A camera that may be behind the tracks, and the robust cost, px², that it leaves."""

    solved: Reconstruction
    cost: float
    focal: FocalModel
    moves: Literal["pose", "rotation"]
    rivals: int = 0

    @property
    def zooms(self) -> bool:
        """Whether the focal length changes."""
        return self.focal.basis.shape[1] > 1


def fit_turning_camera(
    observations: TrackObservations,
    seen: Observations,
    frames: Integers,
    known: float | None,
    prior: float,
) -> MotionHypothesis:
    """The camera on a tripod that explains the tracks best; ``known`` is its focal length."""
    n = observations.camera_count
    focal = known or prior
    rotations = chain_rotations(observations, focal)

    def solved(focals: Floats, model: FocalModel) -> Adjustment:
        coarse = _adjust_turning(seen, rotations, focals, model, SolverOptions(4.0, rounds=20))
        return adjust_bundle(
            seen, coarse.reconstruction, _LAST_TURNS, focal=model, moves="rotation"
        )

    model = fixed_focal(n) if known else shared_focal(n, prior)
    if known:
        best = solved(np.full(n, focal), model)
    else:
        zoom = zooming_focals(frames, prior)
        projector = zoom.basis @ np.linalg.pinv(zoom.basis)
        chain = np.exp(projector @ np.log(chain_focals(observations, rotations, focal)))
        starts = [(np.full(n, focal), model), (chain, zoom)]
        best, zoomed = map_in_threads(lambda start: solved(*start), starts)
        if is_better_zoom(zoomed, best):
            best, model = zoomed, zoom
    return MotionHypothesis(best.reconstruction, best.cost, model, "rotation")


def refit_turning_camera(seen: Observations, near: MotionHypothesis) -> MotionHypothesis:
    """The camera on a tripod, ``near`` one that is known, that explains other sightings best."""
    turns = near.solved
    fit = _adjust_turning(seen, turns.rotations, turns.focals, near.focal, _LAST_TURNS)
    return replace(near, solved=fit.reconstruction, cost=fit.cost)


def _adjust_turning(
    seen: Observations, rotations: Floats, focals: Floats, model: FocalModel, options: SolverOptions
) -> Adjustment:
    """What begins with points at infinity where cameras that only turn see them."""
    still = np.zeros((len(focals), 3))
    points = place_points(seen, rotations, still, focals, 0.0)
    start = Reconstruction(rotations, still, focals, points)
    return adjust_bundle(seen, start, options, focal=model, moves="rotation")


def fit_moving_camera(
    observations: TrackObservations,
    seen: Observations,
    frames: Integers,
    tripod: MotionHypothesis,
    known: float | None,
    prior: float,
) -> MotionHypothesis:
    """The camera that moves through space and explains the tracks best.

    Every start is followed on the longest tracks, and the best one's reversal; the cheapest end is
    adjusted to all of them. Ends that cost as little but lie elsewhere are counted as its
    ``rivals``. Unless even the ``tripod`` might do, other focal lengths than the assumed one are
    tried, and a zoom if none explains the tracks.
    """
    n = observations.camera_count
    thin = thin_tracks(observations, _START_TRACKS)
    some, _ = thin.seen_by(0, n, 3)
    fixed = fixed_focal(n) if known else shared_focal(n, prior)
    zoom = zooming_focals(frames, prior)
    turns = is_trusted(reprojection_errors(seen, tripod.solved))
    factors = (1.0,) if known or turns else (1.0, *_OTHER_FOCALS)
    ends = _multi_ends(thin, some, fixed, known or prior)
    ends += map_in_threads(
        lambda factor: _grown_end(thin, some, fixed, (known or prior) * factor, prior), factors
    )
    best, model = _cheapest(ends), fixed
    for _ in range(0 if known or turns else _REGROWTHS):
        focal = float(best.reconstruction.focals[0])
        ends.append(_grown_end(thin, some, fixed, focal, prior))
        if ends[-1].cost > _FALL * best.cost:
            break
        best = ends[-1]
    best = _cheapest(ends)
    sides = float(best.reconstruction.focals[0]) * PRIOR_FOCAL / prior
    explained = turns or (
        PLAUSIBLE_FOCALS[0] < sides < PLAUSIBLE_FOCALS[1]
        and is_trusted(reprojection_errors(some, best.reconstruction))
    )
    ends.append(_reversed_end(some, best.reconstruction, fixed))
    found, best = best, _cheapest(ends)
    if not known:
        # A zoom may pass for the reversal of a path, from where it would not be found.
        zoomed = _zoom_end(some, found, tripod.solved, zoom, elsewhere=not explained)
        if is_better_zoom(zoomed, best):
            best, model, ends = zoomed, zoom, []
    rivals = [
        end
        for end in ends
        if end.cost < _SAME_COST * best.cost
        and path_difference(end.reconstruction, best.reconstruction) > _SAME_PATH
    ]
    full = adjust_bundle(
        seen, _triangulate_for(seen, best.reconstruction),
        SolverOptions(scale=LOSS_PIXELS, rounds=40, gain=1e-6), focal=model,
    )  # fmt: skip
    return MotionHypothesis(full.reconstruction, full.cost, model, "pose", len(rivals))


def is_better_zoom(zoomed: Adjustment, fixed: Adjustment) -> bool:
    """Whether a focal length that moves explains clearly more than one that does not."""
    return zoomed.cost * LEAST_GAIN < fixed.cost and is_zoom(zoomed.reconstruction.focals)


def is_trusted(errors: Floats) -> bool:
    """Whether distances (O,) in pixels are those of a solution that may be right."""
    share = np.mean(errors < GATE_PIXELS)
    return bool(share >= GATE_INLIERS and np.median(errors) <= GATE_MEDIAN_PIXELS)


def path_difference(a: Reconstruction, b: Reconstruction) -> float:
    """RMS distance of two paths' centres after a similarity, as a share of the second's length."""
    A, B = a.centres - a.centres.mean(axis=0), b.centres - b.centres.mean(axis=0)
    length = float(np.linalg.norm(np.diff(B, axis=0), axis=1).sum())
    U, S, Vt = np.linalg.svd(B.T @ A)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    scale = float(S @ flip) / max(float((A**2).sum()), 1e-12)
    left = B - scale * A @ ((U * flip) @ Vt).T
    return float(np.sqrt((left**2).sum(axis=1).mean())) / max(length, 1e-12)


def _cheapest(ends: list[Adjustment]) -> Adjustment:
    return min(ends, key=lambda end: end.cost)


def _multi_ends(
    thin: TrackObservations, some: Observations, model: FocalModel, focal: float
) -> list[Adjustment]:
    """Where the rotation chain leads, of a clip short enough for it."""
    n = thin.camera_count
    if n > _MULTI_CAMERAS:
        return []
    starts = multi_starts(some, chain_rotations(thin, focal), np.full(n, focal))
    return map_in_threads(
        lambda start: adjust_bundle(
            some,
            start.reconstruction,
            SolverOptions(scale=LOSS_PIXELS, rounds=25, gain=1e-4),
            focal=model,
        ),
        starts,
    )


def _grown_end(
    thin: TrackObservations, some: Observations, model: FocalModel, focal: float, prior: float
) -> Adjustment:
    """Where growing leads under one focal length."""
    grow = incremental_sfm(
        thin, chain_rotations(thin, focal), focal, prior, held_focal=model.basis.shape[1] == 0
    )
    return adjust_bundle(
        some,
        _triangulate_for(some, grow),
        SolverOptions(scale=LOSS_PIXELS, rounds=25, gain=1e-4),
        focal=model,
    )


def _reversed_end(some: Observations, found: Reconstruction, model: FocalModel) -> Adjustment:
    """Where the found path's reversal leads: near for far, and the camera's way the other way.

    With little perspective one passes for the other (Necker's reversal), and a start may fall into
    the wrong one.
    """
    distances = np.linalg.norm(found.points[:, :3], axis=1)
    inverse = found.points[:, 3] / distances
    middle = float(np.median(inverse))
    points = found.points.copy()
    points[:, 3] = np.maximum(2 * middle - inverse, _FARTHEST * middle) * distances
    start = replace(found, points=points, translations=-found.translations)
    return adjust_bundle(
        some, start, SolverOptions(scale=LOSS_PIXELS, rounds=25, gain=1e-4), focal=model
    )


def _triangulate_for(seen: Observations, cameras: Reconstruction) -> Reconstruction:
    """The cameras with the points that they see, triangulated."""
    return replace(
        cameras,
        points=triangulate(seen, cameras.rotations, cameras.translations, cameras.focals),
    )


def _zoom_end(
    some: Observations, fixed: Adjustment, tripod: Reconstruction, zoom: FocalModel, elsewhere: bool
) -> Adjustment:
    """Where a zoom leads: from the fixed lens's end and, if ``elsewhere``, from new starts.

    Those take the zoom's shape from the ``tripod``'s focal lengths, scaled to the prior; while
    they lead nowhere, others take it from the zoom that was found.
    """

    def end(start: Reconstruction) -> Adjustment:
        rounds = 40 if elsewhere else 12
        return adjust_bundle(
            some,
            start,
            SolverOptions(scale=LOSS_PIXELS, rounds=rounds, gain=1e-4),
            focal=zoom,
        )

    best = end(fixed.reconstruction)
    if not elsewhere:
        return best
    level = np.exp(zoom.centre[0] - np.mean(np.log(tripod.focals)))
    shape = replace(tripod, focals=level * tripod.focals)
    for _ in range(2):
        starts = multi_starts(some, shape.rotations, shape.focals)
        ends = map_in_threads(lambda start: end(start.reconstruction), starts)
        best = _cheapest([best, *ends])
        if is_trusted(reprojection_errors(some, best.reconstruction)):
            break
        shape = best.reconstruction
    return best
