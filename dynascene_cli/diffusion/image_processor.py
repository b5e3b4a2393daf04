"""Pictures as the networks take and give them."""

import cv2
import numpy as np
import torch
from torch import Tensor
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from dynascene_cli.shot import Image


def resize_image(image: Image, width: int, height: int) -> Image:
    """An RGB or grey picture at width × height: by areas where it shrinks, else bicubic."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = width <= image.shape[1] and height <= image.shape[0]
    kernel = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=kernel), np.uint8)


def to_signed_tensor(image: Image) -> Tensor:
    """(1, 3, H, W) in −1..1 of an RGB picture."""
    return torch.from_numpy(np.ascontiguousarray(image)).movedim(-1, 0)[None].float() / 127.5 - 1


def to_rgb_image(picture: Tensor) -> Image:
    """RGB uint8 (H, W, 3) of a picture (3, H, W) in −1..1."""
    levels = ((picture.float() + 1) * 127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).movedim(0, -1).cpu().numpy()


def clip_pixels(image: Image, side: int) -> Tensor:
    """(1, 3, side, side) as CLIP was trained on: the middle square, normalised by channel."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    small = resize_image(image, max(side, round(width * scale)), max(side, round(height * scale)))
    top, left = (small.shape[0] - side) // 2, (small.shape[1] - side) // 2
    square = (to_signed_tensor(small[top : top + side, left : left + side]) + 1) / 2
    mean, std = (square.new_tensor(v)[:, None, None] for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return (square - mean) / std
