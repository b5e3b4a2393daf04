"""Where bundle adjustment may begin: solutions near enough to the truth to fall into it.

No start serves every shot. *Multi* gives all cameras a chain of pure rotations, scaled, and lets
them drift apart; *grow* solves the first cameras and resects, triangulates and adjusts its way
on. They fail on different shots, and the lower cost tells which did.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from dynascene_cli.camera.estimation import bundle_kernels as kernels
from dynascene_cli.camera.estimation import resection_kernels
from dynascene_cli.camera.estimation.bundle_adjustment import (
    Adjustment,
    SolverOptions,
    adjust_bundle,
    fixed_focal,
    shared_focal,
)
from dynascene_cli.camera.estimation.estimate import Integers
from dynascene_cli.camera.estimation.reconstruction import (
    Observations,
    Reconstruction,
    anchor_rays,
    collect_observations,
    place_points,
)
from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.threads import map_in_threads

FIRST_CAMERAS = 10
"""Cameras that grow begins with."""

_STEP = 6
_WINDOW = 32
_SETTLED = 10
"""Cameras that grow adds at once, adjusts together, and holds at the window's old end."""

_FOCAL_CAMERAS = 24
"""Cameras from which on grow lets the focal length go."""

_DEPTHS = np.array([0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0])
"""Inverse depths at which triangulation begins."""


@dataclass(frozen=True, eq=False)
class TrackObservations:
    """Tracks as some cameras see them: rows as FeatureTracks', pixels from the principal point."""

    track: Integers
    camera: Integers
    pixels: Floats
    camera_count: int

    def seen_by(self, first: int, last: int, shortest: int) -> tuple[Observations, Integers]:
        """The observations of cameras first ≤ c < last, and the tracks they are of.

        A track is seen by ``shortest`` of them, or by all where they are fewer.
        """
        inside = (self.camera >= first) & (self.camera < last)
        return collect_observations(
            self.track[inside], self.camera[inside] - first, self.pixels[inside],
            last - first, min(shortest, last - first),
        )  # fmt: skip


def thin_tracks(observations: TrackObservations, per_camera: int) -> TrackObservations:
    """Only the longest tracks, as many as leave every camera ``per_camera`` where it has them."""
    _, starts, lengths = np.unique(observations.track, return_index=True, return_counts=True)
    counts = np.zeros(observations.camera_count, int)
    kept = np.zeros(len(observations.track), bool)
    for k in np.argsort(-lengths, kind="stable"):
        rows = slice(starts[k], starts[k] + lengths[k])
        cameras = observations.camera[rows]
        if np.any(counts[cameras] < per_camera):
            counts[cameras] += 1
            kept[rows] = True
    return TrackObservations(
        observations.track[kept], observations.camera[kept], observations.pixels[kept],
        observations.camera_count,
    )  # fmt: skip


def chain_rotations(observations: TrackObservations, focal: float) -> Floats:
    """World-to-camera rotations (N, 3, 3) that carry each camera's rays best into the next's.

    Robust Kabsch between neighbours, composed; what the camera's motion adds is not modelled.
    """
    order = np.lexsort((observations.track, observations.camera))
    bounds = np.searchsorted(observations.camera[order], np.arange(observations.camera_count + 1))
    rays = np.column_stack([observations.pixels / focal, np.ones(len(observations.pixels))])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    chain = [np.eye(3)]
    for c in range(1, observations.camera_count):
        before, after = order[bounds[c - 1] : bounds[c]], order[bounds[c] : bounds[c + 1]]
        _, i, j = np.intersect1d(
            observations.track[before],
            observations.track[after],
            assume_unique=True,
            return_indices=True,
        )
        chain.append(_robust_turn(rays[before[i]], rays[after[j]], focal) @ chain[-1])
    return np.array(chain)


def _robust_turn(a: Floats, b: Floats, focal: float) -> Floats:
    turn = np.eye(3)
    if len(a) < 3:
        return turn
    weights = np.ones(len(a))
    for _ in range(12):
        U, _, Vt = np.linalg.svd((b * weights[:, None]).T @ a)
        turn = U @ np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))]) @ Vt
        errors = np.linalg.norm(b - a @ turn.T, axis=1) * focal
        weights = 1 / (1 + (errors / max(0.3, float(np.median(errors)))) ** 2)
    return turn


def multi_starts(
    seen: Observations,
    rotations: Floats,
    focals: Floats,
    scales: tuple[float, ...] = (1.0, 0.5, 0.0),
) -> list[Adjustment]:
    """Adjustments of all cameras, from the rotations scaled and almost no translation."""
    n = seen.camera_count
    translations = 1e-3 * np.random.default_rng(1).normal(size=(n, 3))
    vectors = Rotation.from_matrix(rotations).as_rotvec()

    def adjusted(scale: float) -> Adjustment:
        R = Rotation.from_rotvec(scale * vectors).as_matrix()
        points = place_points(seen, R, translations, focals, 1.0)
        rough = adjust_bundle(
            seen, Reconstruction(R, translations, focals, points),
            SolverOptions(scale=4.0, rounds=25, gain=1e-4, in_front=False), focal=fixed_focal(n),
        )  # fmt: skip
        return adjust_bundle(
            seen,
            rough.reconstruction,
            SolverOptions(scale=1.0, rounds=12, gain=1e-4),
            focal=fixed_focal(n),
        )

    return map_in_threads(adjusted, scales)


def triangulate(
    seen: Observations, rotations: Floats, translations: Floats, focals: Floats
) -> Floats:
    """Points (P, 4) as cameras that stay see them best, about a unit away."""
    cameras = kernels.Cameras(rotations, translations, focals)
    rays = anchor_rays(seen, rotations, focals)
    points: Floats = resection_kernels.triangulate_points(
        cameras, rays, seen.anchors, _DEPTHS, seen.rows, 1.0, 10
    )
    return points


def incremental_sfm(
    observations: TrackObservations,
    rotations: Floats,
    focal: float,
    prior: float,
    *,
    held_focal: bool,
) -> Reconstruction:
    """Cameras solved from the first on, window by window; the points are left to the caller."""
    n = observations.camera_count
    k = min(FIRST_CAMERAS, n)
    seen, numbers = observations.seen_by(0, k, 3)
    best = min(multi_starts(seen, rotations[:k], np.full(k, focal)), key=lambda start: start.cost)
    R, t = rotations.copy(), np.zeros((n, 3))
    R[:k], t[:k] = best.reconstruction.rotations, best.reconstruction.translations
    points = np.full((int(observations.track.max()) + 1, 4), np.nan)
    points[numbers] = best.reconstruction.points
    while k < n:
        last, k = k, min(n, k + _STEP)
        for c in range(last, k):
            R[c], t[c] = _next_pose(observations, c, R, t, rotations, points, focal)
        first = max(0, k - _WINDOW)
        seen, numbers = observations.seen_by(first, k, 3)
        window = slice(first, k)
        focals = np.full(k - first, focal)
        new = np.isnan(points[numbers, 0])
        fresh = triangulate(seen, R[window], t[window], focals)
        points[numbers[new]] = fresh[new]
        fixed = np.arange(first, k) < first + _SETTLED if first else None
        state = Reconstruction(R[window], t[window], focals, points[numbers])
        state = adjust_bundle(
            seen,
            state,
            SolverOptions(scale=2.0, rounds=8, gain=1e-3),
            focal=fixed_focal(k - first),
            fixed=fixed,
        ).reconstruction
        model = (
            fixed_focal(k - first)
            if held_focal or k < _FOCAL_CAMERAS
            else shared_focal(k - first, prior)
        )
        state = adjust_bundle(
            seen,
            state,
            SolverOptions(scale=1.0, rounds=10, gain=1e-3),
            focal=model,
            fixed=fixed,
        ).reconstruction
        R[window], t[window], focal = state.rotations, state.translations, float(state.focals[0])
        points[numbers] = state.points
    return Reconstruction(R, t, np.full(n, focal), points)


def _next_pose(
    observations: TrackObservations,
    c: int,
    R: Floats,
    t: Floats,
    rotations: Floats,
    points: Floats,
    focal: float,
) -> tuple[Floats, Floats]:
    """The pose of camera ``c`` as the points known so far see it, from a steady motion."""
    turn = rotations[c] @ rotations[c - 1].T @ R[c - 1]
    past = max(0, c - 4)
    centres = -np.einsum("nji,nj->ni", R[past:c], t[past:c])
    onward = (centres[-1] - centres[0]) / max(1, len(centres) - 1)
    shift = -turn @ (centres[-1] + onward)
    rows = np.flatnonzero(observations.camera == c)
    rows = rows[np.isfinite(points[observations.track[rows], 0])]
    if len(rows) < 6:
        return turn, shift
    return resection_kernels.resect_camera(
        turn, shift, focal, points[observations.track[rows]], observations.pixels[rows], 3.0, 20
    )
