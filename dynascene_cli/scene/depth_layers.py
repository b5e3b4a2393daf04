"""A depth map in the scene: a front layer cut at its edges and a filled one behind it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.numerics.push_pull import push_pull
from dynascene_cli.scene.depth_alignment import align_depth
from dynascene_cli.scene.inpainting import fill
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Image, Layer, Margins, Mask

Field = NDArray[np.float32]

CUT = 1.15
"""Neighbouring depths in a greater ratio belong to different things."""

EDGE_RADIUS = 0.004
"""How soft an edge of a depth map may be, as a share of the frame's width."""

BEHIND = 0.12
"""How far behind the edges of things the back layer is filled, as a share of the frame's width."""

AROUND = 0.25
"""How far in its row a thing's background is looked for, as a share of the frame's width."""

MARGIN_FADE = 0.1
"""How far the depth map's difference from the relief reaches into the margins, likewise."""


def depth_layers(
    image: Image,
    relief: Field,
    depth: NDArray[np.floating],
    guess: GeometryGuess,
    margins: Margins,
    *,
    removed: Mask | None = None,
    seed: int = 0,
) -> tuple[tuple[Layer, Layer], tuple[str, ...]]:
    """The canvas (H, W, 3) as a layer cut at depth edges and a filled layer behind it.

    ``relief`` (H, W) continues the depth map in the margins; where ``removed`` (frame-sized)
    people stood, the depth around them is taken.
    """
    geometry = guess.geometry
    frame = (
        slice(margins.top, margins.top + geometry.height),
        slice(margins.left, margins.left + geometry.width),
    )
    aligned, warning = align_depth(depth, guess)
    inverse = np.asarray(1 / aligned, np.float32)
    if removed is not None:
        inverse = push_pull(inverse, (~removed).astype(np.float32))
    inverse = _sharpen_steps(np.asarray(cv2.medianBlur(inverse, 5), np.float32), guess)
    canvas = _continue_outside(
        inverse, np.asarray(1 / relief, np.float32), frame, MARGIN_FADE * geometry.width
    )
    front = Layer(image, np.asarray(1 / canvas, np.float32), CUT)
    standing = np.zeros(relief.shape, np.bool_)
    standing[frame], near_edges = _foreground(inverse, guess)
    if not standing.any():
        behind = Layer(image, front.depth)
    else:
        from scipy import ndimage

        far = np.minimum(push_pull(canvas, (~standing).astype(np.float32)), canvas)
        distance = ndimage.distance_transform_edt(~np.pad(near_edges, margins.sides))
        hole = standing & (distance < BEHIND * geometry.width)
        slope = -float(np.tan(np.radians(geometry.roll_deg)))
        filled = fill(image, hole, slope=slope, barred=standing, seed=seed).image
        behind = Layer(filled, np.asarray(1 / far, np.float32))
    warnings = () if warning is None else (warning,)
    return (front, behind), warnings


def _foreground(inverse: Field, guess: GeometryGuess) -> tuple[Mask, Mask]:
    """What stands before something else in its row, and the near sides of the depth's edges.

    Rows, because along them the ground has one depth: it never stands before itself.
    """
    from scipy import ndimage  # a fifth of a second that only depth maps need

    low, _, edge = _edges(inverse, guess)
    near_edges = np.asarray(edge & (inverse > low * CUT**0.5))
    window = 2 * round(AROUND * inverse.shape[1]) + 1
    background = ndimage.minimum_filter1d(inverse, window, axis=1, mode="nearest")
    fringe = 2 * max(1, round(EDGE_RADIUS * inverse.shape[1])) + 1
    nearer = (inverse > CUT**0.5 * background).astype(np.uint8)
    wide = np.asarray(cv2.dilate(nearer, np.ones((fringe, fringe), np.uint8)) > 0)
    if not near_edges.any() or wide.all():
        return np.zeros_like(near_edges), near_edges
    return wide, near_edges


def _edges(inverse: Field, guess: GeometryGuess) -> tuple[Field, Field, Mask]:
    """The least and greatest inverse depth around each pixel, and whether they are parted.

    A plane as steep as the ground changes evenly and is no edge, however fast its depth grows.
    """
    radius = max(1, round(EDGE_RADIUS * inverse.shape[1]))
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    low = np.asarray(cv2.erode(inverse, window), np.float32)
    high = np.asarray(cv2.dilate(inverse, window), np.float32)
    geometry = guess.geometry
    even = 2 * (2 * radius + 1) / (geometry.camera_height * geometry.focal)
    return low, high, (high > CUT * low) & (high - low > even)


def _sharpen_steps(inverse: Field, guess: GeometryGuess) -> Field:
    """Soft edges made steps: each pixel of a step takes the nearer of its two sides' depths."""
    low, high, edge = _edges(inverse, guess)
    nearer = np.where(inverse - low > high - inverse, high, low)
    return np.where(edge, nearer, inverse)


def _continue_outside(
    inverse: Field, relief: Field, frame: tuple[slice, slice], fade: float
) -> Field:
    """The frame's inverse depth on the canvas, turning into the relief's outside the frame."""
    outside = np.ones(relief.shape, np.uint8)
    outside[frame] = 0
    if not outside.any():
        return inverse
    ratio = np.zeros(relief.shape, np.float32)
    ratio[frame] = np.log(inverse / relief[frame])
    ratio = push_pull(ratio, 1 - outside.astype(np.float32))
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, 5)
    return np.asarray(relief * np.exp(ratio * np.exp(-distance / fade)), np.float32)
