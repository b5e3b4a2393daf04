"""Camera moves sampled into the path of a shot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from dynascene_cli.camera.moves.combine import scale_move
from dynascene_cli.camera.moves.evaluate import Surroundings, evaluate_motion
from dynascene_cli.camera.moves.keyframes import Trajectory
from dynascene_cli.errors import StageError
from dynascene_cli.geometry import Floats, centre, pose_from_centre, rotation_about
from dynascene_cli.shot import CameraPath


@dataclass(frozen=True, eq=False)
class Reference:
    """The shot's first camera and what the units of a move mean in its scene.

    ``intrinsics`` (3, 3) and ``extrinsics`` (3, 4), which may carry roll and pitch; ``subject``
    (3,) is the person's first ground-contact point in the world, and ``contacts`` (F, 3) are
    those of all frames (None: they stay there); ``subject_distance``, level, from the camera to it,
    ``scene_depth`` and ``camera_height`` are in metres.
    """

    intrinsics: Floats
    extrinsics: Floats
    width: int
    height: int
    subject_distance: float
    subject: Floats
    scene_depth: float
    camera_height: float
    contacts: Floats | None = None


def sample(
    move: Trajectory | Sequence[Trajectory],
    reference: Reference,
    frame_count: int,
    frame_rate: Fraction,
    amount: float = 1.0,
    seed: int | None = None,
) -> CameraPath:
    """The path of the reference camera under a move, or several at once, in metres.

    ``amount`` scales translation, rotation, zoom and shake; ``seed`` replaces the files' own.
    Frames in which the camera has not moved have the reference pose and focal length to the bit.

    Raises:
        InputError: the amount is no number ≥ 0, or the move cannot be made here.
        StageError: the reference's contacts are those of another clip.
    """
    contacts = reference.contacts
    if contacts is not None and len(contacts) != frame_count:
        raise StageError(f"{len(contacts)} ground contacts for {frame_count} frames")
    moves = (move,) if isinstance(move, Trajectory) else tuple(move)
    K, E = reference.intrinsics, reference.extrinsics
    level, tilt = _level_frame(E)
    start = centre(E)
    around = Surroundings(
        subject=level.T @ (reference.subject - start),
        subject_distance=reference.subject_distance,
        scene_depth=reference.scene_depth,
        tilt=tilt,
        focal=float(K[0, 0]),
        width=reference.width,
        contacts=None if contacts is None else (contacts - start) @ level,
    )
    frames = np.arange(frame_count)
    motion = evaluate_motion(
        [_with_seed(scale_move(one, amount, around), seed) for one in moves],
        around,
        frames / max(frame_count - 1, 1),
        frames / float(frame_rate),
    )
    extrinsics = pose_from_centre(level @ motion.rotation @ tilt, start + motion.position @ level.T)
    at_rest = np.all(motion.rotation == np.eye(3), axis=(1, 2)) & np.all(
        motion.position == 0, axis=1
    )
    extrinsics[at_rest] = E
    intrinsics = np.repeat(np.asarray(K, dtype=float)[None], frame_count, axis=0)
    intrinsics[:, [0, 1], [0, 1]] *= motion.focal_ratio[:, None]
    return CameraPath(
        intrinsics, extrinsics, reference.width, reference.height, frame_rate, "metres"
    )


def _level_frame(extrinsics: Floats) -> tuple[Floats, Floats]:
    """The level frame that faces where the camera does, and the camera's rotation within it."""
    camera_to_world = extrinsics[:, :3].T
    forward = camera_to_world[:, 2]
    level = rotation_about("y", math.degrees(math.atan2(forward[0], forward[2])))
    return level, level.T @ camera_to_world


def _with_seed(move: Trajectory, seed: int | None) -> Trajectory:
    if seed is None or move.shake is None:
        return move
    return replace(move, shake=replace(move.shake, seed=seed))
