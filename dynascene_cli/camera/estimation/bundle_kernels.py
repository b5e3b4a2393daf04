"""The loops of bundle adjustment: normal equations and their Schur complement.

Points are homogeneous, (direction, inverse depth), so that a point at infinity is as good as any:
camera j sees point (d, ρ) at Y = R_j d + ρ t_j. A camera has seven parameters: a rotation about
its own centre, a translation along its own axes, and the logarithm of its focal length. A point
has three, in the chart that ``tangent_charts`` lays around it. Observations are ordered by point,
so that each sum runs in one order and the same input gives the same bits.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from dynascene_cli.camera.estimation.estimate import Integers
from dynascene_cli.geometry import Floats

NEAREST = 0.02
"""Depth, in units of a point's distance from its anchor, below which it is not differentiated."""


class Cameras(NamedTuple):
    """Rotations (N, 3, 3), translations (N, 3) and focal lengths (N,) in pixels."""

    rotations: Floats
    translations: Floats
    focals: Floats


class ObservationRows(NamedTuple):
    """Which camera (O,) saw which point (O,) at which pixels (O, 2), ordered by point.

    ``first`` (P + 1,) is where each point's observations begin.
    """

    camera: Integers
    point: Integers
    pixels: Floats
    first: Integers


class NormalEquations(NamedTuple):
    """Blocks of the weighted normal equations of all parameters.

    Cameras' ``H`` (N, 7, 7) with gradients ``g`` (N, 7), points' ``V`` (P, 3, 3) with gradients
    ``h`` (P, 3), and the coupling ``W`` (O, 3, 7) of each observation.
    """

    H: Floats
    g: Floats
    V: Floats
    h: Floats
    W: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def tangent_basis(R, t, X, basis):  # type: ignore[no-untyped-def]
    """The point (4,) at unit distance from a camera; writes its chart (see `tangent_charts`)."""
    y = R @ X[:3] + X[3] * t
    length = max(np.sqrt(y[0] * y[0] + y[1] * y[1] + y[2] * y[2]), 1e-12)
    y = y / length
    across = np.array((y[2], 0.0, -y[0]))
    across /= max(np.sqrt(y[2] * y[2] + y[0] * y[0]), 1e-12)
    basis[:3, 0] = R.T @ across
    basis[:3, 1] = R.T @ np.cross(y, across)
    basis[:3, 2] = -(R.T @ t)
    basis[3, 0], basis[3, 1], basis[3, 2] = 0.0, 0.0, 1.0
    return X / length


@njit(cache=True, nogil=True, error_model="numpy")
def tangent_charts(rotations, translations, points, anchors):  # type: ignore[no-untyped-def]
    """Points (P, 4) scaled to unit distance from their anchor cameras, and charts (P, 4, 3).

    The first two columns turn the direction as the anchor sees it, the third changes the inverse
    depth along the anchor's ray: near-linear however far the point is (Civera et al. 2008).
    """
    scaled = np.empty_like(points)
    basis = np.empty((points.shape[0], 4, 3))
    for p in range(points.shape[0]):
        a = anchors[p]
        scaled[p] = tangent_basis(rotations[a], translations[a], points[p], basis[p])
    return scaled, basis


@njit(cache=True, nogil=True, error_model="numpy")
def residuals(cameras, points, observed):  # type: ignore[no-untyped-def]
    """Reprojected minus observed pixels (O, 2), from the principal point."""
    rotations, translations, focals = cameras
    camera, point, pixels, _ = observed
    count = len(camera)
    out = np.empty((count, 2))
    for i in range(count):
        R, t, X = rotations[camera[i]], translations[camera[i]], points[point[i]]
        x = R[0, 0] * X[0] + R[0, 1] * X[1] + R[0, 2] * X[2] + X[3] * t[0]
        y = R[1, 0] * X[0] + R[1, 1] * X[1] + R[1, 2] * X[2] + X[3] * t[1]
        z = R[2, 0] * X[0] + R[2, 1] * X[1] + R[2, 2] * X[2] + X[3] * t[2]
        f = focals[camera[i]] / max(z, NEAREST)
        out[i, 0] = f * x - pixels[i, 0]
        out[i, 1] = f * y - pixels[i, 1]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def robust_cost(cameras, points, observed, scale):  # type: ignore[no-untyped-def]
    """Sum of Cauchy's loss, c² log(1 + |r|²/c²), over the observations."""
    errors = residuals(cameras, points, observed)
    total = 0.0
    square = scale * scale
    for i in range(len(errors)):
        e = errors[i, 0] * errors[i, 0] + errors[i, 1] * errors[i, 1]
        total += square * np.log1p(e / square)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def normal_equations(cameras, points, basis, observed, scale):  # type: ignore[no-untyped-def]
    """The NormalEquations of the robust cost at points (P, 4) with charts ``basis`` (P, 4, 3)."""
    rotations, translations, focals = cameras
    camera, point, pixels, _ = observed
    count = len(camera)
    H = np.zeros((rotations.shape[0], 7, 7))
    g = np.zeros((rotations.shape[0], 7))
    V = np.zeros((points.shape[0], 3, 3))
    h = np.zeros((points.shape[0], 3))
    W = np.zeros((count, 3, 7))
    J = np.empty((2, 7))
    Q = np.empty((2, 3))
    D = np.empty((3, 3))
    for i in range(count):
        c, p = camera[i], point[i]
        R, t, X, B = rotations[c], translations[c], points[p], basis[p]
        x = R[0, 0] * X[0] + R[0, 1] * X[1] + R[0, 2] * X[2] + X[3] * t[0]
        y = R[1, 0] * X[0] + R[1, 1] * X[1] + R[1, 2] * X[2] + X[3] * t[1]
        z = R[2, 0] * X[0] + R[2, 1] * X[1] + R[2, 2] * X[2] + X[3] * t[2]
        if z <= NEAREST:
            continue
        u, v, f = x / z, y / z, focals[c]
        e0, e1 = f * u - pixels[i, 0], f * v - pixels[i, 1]
        w = 1.0 / (1.0 + (e0 * e0 + e1 * e1) / (scale * scale))
        a = f / z
        J[0, 0], J[0, 1], J[0, 2] = -f * u * v, f * (1.0 + u * u), -f * v
        J[1, 0], J[1, 1], J[1, 2] = -f * (1.0 + v * v), f * u * v, f * u
        J[0, 3], J[0, 4], J[0, 5], J[0, 6] = a * X[3], 0.0, -a * u * X[3], f * u
        J[1, 3], J[1, 4], J[1, 5], J[1, 6] = 0.0, a * X[3], -a * v * X[3], f * v
        for k in range(3):
            for m in range(3):
                D[m, k] = R[m, 0] * B[0, k] + R[m, 1] * B[1, k] + R[m, 2] * B[2, k] + B[3, k] * t[m]
            Q[0, k] = a * (D[0, k] - u * D[2, k])
            Q[1, k] = a * (D[1, k] - v * D[2, k])
        for k in range(7):
            j0, j1 = w * J[0, k], w * J[1, k]
            g[c, k] += j0 * e0 + j1 * e1
            for m in range(7):
                H[c, k, m] += j0 * J[0, m] + j1 * J[1, m]
        for k in range(3):
            q0, q1 = w * Q[0, k], w * Q[1, k]
            h[p, k] += q0 * e0 + q1 * e1
            for m in range(3):
                V[p, k, m] += q0 * Q[0, m] + q1 * Q[1, m]
            for m in range(7):
                W[i, k, m] = q0 * J[0, m] + q1 * J[1, m]
    return NormalEquations(H, g, V, h, W)


@njit(cache=True, nogil=True, error_model="numpy")
def inverse_of_symmetric(V, damping):  # type: ignore[no-untyped-def]
    """The inverse of a point's damped block (3, 3), by cofactors."""
    a, b, c = V[0, 0] * (1 + damping) + 1e-9, V[0, 1], V[0, 2]
    d, e = V[1, 1] * (1 + damping) + 1e-9, V[1, 2]
    f = V[2, 2] * (1 + damping) + 1e-9 + damping
    A, B, C = d * f - e * e, c * e - b * f, b * e - c * d
    D, E, F = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * A + b * B + c * C
    return np.array(((A, B, C), (B, D, E), (C, E, F))) / determinant


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def reduced_system(equations, observed, damping, kept, movable):  # type: ignore[no-untyped-def]
    """The cameras' system once the points are eliminated: (N K, N K) and right-hand side (N K,).

    Triggs et al. 2000, section 6.1. ``kept`` (K,) are the parameters, of seven a camera, that may
    move, and ``movable`` how many of a point's three: two where it is at infinity. As many points
    are eliminated at once as make an update of rank six, since it is memory that the sums wait for.
    """
    H, g, V, h, W = equations
    camera, _, _, first = observed
    cameras, points = H.shape[0], len(first) - 1
    size, together = len(kept), 6 // movable
    S = np.zeros((size * cameras, size * cameras))
    b = np.empty(size * cameras)
    for c in range(cameras):
        for k in range(size):
            b[size * c + k] = -g[c, kept[k]]
            for m in range(size):
                S[size * c + k, size * c + m] = H[c, kept[k], kept[m]]
    coupling, solved = np.empty((6, size * cameras)), np.empty((6, size * cameras))
    for p in range(0, points, together):
        coupling[:], solved[:] = 0.0, 0.0
        begin, end = size * cameras, 0
        for q in range(p, min(p + together, points)):
            inverse = inverse_of_symmetric(V[q], damping)
            step = inverse @ h[q]
            for i in range(first[q], first[q + 1]):
                row = size * camera[i]
                begin, end = min(begin, row), max(end, row + size)
                for k in range(size):
                    for m in range(movable):
                        w = W[i, m, kept[k]]
                        coupling[movable * (q - p) + m, row + k] = w
                        b[row + k] += w * step[m]
                        for n in range(movable):
                            solved[movable * (q - p) + n, row + k] += w * inverse[m, n]
        for r in range(begin, end):
            y0, y1, y2, y3, y4, y5 = solved[:, r]
            if y0 != 0.0 or y1 != 0.0 or y2 != 0.0 or y3 != 0.0 or y4 != 0.0 or y5 != 0.0:
                w0, w1, w2, w3, w4, w5 = coupling[:, r:end]
                out = S[r, r:end]
                for k in range(end - r):
                    out[k] -= (y0 * w0[k] + y1 * w1[k] + y2 * w2[k]) + (
                        y3 * w3[k] + y4 * w4[k] + y5 * w5[k]
                    )
    for r in range(size * cameras):
        for k in range(r):
            S[r, k] = S[k, r]
    return S, b


@njit(cache=True, nogil=True, error_model="numpy")
def move_points(points, basis, equations, observed, damping, step, least):  # type: ignore[no-untyped-def]
    """Points (P, 4) after the step that goes with the cameras' step (N, 7).

    None comes to an inverse depth under ``least``.
    """
    _, _, V, h, W = equations
    camera, _, _, first = observed
    out = points.copy()
    for p in range(len(first) - 1):
        rest = -h[p]
        for i in range(first[p], first[p + 1]):
            for k in range(3):
                for m in range(7):
                    rest[k] -= W[i, k, m] * step[camera[i], m]
        out[p] += basis[p] @ (inverse_of_symmetric(V[p], damping) @ rest)
        if out[p, 3] < least:
            out[p] += basis[p, :, 2] * (least - out[p, 3])
    return out


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def solve_reduced_system(A, b):  # type: ignore[no-untyped-def]
    """x of A x = b (n,) for a positive definite A (n, n), which is overwritten; NaN if it is not.

    Envelope Cholesky (George & Liu 1981, section 4.2): what lies left of a row's first entry
    stays zero, so cameras that share no point cost nothing. One thread, hence one result.
    """
    n = len(b)
    x = b.copy()
    begin = np.empty(n, np.int64)
    for i in range(n):
        j = 0
        while j < i and A[i, j] == 0.0:
            j += 1
        begin[i] = j
        for j in range(begin[i], i):
            k = max(begin[i], begin[j])
            A[i, j] = (A[i, j] - np.sum(A[i, k:j] * A[j, k:j])) / A[j, j]
        pivot = A[i, i] - np.sum(A[i, begin[i] : i] * A[i, begin[i] : i])
        if not pivot > 0.0:
            x[:] = np.nan
            return x
        A[i, i] = np.sqrt(pivot)
        x[i] = (x[i] - np.sum(A[i, begin[i] : i] * x[begin[i] : i])) / A[i, i]
    for i in range(n - 1, -1, -1):
        x[i] /= A[i, i]
        x[begin[i] : i] -= A[i, begin[i] : i] * x[i]
    return x
