"""The relief of a photo without a depth map: a continuous cyclorama.

The ground rises smoothly into a backdrop whose distance follows where the ground ends in each
column, and the sky recedes behind it. Nothing is cut, so nothing is ever disoccluded. Defined for
every pixel of the infinite image plane, so that a canvas of any margins continues it.
"""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Margins, Mask

Depth = NDArray[np.float32]
Pixels = NDArray[np.floating[Any]]

NEAREST_BACKDROP, FARTHEST_BACKDROP, SKY, CARD = 2.2, 40.0, 400.0, 8.0
"""Distances in camera heights."""

COVE = 0.15
"""How wide the ground is rounded into the backdrop, as a share of the backdrop's inverse depth."""

SKY_RAMP = 0.10
"""The sky reaches its full depth so far from its edge, as a share of the frame's height."""

PROFILE_WIDTH = 320

PLANE_BESIDE, PLANE_BEHIND = 0.25, 0.7
"""The ground is a plane this far beside a person, in frame widths, and up to where it lies this
share as far below the horizon as their feet."""


def relief_depth(
    guess: GeometryGuess,
    margins: Margins = Margins(),
    *,
    sky: Mask | None = None,
    step: int = 1,
) -> Depth:
    """The z-depth in metres of every ``step``-th pixel, from the first, of a canvas.

    The canvas exceeds the frame by ``margins``; ``sky`` is its sky mask, by default the frame's,
    continued sideways and upwards.
    """
    geometry = guess.geometry
    height = geometry.height + margins.top + margins.bottom
    width = geometry.width + margins.left + margins.right
    camera_height = geometry.camera_height
    x = np.arange(0, width, step) + 0.5 - margins.left - geometry.middle
    y = (np.arange(0, height, step) + 0.5 - margins.top - geometry.horizon)[:, None]
    if geometry.is_card:
        return np.full((y.size, x.size), CARD * camera_height, np.float32)
    level, inverse = _level_and_inverse(guess, x, y)
    if sky is None:
        sides = margins.sides
        sky = np.pad(guess.sky, sides, "edge")
    sky = sky[::step, ::step] & (level < 0)
    if sky.any():
        distance = cv2.distanceTransform(sky.astype(np.uint8), cv2.DIST_L2, 5) * step
        share = np.clip(distance / (SKY_RAMP * geometry.height), 0, 1)
        share = share * share * (3 - 2 * share)
        share = cv2.GaussianBlur(share, (0, 0), max(0.5, 0.008 * geometry.width / step))
        inverse = inverse * (1 - share) + share / np.float32(SKY * camera_height)
    return np.asarray(1 / inverse, np.float32)


def relief_depth_at(guess: GeometryGuess, pixels: Floats) -> Depth:
    """The z-depth in metres of the relief (N,) at pixels (N, 2) x, y on the ground: of no sky."""
    geometry = guess.geometry
    if geometry.is_card:
        return np.full(len(pixels), CARD * geometry.camera_height, np.float32)
    x, y = (np.floor(pixels) + 0.5 - [geometry.middle, geometry.horizon]).T
    return np.asarray(1 / _level_and_inverse(guess, x, y)[1], np.float32)


def _level_and_inverse(guess: GeometryGuess, x: Pixels, y: Pixels) -> tuple[Depth, Depth]:
    """How far below the horizon points are, and their inverse depth without regard to sky.

    ``x`` and ``y`` are pixels right of the frame's middle and below its horizon.
    """
    geometry = guess.geometry
    angle = np.radians(geometry.roll_deg)
    level = (np.cos(angle) * y + np.sin(angle) * x).astype(np.float32)
    column = (np.cos(angle) * x - np.sin(angle) * y).astype(np.float32)
    ground = np.maximum(level, 0) / np.float32(geometry.camera_height * geometry.focal)
    backdrop = np.interp(column, *_backdrop(guess)).astype(np.float32)
    return level, _smooth_maximum(ground, backdrop, COVE * backdrop)


def add_ground_around(guess: GeometryGuess, points: Floats) -> GeometryGuess:
    """The guess with ground around pixels (N, 2) of the frame that are known to lie on it.

    A backdrop nearer than a person who stands there would move by more than their feet: around
    each point the relief is the ground's plane. Without such points, the very same guess.
    """
    geometry = guess.geometry
    angle = np.radians(geometry.roll_deg)
    x = np.arange(geometry.width) + 0.5 - geometry.middle
    y = (np.arange(geometry.height) + 0.5 - geometry.horizon)[:, None]
    level = np.cos(angle) * y + np.sin(angle) * x
    column = np.cos(angle) * x - np.sin(angle) * y
    known = np.zeros(level.shape, bool)
    for across, down in points - [geometry.middle, geometry.horizon]:
        below = np.cos(angle) * down + np.sin(angle) * across
        aside = column - (np.cos(angle) * across - np.sin(angle) * down)
        if below > 0:
            near = np.abs(aside) < PLANE_BESIDE * geometry.width
            known |= near & (level > PLANE_BEHIND * below)
    if not (known & ~guess.ground).any():
        return guess
    return replace(guess, ground=guess.ground | known)


def _smooth_maximum(
    a: NDArray[np.float32], b: NDArray[np.float32], width: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The greater of two, rounded by a parabola where they differ by less than ``width``."""
    overlap = np.maximum(width - np.abs(a - b), 0)
    return np.maximum(a, b) + overlap * overlap / (4 * width)


def _low_percentile(values: Floats) -> Floats:
    """The 35th percentile of each value's neighbourhood, a fifth of the row wide."""
    side = PROFILE_WIDTH // 5
    padded = np.pad(values, (side // 2, side - side // 2 - 1), "edge")
    rank = int(0.35 * side)
    windows = np.lib.stride_tricks.sliding_window_view(padded, side)
    return np.asarray(np.partition(windows, rank, axis=1)[:, rank])


def _backdrop(guess: GeometryGuess) -> tuple[Floats, Floats]:
    """Levelled columns, in pixels from the middle, and the backdrop's inverse depth (1/m) there."""
    geometry = guess.geometry
    scale = PROFILE_WIDTH / geometry.width
    rows = max(8, round(geometry.height * scale))
    angle = np.radians(geometry.roll_deg)
    c, s = np.cos(angle), np.sin(angle)
    centre = np.array([geometry.middle, geometry.horizon])
    # Index coordinates of the small levelled mask to those of the frame: centres lie at +0.5.
    turn = np.array([[c, s], [-s, c]])
    shift = turn @ (np.full(2, 0.5 / scale) - centre) + centre - 0.5
    levelled = cv2.warpAffine(
        guess.ground.astype(np.uint8),
        np.column_stack([turn / scale, shift]),
        (PROFILE_WIDTH, rows),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    top = np.where(levelled.any(axis=0), levelled.argmax(axis=0), rows - 1)
    below = np.maximum((top + 0.5) / scale - geometry.horizon, 1.0)
    inverse = below / (geometry.camera_height * geometry.focal)
    inverse = _low_percentile(inverse)
    smooth = cv2.GaussianBlur(
        inverse[None].astype(np.float32),
        (0, 0),
        PROFILE_WIDTH / 12,
        borderType=cv2.BORDER_REPLICATE,
    )[0]
    nearest = 1 / (NEAREST_BACKDROP * geometry.camera_height)
    farthest = 1 / (FARTHEST_BACKDROP * geometry.camera_height)
    columns = (np.arange(PROFILE_WIDTH, dtype=float) + 0.5) / scale - geometry.middle
    return columns, np.asarray(np.clip(smooth, farthest, nearest), float)
