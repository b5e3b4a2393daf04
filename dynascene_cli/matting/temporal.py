"""A mask that does not flicker: what was known of the last frame follows the motion into this one.

Each frame's mask is mixed with the previous one, carried by optical flow (DIS, Kroeger et al.
2016). The past counts where the picture, carried along, still looks the same, and counts more
where the present is undecided; where anything moved unpredictably it does not count, so that
limbs neither lag nor leave ghosts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.pose import SIDE, between_indices, crop_to_picture
from dynascene_cli.shot import Image

TRUST_DECIDED = 0.45
TRUST_UNDECIDED = 0.9
LEVELS_OF_CHANGE = 16.0


@dataclass(frozen=True, eq=False)
class CarriedMasks:
    """What was known of the last frame, where this frame's crop shows it.

    ``masks`` (n, H, W) moved along with the picture; ``similarity`` (H, W) in 0..1, how
    much the picture still looks the same there, 0 where the last crop did not reach.
    """

    masks: tuple[FloatArray, ...]
    similarity: FloatArray


@lru_cache(maxsize=1)
def _flow() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


@lru_cache(maxsize=2)
def _grid(height: int, width: int) -> FloatArray:
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([columns, rows], axis=-1)


def carry_masks(
    image: Image,
    crop: Floats,
    past_image: Image,
    past_crop: Floats,
    past_masks: tuple[FloatArray, ...],
) -> CarriedMasks:
    """The last frame's masks (256, 256) of its crop, carried into this frame's image and crop."""
    between = resample_between_crops(past_crop, crop)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (SIDE, SIDE)
    before = cv2.warpAffine(past_image, between, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    known = [cv2.warpAffine(mask, between, size, flags=flags) for mask in past_masks]
    reached = cv2.warpAffine(np.ones((SIDE, SIDE), np.float32), between, size, flags=flags)
    carried = move_masks(image, before, known)
    return CarriedMasks(carried.masks, carried.similarity * reached)


def move_masks(
    image: Image, before: NDArray[Any], past_masks: Sequence[NDArray[Any]]
) -> CarriedMasks:
    """Masks (H, W) of the picture ``before``, moved along the motion into ``image``.

    Both pictures lie over the same part of the scene.
    """
    motion = _flow().calc(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), None
    )
    sources = _grid(*image.shape[:2]) + motion
    x, y = sources[..., 0], sources[..., 1]
    before = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    red, green, blue = cv2.split(cv2.absdiff(image, before))
    change = cv2.blur(cv2.max(cv2.max(red, green), blue).astype(np.float32), (5, 5))
    similarity = np.exp(-np.square(change / np.float32(LEVELS_OF_CHANGE)))
    moved = (cv2.remap(mask, x, y, cv2.INTER_LINEAR) for mask in past_masks)
    return CarriedMasks(tuple(np.asarray(mask, np.float32) for mask in moved), similarity)


def steady_mask(mask: FloatArray, known: FloatArray, similarity: FloatArray) -> FloatArray:
    """A mask (H, W) steadied by the last frame's, carried into this one."""
    undecided = 1 - np.abs(2 * mask - 1)
    trust = TRUST_DECIDED + (TRUST_UNDECIDED - TRUST_DECIDED) * undecided
    return np.asarray(mask + trust * similarity * (known - mask), np.float32)


def resample_between_crops(source: Floats, target: Floats) -> Floats:
    """The map (2, 3) of array indices from the crop ``target`` to the crop ``source``."""
    to_picture = np.vstack([crop_to_picture(target), [0, 0, 1]])
    to_source = np.linalg.inv(np.vstack([crop_to_picture(source), [0, 0, 1]]))
    return between_indices((to_source @ to_picture)[:2])
