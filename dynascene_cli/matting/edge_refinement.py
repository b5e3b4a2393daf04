"""A coarse mask carried to the frame's own resolution by the colours on its two sides.

Around every point of the mask's edge, what is surely person and what is surely not gives two
colour distributions; their linear discriminant (Fisher 1936) turns each pixel's colour into an
alpha, as the local linear model of the guided filter does (He & Sun 2015), but learnt only from
pixels whose side is known, both sides counting the same. Where the two sides look alike the
coarse mask decides. The statistics are taken at a reduced size; the frame is touched only in a
band around the edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.edge_colours import (
    UNDECIDED,
    edge_colours,
    fill_by_colour,
    interpolation_places,
)
from dynascene_cli.matting.pose import SIDE, between_indices, crop_to_picture
from dynascene_cli.shot import Image

WORKING_PIXELS = 1.25
"""Side of a mask pixel at the reduced size."""
SURE = 0.98
UNSURE = 1.0
BAND = 2.0
WINDOW, WIDE_WINDOW = 2.4, 20.0
"""Half-widths in mask pixels: of what is not surely on either side, of the band, of the windows."""
SMOOTHING = 0.35
"""Standard deviation in mask pixels that takes the steps out of the mask's edge."""
PRIOR = 0.25
PLACE = 1.5
"""How much a colour's alpha is raised inside the mask and lowered outside, and the standard
deviation in mask pixels of what counts as inside."""
LIFT = 0.07
"""How much a colour's alpha is raised on the mask's edge: against known alphas it came out thin."""
FAINT = 0.05
GRID = 4
"""Pixels to which a part's corners are rounded outward, so that it can be halved twice."""


@dataclass(frozen=True, eq=False)
class ReducedPart:
    """The part of a picture around a crop, at the reduced size at which statistics are taken.

    ``x``, ``y`` are its corner in the picture, ``scale`` its pixels per pixel of the picture.
    """

    image: Image
    x: int
    y: int
    scale: tuple[float, float]

    @property
    def from_picture(self) -> Floats:
        """The map (2, 3) from the picture's pixels to this part's."""
        sx, sy = self.scale
        return np.array([[sx, 0.0, -self.x * sx], [0.0, sy, -self.y * sy]])


def reduce_part(frame: Image, crop: Floats) -> ReducedPart | None:
    """The part of the frame under a crop, reduced; None when the crop misses the frame."""
    height, width = frame.shape[:2]
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1.0]])
    reach = corners @ crop_to_picture(crop).T
    x0, y0 = np.clip(np.floor(reach.min(axis=0) / GRID) * GRID, 0, [width, height]).astype(int)
    x1, y1 = np.clip(np.ceil(reach.max(axis=0) / GRID) * GRID, 0, [width, height]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    part = frame[y0:y1, x0:x1]
    scale = min(1.0, WORKING_PIXELS * SIDE / crop[2])
    if scale == 1.0:
        return ReducedPart(part, x0, y0, (1.0, 1.0))
    size = (max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale)))
    # Whole halvings are ten times as fast as one reduction by a broken factor, and as exact.
    while not (part.shape[0] % 2 or part.shape[1] % 2) and part.shape[0] >= 3 * size[1]:
        half = (part.shape[1] // 2, part.shape[0] // 2)
        part = cv2.resize(part, half, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return ReducedPart(small, x0, y0, (size[0] / (x1 - x0), size[1] / (y1 - y0)))


def refine_alpha(frame: Image, mask: FloatArray, crop: Floats, part: ReducedPart) -> Image:
    """The alpha (H, W) uint8 of a frame from the mask (256, 256) of a crop of it."""
    alpha = np.zeros(frame.shape[:2], np.uint8)
    coarse = _mask_in_part(mask, crop, part)
    unit = crop[2] / SIDE * part.scale[0]
    rows = np.flatnonzero(coarse.max(axis=1) > FAINT)
    columns = np.flatnonzero(coarse.max(axis=0) > FAINT)
    if len(rows) == 0:
        return alpha
    margin = int(np.ceil((BAND + 2 * WINDOW) * unit)) + 1
    top, bottom = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, coarse.shape[0])
    left, right = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, coarse.shape[1])
    coarse = cv2.GaussianBlur(
        coarse[top:bottom, left:right], (0, 0), max(SMOOTHING * unit, 0.3)
    ).astype(np.float32, copy=False)
    regions = _regions(coarse, unit)
    place = cv2.GaussianBlur(coarse, (0, 0), PLACE * unit)
    raised = PRIOR * (2 * place - 1) + LIFT * 4 * place * (1 - place)
    x0, x1 = (part.x + round(edge / part.scale[0]) for edge in (left, right))
    y0, y1 = (part.y + round(edge / part.scale[1]) for edge in (top, bottom))
    x1, y1 = min(x1, frame.shape[1]), min(y1, frame.shape[0])
    columns = (np.arange(x0, x1) + 0.5 - part.x) * part.scale[0] - left
    rows = (np.arange(y0, y1) + 0.5 - part.y) * part.scale[1] - top
    fill_by_colour(
        alpha,
        frame,
        (y0, x0),
        regions,
        np.dstack([coarse, raised]),
        _colours_at_edge(part.image[top:bottom, left:right], coarse, regions, unit),
        interpolation_places(rows, coarse.shape[0]),
        interpolation_places(columns, coarse.shape[1]),
    )
    return alpha


def _mask_in_part(mask: FloatArray, crop: Floats, part: ReducedPart) -> FloatArray:
    to_part = np.vstack([part.from_picture, [0, 0, 1]]) @ np.vstack(
        [crop_to_picture(crop), [0, 0, 1]]
    )
    warped = cv2.warpAffine(
        mask, between_indices(to_part[:2]), part.image.shape[1::-1], flags=cv2.INTER_LINEAR
    )
    return warped.astype(np.float32, copy=False)


def _regions(coarse: FloatArray, unit: float) -> Image:
    """255 where surely person, 0 where surely not, UNDECIDED in the band between."""
    reach = _disc((BAND - UNSURE) * unit)
    inside = cv2.erode((coarse > SURE).astype(np.uint8), reach)
    outside = cv2.erode((coarse < 1 - SURE).astype(np.uint8), reach)
    return np.where(inside > 0, 255, np.where(outside > 0, 0, UNDECIDED)).astype(np.uint8)


def _colours_at_edge(small: Image, coarse: FloatArray, regions: Image, unit: float) -> FloatArray:
    apart = _disc(UNSURE * unit)
    inside = (coarse > 0.5).astype(np.uint8)
    person = (cv2.erode(inside, apart) > 0) & (coarse > SURE)
    place = (cv2.erode(1 - inside, apart) > 0) & (coarse < 1 - SURE)
    band = cv2.dilate((regions == UNDECIDED).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    near, wide = (max(1, round(each * unit)) for each in (WINDOW, WIDE_WINDOW))
    return edge_colours(small, person, place, band, near, wide)


def _disc(radius: float) -> Image:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)
