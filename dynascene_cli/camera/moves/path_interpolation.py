"""A camera path between two others."""

from dataclasses import replace

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    centre,
    pose_from_centre,
    quaternion_to_rotation,
    rotation_to_quaternion,
    slerp,
)
from dynascene_cli.shot import CameraPath


def interpolate_paths(first: CameraPath, second: CameraPath, share: float) -> CameraPath:
    """The path that has gone ``share`` (0..1) of the way from one to another, frame by frame.

    Centres on straight lines, rotations on great arcs, focal lengths in proportion; 0 and 1 give
    the paths themselves.

    Raises:
        InputError: the paths differ in frames or size.
    """
    if share <= 0:
        return first
    if share >= 1:
        return second
    sizes = [(path.frame_count, path.width, path.height) for path in (first, second)]
    if sizes[0] != sizes[1]:
        raise InputError("two camera paths of different clips cannot be mixed", "use one clip's")
    start, end = (
        rotation_to_quaternion(np.swapaxes(path.extrinsics[:, :, :3], 1, 2))
        for path in (first, second)
    )
    turned = slerp(start, end, np.full(first.frame_count, share))
    centres = [centre(path.extrinsics) for path in (first, second)]
    intrinsics = first.intrinsics + share * (second.intrinsics - first.intrinsics)
    focals = [path.intrinsics[:, [0, 1], [0, 1]] for path in (first, second)]
    intrinsics[:, [0, 1], [0, 1]] = focals[0] ** (1 - share) * focals[1] ** share
    middle = centres[0] + share * (centres[1] - centres[0])
    extrinsics = pose_from_centre(quaternion_to_rotation(turned), middle)
    return replace(first, intrinsics=intrinsics, extrinsics=extrinsics)
