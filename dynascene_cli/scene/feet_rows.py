"""How near to the camera the people and things are that stand about in a photo."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.scene.labels import SceneLabels

STANDING = ("person", "vehicle", "animal", "furniture")
LEAST_HEIGHT = 0.04
"""Smaller things, as a share of the picture's height, are left out."""

BESIDE = 0.3
"""Feet are looked for so far to either side, in heights of the thing."""


def feet_rows(labels: SceneLabels) -> NDArray[np.int32]:
    """The rows (H, W) of the feet of what stands about, at its pixels; −1 elsewhere.

    Things of one kind that touch in the picture are one, but a long one, a row of cars, has other
    feet at its other end.
    """
    height, width = labels.classes.shape
    rows = np.full((height, width), -1, np.int32)
    for kind in STANDING:
        count, parts, stats, _ = cv2.connectedComponentsWithStats(
            labels.mask(kind).astype(np.uint8)
        )
        for part in range(1, count):
            x, y, wide, tall, _ = stats[part].tolist()
            if tall < LEAST_HEIGHT * height:
                continue
            inside = parts[y : y + tall, x : x + wide] == part
            lowest = tall - np.argmax(inside[::-1], axis=0)
            reach = 2 * round(BESIDE * tall) + 1
            lowest = cv2.dilate(lowest.astype(np.float32)[None], np.ones((1, reach)))[0]
            there = rows[y : y + tall, x : x + wide]
            there[inside] = np.broadcast_to(y + lowest.astype(np.int32), inside.shape)[inside]
    return rows
