"""What the scene picture does not show: the person's hole, and the parts to be outpainted."""

import cv2
import numpy as np

from dynascene_cli.dataset.person_hole import Hidden
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image


def random_mask(
    width: int, height: int, shares: tuple[float, float], rng: np.random.Generator
) -> Hidden:
    """(height, width): a share of the picture, uniform in ``shares``, hidden in a random shape.

    The shape is, equally often, all that lies outside a rectangle (strips on one to four sides),
    one to three rectangles, or blobs; its pixels are those of the highest score.
    """
    count = round(float(rng.uniform(*shares)) * width * height)
    shape = rng.choice(["sides", "rectangles", "blobs"])
    if shape == "sides":
        score = _from_rectangle(width, height, rng)
    elif shape == "rectangles":
        rectangles = [_from_rectangle(width, height, rng) for _ in range(rng.integers(1, 4))]
        score = -np.minimum.reduce(rectangles)
    else:
        score = _smooth_noise(width, height, rng)
    hidden = np.zeros(width * height, dtype=bool)
    hidden[np.argsort(-score, axis=None, kind="stable")[:count]] = True
    return hidden.reshape(height, width)


def fill_hidden(image: Image, hidden: Hidden, fill: str) -> Image:
    """The picture with what is hidden ``black``, or in the ``mean`` colour of the rest."""
    result = image.copy()
    shown = image[~hidden]
    result[hidden] = shown.mean(axis=0).round() if fill == "mean" and len(shown) else 0
    return result


def _from_rectangle(width: int, height: int, rng: np.random.Generator) -> Floats:
    """(H, W): distance from a random point in its rectangle's half-sides: equal on its outlines."""
    aspect = np.exp2(rng.uniform(-2, 2))
    x = np.abs(np.arange(width) + 0.5 - rng.uniform(0, width)) / (width * aspect)
    y = np.abs(np.arange(height) + 0.5 - rng.uniform(0, height)) / (height / aspect)
    return np.maximum(x, y[:, None])


def _smooth_noise(width: int, height: int, rng: np.random.Generator) -> Floats:
    coarse = rng.standard_normal((4, 6)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), float)
