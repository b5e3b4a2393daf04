"""The loops that solve one thing while all else stays: a point under cameras, a camera by points.

Points, cameras and observations are those of `bundle_kernels`.
"""

import numpy as np
from numba import njit

from dynascene_cli.camera.estimation.bundle_kernels import (
    NEAREST,
    inverse_of_symmetric,
    tangent_basis,
)


@njit(cache=True, nogil=True, error_model="numpy")
def _one_cost(R, t, f, X, xy, square):  # type: ignore[no-untyped-def]
    x = R[0, 0] * X[0] + R[0, 1] * X[1] + R[0, 2] * X[2] + X[3] * t[0]
    y = R[1, 0] * X[0] + R[1, 1] * X[1] + R[1, 2] * X[2] + X[3] * t[1]
    z = R[2, 0] * X[0] + R[2, 1] * X[1] + R[2, 2] * X[2] + X[3] * t[2]
    a = f / max(z, NEAREST)
    e0, e1 = a * x - xy[0], a * y - xy[1]
    return square * np.log1p((e0 * e0 + e1 * e1) / square)


@njit(cache=True, nogil=True, error_model="numpy")
def _point_cost(cameras, X, observed, p, square):  # type: ignore[no-untyped-def]
    """The robust cost of the observations of point ``p``, were it at X (4,)."""
    total = 0.0
    for i in range(observed.first[p], observed.first[p + 1]):
        c = observed.camera[i]
        R, t, f = cameras.rotations[c], cameras.translations[c], cameras.focals[c]
        total += _one_cost(R, t, f, X, observed.pixels[i], square)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _point_equations(cameras, X, basis, observed, p, square):  # type: ignore[no-untyped-def]
    """The weighted normal equations, (3, 3) and gradient (3,), of point ``p`` alone at X (4,)."""
    V = np.zeros((3, 3))
    h = np.zeros(3)
    Q = np.empty((2, 3))
    d = np.empty(3)
    for i in range(observed.first[p], observed.first[p + 1]):
        c = observed.camera[i]
        R, t, f, xy = (
            cameras.rotations[c], cameras.translations[c], cameras.focals[c], observed.pixels[i]
        )  # fmt: skip
        y = R @ X[:3] + X[3] * t
        if y[2] <= NEAREST:
            continue
        u, v, a = y[0] / y[2], y[1] / y[2], f / y[2]
        e0, e1 = f * u - xy[0], f * v - xy[1]
        w = 1.0 / (1.0 + (e0 * e0 + e1 * e1) / square)
        for k in range(3):
            for m in range(3):
                d[m] = basis[3, k] * t[m]
                for n in range(3):
                    d[m] += R[m, n] * basis[n, k]
            Q[0, k], Q[1, k] = a * (d[0] - u * d[2]), a * (d[1] - v * d[2])
        h += w * (Q[0] * e0 + Q[1] * e1)
        for k in range(3):
            for m in range(3):
                V[k, m] += w * (Q[0, k] * Q[0, m] + Q[1, k] * Q[1, m])
    return V, h


@njit(cache=True, nogil=True, error_model="numpy")
def _point_on_ray(cameras, ray, anchor, depths, observed, p, square):  # type: ignore[no-untyped-def]
    """Where on its anchor's world ray (3,) point ``p`` costs least: one of the ``depths`` (D,)."""
    shift = cameras.rotations[anchor].T @ cameras.translations[anchor]
    best = np.empty(4)
    trial = np.empty(4)
    least = np.inf
    for inverse_depth in depths:
        trial[:3] = ray - inverse_depth * shift
        trial[3] = inverse_depth
        cost = _point_cost(cameras, trial, observed, p, square)
        if cost < least:
            least = cost
            best[:] = trial
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _refine_point(cameras, X, anchor, observed, p, square, rounds):  # type: ignore[no-untyped-def]
    """Point ``p`` (4,) of least cost near X, by Levenberg–Marquardt."""
    basis = np.empty((4, 3))
    damping = 1e-3
    for _ in range(rounds):
        X = tangent_basis(cameras.rotations[anchor], cameras.translations[anchor], X, basis)
        cost = _point_cost(cameras, X, observed, p, square)
        V, h = _point_equations(cameras, X, basis, observed, p, square)
        trial = X - basis @ (inverse_of_symmetric(V, damping) @ h)
        new_cost = _point_cost(cameras, trial, observed, p, square)
        if new_cost < cost:
            X = trial
            damping = max(damping / 10, 1e-8)
            if cost - new_cost < 1e-4 * cost:
                break
        else:
            damping *= 10
    return X


@njit(cache=True, nogil=True, error_model="numpy")
def triangulate_points(cameras, rays, anchors, depths, observed, scale, rounds):  # type: ignore[no-untyped-def]
    """Points (P, 4) of least cost under cameras that stay.

    Each starts on its anchor's world ray (P, 3), at the best of the inverse ``depths`` (D,).
    """
    points = np.empty((len(anchors), 4))
    square = scale * scale
    for p in range(len(anchors)):
        start = _point_on_ray(cameras, rays[p], anchors[p], depths, observed, p, square)
        points[p] = _refine_point(cameras, start, anchors[p], observed, p, square, rounds)
    return points


@njit(cache=True, nogil=True, error_model="numpy")
def _rotation_from_vector(w):  # type: ignore[no-untyped-def]
    angle = np.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    K = np.array(((0.0, -w[2], w[1]), (w[2], 0.0, -w[0]), (-w[1], w[0], 0.0)))
    if angle < 1e-8:
        return np.eye(3) + K
    return np.eye(3) + np.sin(angle) / angle * K + (1 - np.cos(angle)) / angle**2 * (K @ K)


@njit(cache=True, nogil=True, error_model="numpy")
def resect_camera(rotation, translation, focal, points, pixels, scale, rounds):  # type: ignore[no-untyped-def]
    """The pose (3, 3), (3,) near the given one from which points (M, 4) are best seen at pixels."""
    R, t = rotation.copy(), translation.copy()
    square, damping = scale * scale, 1e-3
    J = np.empty((2, 6))
    for _ in range(rounds):
        H = np.zeros((6, 6))
        g = np.zeros(6)
        cost = 0.0
        for i in range(len(points)):
            X = points[i]
            cost += _one_cost(R, t, focal, X, pixels[i], square)
            y = R @ X[:3] + X[3] * t
            if y[2] <= NEAREST:
                continue
            u, v, f = y[0] / y[2], y[1] / y[2], focal
            e0, e1 = f * u - pixels[i, 0], f * v - pixels[i, 1]
            w = 1.0 / (1.0 + (e0 * e0 + e1 * e1) / square)
            a = f / y[2] * X[3]
            J[0, 0], J[0, 1], J[0, 2] = -f * u * v, f * (1.0 + u * u), -f * v
            J[1, 0], J[1, 1], J[1, 2] = -f * (1.0 + v * v), f * u * v, f * u
            J[0, 3], J[0, 4], J[0, 5] = a, 0.0, -a * u
            J[1, 3], J[1, 4], J[1, 5] = 0.0, a, -a * v
            for k in range(6):
                g[k] += w * (J[0, k] * e0 + J[1, k] * e1)
                for m in range(6):
                    H[k, m] += w * (J[0, k] * J[0, m] + J[1, k] * J[1, m])
        for k in range(6):
            H[k, k] += damping * H[k, k] + 1e-9
        step = np.linalg.solve(H, -g)
        turn = _rotation_from_vector(step[:3])
        R2 = turn @ R
        t2 = turn @ t + step[3:]
        total = 0.0
        for i in range(len(points)):
            total += _one_cost(R2, t2, focal, points[i], pixels[i], square)
        if total < cost:
            R, t = R2, t2
            damping = max(damping / 10, 1e-8)
            if cost - total < 1e-5 * cost:
                break
        else:
            damping *= 10
    return R, t
