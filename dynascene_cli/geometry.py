"""Pure camera maths on arrays.

Poses are world-to-camera [R|t], (..., 3, 4), in OpenCV axes (x right, y down, z forward); pixel
centres lie at +0.5. Formulas follow Hartley & Zisserman, *Multiple View Geometry*, chapters 6–8.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynascene_cli.errors import InputError

SENSOR_WIDTH_MM = 36.0
SENSOR_DIAGONAL_MM = math.hypot(SENSOR_WIDTH_MM, 24.0)
"""Of the full frame that focal lengths in millimetres are told for."""

Floats = NDArray[np.float64]


def pose(rotation: ArrayLike, translation: ArrayLike) -> Floats:
    """[R|t] (..., 3, 4) from rotations (..., 3, 3) and translations (..., 3)."""
    R = np.asarray(rotation, dtype=float)
    t = np.asarray(translation, dtype=float)
    return np.concatenate([R, t[..., None]], axis=-1)


def pose_from_centre(camera_to_world: ArrayLike, centre: ArrayLike) -> Floats:
    """World-to-camera [R|t] from camera-to-world rotations (..., 3, 3) and centres (..., 3)."""
    R = np.swapaxes(np.asarray(camera_to_world, dtype=float), -1, -2)
    C = np.asarray(centre, dtype=float)
    return pose(R, -np.einsum("...ij,...j->...i", R, C))


def centre(extrinsics: ArrayLike) -> Floats:
    """Camera centres −Rᵀt (..., 3) in the world."""
    E = np.asarray(extrinsics, dtype=float)
    return -np.einsum("...ji,...j->...i", E[..., :3], E[..., 3])


def inverse(extrinsics: ArrayLike) -> Floats:
    """The inverse poses [Rᵀ|−Rᵀt] (..., 3, 4)."""
    E = np.asarray(extrinsics, dtype=float)
    return pose(np.swapaxes(E[..., :3], -1, -2), centre(E))


def compose(outer: ArrayLike, inner: ArrayLike) -> Floats:
    """The pose that applies ``inner`` first: x → outer(inner(x)), (..., 3, 4)."""
    A = np.asarray(outer, dtype=float)
    B = np.asarray(inner, dtype=float)
    rotation = A[..., :3] @ B[..., :3]
    translation = np.einsum("...ij,...j->...i", A[..., :3], B[..., 3]) + A[..., 3]
    return pose(rotation, translation)


def relative_to_first(extrinsics: ArrayLike) -> Floats:
    """Poses (F, 3, 4) whose world is the first camera: the first becomes [I|0]."""
    E = np.asarray(extrinsics, dtype=float)
    return compose(E, inverse(E[0]))


def transform(extrinsics: ArrayLike, points: ArrayLike) -> Floats:
    """World points (..., 3) in camera coordinates (..., 3)."""
    E = np.asarray(extrinsics, dtype=float)
    X = np.asarray(points, dtype=float)
    return np.einsum("...ij,...j->...i", E[..., :3], X) + E[..., 3]


def project(intrinsics: ArrayLike, extrinsics: ArrayLike, points: ArrayLike) -> Floats:
    """Pixels (..., 2) of world points (..., 3); NaN for points at or behind the camera."""
    K = np.asarray(intrinsics, dtype=float)
    image = np.einsum("...ij,...j->...i", K, transform(extrinsics, points))
    depth = np.where(image[..., 2:] > 0, image[..., 2:], np.nan)
    return image[..., :2] / depth


def rays(intrinsics: ArrayLike, pixels: ArrayLike) -> Floats:
    """Camera-space directions K⁻¹(x, y, 1), (..., 3), with z = 1."""
    K = np.asarray(intrinsics, dtype=float)
    xy = np.asarray(pixels, dtype=float)
    homogeneous = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)
    return np.einsum("...ij,...j->...i", np.linalg.inv(K), homogeneous)


def ground_point(
    intrinsics: ArrayLike, extrinsics: ArrayLike, pixels: ArrayLike, camera_height: float
) -> Floats:
    """World points (..., 3) where pixels' rays meet the plane y = camera_height.

    NaN where the ray does not descend to the plane in front of the camera.
    """
    E = np.asarray(extrinsics, dtype=float)
    C = centre(E)
    direction = np.einsum("...ji,...j->...i", E[..., :3], rays(intrinsics, pixels))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (camera_height - C[..., 1]) / direction[..., 1]
    distance = np.where(np.isfinite(distance) & (distance > 0), distance, np.nan)
    return C + direction * distance[..., None]


def look_at(position: ArrayLike, target: ArrayLike, roll_deg: ArrayLike = 0.0) -> Floats:
    """Camera-to-world rotations (..., 3, 3) of cameras at ``position`` with ``target`` centred.

    A camera's x axis is level before it is rolled clockwise by ``roll_deg`` about its axis.

    Raises:
        InputError: the target is the position itself, or straight above or below it.
    """
    forward = np.asarray(target, dtype=float) - np.asarray(position, dtype=float)
    distance = np.linalg.norm(forward, axis=-1, keepdims=True)
    if np.any(distance < 1e-9):
        raise InputError("look_at is the camera's own position", "give a point in front of it")
    forward = forward / distance
    right = np.cross([0.0, 1.0, 0.0], forward)
    level = np.linalg.norm(right, axis=-1, keepdims=True)
    if np.any(level < 1e-6):
        raise InputError("look_at is straight above or below the camera", "use rotation_quat")
    right = right / level
    down = np.cross(forward, right)
    roll = np.radians(np.asarray(roll_deg, dtype=float))[..., None]
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([right * c + down * s, down * c - right * s, forward], axis=-1)


def rotation_about(axis: str, degrees: float) -> Floats:
    """Rotation (3, 3) by the right-hand rule about x, y or z."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    R = np.eye(3)
    R[i, i] = R[j, j] = c
    R[i, j], R[j, i] = -s, s
    return R


def quaternion_to_rotation(quaternion: ArrayLike) -> Floats:
    """Rotations (..., 3, 3) of quaternions (..., 4) in wxyz order, of any non-zero length."""
    q = np.asarray(quaternion, dtype=float)
    w, x, y, z = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def rotation_to_quaternion(rotation: ArrayLike) -> Floats:
    """Quaternions (..., 4), wxyz with w ≥ 0, of rotations (..., 3, 3).

    The largest component is computed first, so no rotation loses precision (Shepperd 1978).
    """
    R = np.asarray(rotation, dtype=float)
    xx, yy, zz = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], -1)
    products = np.empty((*R.shape[:-2], 4, 4))
    for i in range(4):
        products[..., i, i] = squares[..., i]
    differences = {(0, 1): (2, 1), (0, 2): (0, 2), (0, 3): (1, 0)}
    for (i, j), (a, b) in differences.items():
        products[..., i, j] = products[..., j, i] = R[..., a, b] - R[..., b, a]
    for (i, j), (a, b) in {(1, 2): (0, 1), (1, 3): (0, 2), (2, 3): (1, 2)}.items():
        products[..., i, j] = products[..., j, i] = R[..., a, b] + R[..., b, a]
    largest = squares.argmax(axis=-1)[..., None, None]
    q = np.take_along_axis(products, largest, axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., :1] < 0, -q, q)


def slerp(first: ArrayLike, second: ArrayLike, fraction: ArrayLike) -> Floats:
    """Quaternions (..., 4) along the shorter great arc from first to second (Shoemake 1985)."""
    a = np.asarray(first, dtype=float)
    b = np.asarray(second, dtype=float)
    u = np.asarray(fraction, dtype=float)[..., None]
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(cosine < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    sine = np.sin(angle)
    straight = sine < 1e-8
    safe = np.where(straight, 1.0, sine)
    q = np.where(
        straight,
        a * (1 - u) + b * u,
        (np.sin((1 - u) * angle) * a + np.sin(u * angle) * b) / safe,
    )
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def resample(extrinsics: ArrayLike, times: ArrayLike, new_times: ArrayLike) -> Floats:
    """Poses (N, 3, 4) at new_times: centres linear, rotations slerped, ends held."""
    E = np.asarray(extrinsics, dtype=float)
    known = np.asarray(times, dtype=float)
    wanted = np.clip(np.asarray(new_times, dtype=float), known[0], known[-1])
    if len(known) == 1:
        return np.repeat(E, len(wanted), axis=0)
    index = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
    u = (wanted - known[index]) / (known[index + 1] - known[index])
    C = centre(E)
    q = rotation_to_quaternion(np.swapaxes(E[:, :, :3], 1, 2))
    rotation = quaternion_to_rotation(slerp(q[index], q[index + 1], u))
    position = C[index] * (1 - u)[:, None] + C[index + 1] * u[:, None]
    return pose_from_centre(rotation, position)


def pluecker(intrinsics: ArrayLike, extrinsics: ArrayLike, width: int, height: int) -> Floats:
    """Plücker maps (F, 6, H, W): moment o × d, then unit direction d, of every pixel's ray.

    Both in world coordinates, as CameraCtrl (He et al. 2024, section 3.2) orders them.
    """
    K = np.asarray(intrinsics, dtype=float)
    E = np.asarray(extrinsics, dtype=float)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    camera_rays = rays(K[:, None, None], np.stack([x, y], axis=-1)[None])
    d = np.einsum("fji,fhwj->fhwi", E[:, :, :3], camera_rays)
    d = d / np.linalg.norm(d, axis=-1, keepdims=True)
    moment = np.cross(np.broadcast_to(centre(E)[:, None, None], d.shape), d)
    return np.moveaxis(np.concatenate([moment, d], axis=-1), -1, 1)
