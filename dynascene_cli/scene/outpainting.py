"""From a photo and its geometry to a Scene: what was not photographed is painted in, once."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.scene.depth_layers import depth_layers
from dynascene_cli.scene.inpainting import Filling, fill
from dynascene_cli.scene.popup import PopUp
from dynascene_cli.scene.popup_layers import popup_layers
from dynascene_cli.scene.relief import relief_depth
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.scene.surfaces import photo_surfaces, scene_popup
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
    `depth.aligned_depth`), without which the photo is a pop-up where its labels are understood, and
    the cyclorama elsewhere. The same seed gives the same bytes; without margins or people the front
    layer's image is the photo itself.

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
    popup = None if depth is not None else _popup(photo, guess, filling, frame, remove)
    warnings: tuple[str, ...] = ()
    layers: tuple[Layer, ...]
    if popup is not None:
        layers = popup_layers(filling, popup, margins, seed=seed)
    elif depth is None:
        layers = (Layer(filling.image, relief),)
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


def _popup(
    photo: Image,
    guess: GeometryGuess,
    filling: Filling,
    frame: tuple[slice, slice],
    remove: Mask | None,
) -> PopUp | None:
    """The pop-up of a photo, what was removed being what it was painted over with."""
    if remove is None or guess.labels is None:
        return scene_popup(photo, guess)
    surfaces = photo_surfaces(photo, guess)
    rows = filling.rows[frame] - frame[0].start
    cols = filling.cols[frame] - frame[1].start
    height, width = surfaces.shape
    painted = surfaces[np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)]
    painted = np.where(remove, cv2.medianBlur(painted, 9), painted)
    return scene_popup(np.ascontiguousarray(filling.image[frame]), guess, painted)


def _with_fringe(mask: Mask) -> Mask:
    radius = max(2, round(FRINGE * mask.shape[1]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)
