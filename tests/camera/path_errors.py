"""How far an estimated camera path is from the true one."""

import numpy as np

from dynascene_cli.geometry import Floats, centre
from dynascene_cli.shot import CameraPath


def similarity(source: Floats, target: Floats) -> tuple[float, Floats, Floats]:
    """Scale, rotation, translation that bring points (N, 3) nearest to others (Umeyama 1991)."""
    mean_source, mean_target = source.mean(axis=0), target.mean(axis=0)
    a, b = source - mean_source, target - mean_target
    U, S, Vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    rotation = U @ np.diag(sign) @ Vt
    variance = np.square(a).sum() / len(a)
    scale = float(S @ sign / variance) if variance > 1e-18 else 1.0
    return scale, rotation, mean_target - scale * rotation @ mean_source


def ate_percent(estimate: CameraPath, truth: CameraPath) -> float:
    """RMS distance of the camera centres after alignment, in % of the path; NaN on a tripod."""
    C, true = centre(estimate.extrinsics), centre(truth.extrinsics)
    length = np.linalg.norm(np.diff(true, axis=0), axis=1).sum()
    if length < 1e-9:
        return float("nan")
    scale, rotation, translation = similarity(C, true)
    apart = np.linalg.norm(scale * C @ rotation.T + translation - true, axis=1)
    return float(100 * np.sqrt(np.mean(apart**2)) / length)


def turned_degrees(rotation: Floats) -> Floats:
    """The angles of rotations (N, 3, 3), accurate for small ones too."""
    axis = np.stack(
        [
            rotation[:, 2, 1] - rotation[:, 1, 2],
            rotation[:, 0, 2] - rotation[:, 2, 0],
            rotation[:, 1, 0] - rotation[:, 0, 1],
        ],
        axis=1,
    )
    cosine = np.trace(rotation, axis1=1, axis2=2) - 1
    return np.degrees(np.arctan2(np.linalg.norm(axis, axis=1), cosine))


def rpe_degrees(estimate: CameraPath, truth: CameraPath) -> float:
    """RMS over frame pairs of the angle between estimated and true relative rotations."""
    steps = []
    for path in (estimate, truth):
        R = path.extrinsics[:, :, :3]
        steps.append(R[1:] @ np.swapaxes(R[:-1], 1, 2))
    apart = turned_degrees(steps[0] @ np.swapaxes(steps[1], 1, 2))
    return float(np.sqrt(np.mean(apart**2)))


def focal_percent(estimate: CameraPath, truth: CameraPath) -> float:
    """Mean over frames of the focal length's error, in %."""
    ratio = estimate.intrinsics[:, 0, 0] / truth.intrinsics[:, 0, 0]
    return float(100 * np.abs(ratio - 1).mean())
