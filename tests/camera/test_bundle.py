"""Bundle adjustment: derivatives, invariances, and the least cost on scenes of known geometry."""

import numpy as np
import pytest
from geometric_tracks import named_shot, tracked_scene
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli import geometry
from dynascene_cli.camera.estimation import bundle_adjustment as bundle
from dynascene_cli.camera.estimation import bundle_kernels, resection_kernels
from dynascene_cli.camera.estimation.initialisation import (
    TrackObservations,
    chain_rotations,
    thin_tracks,
    triangulate,
)
from dynascene_cli.camera.estimation.reconstruction import (
    Reconstruction,
    collect_observations,
    reprojection_errors,
)


def scene(name="truck-pan", frames=10, per_frame=80, **changes):
    """The true cameras and points of a shot, scaled to a unit depth, and its observations."""
    extrinsics, focals = named_shot(name, frames)
    options = {"noise": 0.0, "drift": 0.0, "outliers": 0.0} | changes
    tracks = tracked_scene(extrinsics, focals, per_frame=per_frame, **options).tracks
    seen, _ = collect_observations(tracks.track, tracks.frame, tracks.pixels - [480, 270], frames)
    R, t = extrinsics[:, :, :3].copy(), extrinsics[:, :, 3] / 6
    points = triangulate(seen, R, t, focals)
    return seen, Reconstruction(R, t, focals, points)


def test_true_cameras_see_exact_tracks_where_they_are():
    seen, truth = scene()
    assert reprojection_errors(seen, truth).max() < 1e-6


def blocks(seen, at, scale):
    points, basis = bundle_kernels.tangent_charts(
        at.rotations, at.translations, at.points, seen.anchors
    )
    normal = bundle_kernels.normal_equations(at.cameras, points, basis, seen.rows, scale)
    return points, basis, normal


def test_gradients_are_those_of_the_robust_cost():
    seen, at = scene(noise=2.0)
    scale, camera, point = 3.0, 4, 7
    points, basis, (_, g, _, h, _) = blocks(seen, at, scale)

    def cost(R, t, focals, points):
        cameras = bundle_kernels.Cameras(R, t, focals)
        return bundle_kernels.robust_cost(cameras, points, seen.rows, scale)

    def moved(step):
        R, t, focals = at.rotations.copy(), at.translations.copy(), at.focals.copy()
        turn = bundle.rotations_from_vectors(step[:3])
        R[camera] = turn @ R[camera]
        t[camera] = turn @ t[camera] + step[3:6]
        focals[camera] *= np.exp(step[6])
        return cost(R, t, focals, points)

    def shifted(step):
        new = points.copy()
        new[point] += basis[point] @ step
        return cost(at.rotations, at.translations, at.focals, new)

    for function, size, gradient in ((moved, 7, g[camera]), (shifted, 3, h[point])):
        for k in range(size):
            step = np.zeros(size)
            step[k] = 1e-6
            slope = (function(step) - function(-step)) / 4e-6
            assert slope == pytest.approx(gradient[k], rel=1e-4, abs=1e-3)


def test_the_reduced_system_solves_the_whole_one():
    seen, at = scene(frames=4, per_frame=12, noise=1.0, life=1e9)
    points, basis, equations = blocks(seen, at, 2.0)
    H, g, V, h, W = equations
    n, count = 7 * 4, len(points)
    whole = np.zeros((n + 3 * count,) * 2)
    for c in range(4):
        whole[7 * c : 7 * c + 7, 7 * c : 7 * c + 7] = H[c]
    for p in range(count):
        whole[n + 3 * p : n + 3 * p + 3, n + 3 * p : n + 3 * p + 3] = V[p]
    for i in range(len(seen.camera)):
        p, c = n + 3 * seen.point[i], 7 * seen.camera[i]
        whole[p : p + 3, c : c + 7] += W[i]
        whole[c : c + 7, p : p + 3] += W[i].T
    S, b = bundle_kernels.reduced_system(equations, seen.rows, 0.0, np.arange(7), 3)
    free = np.arange(7, n)
    step = np.zeros(n)
    A = S[np.ix_(free, free)] + np.eye(len(free))
    step[free] = np.linalg.solve(A, b[free])
    rest = np.r_[free, np.arange(n, len(whole))]
    damped = whole + np.diag(np.r_[np.ones(n), np.full(3 * count, 1e-9)])
    expected = np.linalg.solve(damped[np.ix_(rest, rest)], -np.r_[g.ravel(), h.ravel()][rest])
    np.testing.assert_allclose(step[free], expected[: len(free)], rtol=1e-6, atol=1e-9)
    new = bundle_kernels.move_points(
        points, basis, equations, seen.rows, 0.0, step.reshape(4, 7), -np.inf
    )
    chart = np.einsum("pij,pj->pi", basis, expected[len(free) :].reshape(-1, 3))
    np.testing.assert_allclose(new - points, chart, rtol=1e-5, atol=1e-9)


def test_the_system_of_cameras_that_only_turn_is_a_part_of_the_whole_one():
    seen, at = scene(frames=4, per_frame=12, noise=1.0, life=1e9)
    points, basis = bundle_kernels.tangent_charts(
        at.rotations, at.translations, at.points, seen.anchors
    )
    basis[:, :, 2] = 0.0
    equations = bundle_kernels.normal_equations(at.cameras, points, basis, seen.rows, 2.0)
    whole, right = bundle_kernels.reduced_system(equations, seen.rows, 0.1, np.arange(7), 3)
    kept = np.array([0, 1, 2, 6])
    part, b = bundle_kernels.reduced_system(equations, seen.rows, 0.1, kept, 2)
    chosen = (7 * np.arange(4)[:, None] + kept).ravel()
    np.testing.assert_allclose(part, whole[np.ix_(chosen, chosen)], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(b, right[chosen], rtol=1e-9, atol=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 12))
def test_the_envelope_solver_solves(seed, size, band):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(size, size))
    A[np.abs(np.subtract.outer(np.arange(size), np.arange(size))) > band] = 0
    A = A @ A.T + np.eye(size)
    b = rng.normal(size=size)
    np.testing.assert_allclose(
        bundle_kernels.solve_reduced_system(A.copy(), b), np.linalg.solve(A, b)
    )


def test_a_system_that_is_not_positive_has_no_solution():
    assert np.isnan(bundle_kernels.solve_reduced_system(np.diag([1.0, -1.0]), np.ones(2))).all()


def test_disturbed_cameras_come_back_to_the_truth():
    seen, truth = scene("orbit", frames=12)
    rng = np.random.default_rng(0)
    turn = bundle.rotations_from_vectors(0.01 * rng.normal(size=(12, 3)))
    turn[0] = np.eye(3)
    wrong = Reconstruction(
        turn @ truth.rotations,
        truth.translations + 0.02 * rng.normal(size=(12, 3)) * (np.arange(12) > 0)[:, None],
        truth.focals * 1.1,
        truth.points,
    )
    fit = bundle.adjust_bundle(
        seen,
        wrong,
        bundle.SolverOptions(scale=1.0, rounds=60),
        focal=bundle.shared_focal(12, 830.0, 1e-6),
    )
    assert fit.cost < 1e-4
    assert fit.reconstruction.focals[0] == pytest.approx(830.0, rel=1e-3)
    np.testing.assert_allclose(fit.reconstruction.rotations, truth.rotations, atol=1e-4)


def test_held_cameras_and_focals_stay():
    seen, truth = scene(noise=1.0)
    fixed = np.arange(10) < 4
    fit = bundle.adjust_bundle(
        seen,
        truth,
        bundle.SolverOptions(scale=1.0, rounds=5),
        focal=bundle.fixed_focal(10),
        fixed=fixed,
    ).reconstruction
    np.testing.assert_array_equal(fit.rotations[fixed], truth.rotations[fixed])
    np.testing.assert_array_equal(fit.translations[fixed], truth.translations[fixed])
    np.testing.assert_array_equal(fit.focals, truth.focals)
    assert not np.allclose(fit.rotations[~fixed], truth.rotations[~fixed], atol=1e-9)


def test_points_stay_in_front_of_their_anchors():
    seen, truth = scene(noise=3.0, depths=(50.0, 5000.0))
    kept = bundle.adjust_bundle(
        seen,
        truth,
        bundle.SolverOptions(scale=1.0, rounds=10),
        focal=bundle.fixed_focal(10),
    )
    free = bundle.adjust_bundle(
        seen,
        truth,
        bundle.SolverOptions(scale=1.0, rounds=10, in_front=False),
        focal=bundle.fixed_focal(10),
    )
    assert kept.reconstruction.points[:, 3].min() > 0
    assert free.reconstruction.points[:, 3].min() < 0


def test_the_median_point_is_a_unit_away():
    seen, truth = scene()
    far = Reconstruction(
        truth.rotations, truth.translations * 9, truth.focals, truth.points * [1, 1, 1, 1 / 9]
    )
    fit = bundle.adjust_bundle(
        seen, far, bundle.SolverOptions(scale=1.0, rounds=2), focal=bundle.fixed_focal(10)
    ).reconstruction
    assert np.median(fit.points[:, 3]) == pytest.approx(1.0)
    assert reprojection_errors(seen, fit).max() < 1e-3


def test_the_same_input_gives_the_same_bits():
    seen, truth = scene(noise=1.0)
    once, again = (
        bundle.adjust_bundle(
            seen,
            truth,
            bundle.SolverOptions(scale=1.0, rounds=8),
            focal=bundle.shared_focal(10, 864.0),
        )
        for _ in range(2)
    )
    assert once.cost == again.cost
    np.testing.assert_array_equal(once.reconstruction.rotations, again.reconstruction.rotations)


def test_a_frame_is_resected_from_its_points():
    _, truth = scene("handheld")
    K = np.diag([830.0, 830.0, 1.0])
    world = truth.points[:, :3] / truth.points[:, 3:]
    E = geometry.pose(truth.rotations[5], truth.translations[5])
    pixels = geometry.project(K, E, world)
    R, t = resection_kernels.resect_camera(
        truth.rotations[3], truth.translations[3], 830.0, truth.points, pixels, 1.0, 30
    )
    np.testing.assert_allclose(R, E[:, :3], atol=1e-6)
    np.testing.assert_allclose(t, E[:, 3], atol=1e-6)


def test_a_chain_of_rotations_follows_a_pan_among_outliers():
    extrinsics, focals = named_shot("pan", 12)
    tracks = tracked_scene(extrinsics, focals, per_frame=120, outliers=0.15).tracks
    observations = TrackObservations(tracks.track, tracks.frame, tracks.pixels - [480, 270], 12)
    chain = chain_rotations(observations, 830.0)
    turn = chain @ np.swapaxes(extrinsics[:, :, :3], 1, 2)
    angles = np.degrees(np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert angles.max() < 0.05


def test_thinning_keeps_the_longest_tracks_and_enough_in_every_camera():
    extrinsics, focals = named_shot("truck-pan", 20)
    tracks = tracked_scene(extrinsics, focals, per_frame=100, life=10).tracks
    everything = TrackObservations(tracks.track, tracks.frame, tracks.pixels, 20)
    thin = thin_tracks(everything, 30)
    assert np.bincount(thin.camera, minlength=20).min() >= 30
    assert len(thin.track) < 0.6 * len(everything.track)
    kept = np.isin(everything.track, thin.track)
    lengths = np.bincount(everything.track)
    assert lengths[thin.track].mean() > lengths[everything.track[~kept]].mean()
