"""A shot's cameras as the network reads them."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.shot import CameraPath, Scene
from dynascene_cli.video.images import cover_window


def shot_views(
    path: CameraPath, scene: Scene, frames: NDArray[np.intp], size: tuple[int, int]
) -> tuple[Views, Views]:
    """The cameras of the sampled frames and the photo's, for pictures of (width, height).

    The world is the camera of the path's first frame, and 1 the scene's median depth. Frames fill
    those pictures exactly; of the photo, which keeps its aspect, the middle does.
    """
    first = maths.inverse(path.extrinsics[0])
    photo = scene.geometry
    stretched = np.diag([size[0] / path.width, size[1] / path.height, 1.0])
    window = cover_window((photo.width, photo.height), size)
    covered = np.array(
        [[window.scale, 0, -window.left], [0, window.scale, -window.top], [0, 0, 1.0]]
    )
    return (
        _views(
            stretched @ path.intrinsics[frames],
            maths.compose(path.extrinsics[frames], first),
            scene.median_depth,
        ),
        _views(
            covered @ photo.intrinsics[None],
            maths.compose(photo.extrinsics[None], first),
            scene.median_depth,
        ),
    )


def _views(intrinsics: ArrayLike, extrinsics: maths.Floats, unit: float) -> Views:
    K = np.asarray(intrinsics, dtype=float)
    in_units = maths.pose(extrinsics[..., :3], extrinsics[..., 3] / unit)
    return Views(torch.from_numpy(K).float()[None], torch.from_numpy(in_units).float()[None])
