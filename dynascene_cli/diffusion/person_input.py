"""The person as the network is shown them: a picture on grey, and where to generate."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

GREY = 127.5
"""What lies around the person: 0 in −1..1, as in the masked pictures of Stable Diffusion
inpainting."""

DILATION = 1
"""Pixels by which what is to be generated reaches under the person's outline, so that the soft
edge is blended with background."""


@dataclass(frozen=True, eq=False)
class ForegroundFrame:
    """One frame at the size that is sampled.

    ``picture`` RGB uint8 (H, W, 3), the person on grey; ``generate_mask`` float32 (h, w), a cell
    a latent, 1 where the background is to be generated and 0 on the human.
    """

    picture: Image
    generate_mask: NDArray[np.float32]


def foreground_frame(
    frame: Image,
    alpha: NDArray[np.uint8],
    clip_to_picture: Floats,
    size: tuple[int, int],
    stride: int,
) -> ForegroundFrame:
    """A clip's frame and alpha carried into a picture of (width, height) by a map (2, 3).

    ``stride`` is how many pixels a latent covers on each side.
    """
    colours, coverage = move_person(frame, alpha, clip_to_picture, size)
    picture = np.clip(colours + GREY * (1 - coverage[..., None]) + 0.5, 0, 255).astype(np.uint8)
    return ForegroundFrame(picture, generate_mask(coverage, stride))


def move_person(
    frame: Image, alpha: NDArray[np.uint8], clip_to_picture: Floats, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The person in a picture of (width, height): premultiplied RGB (H, W, 3), coverage (H, W)."""
    premultiplied = alpha.astype(np.float32)[..., None] / 255
    colours = np.concatenate([frame * premultiplied, premultiplied * 255], axis=-1)
    moved = _warp_image(colours.astype(np.float32), clip_to_picture, size)
    return moved[..., :3], np.clip(moved[..., 3] / np.float32(255), 0, 1)


def move_coverage(
    alpha: NDArray[np.uint8], clip_to_picture: Floats, size: tuple[int, int]
) -> NDArray[np.float32]:
    """The person's coverage (H, W) of a picture of (width, height), 0..1."""
    shares = np.asarray(alpha, np.float32) / np.float32(255)
    return _warp_image(shares, clip_to_picture, size)


def generate_mask(coverage: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """0 where the person, without a rim of ``DILATION`` pixels, fills half a cell, 1 elsewhere.

    ``coverage`` (H, W) is in 0..1; cells are ``stride`` pixels wide, and the mask (h, w).
    """
    human = (coverage >= 0.5).astype(np.uint8)
    kernel = np.ones((2 * DILATION + 1, 2 * DILATION + 1), np.uint8)
    # Beyond the picture's border the person goes on.
    solid = cv2.erode(human, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=(1,))
    height, width = (side // stride for side in solid.shape)
    cells = solid.reshape(height, stride, width, stride).mean(axis=(1, 3))
    return (cells < 0.5).astype(np.float32)


def _warp_image(
    image: NDArray[np.float32], matrix: Floats, size: tuple[int, int]
) -> NDArray[np.float32]:
    """The image under a map of points, pixel centres at +0.5, first reduced if it shrinks."""
    height, width = image.shape[:2]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    linear, offset = matrix[:, :2], matrix[:, 2]
    if scale < 1:
        reduced = max(1, round(width * scale)), max(1, round(height * scale))
        image = np.asarray(cv2.resize(image, reduced, interpolation=cv2.INTER_AREA), np.float32)
        linear = linear @ np.diag([width / reduced[0], height / reduced[1]])
    by_index = np.column_stack([linear, linear @ [0.5, 0.5] + offset - 0.5])
    return np.asarray(cv2.warpAffine(image, by_index, size, flags=cv2.INTER_LINEAR), np.float32)
