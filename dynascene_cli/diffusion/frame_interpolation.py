"""Frames between two that were sampled, along the known camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath, Image

HALF_PIXEL = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])


def plane_homography(path: CameraPath, origin: int, target: int, depth: float) -> Floats:
    """(3, 3): pixels of frame ``origin`` to those of ``target``, for what lies at that z-depth.

    H = K′(R + t nᵀ/d)K⁻¹ for the plane z = d before the origin's camera (Hartley & Zisserman,
    result 13.1).
    """
    moved = maths.compose(path.extrinsics[target], maths.inverse(path.extrinsics[origin]))
    middle = moved[:, :3] + np.outer(moved[:, 3], [0.0, 0.0, 1.0 / depth])
    homography = path.intrinsics[target] @ middle @ np.linalg.inv(path.intrinsics[origin])
    return homography / homography[2, 2]


def interpolate_frame(
    before: Image, after: Image, path: CameraPath, frames: tuple[int, int, int], depth: float
) -> Image:
    """The picture of the middle one of three ``frames`` from those of the first and the last.

    Both are carried to the middle camera by the plane at the scene's median ``depth``; what is left
    between them, the parallax of all that lies off that plane, is found as optical flow (DIS,
    Kroeger et al. 2016) and followed to its share. They are mixed by nearness in time, and where
    one does not reach, the other alone is seen.
    """
    first, middle, last = frames
    share = (middle - first) / (last - first)
    one, one_seen = _warp_by_homography(before, plane_homography(path, first, middle, depth))
    other, other_seen = _warp_by_homography(after, plane_homography(path, last, middle, depth))
    flow = _residual_flow(one, other) * (one_seen * other_seen)[..., None]
    # A hundredth everywhere keeps what neither sees from being divided by nothing.
    weight = (1 - share) * (one_seen + 0.01)
    other_weight = share * (other_seen + 0.01)
    mixed = _displace(one, flow * np.float32(-share)) * weight[..., None]
    mixed += _displace(other, flow * np.float32(1 - share)) * other_weight[..., None]
    return np.asarray(mixed / (weight + other_weight)[..., None] + 0.5, np.uint8)


def _residual_flow(one: Image, other: Image) -> NDArray[np.float32]:
    """(H, W, 2): where what is at a pixel of ``one`` lies in ``other``, less the pixel."""
    grey, other_grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (one, other))
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(finder.calc(grey, other_grey, None), np.float32)  # type: ignore[call-overload]


def _displace(image: Image, displacement: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture read at every pixel plus its displacement."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(
        image,
        x + displacement[..., 0],
        y + displacement[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _warp_by_homography(image: Image, homography: Floats) -> tuple[Image, NDArray[np.float32]]:
    """The picture under a homography of pixels, and where it is covered (0..1)."""
    by_index = np.linalg.inv(HALF_PIXEL) @ homography @ HALF_PIXEL
    height, width = image.shape[:2]
    moved = cv2.warpPerspective(
        image, by_index, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    seen = cv2.warpPerspective(np.ones((height, width), np.float32), by_index, (width, height))
    return np.asarray(moved, np.uint8), np.asarray(seen, np.float32)
