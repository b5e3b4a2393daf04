"""A camera that was filmed or made elsewhere, as a move that another shot's camera makes."""

from dataclasses import replace

import numpy as np

from dynascene_cli.camera.moves.keyframes import Keyframe, Trajectory
from dynascene_cli.geometry import (
    centre,
    quaternion_to_rotation,
    relative_to_first,
    rotation_to_quaternion,
)
from dynascene_cli.shot import CameraPath


def trajectory_of_path(path: CameraPath, name: str, *, timed: bool = True) -> Trajectory:
    """The path as a trajectory: a keyframe a frame, seen from its first pose, which is level.

    Times are seconds, unless the path is not ``timed`` (its frame rate is nobody's): then it
    lasts as long as the clip. Focal lengths are ratios of the first frame's; positions keep the
    unit.
    """
    last = max(path.frame_count - 1, 1)
    poses = relative_to_first(path.extrinsics)
    poses[0] = np.eye(3, 4)
    positions = centre(poses) + 0.0
    quaternions = rotation_to_quaternion(np.swapaxes(poses[:, :, :3], 1, 2))
    ratios = path.intrinsics[:, 0, 0] / path.intrinsics[0, 0, 0]
    zooms = bool(np.any(ratios != 1))
    return Trajectory(
        name=name,
        keyframes=tuple(
            Keyframe(
                time=float(index / path.frame_rate) if timed else index / last,
                position=(float(x), float(y), float(z)),
                rotation_quat=(float(q[0]), float(q[1]), float(q[2]), float(q[3])),
                focal_ratio=float(ratio) if zooms else None,
            )
            for index, ((x, y, z), q, ratio) in enumerate(
                zip(positions, quaternions, ratios, strict=True)
            )
        ),
        units=path.unit,
        time_unit="seconds" if timed else "clip",
        interpolation="linear",
        fps=float(path.frame_rate) if timed else None,
        description=f"The camera of {name}.",
    )


def resample_motion(move: Trajectory) -> Trajectory:
    """A camera file's move with a pose for each frame of a clip, whatever their frame rates."""
    last = max(len(move.keyframes) - 1, 1)
    timed = tuple(replace(key, time=i / last) for i, key in enumerate(move.keyframes))
    return replace(move, keyframes=timed, time_unit="clip", fps=None)


def excerpt(move: Trajectory, first: int, last: int | None) -> Trajectory:
    """A camera file's move from keyframe ``first`` until before ``last``, as its first one sees it.

    Times count from there, and focal lengths are ratios of that keyframe's.
    """
    kept = move.keyframes[first:last]
    if first == 0 or not kept:
        return replace(move, keyframes=kept)
    start, ratio = kept[0], kept[0].focal_ratio or 1.0
    turns = quaternion_to_rotation(np.array([key.rotation_quat for key in kept]))
    positions = (np.array([key.position for key in kept]) - start.position) @ turns[0] + 0.0
    quaternions = rotation_to_quaternion(turns[0].T @ turns)
    keyframes = tuple(
        replace(
            key,
            time=key.time - start.time,
            position=tuple(position.tolist()),
            rotation_quat=tuple(quaternion.tolist()),
            focal_ratio=None if key.focal_ratio is None else key.focal_ratio / ratio,
        )
        for key, position, quaternion in zip(kept, positions, quaternions, strict=True)
    )
    return replace(move, keyframes=keyframes)
