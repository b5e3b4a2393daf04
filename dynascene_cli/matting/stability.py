"""A mask that does not flicker: what was known of the last frame follows the motion into this one.

Each frame's mask is mixed with the previous one, carried by optical flow (DIS, Kroeger et al.
2016). The past counts where the picture, carried along, still looks the same, and counts more
where the present is undecided; where anything moved unpredictably it does not count, so that
limbs neither lag nor leave ghosts.
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.pose import SIDE, between_indices, crop_to_picture
from dynascene_cli.onnx_network import Tensor
from dynascene_cli.shot import Image

TRUST_DECIDED = 0.45
TRUST_UNDECIDED = 0.9
LEVELS_OF_CHANGE = 16.0


@lru_cache(maxsize=1)
def _flow() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


@lru_cache(maxsize=1)
def _grid() -> Tensor:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return np.stack([columns, rows], axis=-1)


def steadied_mask(
    mask: Tensor,
    image: Image,
    crop: Floats,
    past_mask: Tensor,
    past_image: Image,
    past_crop: Floats,
) -> Tensor:
    """The mask (256, 256) of a crop, steadied by the previous frame's mask, image and crop."""
    carried = _crop_to_crop(past_crop, crop)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    before = cv2.warpAffine(
        past_image, carried, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    known = cv2.warpAffine(past_mask, carried, (SIDE, SIDE), flags=flags)
    motion = _flow().calc(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), None
    )
    sources = _grid() + motion
    x, y = sources[..., 0], sources[..., 1]
    before = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    known = cv2.remap(known, x, y, cv2.INTER_LINEAR)
    red, green, blue = cv2.split(cv2.absdiff(image, before))
    change = cv2.blur(cv2.max(cv2.max(red, green), blue).astype(np.float32), (5, 5))
    undecided = 1 - np.abs(2 * mask - 1)
    trust = TRUST_DECIDED + (TRUST_UNDECIDED - TRUST_DECIDED) * undecided
    trust *= np.exp(-np.square(change / np.float32(LEVELS_OF_CHANGE)))
    return np.asarray(mask + trust * (known - mask), np.float32)


def _crop_to_crop(past: Floats, present: Floats) -> Floats:
    to_picture = np.vstack([crop_to_picture(present), [0, 0, 1]])
    to_past = np.linalg.inv(np.vstack([crop_to_picture(past), [0, 0, 1]]))
    return between_indices((to_past @ to_picture)[:2])
