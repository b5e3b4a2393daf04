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
from dynascene_cli.matting.network import Tensor
from dynascene_cli.matting.pose import SIDE, between_indices, crop_to_picture
from dynascene_cli.shot import Image

WORKING_PIXELS = 1.25
"""Side of a mask pixel at the reduced size."""
UNSURE = 1.0
BAND = 2.0
WINDOW = 2.0
"""Half-widths in mask pixels: of what is not surely on either side, of the band, of the window."""
SMOOTHING = 0.35
"""Standard deviation in mask pixels that takes the steps out of the mask's edge."""
COLOUR_NOISE = 2e-4
SEPARATION = 16.0
"""Squared Mahalanobis distance of the two sides at which colour and mask weigh the same."""
WIDE_WINDOW, WIDE_SHARE = 10.0, 0.1
"""A second window for where nothing near is sure, and how little it counts elsewhere."""
PRIOR = 0.3
PLACE = 1.5
"""How much a colour's alpha is raised inside the mask and lowered outside, and the standard
deviation in mask pixels of what counts as inside."""
FAINT = 0.05
UNDECIDED = 128


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


def reduced_part(frame: Image, crop: Floats) -> ReducedPart | None:
    """The part of the frame under a crop, reduced; None when the crop misses the frame."""
    height, width = frame.shape[:2]
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1.0]])
    reach = corners @ crop_to_picture(crop).T
    x0, y0 = np.clip(np.floor(reach.min(axis=0)), 0, [width, height]).astype(int)
    x1, y1 = np.clip(np.ceil(reach.max(axis=0)), 0, [width, height]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    part = frame[y0:y1, x0:x1]
    scale = min(1.0, WORKING_PIXELS * SIDE / crop[2])
    if scale == 1.0:
        return ReducedPart(part, x0, y0, (1.0, 1.0))
    size = (max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return ReducedPart(small, x0, y0, (size[0] / (x1 - x0), size[1] / (y1 - y0)))


def refined_alpha(frame: Image, mask: Tensor, crop: Floats, part: ReducedPart) -> Image:
    """The alpha (H, W) uint8 of a frame from the mask (256, 256) of a crop of it."""
    alpha = np.zeros(frame.shape[:2], np.uint8)
    coarse = _in_part(mask, crop, part)
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
    small = part.image[top:bottom, left:right]
    regions = _regions(coarse, unit)
    model = _edge_model(small, coarse, regions, unit)

    x0, x1 = (part.x + round(edge / part.scale[0]) for edge in (left, right))
    y0, y1 = (part.y + round(edge / part.scale[1]) for edge in (top, bottom))
    x1, y1 = min(x1, frame.shape[1]), min(y1, frame.shape[0])
    window = alpha[y0:y1, x0:x1]
    window[:] = cv2.resize(regions, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
    y, x = np.nonzero(window == UNDECIDED)
    at = (
        ((x0 + x + 0.5 - part.x) * part.scale[0] - 0.5 - left).astype(np.float32),
        ((y0 + y + 0.5 - part.y) * part.scale[1] - 0.5 - top).astype(np.float32),
    )
    red, green, blue, constant = _sampled(np.ascontiguousarray(model[..., :4]), *at).T
    weight, prior, place = _sampled(np.ascontiguousarray(model[..., 4:]), *at).T
    r, g, b = frame[y0:y1, x0:x1][y, x].T.astype(np.float32)
    by_colour = np.clip(red * r + green * g + blue * b + constant, 0, 1)
    value = prior + weight * (by_colour - prior + PRIOR * (2 * place - 1))
    window[y, x] = np.clip(value * 255 + 0.5, 0, 255).astype(np.uint8)
    return alpha


def _in_part(mask: Tensor, crop: Floats, part: ReducedPart) -> Tensor:
    to_part = np.vstack([part.from_picture, [0, 0, 1]]) @ np.vstack(
        [crop_to_picture(crop), [0, 0, 1]]
    )
    warped = cv2.warpAffine(
        mask, between_indices(to_part[:2]), part.image.shape[1::-1], flags=cv2.INTER_LINEAR
    )
    return warped.astype(np.float32, copy=False)


def _regions(coarse: Tensor, unit: float) -> Image:
    """255 where surely person, 0 where surely not, UNDECIDED in the band between."""
    reach = _disc((BAND - UNSURE) * unit)
    inside = cv2.erode((coarse > 0.98).astype(np.uint8), reach)
    outside = cv2.erode((coarse < 0.02).astype(np.uint8), reach)
    return np.where(inside > 0, 255, np.where(outside > 0, 0, UNDECIDED)).astype(np.uint8)


def _edge_model(small: Image, coarse: Tensor, regions: Image, unit: float) -> Tensor:
    """Around the band, per pixel (h, w, 6): what turns colour into alpha.

    Three coefficients of RGB 0..255 and a constant, then colour's weight and the coarse mask.
    """
    apart = _disc(UNSURE * unit)
    binary = (coarse > 0.5).astype(np.uint8)
    person = cv2.erode(binary, apart) * (coarse > 0.98)
    place = cv2.erode(1 - binary, apart) * (coarse < 0.02)
    band = cv2.dilate((regions == UNDECIDED).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0

    colour = small.astype(np.float32) / 255
    r, g, b = cv2.split(colour)
    moments = cv2.merge([r, g, b, r * r, r * g, r * b, g * g, g * b, b * b, np.ones_like(r)])
    (mean_1, scatter_1, count_1), (mean_0, scatter_0, count_0) = (
        _statistics(_neighbourhood(moments * side[..., None], unit)[band])
        for side in (person, place)
    )
    scatter = np.asarray((scatter_1 + scatter_0) / 2, np.float32)
    scatter[:, [0, 3, 5]] += COLOUR_NOISE
    difference = mean_1 - mean_0
    direction = _solved(scatter, difference)
    separation = (direction * difference).sum(axis=1)
    direction /= np.maximum(separation, 1e-3)[:, None]
    constant = 0.5 - (direction * (mean_1 + mean_0)).sum(axis=1) / 2
    weight = separation / (separation + SEPARATION)
    weight *= np.clip(np.minimum(count_1, count_0) * 50, 0, 1)
    model = np.zeros((*coarse.shape, 7), np.float32)
    model[..., 5] = coarse
    model[..., 6] = cv2.GaussianBlur(coarse, (0, 0), PLACE * unit)
    model[band, :5] = np.column_stack([direction / 255, constant, weight])
    return model


def _disc(radius: float) -> Image:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def _neighbourhood(values: Tensor, unit: float) -> Tensor:
    """Sums around each pixel that count what is near, and what is further off a little."""
    near = _window_mean(_window_mean(values, WINDOW * unit), WINDOW * unit)
    return near + np.float32(WIDE_SHARE) * _window_mean(values, WIDE_WINDOW * unit)


def _window_mean(values: Tensor, radius: float) -> Tensor:
    side = 2 * max(1, round(radius)) + 1
    blurred = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
    return blurred.astype(np.float32, copy=False)


def _statistics(moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (n, 3), scatter (n, 6: rr rg rb gg gb bb), share of known pixels (n,)."""
    count = moments[:, 9]
    moments = moments / (count[:, None] + np.float32(1e-6))
    r, g, b = moments[:, :3].T
    outer = np.column_stack([r * r, r * g, r * b, g * g, g * b, b * b])
    return moments[:, :3], moments[:, 3:9] - outer, count


def _solved(matrix: Tensor, vector: Tensor) -> Tensor:
    """Solutions (n, 3) of symmetric 3 × 3 systems, by their adjugates."""
    rr, rg, rb, gg, gb, bb = matrix.T
    r, g, b = vector.T
    i_rr, i_rg, i_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    i_gg, i_gb, i_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = np.maximum(i_rr * rr + i_rg * rg + i_rb * rb, np.float32(1e-14))
    solution = np.column_stack(
        [
            i_rr * r + i_rg * g + i_rb * b,
            i_rg * r + i_gg * g + i_gb * b,
            i_rb * r + i_gb * g + i_bb * b,
        ]
    )
    return np.asarray(solution / determinant[:, None], np.float32)


def _sampled(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear samples (n, channels) of (h, w, channels ≤ 4) at n places.

    OpenCV limits a picture's sides, so the places are folded into rows of 1024.
    """
    folded = np.zeros((2, -(-len(x) // 1024) * 1024), np.float32)
    folded[0, : len(x)], folded[1, : len(x)] = x, y
    maps = folded.reshape(2, -1, 1024)
    samples = cv2.remap(values, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return samples.reshape(-1, values.shape[2])[: len(x)].astype(np.float32, copy=False)
