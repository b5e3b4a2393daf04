"""From a photo and its geometry to a Scene: what was not photographed is painted in, once."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.scene.depth_layers import depth_layers
from dynascene_cli.scene.filling import fill
from dynascene_cli.scene.geometry_guess import GeometryGuess
from dynascene_cli.scene.relief import relief_depth
from dynascene_cli.shot import Image, Layer, Margins, Scene

Mask = NDArray[np.bool_]

FRINGE = 0.004
"""Around a person to remove, so much of the photo's width goes with them."""


def build_scene(
    photo: Image,
    guess: GeometryGuess,
    margins: Margins,
    *,
    remove: Mask | None = None,
    depth: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Scene:
    """The Scene of a frame-filling photo (H, W, 3) on a canvas with margins.

    ``remove`` (H, W) are people to paint over; ``depth`` is a depth map of any size and unit (see
    `depth.aligned_depth`), without which the relief is the cyclorama. The same seed gives the same
    bytes; without margins, people or depth the layer's image is the photo itself.

    Raises:
        InputError: the photo, mask or depth map does not fit the geometry.
    """
    geometry = guess.geometry
    if photo.shape != (geometry.height, geometry.width, 3):
        raise InputError(
            f"the photo is {photo.shape[1]}x{photo.shape[0]}",
            f"its geometry was guessed at {geometry.width}x{geometry.height}",
        )
    sides = ((margins.top, margins.bottom), (margins.left, margins.right))
    hole = np.pad(np.zeros(photo.shape[:2], np.bool_), sides, constant_values=True)
    frame = (
        slice(margins.top, margins.top + geometry.height),
        slice(margins.left, margins.left + geometry.width),
    )
    if remove is not None:
        hole[frame] = _with_fringe(remove)
    canvas_sky = np.pad(guess.sky, sides)
    filling = fill(
        np.pad(photo, (*sides, (0, 0))),
        hole,
        slope=-float(np.tan(np.radians(geometry.roll_deg))),
        sky=canvas_sky if guess.sky.any() else None,
        seed=seed,
    )
    sky = canvas_sky[filling.rows, filling.cols]
    if hole.any():
        sky = cv2.medianBlur(sky.astype(np.uint8), 9) > 0
    relief = relief_depth(guess, margins, sky=sky)
    if depth is None:
        layers: tuple[Layer, ...] = (Layer(filling.image, relief),)
        warnings: tuple[str, ...] = ()
    else:
        layers, warnings = depth_layers(
            filling.image, relief, depth, guess, margins, removed=hole[frame], seed=seed
        )
    near = layers[0].depth[frame]
    solid = near[~guess.sky]
    return Scene(
        photo=np.ascontiguousarray(filling.image[frame]),
        geometry=geometry,
        margins=margins,
        layers=layers,
        median_depth=float(np.median(solid if solid.size else near)),
        warnings=(*geometry.warnings, *warnings),
    )


def _with_fringe(mask: Mask) -> Mask:
    radius = max(2, round(FRINGE * mask.shape[1]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)
