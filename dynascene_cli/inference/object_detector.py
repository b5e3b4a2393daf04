"""Things found in a picture by NanoDet (RangiLyu 2020; COCO's 80 classes, 416 px)."""

from functools import lru_cache

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.shot import Image

SIDE = 416
MIN_SCORE = 0.45
MAX_OVERLAP = 0.5
MEAN_BGR = np.array([103.53, 116.28, 123.675], np.float32)
DEVIATION_BGR = np.array([57.375, 57.12, 58.395], np.float32)
NORMALISED_BGR = (np.arange(256, dtype=np.float32)[:, None] - MEAN_BGR) / DEVIATION_BGR
HEADS = (
    (8, "Identity:0", "Identity_3:0"),
    (16, "Identity_1:0", "Identity_4:0"),
    (32, "Identity_2:0", "Identity_5:0"),
)
"""Stride in pixels, class scores (cells, 80), distance distributions (cells, 4 sides × 11 bins)."""

COCO = {
    "person": 0,
    "bicycle": 1,
    "car": 2,
    "motorcycle": 3,
    "bus": 5,
    "truck": 7,
    "bench": 13,
    "backpack": 24,
    "umbrella": 25,
    "handbag": 26,
    "suitcase": 28,
    "frisbee": 29,
    "skis": 30,
    "snowboard": 31,
    "sports ball": 32,
    "baseball bat": 34,
    "baseball glove": 35,
    "skateboard": 36,
    "surfboard": 37,
    "tennis racket": 38,
    "bottle": 39,
    "wine glass": 40,
    "cup": 41,
    "chair": 56,
    "couch": 57,
    "dining table": 60,
    "laptop": 63,
    "remote": 65,
    "cell phone": 67,
    "refrigerator": 72,
    "book": 73,
    "teddy bear": 77,
    "hair drier": 78,
    "toothbrush": 79,
}
"""The indices of the classes that are asked for here."""


@lru_cache(maxsize=1)
def _network() -> OnnxNetwork:
    return OnnxNetwork(weights.path_of("nanodet"))


def detect_objects(
    image: Image, classes: tuple[str, ...], min_score: float = MIN_SCORE
) -> dict[str, Floats]:
    """Boxes (N, 5) x0, y0, x1, y1, score of each class in an RGB picture, best first."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=interpolation)
    planes = [cv2.LUT(canvas[..., 2 - k], NORMALISED_BGR[:, k].copy()) for k in range(3)]
    feed = {"input_1:0": np.stack(planes)[None]}
    outputs = _network().run([name for head in HEADS for name in head[1:]], feed)
    heads = zip(HEADS, outputs[::2], outputs[1::2], strict=True)
    found = np.concatenate(
        [_decode(scores[0], sides[0], stride, min_score) for (stride, _, _), scores, sides in heads]
    )
    boxes = {}
    for name in classes:
        kept = suppress_overlaps(found[found[:, 5] == COCO[name], :5])
        kept[:, 0:4:2] = np.clip(kept[:, 0:4:2] * width / size[0], 0, width)
        kept[:, 1:4:2] = np.clip(kept[:, 1:4:2] * height / size[1], 0, height)
        boxes[name] = kept
    return boxes


def _decode(scores: FloatArray, distributions: FloatArray, stride: int, min_score: float) -> Floats:
    """Boxes (N, 6) x0, y0, x1, y1, score, class of a grid's cells."""
    cells, classes = np.nonzero(scores >= min_score)
    bins = distributions[cells].reshape(-1, 4, 11).astype(float)
    likelihood = np.exp(bins - bins.max(axis=-1, keepdims=True))
    likelihood /= likelihood.sum(axis=-1, keepdims=True)
    left, top, right, bottom = (likelihood @ np.arange(11.0) * stride).T
    row, column = np.divmod(cells, SIDE // stride)
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    sure = scores[cells, classes]
    return np.stack([x - left, y - top, x + right, y + bottom, sure, classes], axis=1)


def suppress_overlaps(boxes: Floats) -> Floats:
    """The boxes (N, 5), best first, that are not the same thing as a better one."""
    corner_and_size = np.hstack([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]])
    kept = cv2.dnn.NMSBoxes(corner_and_size, boxes[:, 4], 0.0, MAX_OVERLAP)  # type: ignore[arg-type]
    return boxes[np.asarray(kept, int)]


def intersection_over_union(box: Floats, others: Floats) -> Floats:
    """Intersection over union (N,) of one box (4+,) with others (N, 4+)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:4], others[:, 2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 2:4] - others[:, :2], axis=1) + np.prod(box[2:4] - box[:2])
    return shared / np.maximum(areas - shared, 1e-9)
