"""Points aligned with the patch that they were first seen as: what keeps long tracks in place.

Inverse-compositional affine alignment (Baker & Matthews 2004, section 3.2) with the mean and the
contrast of both patches made equal; Shi & Tomasi (1994) for comparing a point with its first
appearance rather than its last.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image

Singles = NDArray[np.float32]

RADIUS = 9
"""Pixels that a template reaches from its point on each side."""

ITERATIONS = 8
DEFORMATION = 0.02
"""How far a patch is expected to deform while it is followed (deviation of an affine entry)."""

FARTHEST_ANCHOR = 5.0


def cut_templates(grey: Image, points: NDArray[np.int64]) -> Singles:
    """The patches (N, S, S) around whole-pixel points (N, 2), with a rim for their gradients."""
    reach = np.arange(-RADIUS - 1, RADIUS + 2)
    rows = np.clip(points[:, 1, None] + reach, 0, grey.shape[0] - 1)
    columns = np.clip(points[:, 0, None] + reach, 0, grey.shape[1] - 1)
    return grey[rows[:, :, None], columns[:, None, :]].astype(np.float32)


def anchors(templates: Singles) -> NDArray[np.float64]:
    """The offsets (N, 2) from the templates' centres of the points that deforming cannot move.

    Each is nearest to all edges of its patch, which for a corner is the corner itself (Förstner &
    Gülch 1987): an error of the affine map, which a corner cannot tell, leaves it in place.
    """
    gx = (templates[:, 1:-1, 2:] - templates[:, 1:-1, :-2]).astype(float)
    gy = (templates[:, 2:, 1:-1] - templates[:, :-2, 1:-1]).astype(float)
    y, x = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    products = (gx * gx, gx * gy, gy * gy)
    xx, xy, yy = (product.sum(axis=(1, 2)) for product in products)
    right = (gx * gx * x + gx * gy * y).sum(axis=(1, 2))
    down = (gx * gy * x + gy * gy * y).sum(axis=(1, 2))
    determinant = np.maximum(xx * yy - xy * xy, 1e-9)
    offset = np.stack([yy * right - xy * down, xx * down - xy * right], axis=1)
    offset /= determinant[:, None]
    far = np.linalg.norm(offset, axis=1, keepdims=True) > FARTHEST_ANCHOR
    return np.where(far, 0.0, offset)


@numba.njit(cache=True, nogil=True)
def align_templates(
    grey: Image,
    templates: Singles,
    points: NDArray[np.float64],
    affine: NDArray[np.float64],
    noise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where templates lie in a picture, starting from points (N, 2) and affine maps (N, 2, 2).

    Returns the points, the maps from template to picture, and for each the share of the
    template's variance that is left unexplained beyond ``noise`` (deviation in code values);
    infinite where the alignment fails.
    """
    count = len(points)
    side = 2 * RADIUS + 1
    found = points.copy()
    maps = affine.copy()
    unexplained = np.full(count, np.inf)
    gx = np.empty((side, side))
    gy = np.empty((side, side))
    patch = np.empty((side, side))
    prior = (noise * noise + 0.25) / DEFORMATION**2
    for n in range(count):
        T = templates[n]
        mean, variance = _differentiate(T, gx, gy)
        inverse = _inverse_hessian(gx, gy, prior)
        step = np.zeros(6)
        for _ in range(ITERATIONS):
            sampled_mean, sampled_variance = _sample_patch(grey, found[n], maps[n], patch)
            if sampled_variance < 1e-3:
                break
            gain = np.sqrt(max(variance - noise**2, 0.25) / max(sampled_variance - noise**2, 0.25))
            gain = min(max(gain, 0.5), 2.0)
            squares = _project_errors(T, patch, (mean, sampled_mean), gain, (gx, gy), step)
            for i in range(4):
                step[i] += prior * (maps[n, i // 2, i % 2] - (1.0 if i % 3 == 0 else 0.0))
            step = inverse @ step
            beyond = squares / (side * side) - (1 + gain * gain) * noise**2
            unexplained[n] = max(beyond, 0.0) / max(variance - noise**2, 0.25)
            _compose_inverse(found[n], maps[n], step)
            if step[4] ** 2 + step[5] ** 2 < 1e-5:
                break
        determinant = maps[n, 0, 0] * maps[n, 1, 1] - maps[n, 0, 1] * maps[n, 1, 0]
        if not 0.4 < determinant < 2.5:
            unexplained[n] = np.inf
    return found, maps, unexplained


@numba.njit(cache=True, nogil=True, inline="always")
def _differentiate(template: Any, gx: Any, gy: Any) -> tuple[float, float]:
    """Fill the template's gradients (S, S); its mean and variance."""
    side = len(gx)
    mean = 0.0
    for r in range(side):
        for c in range(side):
            gx[r, c] = (template[r + 1, c + 2] - template[r + 1, c]) / 2
            gy[r, c] = (template[r + 2, c + 1] - template[r, c + 1]) / 2
            mean += template[r + 1, c + 1]
    mean /= side * side
    variance = 0.0
    for r in range(side):
        for c in range(side):
            variance += (template[r + 1, c + 1] - mean) ** 2
    return mean, variance / (side * side)


@numba.njit(cache=True, nogil=True, inline="always")
def _project_errors(
    template: Any, patch: Any, means: Any, gain: float, gradients: Any, step: Any
) -> float:
    """Fill ``step`` (6,) with the errors' part along each parameter; the sum of their squares."""
    (mean, sampled_mean), (gx, gy) = means, gradients
    side = len(patch)
    step[:] = 0.0
    squares = 0.0
    for r in range(side):
        y = r - RADIUS
        for c in range(side):
            x = c - RADIUS
            error = gain * (patch[r, c] - sampled_mean) - (template[r + 1, c + 1] - mean)
            squares += error * error
            ex, ey = gx[r, c] * error, gy[r, c] * error
            step[0] += ex * x
            step[1] += ex * y
            step[2] += ey * x
            step[3] += ey * y
            step[4] += ex
            step[5] += ey
    return squares


@numba.njit(cache=True, nogil=True, inline="always")
def _inverse_hessian(gx: Any, gy: Any, prior: float) -> Any:
    side = len(gx)
    H = np.zeros((6, 6))
    row = np.empty(6)
    for r in range(side):
        for c in range(side):
            x, y = c - RADIUS, r - RADIUS
            row[0], row[1], row[2], row[3] = gx[r, c] * x, gx[r, c] * y, gy[r, c] * x, gy[r, c] * y
            row[4], row[5] = gx[r, c], gy[r, c]
            for i in range(6):
                for j in range(i, 6):
                    H[i, j] += row[i] * row[j]
    for i in range(6):
        for j in range(i):
            H[i, j] = H[j, i]
    for i in range(4):
        H[i, i] += prior
    H[4, 4] += 1.0
    H[5, 5] += 1.0
    return np.linalg.inv(H)


@numba.njit(cache=True, nogil=True, inline="always")
def _sample_patch(grey: Any, point: Any, affine: Any, patch: Any) -> tuple[float, float]:
    """Fill the patch from the picture, bilinearly; its mean and variance."""
    side = len(patch)
    height, width = grey.shape
    total = squares = 0.0
    for r in range(side):
        for c in range(side):
            x, y = c - RADIUS, r - RADIUS
            u = point[0] + affine[0, 0] * x + affine[0, 1] * y
            v = point[1] + affine[1, 0] * x + affine[1, 1] * y
            u = min(max(u, 0.0), width - 1.001)
            v = min(max(v, 0.0), height - 1.001)
            i, j = int(u), int(v)
            a, b = u - i, v - j
            upper = grey[j, i] * (1 - a) + grey[j, i + 1] * a
            lower = grey[j + 1, i] * (1 - a) + grey[j + 1, i + 1] * a
            value = upper * (1 - b) + lower * b
            patch[r, c] = value
            total += value
            squares += value * value
    mean = total / (side * side)
    return mean, squares / (side * side) - mean * mean


@numba.njit(cache=True, nogil=True, inline="always")
def _compose_inverse(point: Any, affine: Any, step: Any) -> None:
    """Replace the warp W by W ∘ ΔW⁻¹."""
    a, b, c, d = 1 + step[0], step[1], step[2], 1 + step[3]
    determinant = a * d - b * c
    if abs(determinant) < 0.1:
        return
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    p, q, r, s = affine[0, 0], affine[0, 1], affine[1, 0], affine[1, 1]
    affine[0, 0], affine[0, 1] = p * a + q * c, p * b + q * d
    affine[1, 0], affine[1, 1] = r * a + s * c, r * b + s * d
    point[0] -= affine[0, 0] * step[4] + affine[0, 1] * step[5]
    point[1] -= affine[1, 0] * step[4] + affine[1, 1] * step[5]
