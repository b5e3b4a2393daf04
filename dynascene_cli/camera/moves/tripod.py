"""A rotation as a tripod head turns it: pan about gravity, then tilt, then roll."""

import numpy as np

from dynascene_cli.geometry import Floats


def tripod_rotation(pan: Floats, tilt: Floats, roll: Floats) -> Floats:
    """Camera-to-world rotations (..., 3, 3) from radians: right, up and clockwise are positive."""
    cp, sp, ct, st = np.cos(pan), np.sin(pan), np.cos(tilt), np.sin(tilt)
    cr, sr = np.cos(roll), np.sin(roll)
    rows = [
        [cp * cr + sp * st * sr, sp * st * cr - cp * sr, sp * ct],
        [ct * sr, ct * cr, -st],
        [cp * st * sr - sp * cr, sp * sr + cp * st * cr, cp * ct],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def tripod_angles(rotation: Floats) -> Floats:
    """Pan, tilt and roll (..., 3) in radians; a camera straight up or down has no pan."""
    R = rotation
    level = np.hypot(R[..., 0, 2], R[..., 2, 2])
    upright = level > 1e-9
    pan = np.where(upright, np.arctan2(R[..., 0, 2], R[..., 2, 2]), 0.0)
    tilt = np.arctan2(-R[..., 1, 2], level)
    vertical_roll = np.arctan2(-R[..., 0, 1], R[..., 0, 0])
    roll = np.where(upright, np.arctan2(R[..., 1, 0], R[..., 1, 1]), vertical_roll)
    return np.stack([pan, tilt, roll], axis=-1)
