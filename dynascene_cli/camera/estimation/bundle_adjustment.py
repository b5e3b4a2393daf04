"""Robust bundle adjustment: cameras, points and focal lengths that explain the tracks best.

Levenberg–Marquardt on Cauchy's loss with the points eliminated (Triggs et al. 2000, "Bundle
adjustment: a modern synthesis"). The world and its scale float: nothing but the cameras that are
held fixed ties them down.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation import bundle_kernels as kernels
from dynascene_cli.camera.estimation.estimate import Integers
from dynascene_cli.geometry import Floats

_GAIN = 1e-5
"""Relative fall of the cost below which an adjustment has converged."""

_SMALL_FALLS = 2
"""Small falls in a row that mean convergence: a single one may be a step that was damped."""

_FARTHEST = 1e-4
"""Least inverse depth of a point that is kept in front of its camera."""


@dataclass(frozen=True, eq=False)
class Observations:
    """Which camera saw which point where: one row an observation, ordered by point.

    ``camera``, ``point`` (O,); ``pixels`` (O, 2) from the principal point; ``anchors`` (P,) the
    camera in whose axes a point's parameters are taken.
    """

    camera: Integers
    point: Integers
    pixels: Floats
    anchors: Integers
    camera_count: int

    @property
    def first(self) -> Integers:
        """Where each point's observations begin, (P + 1,)."""
        return np.searchsorted(self.point, np.arange(len(self.anchors) + 1)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Cameras and points: rotations (N, 3, 3), translations (N, 3), focals (N,), points (P, 4).

    A point (d, ρ) is d/ρ in the world, and at infinity where ρ is 0.
    """

    rotations: Floats
    translations: Floats
    focals: Floats
    points: Floats

    @property
    def centres(self) -> Floats:
        """Camera centres (N, 3) in the world."""
        return -np.einsum("nji,nj->ni", self.rotations, self.translations)


@dataclass(frozen=True, eq=False)
class FocalModel:
    """How the focal lengths may move: log f = ``basis`` @ coefficients, and what draws them.

    ``basis`` (N, K): no column holds them, a column of ones makes them one, bumps make a zoom.
    The quadratic (c − ``centre``)ᵀ ``stiffness`` (c − ``centre``) is added to the cost, in px².
    """

    basis: Floats
    centre: Floats
    stiffness: Floats


def fixed_focal(count: int) -> FocalModel:
    """Focal lengths of ``count`` cameras that do not move."""
    return FocalModel(np.zeros((count, 0)), np.zeros(0), np.zeros((0, 0)))


def shared_focal(count: int, prior: float, stiffness: float = 10.0) -> FocalModel:
    """One focal length for ``count`` cameras, drawn weakly towards ``prior`` pixels."""
    return FocalModel(np.ones((count, 1)), np.array([np.log(prior)]), np.array([[stiffness]]))


@dataclass(frozen=True, eq=False)
class Adjustment:
    """A reconstruction and the robust cost, in px², that it left."""

    reconstruction: Reconstruction
    cost: float


def collect_observations(
    track: Integers, frame: Integers, pixels: Floats, camera_count: int, shortest: int = 3
) -> tuple[Observations, Integers]:
    """The observations of tracks seen by at least ``shortest`` cameras, and those tracks' numbers.

    Rows are ordered by track and then camera (``frame`` counts cameras). A track's middle
    observation is its anchor.
    """
    numbers, lengths = np.unique(track, return_counts=True)
    long_enough = lengths >= shortest
    kept = np.repeat(long_enough, lengths)
    numbers, lengths = numbers[long_enough], lengths[long_enough]
    camera = np.ascontiguousarray(frame[kept], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    return Observations(
        camera,
        np.repeat(np.arange(len(numbers), dtype=np.int64), lengths),
        np.ascontiguousarray(pixels[kept], dtype=float),
        camera[starts + lengths // 2] if len(camera) else camera,
        camera_count,
    ), numbers


def select_points(seen: Observations, kept: NDArray[np.bool_]) -> Observations:
    """The observations of the points that are ``kept`` (P,), numbered anew."""
    rows = kept[seen.point]
    numbers = np.cumsum(kept) - 1
    return Observations(
        seen.camera[rows],
        numbers[seen.point[rows]],
        seen.pixels[rows],
        seen.anchors[kept],
        seen.camera_count,
    )


def anchor_rays(seen: Observations, rotations: Floats, focals: Floats) -> Floats:
    """World directions (P, 3) in which the points' anchors saw them."""
    is_anchor = seen.camera == seen.anchors[seen.point]
    pixels = np.zeros((len(seen.anchors), 2))
    pixels[seen.point[is_anchor]] = seen.pixels[is_anchor]
    rays = np.column_stack([pixels / focals[seen.anchors, None], np.ones(len(pixels))])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return np.einsum("pji,pj->pi", rotations[seen.anchors], rays)


def place_points(
    seen: Observations,
    rotations: Floats,
    translations: Floats,
    focals: Floats,
    inverse_depth: float,
) -> Floats:
    """Points (P, 4) on their anchors' rays, all at one inverse depth from the anchors."""
    rays = anchor_rays(seen, rotations, focals)
    shift = np.einsum("pji,pj->pi", rotations[seen.anchors], translations[seen.anchors])
    inverse_depths = np.full((len(rays), 1), inverse_depth)
    return np.concatenate([rays - inverse_depths * shift, inverse_depths], axis=1)


def reprojection_errors(seen: Observations, guess: Reconstruction) -> Floats:
    """Distance in pixels (O,) of every observation from its reprojection."""
    scaled, _ = kernels.tangent_charts(
        guess.rotations, guess.translations, guess.points, seen.anchors
    )
    errors: Floats = kernels.residuals(
        guess.rotations, guess.translations, guess.focals, scaled,
        seen.camera, seen.point, seen.pixels,
    )  # fmt: skip
    return np.linalg.norm(errors, axis=1)


def rotations_from_vectors(vectors: Floats) -> Floats:
    """Rotations (..., 3, 3) of rotation vectors (..., 3) in radians (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    K = np.zeros((*vectors.shape[:-1], 3, 3))
    for i, j, k, sign in ((0, 1, 2, -1), (0, 2, 1, 1), (1, 2, 0, -1)):
        K[..., i, j], K[..., j, i] = sign * vectors[..., k], -sign * vectors[..., k]
    safe = np.maximum(angle, 1e-12)
    first = np.where(angle < 1e-8, 1.0, np.sin(safe) / safe)
    second = np.where(angle < 1e-8, 0.5, (1 - np.cos(safe)) / safe**2)
    return np.eye(3) + first * K + second * (K @ K)


def adjust_bundle(
    seen: Observations,
    guess: Reconstruction,
    *,
    scale: float,
    rounds: int,
    focal: FocalModel,
    moves: Literal["pose", "rotation"] = "pose",
    fixed: NDArray[np.bool_] | None = None,
    in_front: bool = True,
    gain: float = _GAIN,
) -> Adjustment:
    """The reconstruction near ``guess`` of least robust cost.

    ``scale`` is the loss's, in pixels; ``moves`` says whether cameras translate; ``fixed`` (N,)
    are the cameras that stay. If left out, that is the first, and the world is scaled so that
    the median point is at unit distance from its anchor. Points are kept ``in_front`` of their
    anchors, at infinity at most, or may pass beyond it, which lets a poor start find its way.
    """
    floats = fixed is None and moves == "pose"
    if fixed is None:
        fixed = np.arange(seen.camera_count) == 0
    first = seen.first
    parameters = np.arange(7 * seen.camera_count).reshape(-1, 7)
    poses = parameters[~fixed, : 6 if moves == "pose" else 3].ravel()
    focals = parameters[:, 6]
    coefficients = _coefficients(focal, guess.focals)

    def cost_of(state: Reconstruction, coefficients: Floats) -> float:
        away = coefficients - focal.centre
        observed: float = kernels.robust_cost(
            state.rotations, state.translations, state.focals, state.points,
            seen.camera, seen.point, seen.pixels, scale,
        )  # fmt: skip
        return observed + float(away @ focal.stiffness @ away)

    state = guess
    damping, cost, small_falls = 1e-3, np.inf, 0
    least = -np.inf if moves == "rotation" or not in_front else _FARTHEST
    for _ in range(rounds):
        points, basis = kernels.tangent_charts(
            state.rotations, state.translations, state.points, seen.anchors
        )
        if moves == "rotation":
            basis[:, :, 2] = 0.0
        behind = points[:, 3] < least
        points[behind] += basis[behind, :, 2] * (least - points[behind, 3:])
        state = replace(state, points=points)
        cost = cost_of(state, coefficients)
        H, g, V, h, W = kernels.normal_equations(
            state.rotations, state.translations, state.focals, points, basis,
            seen.camera, seen.point, seen.pixels, scale,
        )  # fmt: skip
        stopped = (points[:, 3] <= 1.01 * least) & (h[:, 2] > 0)
        V[stopped, 2, :] = V[stopped, :, 2] = h[stopped, 2] = 0.0
        W[stopped[seen.point], 2, :] = 0.0
        diagonal = np.einsum("nii->ni", H).ravel()
        curvature = np.concatenate(
            [diagonal[poses], np.diag(focal.basis.T * diagonal[focals] @ focal.basis)]
        )
        trial = None
        for _ in range(8):
            S, b = kernels.reduced_system(H, g, V, h, W, seen.camera, first, damping)
            A, rest = _reduce_to_free_parameters(S, b, poses, focals, focal, coefficients)
            A[np.diag_indices(len(A))] += damping * curvature + 1e-6
            solution = kernels.solve_reduced_system(A, rest)
            if not np.all(np.isfinite(solution)):
                damping *= 10
                continue
            change = np.clip(solution[len(poses) :], -0.3, 0.3)
            flat = np.zeros(7 * seen.camera_count)
            flat[poses] = solution[: len(poses)]
            flat[focals] = focal.basis @ change
            step = flat.reshape(-1, 7)
            turn = rotations_from_vectors(step[:, :3])
            trial = Reconstruction(
                turn @ state.rotations,
                np.einsum("nij,nj->ni", turn, state.translations) + step[:, 3:6],
                state.focals * np.exp(step[:, 6]),
                kernels.move_points(
                    points, basis, V, h, W, seen.camera, first, damping, step, least
                ),
            )
            new_cost = cost_of(trial, coefficients + change)
            if new_cost < cost:
                break
            trial = None
            damping *= 6
        if trial is None:
            break
        fall = (cost - new_cost) / cost
        state, cost, coefficients = trial, new_cost, coefficients + change
        damping = max(damping / 5, 1e-8)
        small_falls = small_falls + 1 if fall < gain else 0
        if small_falls == _SMALL_FALLS:
            break
    return Adjustment(_scale_to_unit_depth(state) if floats else state, float(cost))


def _scale_to_unit_depth(state: Reconstruction) -> Reconstruction:
    """The same scene scaled, and if most of it lies behind the cameras, reversed with them."""
    median = float(np.median(state.points[:, 3]))
    depth = 1 / (median if abs(median) > 1e-9 else 1e-9)
    points = state.points * [1.0, 1.0, 1.0, depth]
    return replace(state, translations=state.translations / depth, points=points)


def information(
    seen: Observations,
    at: Reconstruction,
    *,
    scale: float,
    focal: FocalModel,
    moves: Literal["pose", "rotation"] = "pose",
) -> Floats:
    """The curvature of the cost in all cameras but the first and in the focal model (n, n).

    Points are eliminated. Parameters: each camera's rotation vector and, when it ``moves`` so, its
    translation in its own axes; then the focal coefficients. Its inverse times the noise's
    variance is their covariance, once the scale is tied down.
    """
    points, basis = kernels.tangent_charts(at.rotations, at.translations, at.points, seen.anchors)
    if moves == "rotation":
        basis[:, :, 2] = 0.0
    H, g, V, h, W = kernels.normal_equations(
        at.rotations, at.translations, at.focals, points, basis,
        seen.camera, seen.point, seen.pixels, scale,
    )  # fmt: skip
    S, b = kernels.reduced_system(H, g, V, h, W, seen.camera, seen.first, 0.0)
    parameters = np.arange(7 * seen.camera_count).reshape(-1, 7)
    poses = parameters[1:, : 6 if moves == "pose" else 3].ravel()
    A, _ = _reduce_to_free_parameters(S, b, poses, parameters[:, 6], focal, focal.centre)
    return A


def _coefficients(focal: FocalModel, focals: Floats) -> Floats:
    if focal.basis.shape[1] == 0:
        return np.zeros(0)
    return np.asarray(np.linalg.lstsq(focal.basis, np.log(focals), rcond=None)[0], dtype=float)


def _reduce_to_free_parameters(
    S: Floats,
    b: Floats,
    poses: Integers,
    focals: Integers,
    focal: FocalModel,
    coefficients: Floats,
) -> tuple[Floats, Floats]:
    """The system of the free pose parameters and the focal model's coefficients."""
    B = focal.basis
    A = np.empty((len(poses) + B.shape[1],) * 2)
    rest = np.empty(len(A))
    n = len(poses)
    A[:n, :n] = S[np.ix_(poses, poses)]
    rest[:n] = b[poses]
    if B.shape[1]:
        A[:n, n:] = S[np.ix_(poses, focals)] @ B
        A[n:, :n] = A[:n, n:].T
        A[n:, n:] = B.T @ S[np.ix_(focals, focals)] @ B + focal.stiffness
        rest[n:] = B.T @ b[focals] - focal.stiffness @ (coefficients - focal.centre)
    return A, rest
