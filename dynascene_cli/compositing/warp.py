"""The person's colours and alpha carried by a similarity into the output frame."""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.compositing.roi import AnyArray, Box
from dynascene_cli.geometry import Floats

AREA_SCALE = 0.6
"""Below this scale a cubic kernel would alias: the crop is first reduced by pixel areas."""


def similarity_scale(similarity: Floats) -> float:
    """Output pixels per clip pixel of a similarity (2, 3)."""
    return float(np.sqrt(abs(np.linalg.det(similarity[:, :2]))))


def is_identity(similarity: Floats) -> bool:
    """Whether the similarity leaves every pixel where it is, within a thousandth of a pixel."""
    difference = similarity - np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return bool(np.all(np.abs(difference[:, :2]) < 1e-7) and np.all(np.abs(difference) < 1e-3))


def landing_box(box: Box, similarity: Floats, width: int, height: int) -> Box:
    """Where a clip box lands in a width × height frame, and a pixel around it."""
    corners = np.array([[x, y, 1.0] for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
    points = corners @ similarity.T
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    landed = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return landed.grow(1, width, height)


def warp_person(
    colours: AnyArray, alpha: AnyArray, source: Box, similarity: Floats, target: Box
) -> tuple[AnyArray, AnyArray]:
    """The crop ``source`` of the clip, as the output frame's box ``target`` shows it.

    Both are uint8, or float32 of the same range, which stay unrounded.

    Points of the clip (pixel centres at +0.5) go to ``similarity`` @ (x, y, 1). Colours must be
    the foreground's own, extended beyond the outline, so that no background is drawn in. Alpha
    repeats beyond the crop's border; ``inside`` ends it where the clip ends.
    """
    offset = similarity[:, :2] @ [source.x0, source.y0] + similarity[:, 2] - [target.x0, target.y0]
    image: AnyArray = cv2.merge([colours, alpha])
    if abs(similarity[0, 1]) + abs(similarity[1, 0]) < 1e-9 and similarity[0, 0] > 0:
        scale = similarity[0, 0]
        rows = _resample_rows(image, scale, offset[1], target.size[1])
        turned = _resample_rows(cv2.transpose(rows), scale, offset[0], target.size[0])
        image = cv2.transpose(turned)
    else:
        image = _rotate_image(image, similarity[:, :2], offset, target.size)
    own: AnyArray = cv2.cvtColor(image, cv2.COLOR_RGBA2RGB)
    coverage: AnyArray = cv2.extractChannel(image, 3)
    return own, coverage


def _resample_rows(image: AnyArray, scale: float, offset: float, count: int) -> AnyArray:
    """``count`` rows of an image scaled and then moved by ``offset`` along its first axis.

    Catmull-Rom, widened by the reduction where the image shrinks (the weights then average over
    a pixel's area); rows beyond the image repeat its border.
    """
    widening = max(1.0, 1.0 / scale)
    places = (np.arange(count) + 0.5 - offset) / scale - 0.5
    first = np.floor(places - 2 * widening).astype(np.int64) + 1
    taps = first[:, None] + np.arange(int(np.ceil(4 * widening)))
    t = np.abs(taps - places[:, None]) / widening
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    weights = np.where(t < 1, near, np.where(t < 2, far, 0.0))
    weights /= weights.sum(axis=1, keepdims=True)
    taps = np.clip(taps, 0, len(image) - 1)
    flat = image.reshape(len(image), -1)
    out = np.empty((count, flat.shape[1]), image.dtype)
    _weigh_rows(flat, taps, weights.astype(np.float32), _rounding(image), out)
    return out.reshape(count, *image.shape[1:])


@njit(cache=True, nogil=True)
def _weigh_rows(image, taps, weights, rounding, out):  # type: ignore[no-untyped-def]
    length = image.shape[1]
    total = np.empty(length, np.float32)
    for y in range(len(taps)):
        total[:] = rounding
        for k in range(taps.shape[1]):
            weight = weights[y, k]
            row = image[taps[y, k]]
            for x in range(length):
                total[x] += weight * np.float32(row[x])
        result = out[y]
        for x in range(length):
            result[x] = min(max(total[x], np.float32(0)), np.float32(255))


def enlarge_linearly(image: AnyArray, x: Floats, y: Floats) -> AnyArray:
    """A grey image at columns ``x`` (W,) and rows ``y`` (H,) of its indices, linearly; (H, W).

    Beyond its border the image repeats. It is uint8, or float32, which stays unrounded.
    """
    out = np.empty((len(y), len(x)), image.dtype)
    columns, rows = _neighbours(x, image.shape[1]), _neighbours(y, image.shape[0])
    _enlarge(image, *columns, *rows, _rounding(image), out)
    return out


def _rounding(image: AnyArray) -> np.float32:
    """What is added to a value before it is stored."""
    return np.float32(0.5 if image.dtype == np.uint8 else 0)


def _neighbours(
    places: Floats, count: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float32]]:
    """The two indices below ``count`` that each place lies between, and the share of the second."""
    places = np.clip(places, 0, count - 1)
    before = places.astype(np.uint32)
    after = np.minimum(before + 1, count - 1).astype(np.uint32)
    return before, after, (places - before).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _enlarge(image, left, right, across, above, below, down, rounding, out):  # type: ignore[no-untyped-def]
    line = np.empty(image.shape[1], np.float32)
    for y in range(len(down)):
        upper, lower, share = image[above[y]], image[below[y]], down[y]
        for x in range(len(line)):
            value = np.float32(upper[x])
            line[x] = value + share * (np.float32(lower[x]) - value) + rounding
        row = out[y]
        for x in range(len(across)):
            value = line[left[x]]
            row[x] = value + across[x] * (line[right[x]] - value)


def _rotate_image(
    image: AnyArray, linear: Floats, offset: Floats, size: tuple[int, int]
) -> AnyArray:
    """The image under a similarity that rotates: bicubic, first reduced by areas if it shrinks."""
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    height, width = image.shape[:2]
    if scale < AREA_SCALE:
        reduced = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, reduced, interpolation=cv2.INTER_AREA)
        linear = linear @ np.diag([width / reduced[0], height / reduced[1]])
    matrix = np.column_stack([linear, linear @ [0.5, 0.5] + offset - 0.5])
    turned = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.clip(turned, 0, 255, out=turned)


def touches_edge(box: Box, width: int, height: int) -> bool:
    """Whether a box reaches an edge of a width × height clip, where a person may be cut."""
    return box.x0 <= 0 or box.y0 <= 0 or box.x1 >= width or box.y1 >= height


def inside(similarity: Floats, width: int, height: int, target: Box) -> NDArray[np.float32]:
    """How much of each pixel of ``target`` the width × height clip covers, 0..1 (H, W).

    1 up to the clip's very edge, so a person cut by the clip's edge stays opaque to it.
    """
    inverse = cv2.invertAffineTransform(similarity)
    scale = similarity_scale(similarity)
    x = np.arange(target.x0, target.x1, dtype=np.float32) + np.float32(0.5)
    y = np.arange(target.y0, target.y1, dtype=np.float32)[:, None] + np.float32(0.5)
    cover = np.ones((target.y1 - target.y0, target.x1 - target.x0), np.float32)
    for row, extent in zip(inverse.astype(np.float32), (width, height), strict=True):
        place = row[0] * x + row[1] * y + row[2]
        nearest_edge = np.minimum(place, extent - place) * np.float32(scale)
        cover *= np.clip(nearest_edge + 0.5, 0.0, 1.0)
    return cover
