"""A pop-up in the scene: its cards cut at their outlines, and what is behind them filled in."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.numerics.morphology import disc
from dynascene_cli.scene.inpainting import Filling, fill
from dynascene_cli.scene.nearest_pixel import nearest_pixels
from dynascene_cli.scene.popup import Field, Indices, PopUp, Surface, level_grid
from dynascene_cli.shot import Layer, Margins, Mask

GROUND, SKY = 0, 1
"""The pop-up's first two planes."""

CUT = 1.03
"""Planes whose depths differ in a greater ratio are cut from each other."""

BEHIND = 0.12
"""How far behind the outlines of cards the back is filled, as a share of the frame's width."""

BLENDED = 0.0015
"""So far beyond a card's outline the photo mixes its colours with what is behind, likewise."""

FRINGE = 0.004
"""How far a card's colours may reach beyond its outline, likewise."""

STEADY = 9
"""Planned samples within which one plane must lie before its stretching is judged."""

SQUEEZE = 4
"""What is behind a card is looked for so many times farther aside than above and below."""


def popup_layers(
    filling: Filling, popup: PopUp, margins: Margins, *, seed: int = 0
) -> tuple[Layer, Layer]:
    """The canvas as a layer of cut cards and a filled layer behind it.

    ``filling`` is the canvas whose margins were painted in: what they show is what they were
    copied from.
    """
    front, behind, hole = _cut_cards(filling, popup, margins)
    if not hole.any():
        return front, Layer(front.image, front.depth)
    back = fill(
        filling.image,
        hole,
        slope=-float(np.tan(np.radians(popup.geometry.roll_deg))),
        kinds=popup.shown[behind],
        seed=seed,
    )
    return front, Layer(back.image, np.asarray(1 / popup.inverse_depth(behind, margins)))


def _cut_cards(filling: Filling, popup: PopUp, margins: Margins) -> tuple[Layer, Indices, Mask]:
    """The layer of cut cards, the planes (h, w) behind them, and where those are to be painted."""
    geometry = popup.geometry
    index = canvas_planes(popup, margins, filling.rows, filling.cols)
    inverse = popup.inverse_depth(index, margins)
    for _ in range(max(1, round(BLENDED * geometry.width))):
        index = _grow_cards(index, inverse)
        inverse = popup.inverse_depth(index, margins)
    front = Layer(
        filling.image, np.asarray(1 / inverse, np.float32), cards=popup.cards(index, margins)
    )
    near, far = _sides_of_cuts(inverse)
    if not near.any():
        return front, index, near
    behind = _planes_behind(popup, index, inverse, near, far, margins)
    radius = max(2, round(FRINGE * geometry.width))
    hidden = (behind != index).astype(np.uint8)
    return front, behind, np.asarray(cv2.dilate(hidden, disc(radius)) > 0)


def canvas_planes(popup: PopUp, margins: Margins, rows: Indices, cols: Indices) -> Indices:
    """The plane (h, w) of each pixel of a canvas that was painted with (rows, cols) of itself.

    What is painted in as ground or sky lies there; what is upright continues the nearest card.
    """
    height, width = popup.index.shape
    sides = margins.sides
    inside = np.pad(np.ones((height, width), np.bool_), sides)
    surfaces = np.pad(popup.surfaces, sides)[rows, cols]
    if not inside.all():
        surfaces = np.where(inside, surfaces, cv2.medianBlur(surfaces, 9))
    index = np.pad(popup.index, sides)
    return continue_planes(popup, index, surfaces, inside, margins)


@dataclass(frozen=True, eq=False)
class PlannedPopUp:
    """A pop-up on a canvas that is not painted yet, at every few pixels of it.

    ``depths`` (h, w) are its z-depths in metres for margins that continue the photo's edges, that
    are upright, and that are sky; ``steady`` (h, w) is true well inside a card.
    """

    depths: tuple[Field, ...]
    steady: Mask


def plan_popup(popup: PopUp, margins: Margins, step: int) -> PlannedPopUp:
    """What a pop-up may be on a canvas with margins, of every ``step``-th pixel."""
    height, width = popup.index.shape
    rows = np.arange(0, height + margins.top + margins.bottom, step) - margins.top
    columns = np.arange(0, width + margins.left + margins.right, step) - margins.left
    inside = ((rows >= 0) & (rows < height))[:, None] & (columns >= 0) & (columns < width)
    at = np.ix_(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))
    index, surfaces = popup.index[at], popup.surfaces[at]
    depths = []
    for painted in (surfaces, np.full_like(surfaces, Surface.OTHER), np.full_like(surfaces, SKY)):
        planes = continue_planes(popup, index, painted, inside, margins, step)
        depths.append(np.asarray(1 / popup.inverse_depth(planes, margins, step), np.float32))
    labels = index.astype(np.float32)
    window = np.ones((STEADY, STEADY), np.uint8)
    steady = (cv2.dilate(labels, window) == cv2.erode(labels, window)) & (index > SKY) & inside
    return PlannedPopUp(tuple(depths), np.asarray(steady))


def continue_planes(
    popup: PopUp,
    index: Indices,
    surfaces: NDArray[np.uint8],
    inside: Mask,
    margins: Margins,
    step: int = 1,
) -> Indices:
    """The planes (h, w) of a canvas that shows ``surfaces``: the photo's own where ``inside``."""
    outside = ~inside
    if not outside.any():
        return index
    column, level = level_grid(popup.geometry, margins, step)
    planes = popup.planes.astype(np.float32)
    upright = inside & (index > SKY)
    continued = np.full(index.shape, SKY, np.int32)
    if upright.any():
        continued = index.ravel()[nearest_pixels(upright)]
    continued[(surfaces == Surface.SKY) & (level < 0)] = SKY
    a, b, c = (planes[continued, k] for k in range(3))
    ground = planes[GROUND, 2] * level
    on_ground = (surfaces == Surface.GROUND) | (ground > a + b * column + c * level)
    continued[on_ground & (level > 0.5)] = GROUND
    return np.where(inside, index, continued).astype(np.int32)


def _grow_cards(index: Indices, inverse: Field) -> Indices:
    """The planes (h, w), each card a pixel larger over what is cut from it and lies behind."""
    grown, nearest_depth = index.copy(), inverse * CUT
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = np.roll(inverse, (down, right), axis=(0, 1))
        taken = beside > nearest_depth
        grown[taken] = np.roll(index, (down, right), axis=(0, 1))[taken]
        nearest_depth = np.where(taken, beside, nearest_depth)
    return grown


def _sides_of_cuts(inverse: Field) -> tuple[Mask, Mask]:
    """The pixels beside a jump of depth, on its nearer and on its farther side."""
    window = np.ones((3, 3), np.uint8)
    high, low = cv2.dilate(inverse, window), cv2.erode(inverse, window)
    jump = high > CUT * low
    middle = np.sqrt(high * low)
    return np.asarray(jump & (inverse > middle)), np.asarray(jump & (inverse <= middle))


def _planes_behind(
    popup: PopUp, index: Indices, inverse: Field, near: Mask, far: Mask, margins: Margins
) -> Indices:
    """The plane (h, w) seen where a pixel's card moves away; its own if that is deep inside.

    It is that of the nearest pixel beyond a cut, the ground below where that stands, and never
    nearer than the card itself.
    """
    _, level = level_grid(popup.geometry, margins)
    reach = BEHIND * popup.geometry.width
    close = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 5) < reach
    behind = index.copy()
    ground = np.maximum(level, 0) * np.float32(popup.planes[GROUND, 2])
    for part, allowed in ((level > 0, far & (index != SKY)), (level <= 0, far & (index != GROUND))):
        if not allowed.any():
            continue
        candidate = _squeeze_nearest(allowed, index)
        depth = popup.inverse_depth(candidate, margins)
        standing = ground > depth
        candidate = np.where(standing & part, GROUND, candidate)
        depth = np.maximum(depth, ground)
        taken = part & close & (depth * CUT < inverse)
        behind[taken] = candidate[taken]
    return behind


def _squeeze_nearest(allowed: Mask, index: Indices) -> Indices:
    """The index (h, w) at the allowed pixel that is nearest, distances aside counting less."""
    height, width = allowed.shape
    small = -(-width // SQUEEZE)
    padded = np.pad(allowed, ((0, 0), (0, small * SQUEEZE - width)))
    cells = padded.reshape(height, small, SQUEEZE)
    found = nearest_pixels(np.asarray(cells.any(axis=2)))
    inner = cells.argmax(axis=2)
    y, x = np.unravel_index(found, (height, small))
    columns = np.minimum(x * SQUEEZE + inner[y, x], width - 1)
    return np.repeat(index[y, columns], SQUEEZE, axis=1)[:, :width]
