"""Pictures and masks between a reduced part of a frame and a crop of it."""

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.edge_refinement import ReducedPart
from dynascene_cli.matting.pose import SIDE, between_indices, crop_to_picture
from dynascene_cli.shot import Image


def _part_to_crop(part: ReducedPart, crop: Floats) -> Floats:
    linear = np.vstack([part.from_picture, [0, 0, 1]]) @ np.vstack(
        [crop_to_picture(crop), [0, 0, 1]]
    )
    return between_indices(linear[:2])


def crop_picture(part: ReducedPart, crop: Floats) -> Image:
    """The crop (256, 256, 3) out of a part of the frame that holds it."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(part.image, _part_to_crop(part, crop), (SIDE, SIDE), flags=flags)
    return np.asarray(cut, np.uint8)


def mask_in_crop(mask: FloatArray, part: ReducedPart, crop: Floats) -> FloatArray:
    """A mask (h, w) of a part of the frame, where a crop (256, 256) shows it."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        mask, _part_to_crop(part, crop), (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def boxes_in_crop(boxes: Floats, crop: Floats) -> FloatArray:
    """1 inside boxes (n, 4) of the picture, 0 elsewhere, where a crop (256, 256) shows them."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    to_crop = cv2.invertAffineTransform(crop_to_picture(crop))
    for x0, y0, x1, y1 in boxes:
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        inside = np.round(corners @ to_crop[:, :2].T + to_crop[:, 2]).astype(np.int32)
        cv2.fillConvexPoly(drawn, inside, 1)
    return drawn.astype(np.float32)
