"""Where in a photo somebody could stand: ground that nothing else stands or flows on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.numerics.morphology import disc
from dynascene_cli.scene.ade20k import KINDS, NAMES
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Image, Mask

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

SURELY_DRY = 0.7
"""Beside water, sand of which the network is less sure may be a part of it."""

SURELY_GROUND, LIKELY_GROUND = 0.65, 0.5
"""The network is at least so sure, in the mean, of every whole piece of ground, and of one that
merely is likely to be some."""

SURELY_ASHORE, WASHED_ROUND = 0.9, 0.7
"""A piece of which it is so sure is likely to be ground even without a visible shore, unless water
or what may be some lies along so much of its border: a stretch of sea is called sand with as little
doubt."""

SHORE = 0.1
"""Of a piece's border: along so much water it has a shore, which can be seen."""

SHORE_WIDTH, SHORE_STEP = 0.03, 9.0
"""How wide a strip on either side of a shore is looked at, as a share of the picture's height, and
the least difference of their colours, in 8-bit Lab levels."""

PLAIN_WORDS = {
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


def free_ground(photo: Image, guess: GeometryGuess, *, sure: bool = True) -> Mask | None:
    """Where (H, W) an RGB photo bears feet; None where its labels are not to be relied on.

    Unless it has to be ``sure``, also where it is merely likely to.
    """
    labels = guess.labels
    if labels is None or not labels.understood:
        return None
    shallow = _like_water(photo, labels)
    ground = guess.ground & ~labels.mask("water", "plant") & ~shallow
    side = max(3, round(SPECK * len(ground)))
    speck = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(ground.astype(np.uint8), cv2.MORPH_CLOSE, speck)
    closed[labels.mask("water", "vehicle", "person", "furniture") | guess.sky] = 0
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, speck)
    return _pieces_of_ground(photo, np.asarray(opened, np.uint8), labels, shallow, sure=sure)


def _like_water(photo: Image, labels: SceneLabels) -> Mask:
    """Sand and earth (H, W) that may be water: shallows and waves are taken for them.

    They have its colour, or the network wavers between the two.
    """
    water = labels.mask("water")
    if water.mean() < LEAST_WATER:
        return np.zeros(water.shape, np.bool_)
    colour = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)[..., 1:].astype(np.float32)
    side = max(3, round(SPECK * len(water)))
    colour = np.asarray(cv2.blur(colour, (side, side)), np.float32)
    spread = np.maximum(colour[water].std(axis=0), LEAST_SPREAD)
    distance = np.linalg.norm((colour - colour[water].mean(axis=0)) / spread, axis=-1)
    sure = cv2.resize(labels.certainty, water.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(labels.mask(*LIKE_WATER) & ((distance < ALIKE) | (sure < SURELY_DRY)))


def _pieces_of_ground(
    photo: Image, ground: NDArray[np.uint8], labels: SceneLabels, shallow: Mask, *, sure: bool
) -> Mask:
    """The pieces of the ground of which the network is sure, and which are none of the water.

    A piece of it lies in water, or is small and lies in shallows, or has no visible shore.
    """
    water = labels.mask("water")
    count, parts = cv2.connectedComponents(ground)
    near_water, near_any = (
        cv2.dilate(wet.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for wet in (water, water | shallow)
    )
    colour = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.float32)
    certainty = cv2.resize(labels.certainty, water.shape[::-1], interpolation=cv2.INTER_LINEAR)
    least = SURELY_GROUND if sure else LIKELY_GROUND
    free = np.zeros(ground.shape, np.bool_)
    for part in range(1, count):
        inside = parts == part
        mask = inside.astype(np.uint8)
        # The picture's edge is a border too: a strip of beach along it is no island.
        border = cv2.dilate(np.pad(mask, 1), np.ones((3, 3), np.uint8)) > np.pad(mask, 1)
        length = max(1, int(border.sum()))
        along_water, along_any = (
            (near & border[1:-1, 1:-1]).sum() / length for near in (near_water, near_any)
        )
        near = along_any if mask.mean() < SMALL_PIECE else along_water
        surrounded, ashore = near >= BESIDE_WATER, along_any >= SHORE
        certain = certainty[inside].mean()
        if surrounded or certain < least:
            continue
        dry = not sure and certain >= SURELY_ASHORE and along_any < WASHED_ROUND
        if not ashore or dry or _shore_step(colour, inside, water | shallow) >= SHORE_STEP:
            free |= inside
    return free


def _shore_step(colour: NDArray[np.float32], dry: Mask, wet: Mask) -> float:
    """How far apart in Lab the colours (H, W, 3) on the two sides of a shore are."""
    reach = disc(max(2, round(SHORE_WIDTH * len(dry))))
    strips = [
        one & (cv2.dilate(other.astype(np.uint8), reach) > 0)
        for one, other in ((dry, wet), (wet, dry))
    ]
    if not all(strip.any() for strip in strips):
        return float("inf")
    inner, outer = (np.median(colour[strip], axis=0) for strip in strips)
    return float(np.linalg.norm(inner - outer))


def plain_name(labels: SceneLabels, x: int, y: int) -> str:
    """What the photo shows at a pixel of the ground, in words for people.

    What is named sky or ceiling there is neither.
    """
    name = NAMES[labels.classes[y, x]]
    if name in LIKE_WATER and float(labels.mask("water").mean()) >= LEAST_WATER:
        return "shallow water or its edge"
    kind = next(kind for kind, names in KINDS.items() if name in names.split())
    if kind in ("sky", "ceiling"):
        return PLAIN_WORDS["other"]
    return PLAIN_WORDS.get(kind, f"a narrow piece of {name.replace('_', ' ')}")
