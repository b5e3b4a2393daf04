"""Pixels of a camera that turns, as one that never turned would see them."""

import numpy as np

from dynascene_cli.geometry import Floats, rays
from dynascene_cli.shot import CameraPath


def remove_rotation(path: CameraPath | None, pixels: Floats) -> Floats:
    """Pixels (F, ..., 2) of a path's frames on a cylinder about its first camera's upright axis.

    One pixel is one of the first frame's, at its middle; however far the camera turns, what
    stands still in the world moves only by the camera's translation. Without a path the pixels
    are returned as they are.
    """
    if path is None:
        return pixels
    K, turn, focal = _turns(path, pixels.ndim - 2)
    x, y, z = np.moveaxis(np.einsum("...ij,...j->...i", turn, rays(K, pixels)), -1, 0)
    return np.stack([focal * np.arctan2(x, z), focal * y / np.hypot(x, z)], axis=-1)


def restore_rotation(path: CameraPath | None, pixels: Floats) -> Floats:
    """The inverse of steadied for points in front of their camera."""
    if path is None:
        return pixels
    K, turn, focal = _turns(path, pixels.ndim - 2)
    angle, fall = np.moveaxis(pixels / focal, -1, 0)
    direction = np.stack([np.sin(angle), fall, np.cos(angle)], axis=-1)
    image = np.einsum("...ij,...kj,...k->...i", K, turn, direction)
    return np.asarray(image[..., :2] / image[..., 2:])


def _turns(path: CameraPath, axes: int) -> tuple[Floats, Floats, float]:
    """Intrinsics, rotations from each camera to the first, and the first focal length."""
    K, R = path.intrinsics, path.extrinsics[:, :, :3]
    turn = R[0] @ np.swapaxes(R, 1, 2)
    shape = (len(K), *([1] * axes), 3, 3)
    return K.reshape(shape), turn.reshape(shape), float(K[0, 0, 0])
