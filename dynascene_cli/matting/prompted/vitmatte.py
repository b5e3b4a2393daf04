"""Edges of a known mask by ViTMatte (Yao et al. 2024): hair, by a network of transformers."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import VitMatteForImageMatting

from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.prompted.weights_folder import read_network
from dynascene_cli.shot import Image

LONGEST_SIDE = 1024
MULTIPLE = 32
SURE = 0.95
"""Probability from which a mask is sure of a pixel, either way."""


class VitMatte:
    """ViTMatte, from a folder in transformers' layout.

    Raises:
        InputError: the folder holds another network, or less than it needs.
    """

    def __init__(self, folder: Path) -> None:
        self._network = read_network(VitMatteForImageMatting, folder, "vitmatte")

    def alpha(self, image: Image, mask: NDArray[Any], unsure: float) -> FloatArray:
        """The alpha (H, W) in 0..1 of an RGB picture from its mask (H, W) in 0..1.

        ``unsure`` pixels on each side of the mask's edge are decided anew.
        """
        height, width = mask.shape
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        reduced = np.asarray(cv2.resize(mask, size), np.float32)
        trimap = _trimap(reduced, max(1, round(unsure * scale)))
        planes = np.concatenate([small / np.float32(127.5) - 1, trimap[..., None]], axis=2)
        below, right = -size[1] % MULTIPLE, -size[0] % MULTIPLE
        padded = np.pad(planes.astype(np.float32), ((0, below), (0, right), (0, 0)))
        pixels = torch.from_numpy(padded.transpose(2, 0, 1)[None].copy())
        with torch.inference_mode():
            made = self._network(pixel_values=pixels.to(self._network.device)).alphas
        alpha = made.float().cpu().numpy()[0, 0, : size[1], : size[0]]
        decided = np.where(trimap == 0.5, np.clip(alpha, 0, 1), trimap).astype(np.float32)
        return np.asarray(cv2.resize(decided, (width, height)), np.float32)


def _trimap(mask: FloatArray, unsure: int) -> FloatArray:
    """1 where a mask is surely the thing, 0 where surely not, and one half between."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * unsure + 1, 2 * unsure + 1))
    inside = cv2.erode((mask > SURE).astype(np.uint8), disc)
    outside = cv2.erode((mask < 1 - SURE).astype(np.uint8), disc)
    return np.where(inside > 0, 1.0, np.where(outside > 0, 0.0, 0.5)).astype(np.float32)
