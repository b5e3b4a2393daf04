"""Where the sun stood over a photo, from the shadows of those who stand in it.

A person or a post and the dark patch of ground that begins at their feet give the sun's direction
by its length and bearing on the ground plane (after Lalonde, Efros and Narasimhan 2009,
*Estimating natural illumination from a single outdoor image*, in its simplest part).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.popup import level_grid
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Image, Mask, Sunlight

CASTING = ("person", "pole", "streetlight", "traffic_light", "signboard", "animal", "bicycle")

MOST_DARKNESS = 0.8
"""The greatest share of light that a shadow takes: the sky lights it."""

AROUND = 8
"""Shadows are darker than the ground within so many parts of the photo's width around them."""

DEEP = 0.7
"""Stops by which they are."""

LEAST_SHADE, MOST_SHADE = 0.002, 0.5
"""Shares of the ground that lie in shadow where the sun shines."""

LEAST_LENGTH = 0.25
"""A shorter shadow, in heights of who throws it, has no direction."""

LEAST_THROWS = 3
"""So many shadows must show the sun: a wrong one spoils a shot more than none does."""

AGREEMENT = 0.9
"""The mean of the shadows' directions, as unit vectors, is at least so long."""

NARROW = 2.0
"""A shadow is so many times longer than it is wide."""


@dataclass(frozen=True, eq=False)
class _Shade:
    """The dark part of the ground (H, W), and the share of light that is missing there."""

    mask: Mask
    darkness: float


def photo_sunlight(photo: Image, guess: GeometryGuess) -> Sunlight | None:
    """The sun that a photo (H, W, 3) shows; None where its shadows do not agree on one."""
    if guess.labels is None or guess.geometry.interior:
        return None
    shade = _shade(photo, guess)
    if shade is None:
        return None
    throws = [
        throw for name in CASTING for throw in _throws(guess.labels.mask(name), shade.mask, guess)
    ]
    if not throws:
        return None
    bearings = np.array([throw[:2] / np.linalg.norm(throw[:2]) for throw in throws])
    weights = np.array([throw[3] for throw in throws])
    mean = (bearings * weights[:, None]).sum(axis=0) / weights.sum()
    if len(throws) < LEAST_THROWS or np.linalg.norm(mean) < AGREEMENT:
        return None
    slopes = [throw[2] / np.linalg.norm(throw[:2]) for throw in throws]
    return Sunlight(
        azimuth_deg=float(np.degrees(np.arctan2(-mean[0], -mean[1])) % 360),
        elevation_deg=float(np.clip(np.degrees(np.arctan(np.median(slopes))), 8, 80)),
        darkness=shade.darkness,
    )


def match_shadow_darkness(sun: Sunlight, photo: Image, guess: GeometryGuess) -> Sunlight:
    """The sun with shadows as dark as those in the photo, where it shows any."""
    shade = _shade(photo, guess)
    return sun if shade is None else replace(sun, darkness=shade.darkness)


def _shade(photo: Image, guess: GeometryGuess) -> _Shade | None:
    """The shadows on the ground: what is much darker than the ground around it."""
    ground = guess.ground
    if guess.labels is not None:
        ground = ground & ~guess.labels.mask("water")
    if np.count_nonzero(ground) < 1000:
        return None
    light = (cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) / np.float32(255)) ** 2.2
    soft = cv2.GaussianBlur(light, (0, 0), max(1.0, photo.shape[1] / 960))
    stops = np.log2(np.maximum(soft, 1 / 512))
    side = 2 * (photo.shape[1] // AROUND) + 1
    share = cv2.blur(ground.astype(np.float32), (side, side))
    usual = cv2.blur(stops * ground, (side, side)) / np.maximum(share, 1e-3)
    below = stops - usual
    mask = ground & (below < -DEEP)
    if not LEAST_SHADE < np.count_nonzero(mask) / np.count_nonzero(ground) < MOST_SHADE:
        return None
    darkness = 1 - 2.0 ** float(np.median(below[mask]))
    return _Shade(mask, min(darkness, MOST_DARKNESS))


def _throws(things: Mask, shade: Mask, guess: GeometryGuess) -> list[Floats]:
    """What each thing throws: the shadow's end from its foot (x, z), its height, and a weight.

    Metres, with the guessed height of the camera.
    """
    geometry = guess.geometry
    column, level = level_grid(geometry)
    per_row = 1 / (geometry.camera_height * geometry.focal)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(things.astype(np.uint8))
    _, patches = cv2.connectedComponents(shade.astype(np.uint8))
    found = []
    for part in range(1, count):
        left, top, wide, tall, area = stats[part]
        foot_row = top + tall - 1
        if tall < 0.05 * geometry.height or foot_row + 2 >= geometry.height or wide > tall:
            continue
        feet = np.flatnonzero(parts[foot_row - tall // 20 : foot_row + 1].max(axis=0) == part)
        if feet.size == 0:
            continue
        foot = foot_row, int(np.median(feet))
        if level[foot] < 2:
            continue
        reach = max(3, tall // 12)
        around = np.s_[foot_row - reach : foot_row + reach + 1, left : left + wide]
        touching = np.unique(patches[around])
        own = np.isin(patches, touching[touching > 0]) & (level > 1)
        depth = 1 / (level[own] * per_row)
        ground = np.column_stack([column[own] * depth / geometry.focal, depth])
        start = np.array([column[foot] / geometry.focal, 1.0]) / (level[foot] * per_row)
        height = float((level[foot] - level[top, foot[1]]) / level[foot] * geometry.camera_height)
        offsets = ground - start
        near = np.linalg.norm(offsets, axis=1) < 5 * height
        if np.count_nonzero(near) < 20:
            continue
        # Pixels far away stand for more ground than those nearby.
        weights = depth[near] ** 3
        middle = (offsets[near] * weights[:, None]).sum(axis=0) / weights.sum()
        spread = (offsets[near] - middle).T @ ((offsets[near] - middle) * weights[:, None])
        small, large = np.linalg.eigvalsh(spread / weights.sum())
        length = 2 * float(np.linalg.norm(middle))
        if length < LEAST_LENGTH * height or large < NARROW**2 * small:
            continue
        found.append(np.array([*(2 * middle), height, float(area)]))
    return found
