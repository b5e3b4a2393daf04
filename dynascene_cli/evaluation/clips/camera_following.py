"""How well a clip's camera follows another: the errors of the CameraCtrl family of papers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dynascene_cli import geometry as maths
from dynascene_cli.camera.estimation.estimate import ClipFacts
from dynascene_cli.camera.estimation.shot_cuts import check_one_shot
from dynascene_cli.errors import InputError, StageError
from dynascene_cli.evaluation.clips.pairs import ClipPair, Frames
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath, Image


@dataclass(frozen=True)
class CameraErrors:
    """Sums over the frames after the first: ``rotation`` in radians; ``translation`` and ``both``
    (CamMC) of paths that are each divided by its own largest distance from the first camera."""

    rotation: float
    translation: float
    both: float


def camera_errors(made: Floats, truth: Floats) -> CameraErrors:
    """Errors of world-to-camera poses (F, 3, 4) against others.

    RotErr = Σ arccos((tr(RᵢᵀR̂ᵢ) − 1) / 2), TransErr = Σ‖tᵢ − t̂ᵢ‖, CamMC = Σ‖[R|t]ᵢ − [R̂|t̂]ᵢ‖, of
    camera-to-world poses relative to the first frame.
    """
    ours, theirs = _normalise_scale(made), _normalise_scale(truth)
    product = np.swapaxes(theirs[:, :, :3], 1, 2) @ ours[:, :, :3]
    cosine = np.clip((np.trace(product, axis1=1, axis2=2) - 1) / 2, -1, 1)
    return CameraErrors(
        float(np.arccos(cosine).sum()),
        float(np.linalg.norm(ours[:, :, 3] - theirs[:, :, 3], axis=1).sum()),
        float(np.linalg.norm(ours - theirs, axis=(1, 2)).sum()),
    )


def _normalise_scale(extrinsics: Floats) -> Floats:
    poses = maths.inverse(maths.relative_to_first(extrinsics))
    farthest = float(np.linalg.norm(poses[:, :, 3], axis=1).max())
    if farthest > 0:
        poses[:, :, 3] /= farthest
    return poses


def compare_cameras(pair: ClipPair, truth: CameraPath | None) -> dict[str, float]:
    """The errors of a made clip's camera, estimated from its background.

    ``truth`` is the true camera; where it is not known it is estimated from the true clip. A
    camera that cannot be recovered, of either clip, counts in ``camera_failed``, its errors are
    NaN.
    """
    names = ("rot_err", "trans_err", "cam_mc")
    ours = recover_camera(pair, pair.made)
    theirs = truth or recover_camera(pair, pair.truth)
    if ours is None or theirs is None:
        nothing = float("nan")
        return {each: nothing for name in names for each in (name, f"{name}_per_frame")} | {
            "camera_failed": 1.0
        }
    found = camera_errors(ours.extrinsics, theirs.extrinsics)
    sums = dict(zip(names, (found.rotation, found.translation, found.both), strict=True))
    later = max(1, pair.frame_count - 1)
    means = {f"{name}_per_frame": value / later for name, value in sums.items()}
    return sums | means | {"camera_failed": 0.0}


def recover_camera(pair: ClipPair, frames: Frames) -> CameraPath | None:
    """The camera of a pair's clip by what is behind the person; None where it cannot be told."""
    from dynascene_cli.camera.estimation.solver import estimate_from_tracks
    from dynascene_cli.camera.estimation.tracking import track_features

    try:
        tracks = track_features(frames(), _alphas(pair))
        check_one_shot(tracks, pair.frame_rate)
        estimate = estimate_from_tracks(tracks, ClipFacts(pair.frame_rate, pair.size))
    except (InputError, StageError):
        return None
    return None if estimate.confidence == "low" else estimate.path


def _alphas(pair: ClipPair) -> Iterator[Image]:
    if pair.alphas is not None:
        return pair.alphas()
    width, height = pair.size
    return (np.zeros((height, width), np.uint8) for _ in range(pair.frame_count))
