"""Networks that tell people, or whatever stands out, from the rest of a picture.

MediaPipe's selfie segmentation knows people close to the camera; U²-Netp (Qin et al. 2020) finds
what stands out, person or not, with clean edges.
"""

from functools import lru_cache

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.shot import Image

SELFIE_SIDE = 256
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
LEAST_RANGE = 0.3
"""A saliency map that spans less shows nothing that stands out, and is not stretched."""


@lru_cache(maxsize=1)
def _selfie_network() -> OnnxNetwork:
    return OnnxNetwork(weights.path_of("selfie-segmentation"))


@lru_cache(maxsize=1)
def _salient_network() -> OnnxNetwork:
    return OnnxNetwork(weights.path_of("rembg:u2netp"))


def selfie_mask(image: Image) -> FloatArray:
    """People (h, w) in 0..1 in an RGB picture, the mean of it and its mirror image."""
    size = (SELFIE_SIDE, SELFIE_SIDE)
    small = cv2.resize(image, size, interpolation=_interpolation(image, SELFIE_SIDE))
    fed = np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    seen = _selfie_network().run(["alpha"], {"image": fed})[0][0, 0]
    mirrored = _selfie_network().run(["alpha"], {"image": np.ascontiguousarray(fed[..., ::-1])})
    return _enlarge_mask((seen + mirrored[0][0, 0, :, ::-1]) / 2, image)


def salient_mask(image: Image, side: int) -> FloatArray:
    """What stands out (h, w) in 0..1 in an RGB picture, seen at ``side`` × ``side`` pixels."""
    small = cv2.resize(image, (side, side), interpolation=_interpolation(image, side))
    fed = small.astype(np.float32) / max(float(small.max()), 1.0)
    fed = ((fed - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
    network = _salient_network()
    seen = network.run(["1959"], {"input.1": np.ascontiguousarray(fed, np.float32)})[0][0, 0]
    low, high = float(seen.min()), float(seen.max())
    if high - low > LEAST_RANGE:
        seen = (seen - low) / (high - low)
    return _enlarge_mask(seen, image)


def _interpolation(image: Image, side: int) -> int:
    return cv2.INTER_AREA if max(image.shape[:2]) > side else cv2.INTER_LINEAR


def _enlarge_mask(mask: FloatArray, image: Image) -> FloatArray:
    size = image.shape[1::-1]
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.float32)
