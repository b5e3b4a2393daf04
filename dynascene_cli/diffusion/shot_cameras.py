"""A shot's cameras as the network reads them."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.shot import CameraPath, Scene


def shot_views(
    path: CameraPath, scene: Scene, frames: NDArray[np.intp], size: tuple[int, int]
) -> tuple[Views, Views]:
    """The cameras of the sampled frames and the photo's, for pictures of (width, height).

    The world is the camera of the path's first frame, and 1 the scene's median depth.
    """
    first = maths.inverse(path.extrinsics[0])
    photo = scene.geometry
    return (
        _views(
            path.intrinsics[frames],
            maths.compose(path.extrinsics[frames], first),
            (path.width, path.height),
            size,
            scene.median_depth,
        ),
        _views(
            photo.intrinsics[None],
            maths.compose(photo.extrinsics[None], first),
            (photo.width, photo.height),
            size,
            scene.median_depth,
        ),
    )


def _views(
    intrinsics: ArrayLike,
    extrinsics: maths.Floats,
    old_size: tuple[int, int],
    size: tuple[int, int],
    unit: float,
) -> Views:
    scale = np.diag([size[0] / old_size[0], size[1] / old_size[1], 1.0])
    K = scale @ np.asarray(intrinsics, dtype=float)
    in_units = maths.pose(extrinsics[..., :3], extrinsics[..., 3] / unit)
    return Views(torch.from_numpy(K).float()[None], torch.from_numpy(in_units).float()[None])
