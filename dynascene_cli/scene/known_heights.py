"""Things in a photo whose real height is known: they measure the camera's height and horizon.

On level ground, a thing of H metres that stands p pixels tall has its foot p · h / H below the
horizon, h the camera's height (Hoiem, Efros & Hebert 2008, *Putting objects in perspective*).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dynascene_cli.inference.object_detector import detect_objects, suppress_overlaps
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.shot import Image

HEIGHTS = {
    "person": (1.68, 0.08),
    "bicycle": (1.05, 0.1),
    "car": (1.5, 0.08),
    "motorcycle": (1.2, 0.15),
    "bus": (3.1, 0.12),
    "truck": (2.9, 0.25),
    "chair": (0.92, 0.15),
    "couch": (0.85, 0.12),
    "dining table": (0.75, 0.12),
    "refrigerator": (1.75, 0.1),
    "door": (2.05, 0.06),
}
"""Metres, and how much they vary as a share of that."""

LEAST_SCORE = 0.4
LEAST_HEIGHT = 0.025
EDGE = 0.008
"""Shares of the picture's height: smaller things measure nothing; things so near to its rim are
cut off by it."""

UPRIGHT_PERSON = 1.7
LONGEST_CAR = 2.9
"""Height over width of a person who stands; width over height of a car seen whole."""


@dataclass(frozen=True)
class KnownThing:
    """Something of known height that stands on the ground.

    ``foot`` (its row) and ``tall`` are shares of the picture's height; ``metres`` is its height,
    ``spread`` how much such things vary as a share of it; ``weight`` in 0..1 is how surely it is
    such a thing and seen whole.
    """

    name: str
    foot: float
    tall: float
    metres: float
    spread: float
    weight: float


def find_known_things(photo: Image, labels: SceneLabels) -> tuple[KnownThing, ...]:
    """What stands whole on the ground of an RGB photo (H, W, 3) and has a known height."""
    height, width = photo.shape[:2]
    names = tuple(name for name in HEIGHTS if name != "door")
    found = [detect_objects(photo, names, LEAST_SCORE)]
    short = min(height, width)
    offsets = [(0, 0)] if max(height, width) < 1.15 * short else _square_crops(height, width)
    for x, y in offsets:
        part = detect_objects(photo[y : y + short, x : x + short], names, LEAST_SCORE)
        found.append({name: boxes + np.array([x, y, x, y, 0]) for name, boxes in part.items()})
    bearing = labels.mask("ground", "stairs")
    things: list[KnownThing] = []
    for name in names:
        boxes = np.concatenate([part[name] for part in found])
        for box in suppress_overlaps(boxes):
            thing = _standing(name, box[:4], float(box[4]), bearing)
            if thing is not None:
                things.append(thing)
    return (*things, *_doors(labels, bearing))


def _square_crops(height: int, width: int) -> list[tuple[int, int]]:
    """The corners x, y of two squares that cover a picture from end to end."""
    return [(0, 0), (max(0, width - height), max(0, height - width))]


def _standing(name: str, box: np.ndarray, score: float, bearing: np.ndarray) -> KnownThing | None:
    height, width = bearing.shape
    x0, y0, x1, y1 = (float(value) for value in box)
    tall, broad, rim = y1 - y0, x1 - x0, EDGE * height
    if tall < LEAST_HEIGHT * height or y0 < rim or y1 > height - rim:
        return None
    if x0 < rim or x1 > width - rim:
        score *= 0.5
    if (name == "person" and tall < UPRIGHT_PERSON * broad) or (
        name == "car" and broad > LONGEST_CAR * tall
    ):
        score *= 0.3
    # A thing whose foot is hidden behind another is taken for a smaller one that stands further.
    middle = slice(int(x0 + broad / 4), max(int(x0 + broad / 4) + 1, int(x1 - broad / 4)))
    below = bearing[int(y1) : int(y1 + max(3.0, 0.08 * tall)), middle]
    score *= 0.25 + 0.75 * float(below.mean() if below.size else 0.0)
    metres, spread = HEIGHTS[name]
    return KnownThing(name, y1 / height, tall / height, metres, spread, score)


def _doors(labels: SceneLabels, bearing: np.ndarray) -> list[KnownThing]:
    """Doors are not among the detector's classes: what the labels call one, if shaped like it."""
    mask = cv2.morphologyEx(
        labels.mask("door").astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)
    )
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    doors = []
    for x, y, broad, tall, area in stats[1:count].tolist():
        if 1.6 <= tall / max(broad, 1) <= 3.6 and area > 0.75 * tall * broad:
            box = np.array([x, y, x + broad, y + tall], float)
            thing = _standing("door", box, 0.6, bearing)
            if thing is not None:
                doors.append(thing)
    return doors
