"""How far a solution can be believed: what its residuals and its geometry say.

Small residuals are not enough: a path may slide, turn or stretch without them noticing. How far
it may is read from the curvature of the cost (Hartley & Zisserman, section 5.2), and told as the
errors that an evaluation would find: of the path after a similarity, and from frame to frame.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from dynascene_cli.camera.estimation.bundle_adjustment import FocalModel, information
from dynascene_cli.camera.estimation.estimate import GATE_INLIERS, GATE_MEDIAN_PIXELS
from dynascene_cli.camera.estimation.motion_hypotheses import PLAUSIBLE_FOCALS, MotionHypothesis
from dynascene_cli.camera.estimation.reconstruction import Observations, Reconstruction
from dynascene_cli.geometry import Floats

CORRELATION = 2.0
"""How many times worse tracks are than their residuals say, since a track's errors are alike."""

MOST_PATH_DOUBT, MOST_TURN_DOUBT = 0.004, 0.04
"""Expected errors, as a share of the path and in degrees, beyond which a solution is low."""

MOST_FRAME_PIXELS, MOST_BAD_FRAMES = 1.0, 0.05
"""Median error of a bad frame, and the share of such frames that makes a solution low."""

MOST_MISSING = 0.1
"""Share of frames without a camera of their own that makes a solution low."""

_RAYLEIGH_MEDIAN = 1.1774
"""Median distance of a point whose two coordinates have unit variance."""

FOCAL_DOUBT = 0.25
"""Standard deviation of log focal length around the assumed one."""


@dataclass(frozen=True)
class Doubt:
    """Expected errors: ``path`` as a share of the path's length (RMS, after a similarity),
    ``turn_deg`` from camera to camera (RMS), ``focal`` of its logarithm."""

    path: float
    turn_deg: float
    focal: float


def estimate_noise(errors: Floats) -> float:
    """Standard deviation of a coordinate, in pixels, from distances (O,), whatever outliers do."""
    return max(float(np.median(errors)) / _RAYLEIGH_MEDIAN, 0.02)


def estimate_doubt(
    seen: Observations,
    solved: Reconstruction,
    noise: float,
    *,
    scale: float,
    focal: FocalModel,
    moves: Literal["pose", "rotation"] = "pose",
    focal_doubt: float = FOCAL_DOUBT,
) -> Doubt:
    """The errors to expect of ``solved`` when coordinates are off by ``noise`` pixels.

    ``focal_doubt`` is what is known of the logarithm of the focal length beforehand.
    """
    spread = noise * CORRELATION
    columns = focal.basis.shape[1]
    if columns:
        about = np.eye(columns) * (spread / focal_doubt) ** 2 / columns
        focal = replace(focal, stiffness=focal.stiffness + about)
    A = information(seen, solved, scale=scale, focal=focal, moves=moves)
    per_camera = 6 if moves == "pose" else 3
    poses = per_camera * (seen.camera_count - 1)
    if moves == "pose":
        stretch = np.zeros((seen.camera_count - 1, 6))
        stretch[:, 3:] = solved.translations[1:]
        stretch = stretch.ravel() / max(float(np.linalg.norm(stretch)), 1e-12)
        A[:poses, :poses] += np.median(np.diag(A)[:poses]) * np.outer(stretch, stretch)
    A[np.diag_indices(len(A))] += 1e-9 * np.diag(A).max()
    covariance = spread**2 * cho_solve(cho_factor(A, lower=True), np.eye(len(A)))
    blocks = covariance[:poses, :poses].reshape(
        seen.camera_count - 1, per_camera, seen.camera_count - 1, per_camera
    )
    focal_variance = np.einsum("nk,kl,nl->n", focal.basis, covariance[poses:, poses:], focal.basis)
    return Doubt(
        _path_doubt(solved, blocks[:, 3:, :, 3:]) if moves == "pose" else 0.0,
        _turn_doubt(solved.rotations, blocks[:, :3, :, :3]),
        float(np.sqrt(focal_variance.max())) if columns else 0.0,
    )


def _path_doubt(solved: Reconstruction, blocks: Floats) -> float:
    """RMS error of the centres over the path's length, beyond what a similarity takes away."""
    C = solved.centres
    n = len(C)
    length = float(np.linalg.norm(np.diff(C, axis=0), axis=1).sum())
    if length < 1e-12:
        return np.inf
    R = solved.rotations[1:]
    by_camera = np.zeros((n, 3, n, 3))
    by_camera[1:, :, 1:] = np.einsum("iab,iajc,jcd->ibjd", R, blocks, R, optimize=True)
    covariance = by_camera.reshape(3 * n, 3 * n)
    about = C - C.mean(axis=0)
    turns = [np.cross(axis, about).ravel() for axis in np.eye(3)]
    shifts = [np.tile(axis, n) for axis in np.eye(3)]
    Q, _ = np.linalg.qr(np.stack([*shifts, *turns, about.ravel()], axis=1))
    left = np.trace(covariance) - np.sum(Q * (covariance @ Q))
    return float(np.sqrt(max(left, 0.0) / n)) / length


def _turn_doubt(rotations: Floats, blocks: Floats) -> float:
    """RMS angle, in degrees, by which turns from one camera to the next may be off."""
    n = len(blocks)
    i = np.arange(n)
    own = blocks[i, :, i]
    variances = [np.trace(own[0])]
    relative = rotations[2:] @ np.swapaxes(rotations[1:-1], 1, 2)
    cross = blocks[i[1:], :, i[:-1]]
    variances.extend(
        np.einsum("nii->n", own[1:])
        + np.einsum("nii->n", own[:-1])
        - 2 * np.einsum("nij,nij->n", cross, relative)
    )
    return float(np.degrees(np.sqrt(np.mean(np.maximum(variances, 0)))))


def reasons_against(
    inliers: float,
    median: float,
    frame_residuals: Floats,
    registered: NDArray[np.bool_],
    doubt: Doubt,
    best: MotionHypothesis,
    focal_sides: float,
) -> list[str]:
    """Why a solution should not be trusted, in words; nothing if it should.

    ``focal_sides`` is its first focal length in the picture's longer sides.
    """
    reasons = []
    if inliers < GATE_INLIERS:
        reasons.append(f"only {inliers:.0%} of the tracks agree with the camera")
    if median > GATE_MEDIAN_PIXELS:
        reasons.append(f"tracks are off by {median:.2f} px in the median")
    bad = int(np.count_nonzero(frame_residuals > MOST_FRAME_PIXELS))
    if bad > MOST_BAD_FRAMES * len(registered):
        reasons.append(f"{bad} frames are off by more than {MOST_FRAME_PIXELS} px")
    if doubt.path > MOST_PATH_DOUBT:
        reasons.append(f"the path may be off by {doubt.path:.1%} of its length")
    if doubt.turn_deg > MOST_TURN_DOUBT:
        reasons.append(f"turns may be off by {doubt.turn_deg:.2f}° a frame")
    if not PLAUSIBLE_FOCALS[0] < focal_sides < PLAUSIBLE_FOCALS[1]:
        reasons.append(f"no usual lens has a focal length of {focal_sides:.1f} picture widths")
    if best.zooms and best.moves != "rotation":
        reasons.append("the lens zooms while the camera moves, and each can pass for the other")
    if best.rivals:
        reasons.append("another camera path explains the tracks as well")
    missing = int(np.count_nonzero(~registered))
    if missing > MOST_MISSING * len(registered):
        reasons.append(f"{missing} of {len(registered)} frames could only be filled in")
    return reasons
