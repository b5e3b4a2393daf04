"""People who already stand in a photo: by pixels, one by one, and their shadows."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image, Mask

LEAST_HEIGHT = 0.025
"""Smaller people, as a share of the picture's height, are specks that nobody minds."""

SHADOW = 0.8
"""A shadow is darker than so many times the ground around it."""

SHADOW_REACH = 1.2
"""How far beside a person their shadow is looked for, in their heights."""


@dataclass(frozen=True, eq=False)
class Bystander:
    """Somebody, or a group that cannot be told apart, in a photo.

    ``mask`` (H, W) are their pixels and ``shadow`` (H, W) those of the shadow at their feet;
    ``box`` is x0, y0, x1, y1 of the pixels.
    """

    mask: Mask
    shadow: Mask
    box: tuple[int, int, int, int]


def bystanders(photo: Image, people: Mask, ground: Mask) -> tuple[Bystander, ...]:
    """Who stands in an RGB photo (H, W), from all people's pixels and the ground's, both (H, W)."""
    joined = cv2.morphologyEx(people.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(joined)
    lightness = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)[..., 0], np.float32)
    found = []
    for part in range(1, count):
        x, y, width, height, _ = stats[part].tolist()
        if height < LEAST_HEIGHT * len(people):
            continue
        mask = parts == part
        box = (x, y, x + width, y + height)
        found.append(Bystander(mask, _shadow(lightness, mask, ground, box), box))
    return tuple(found)


def _shadow(
    lightness: NDArray[np.float32], mask: Mask, ground: Mask, box: tuple[int, int, int, int]
) -> Mask:
    """What of the ground around somebody's feet is darker than the rest of it, and joins them."""
    x0, y0, x1, y1 = box
    tall = y1 - y0
    reach = round(SHADOW_REACH * tall)
    rows = slice(max(0, y1 - tall // 3), min(len(mask), y1 + tall // 3))
    columns = slice(max(0, x0 - reach), min(mask.shape[1], x1 + reach))
    shadow = np.zeros_like(mask)
    around = ground[rows, columns] & ~mask[rows, columns]
    if around.sum() < 20:
        return shadow
    light = lightness[rows, columns]
    dark = around & (light < SHADOW * np.median(light[around]))
    opened = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    feet = cv2.dilate(mask[rows, columns].astype(np.uint8), np.ones((9, 9), np.uint8))
    _, parts = cv2.connectedComponents(opened)
    touching = np.unique(parts[(feet > 0) & (parts > 0)])
    shadow[rows, columns] = np.isin(parts, touching[touching > 0])
    return shadow
