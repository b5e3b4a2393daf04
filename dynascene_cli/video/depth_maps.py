"""Depth maps of the user's: one channel in the file's own units."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError, reading
from dynascene_cli.video.arrays import read_array
from dynascene_cli.video.openexr import exr_planes
from dynascene_cli.video.picture_files import open_picture

LARGEST_MAP = 2**26
"""Pixels; a photo's depth is seldom finer than the photo."""

_KIND = "a depth map"
_HINT = "give one channel: 16-bit PNG or TIFF, float TIFF or EXR, NPY or NPZ"


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map, float32 (H, W), in the file's own units: PNG, TIFF, EXR, NPY or NPZ.

    Raises:
        InputError: missing, unreadable, not of one channel, or empty of finite numbers.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", "check the path of the depth map")
    suffix = path.suffix.lower()
    with reading(path, _KIND, _HINT):
        if suffix in (".npz", ".npy"):
            values = read_array(path, _KIND, _HINT, 4 * LARGEST_MAP)
        elif suffix == ".exr":
            values = exr_planes(path, depth=True)
        else:
            values = np.asarray(open_picture(path, LARGEST_MAP))
        depth = np.squeeze(values).astype(np.float32)
    if depth.ndim == 3 and (depth[..., :1] == depth[..., :3]).all():
        depth = depth[..., 0]
    if depth.ndim != 2 or 0 in depth.shape:
        raise InputError(f"{path} is not a depth map: its shape is {depth.shape}", _HINT)
    if not np.isfinite(depth).any():
        raise InputError(f"{path} has no finite depth", _HINT)
    return depth
