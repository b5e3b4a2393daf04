"""Where in a photo somebody could stand: ground that nothing else stands or flows on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.scene.ade20k import KINDS, NAMES
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Image

Mask = NDArray[np.bool_]

SPECK = 0.02
"""Patches of ground narrower than this share of the picture's height are none."""

BESIDE_WATER = 0.5
"""Ground with so much of its border along water is a wave or a reflection."""

SMALL_PIECE = 0.02
"""Of the picture's area."""

LIKE_WATER = ("sand", "earth", "field", "land", "path", "dirt_track")
LEAST_WATER = 0.03
ALIKE, LEAST_SPREAD = 2.0, 2.0
"""Colours within so many of the water's standard deviations (at least 2 Lab levels) are alike."""

PLAIN_WORDS = {
    "sky": "the sky",
    "ceiling": "the ceiling",
    "slope": "a rock or a mountain",
    "water": "water",
    "stairs": "stairs",
    "plant": "plants",
    "structure": "a wall or another upright thing",
    "vehicle": "a vehicle",
    "person": "somebody",
    "animal": "an animal",
    "furniture": "furniture",
    "other": "what is no known ground",
}


def free_ground(photo: Image, guess: GeometryGuess) -> Mask | None:
    """Where (H, W) an RGB photo bears feet; None where its labels are not to be relied on."""
    labels = guess.labels
    if labels is None or not labels.understood:
        return None
    shallow = _like_water(photo, labels)
    ground = guess.ground & ~labels.mask("water", "plant") & ~shallow
    side = max(3, round(SPECK * len(ground)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(ground.astype(np.uint8), cv2.MORPH_CLOSE, disc)
    closed[labels.mask("water", "vehicle", "person", "furniture", "sky")] = 0
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc)
    return _without_islands(np.asarray(opened, np.uint8), labels.mask("water"), shallow)


def _like_water(photo: Image, labels: SceneLabels) -> Mask:
    """Sand and earth (H, W) that have the water's colour: shallows and waves are taken for them."""
    water = labels.mask("water")
    if water.mean() < LEAST_WATER:
        return np.zeros(water.shape, np.bool_)
    colour = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)[..., 1:].astype(np.float32)
    side = max(3, round(SPECK * len(water)))
    colour = np.asarray(cv2.blur(colour, (side, side)), np.float32)
    spread = np.maximum(colour[water].std(axis=0), LEAST_SPREAD)
    distance = np.linalg.norm((colour - colour[water].mean(axis=0)) / spread, axis=-1)
    return np.asarray(labels.mask(*LIKE_WATER) & (distance < ALIKE))


def _without_islands(ground: NDArray[np.uint8], water: Mask, shallow: Mask) -> Mask:
    """The ground but for what lies in water, and for small pieces that lie in shallows."""
    count, parts = cv2.connectedComponents(ground)
    rim = cv2.dilate(ground, np.ones((3, 3), np.uint8))
    near_water, near_any = (
        cv2.dilate(wet.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for wet in (water, water | shallow)
    )
    free = np.zeros(ground.shape, np.bool_)
    for part in range(1, count):
        mask = (parts == part).astype(np.uint8)
        border = (cv2.dilate(mask, np.ones((3, 3), np.uint8)) > mask) & (rim > 0)
        near = near_any if mask.mean() < SMALL_PIECE else near_water
        if border.sum() == 0 or near[border].mean() < BESIDE_WATER:
            free |= mask > 0
    return free


def plain_name(labels: SceneLabels, x: int, y: int) -> str:
    """What the photo shows at a pixel, in words for people."""
    name = NAMES[labels.classes[y, x]]
    if name in LIKE_WATER and float(labels.mask("water").mean()) >= LEAST_WATER:
        return "shallow water or its edge"
    kind = next(kind for kind, names in KINDS.items() if name in names.split())
    return PLAIN_WORDS.get(kind, f"a narrow piece of {name.replace('_', ' ')}")
