"""Limbs and things of a matte that are half-transparent through and through, not along an edge.

Networks that hesitate about a blurred foot or a racket give it half an alpha; shown in another
place it is a ghost. What is more opaque than not becomes solid, the rest goes.
"""

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.external import alpha_box
from dynascene_cli.matting.pose import SIDE, between_indices, crop_of_box, crop_to_picture
from dynascene_cli.matting.prop_evidence import sample_crop
from dynascene_cli.shot import Image

LEAST, MOST = 38, 217
"""Alphas between which a pixel is half-transparent."""
WIDTH = 7
"""Pixels of a crop of SIDE around the person: softer edges than so wide are faded."""
TOLD_SHARE = 0.04
"""Share of the person that is faded from which the frame is told."""
MENDED_SHARE = 0.015
DIVIDE, STEEPNESS = 0.35, 4.0
"""The alpha above which what is faded becomes solid, and by how much contrast."""


def decide_faded_parts(alpha: Image) -> tuple[Image, float]:
    """An alpha (H, W) whose faded parts are solid or gone, and which share of it they were."""
    box = alpha_box(alpha)
    if not np.isfinite(box).all():
        return alpha, 0.0
    crop = crop_of_box(box)
    part = sample_crop(alpha, crop, SIDE)
    soft = ((part > LEAST) & (part < MOST)).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDTH, WIDTH))
    faded = np.asarray(cv2.morphologyEx(soft, cv2.MORPH_OPEN, disc), np.uint8)
    share = float(faded.sum() / max(int((part >= 128).sum()), 1))
    return (_solidify(alpha, crop, faded) if share > MENDED_SHARE else alpha), share


def _solidify(alpha: Image, crop: Floats, faded: Image) -> Image:
    """An alpha (H, W) without half-transparency where its crop (256, 256) is ``faded``."""
    around = cv2.dilate(faded.astype(np.float32), np.ones((WIDTH, WIDTH), np.uint8))
    weight = cv2.GaussianBlur(around, (0, 0), WIDTH / 4)
    to_frame = between_indices(crop_to_picture(crop))
    weight = np.asarray(cv2.warpAffine(weight, to_frame, alpha.shape[1::-1]), np.float32)
    rows, columns = (np.flatnonzero(weight.any(axis=axis)) for axis in (1, 0))
    result = alpha.copy()
    if len(rows):
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        values = alpha[part].astype(np.float32) / 255
        decided = np.clip((values - DIVIDE) * STEEPNESS + 0.5, 0, 1)
        result[part] = 255 * (values + weight[part] * (decided - values)) + 0.5
    return result
