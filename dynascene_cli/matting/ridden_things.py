"""A bicycle's pixels: what stands out together with its rider.

Alone in a crop a bicycle is spokes and gaps, through which the place is seen, and hardly stands
out. Rider and bicycle together do.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import COCO
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.crop_resampling import boxes_in_crop, mask_in_crop
from dynascene_cli.matting.edge_refinement import reduce_part
from dynascene_cli.matting.segmentation import salient_mask
from dynascene_cli.shot import Image

RIDDEN = frozenset([COCO["bicycle"]])
MARGIN = 1.6
SALIENT_SIDE = 192
"""How far around rider and thing U²-Netp looks, per their size, and at what size it does."""
DIVIDE, STEEPNESS = 0.4, 1.5
"""The saliency that is half a thing, and by how much contrast it is decided."""
BOX_MARGIN = 0.08
"""How far a thing may reach out of its box, per its longer side."""


def is_ridden(held: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Which things, by COCO's classes (…), are ridden."""
    return np.isin(held, list(RIDDEN))


def ridden_mask(frame: Image, box: Floats, rider: Floats, crop: Floats) -> FloatArray | None:
    """What of a crop (256, 256) is a thing in a box (4,), 0..1, that somebody in a box rides.

    None where the two are outside the picture.
    """
    low, high = np.minimum(box[:2], rider[:2]), np.maximum(box[2:4], rider[2:4])
    both = np.array([*((low + high) / 2), MARGIN * float((high - low).max()), 0.0])
    part = reduce_part(frame, both)
    if part is None:
        return None
    salient = mask_in_crop(salient_mask(part.image, SALIENT_SIDE), part, crop)
    margin = BOX_MARGIN * float((box[2:4] - box[:2]).max())
    grown = np.concatenate([box[:2] - margin, box[2:4] + margin])
    window = cv2.GaussianBlur(boxes_in_crop(grown[None], crop), (0, 0), 3.0)
    decided = np.clip((salient - DIVIDE) * STEEPNESS + 0.5, 0, 1)
    return np.asarray(decided * window, np.float32)
