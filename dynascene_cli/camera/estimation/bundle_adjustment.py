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
from dynascene_cli.camera.estimation.reconstruction import Observations, Reconstruction
from dynascene_cli.geometry import Floats

_SMALL_FALLS = 2
"""Small falls in a row that mean convergence: a single one may be a step that was damped."""

_FARTHEST = 1e-4
"""Least inverse depth of a point that is kept in front of its camera."""


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


@dataclass(frozen=True)
class SolverOptions:
    """How the cost is lowered: the ``scale`` of its loss in pixels, and at most so many ``rounds``.

    It has converged where it falls by less than the share ``gain``. Points are kept ``in_front``
    of their anchors, at infinity at most, or may pass beyond it, which lets a poor start find its
    way.
    """

    scale: float
    rounds: int
    gain: float = 1e-5
    in_front: bool = True


@dataclass(frozen=True, eq=False)
class Adjustment:
    """A reconstruction and the robust cost, in px², that it left."""

    reconstruction: Reconstruction
    cost: float


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
    options: SolverOptions,
    *,
    focal: FocalModel,
    moves: Literal["pose", "rotation"] = "pose",
    fixed: NDArray[np.bool_] | None = None,
) -> Adjustment:
    """The reconstruction near ``guess`` of least robust cost.

    ``moves`` says whether cameras translate; ``fixed`` (N,) are the cameras that stay. If left
    out, that is the first, and the world is scaled so that the median point is at unit distance
    from its anchor.
    """
    floats = fixed is None and moves == "pose"
    if fixed is None:
        fixed = np.arange(seen.camera_count) == 0
    problem = _Problem(
        seen, seen.rows, focal, options.scale, _Parameters.of(~fixed, moves, focal),
        least=_FARTHEST if moves == "pose" and options.in_front else -np.inf,
    )  # fmt: skip
    state, coefficients = guess, _coefficients(focal, guess.focals)
    damping, cost, small_falls = 1e-3, np.inf, 0
    for _ in range(options.rounds):
        at = _linearise(problem, state)
        state, cost = at.state, _total_cost(problem, at.state, coefficients)
        step = _find_step(problem, at, coefficients, cost, damping)
        if step is None:
            break
        fall = (cost - step.cost) / cost
        state, cost, coefficients = step.state, step.cost, step.coefficients
        damping = max(step.damping / 5, 1e-8)
        small_falls = small_falls + 1 if fall < options.gain else 0
        if small_falls == _SMALL_FALLS:
            break
    return Adjustment(_scale_to_unit_depth(state) if floats else state, float(cost))


@dataclass(frozen=True, eq=False)
class _Parameters:
    """Which parameters of cameras and points may move.

    ``kept`` (K,) are those of a camera's seven that any camera may move, ``movable`` how many of a
    point's three do. ``poses`` are the numbers of the free pose parameters and ``focals`` those of
    the focal lengths, of seven a camera.
    """

    kept: Integers
    movable: int
    poses: Integers
    focals: Integers

    @classmethod
    def of(
        cls, free: NDArray[np.bool_], moves: Literal["pose", "rotation"], focal: FocalModel
    ) -> "_Parameters":
        """Those of cameras that are ``free`` (N,) or stay, under a focal model."""
        pose = np.arange(6 if moves == "pose" else 3)
        numbers = np.arange(7 * len(free)).reshape(-1, 7)
        return cls(
            kept=np.append(pose, 6) if focal.basis.shape[1] else pose,
            movable=3 if moves == "pose" else 2,
            poses=numbers[np.ix_(free, pose)].ravel(),
            focals=numbers[:, 6],
        )

    def in_system(self, numbers: Integers) -> Integers:
        """Where parameters of these numbers stand in a system of the kept ones."""
        place = np.searchsorted(self.kept, numbers % 7)
        return np.asarray(numbers // 7 * len(self.kept) + place)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What stays the same through an adjustment.

    No point comes to an inverse depth under ``least``.
    """

    seen: Observations
    rows: kernels.ObservationRows
    focal: FocalModel
    scale: float
    parameters: _Parameters
    least: float


@dataclass(frozen=True, eq=False)
class _Linearisation:
    """A state, its points' charts (P, 4, 3), its normal equations, and their diagonal's part of
    the free parameters."""

    state: Reconstruction
    charts: Floats
    equations: kernels.NormalEquations
    curvature: Floats


@dataclass(frozen=True, eq=False)
class _Step:
    """A state that costs less, and the damping that led there."""

    state: Reconstruction
    coefficients: Floats
    cost: float
    damping: float


def _total_cost(problem: _Problem, state: Reconstruction, coefficients: Floats) -> float:
    """The robust cost of the observations and that of the focal model."""
    away = coefficients - problem.focal.centre
    observed: float = kernels.robust_cost(state.cameras, state.points, problem.rows, problem.scale)
    return observed + float(away @ problem.focal.stiffness @ away)


def _linearise(problem: _Problem, state: Reconstruction) -> _Linearisation:
    """The normal equations at a state whose points are brought back before their anchors."""
    least, basis = problem.least, problem.focal.basis
    points, charts = kernels.tangent_charts(
        state.rotations, state.translations, state.points, problem.seen.anchors
    )
    charts[:, :, problem.parameters.movable :] = 0.0
    behind = points[:, 3] < least
    points[behind] += charts[behind, :, 2] * (least - points[behind, 3:])
    equations = kernels.normal_equations(state.cameras, points, charts, problem.rows, problem.scale)
    stopped = (points[:, 3] <= 1.01 * least) & (equations.h[:, 2] > 0)
    equations.V[stopped, 2, :] = equations.V[stopped, :, 2] = equations.h[stopped, 2] = 0.0
    equations.W[stopped[problem.seen.point], 2, :] = 0.0
    diagonal = np.einsum("nii->ni", equations.H).ravel()
    poses, focals = problem.parameters.poses, problem.parameters.focals
    curvature = np.concatenate([diagonal[poses], np.diag(basis.T * diagonal[focals] @ basis)])
    return _Linearisation(replace(state, points=points), charts, equations, curvature)


def _find_step(
    problem: _Problem, at: _Linearisation, coefficients: Floats, cost: float, damping: float
) -> _Step | None:
    """A step that lowers the cost, damped more and more until one does; None if none is found."""
    for _ in range(8):
        solution = _solve_damped(problem, at, coefficients, damping)
        if not np.all(np.isfinite(solution)):
            damping *= 10
            continue
        count = len(problem.parameters.poses)
        change = np.clip(solution[count:], -0.3, 0.3)
        trial = _apply_step(problem, at, solution[:count], change, damping)
        new_cost = _total_cost(problem, trial, coefficients + change)
        if new_cost < cost:
            return _Step(trial, coefficients + change, new_cost, damping)
        damping *= 6
    return None


def _solve_damped(
    problem: _Problem, at: _Linearisation, coefficients: Floats, damping: float
) -> Floats:
    """The step of the free pose parameters and the focal coefficients, NaN where there is none."""
    A, rest = _free_system(
        at.equations, problem.rows, damping, problem.parameters, problem.focal, coefficients
    )
    A[np.diag_indices(len(A))] += damping * at.curvature + 1e-6
    solution: Floats = kernels.solve_reduced_system(A, rest)
    return solution


def _apply_step(
    problem: _Problem, at: _Linearisation, poses: Floats, change: Floats, damping: float
) -> Reconstruction:
    """The state after a step of the free ``poses`` and a ``change`` of the focal coefficients."""
    flat = np.zeros(7 * problem.seen.camera_count)
    flat[problem.parameters.poses] = poses
    flat[problem.parameters.focals] = problem.focal.basis @ change
    step = flat.reshape(-1, 7)
    turn = rotations_from_vectors(step[:, :3])
    state = at.state
    return Reconstruction(
        turn @ state.rotations,
        np.einsum("nij,nj->ni", turn, state.translations) + step[:, 3:6],
        state.focals * np.exp(step[:, 6]),
        kernels.move_points(
            state.points, at.charts, at.equations, problem.rows, damping, step, problem.least
        ),
    )


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
    parameters = _Parameters.of(np.arange(seen.camera_count) > 0, moves, focal)
    basis[:, :, parameters.movable :] = 0.0
    equations = kernels.normal_equations(at.cameras, points, basis, seen.rows, scale)
    A, _ = _free_system(equations, seen.rows, 0.0, parameters, focal, focal.centre)
    return A


def _coefficients(focal: FocalModel, focals: Floats) -> Floats:
    if focal.basis.shape[1] == 0:
        return np.zeros(0)
    return np.asarray(np.linalg.lstsq(focal.basis, np.log(focals), rcond=None)[0], dtype=float)


def _free_system(
    equations: kernels.NormalEquations,
    rows: kernels.ObservationRows,
    damping: float,
    parameters: _Parameters,
    focal: FocalModel,
    coefficients: Floats,
) -> tuple[Floats, Floats]:
    """The system of the free pose parameters and the focal model's coefficients."""
    S, b = kernels.reduced_system(equations, rows, damping, parameters.kept, parameters.movable)
    B, poses = focal.basis, parameters.in_system(parameters.poses)
    A = np.empty((len(poses) + B.shape[1],) * 2)
    rest = np.empty(len(A))
    n = len(poses)
    A[:n, :n] = S[np.ix_(poses, poses)]
    rest[:n] = b[poses]
    if B.shape[1]:
        focals = parameters.in_system(parameters.focals)
        A[:n, n:] = S[np.ix_(poses, focals)] @ B
        A[n:, :n] = A[:n, n:].T
        A[n:, n:] = B.T @ S[np.ix_(focals, focals)] @ B + focal.stiffness
        rest[n:] = B.T @ b[focals] - focal.stiffness @ (coefficients - focal.centre)
    return A, rest
