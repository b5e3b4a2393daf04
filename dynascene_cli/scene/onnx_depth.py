"""A photo's relative depth by a network in an ONNX file, run by onnxruntime.

Made for Depth Anything V2 (Yang et al. 2024): a picture in, larger values for nearer things out.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli import weights
from dynascene_cli.errors import StageError
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.shot import Image

DEPTH_ANYTHING = "depth-anything-v2-small"

SHORTER_SIDE, MULTIPLE = 518, 14
"""Pixels of the picture's shorter side that the network is fed, and what sides are multiples of."""


@dataclass(frozen=True)
class Normalisation:
    """What a network expects of 8-bit RGB: (value / 255 − mean) / deviation."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)


IMAGENET = Normalisation()


def find_depth_network() -> str | None:
    """The name of the depth network that is on this machine, or None."""
    return DEPTH_ANYTHING if weights.find(DEPTH_ANYTHING).state != "absent" else None


def predict_depth(
    photo: Image, network: OnnxNetwork, normalisation: Normalisation = IMAGENET
) -> NDArray[np.float32]:
    """What a network predicts of an RGB photo (H, W, 3), at its own resolution (h, w).

    The mean of the photo's and of its mirror image's, which steadies both.

    Raises:
        StageError: the network does not run on pictures, or predicts nothing.
    """
    try:
        mirrored = _predict(np.ascontiguousarray(photo[:, ::-1]), network, normalisation)
        depth = (_predict(photo, network, normalisation) + mirrored[:, ::-1]) / 2
    except Exception as error:
        raise StageError(
            f"the depth network failed: {str(error).strip().splitlines()[0][:200]}",
            "--depth none does without it",
        ) from error
    if not np.isfinite(depth).all() or np.ptp(depth) <= 0:
        raise StageError("the depth network predicts nothing", "--depth none does without it")
    return np.asarray(depth, np.float32)


def _predict(photo: Image, network: OnnxNetwork, normalisation: Normalisation) -> FloatArray:
    name, (shape, number) = next(iter(network.inputs().items()))
    width, height = _feed_size(photo.shape[1], photo.shape[0], shape)
    shrinks = width < photo.shape[1]
    resized = cv2.resize(
        photo, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    picture = (resized / 255.0 - normalisation.mean) / normalisation.deviation
    tensor = np.ascontiguousarray(picture.transpose(2, 0, 1)[None].astype(number))
    output = next(iter(network.outputs()))
    predicted = network.run([output], {name: tensor})[0]
    return np.asarray(predicted, np.float32).reshape(predicted.shape[-2:])


def _feed_size(width: int, height: int, shape: list[object]) -> tuple[int, int]:
    """Width and height that the network is fed: its own where they are fixed."""
    rows, columns = shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int):
        return columns, rows
    scale = SHORTER_SIDE / min(width, height)
    across, down = (max(1, round(side * scale / MULTIPLE)) * MULTIPLE for side in (width, height))
    return across, down
