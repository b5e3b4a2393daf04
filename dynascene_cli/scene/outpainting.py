"""From a photo and its geometry to a Scene: what was not photographed is painted in, once."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.scene.depth_layers import depth_layers
from dynascene_cli.scene.inpainting import Filling, fill
from dynascene_cli.scene.patchmatch import ANY_KIND
from dynascene_cli.scene.popup import PopUp
from dynascene_cli.scene.popup_layers import popup_layers
from dynascene_cli.scene.relief import relief_depth
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.scene.surfaces import photo_surfaces, scene_popup
from dynascene_cli.scene.surroundings import Surroundings
from dynascene_cli.scene.wall_continuation import Continuation, continue_walls
from dynascene_cli.shot import Image, Layer, Margins, Mask, Scene, SceneGeometry

SINGLE_THINGS = (
    "vehicle",
    "person",
    "animal",
    "furniture",
    "tower",
    "skyscraper",
    "signboard",
    "traffic_light",
    "streetlight",
    "sculpture",
)
MOST_BARRED = 0.7
"""Kinds and classes that are not copied past the photo's edges, unless they fill it this far."""

WATER, SHORE, NEITHER = range(3)
EDGE_STRIP, LEAST_KIND = 0.01, 0.01
"""What decides what goes on beside the photo: so much of its width at the edge, where so much of
the photo is water, and so much ground."""

FRINGE = 0.004
"""Around a person to remove, so much of the photo's width goes with them."""


def build_scene(
    photo: Image,
    guess: GeometryGuess,
    margins: Margins,
    *,
    around: Surroundings | None = None,
    remove: Mask | None = None,
    depth: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Scene:
    """The Scene of a frame-filling photo (H, W, 3) on a canvas with margins.

    ``around`` is what the photo shows beyond the frame: margins are painted in only beyond it.
    ``remove`` (H, W) are people to paint over; ``depth`` is a depth map of any size and unit (see
    `align_depth`), without which the photo is a pop-up where its labels are understood, and the
    relief elsewhere. The same seed gives the same bytes; without margins or people the front
    layer's image is the photo itself.

    Raises:
        InputError: the photo, mask or depth map does not fit the geometry.
    """
    geometry = guess.geometry
    _check_size(photo, geometry)
    room, known, known_guess = Margins(), photo, guess
    if around is not None:
        room = around.within(margins)
        known, known_guess = around.widen(photo, guess, room)
    unknown = margins.beyond(room)
    hole = np.pad(np.zeros(known.shape[:2], np.bool_), unknown.sides, constant_values=True)
    frame = _part(margins, photo)
    if remove is not None:
        hole[frame] = add_fringe(remove)
    popup = walls = None
    if depth is None and (remove is None or unknown != Margins()):
        popup = scene_popup(known, known_guess)
    if popup is not None and unknown != Margins():
        walls = _carry_walls_on(popup, known_guess, hole[_part(unknown, known)], unknown)
    filling, sky = _paint_hole(known, known_guess, hole, unknown, walls, seed)
    warnings: tuple[str, ...] = ()
    layers: tuple[Layer, ...]
    if depth is not None:
        relief = relief_depth(guess, margins, sky=sky)
        layers, warnings = depth_layers(
            filling.image, relief, depth, guess, margins, removed=hole[frame], seed=seed
        )
    else:
        if remove is not None:
            removed = np.pad(remove, room.sides)
            popup = _popup_without(known, known_guess, filling, _part(unknown, known), removed)
        if popup is not None:
            layers = popup_layers(filling, popup, unknown, seed=seed)
        else:
            layers = (Layer(filling.image, relief_depth(known_guess, unknown, sky=sky)),)
    near = layers[0].depth[frame]
    return Scene(
        photo=np.ascontiguousarray(filling.image[frame]),
        geometry=geometry,
        margins=margins,
        layers=layers,
        median_depth=float(np.median(near if guess.sky.all() else near[~guess.sky])),
        warnings=(*geometry.warnings, *warnings),
    )


def _check_size(photo: Image, geometry: SceneGeometry) -> None:
    if photo.shape != (geometry.height, geometry.width, 3):
        raise InputError(
            f"the photo is {photo.shape[1]}x{photo.shape[0]}",
            f"its geometry was guessed at {geometry.width}x{geometry.height}",
        )


def _carry_walls_on(
    popup: PopUp, guess: GeometryGuess, removed: Mask, margins: Margins
) -> Continuation:
    """How the photo's walls go on over its margins, without what is removed or single."""
    things = single_things(guess)
    barred = removed if things is None else removed | things
    # Without a sky nothing but walls is painted in above them anyway.
    return continue_walls(popup, margins, barred, above=bool(guess.sky.any()))


def _paint_hole(
    photo: Image,
    guess: GeometryGuess,
    hole: Mask,
    margins: Margins,
    walls: Continuation | None,
    seed: int,
) -> tuple[Filling, Mask]:
    """The canvas (H, W) of a photo with margins, its hole painted in, and where it is sky.

    What ``walls`` go on over is no hole.
    """
    sides = margins.sides
    photo_sky, things = np.pad(guess.sky, sides), single_things(guess)
    canvas = np.pad(photo, (*sides, (0, 0)))
    barred = None if things is None else np.pad(things, sides)
    if walls is not None and walls.mask.any():
        canvas, hole = walls.paint(canvas, photo), hole & ~walls.mask
        barred = walls.mask if barred is None else barred | walls.mask
    # The blurred edge of a roof is no sky to copy: a second roof's would be seen above the photo.
    clear_sky = guess.sky & ~add_fringe(~guess.sky)
    filling = fill(
        canvas,
        hole,
        slope=-float(np.tan(np.radians(guess.geometry.roll_deg))),
        sky=np.pad(clear_sky, sides) if clear_sky.any() else None,
        barred=barred,
        kinds=kinds_aside(guess, hole, margins),
        seed=seed,
    )
    if walls is not None:
        filling = _from_walls(filling, walls, margins)
    sky = photo_sky[filling.rows, filling.cols]
    if hole.any():
        sky = cv2.medianBlur(sky.astype(np.uint8), 9) > 0
    return filling, sky


def kinds_aside(guess: GeometryGuess, hole: Mask, margins: Margins) -> NDArray[np.uint8] | None:
    """What the canvas (H, W) shows, and its ``hole`` beside the photo is to show: shore or water.

    It goes on as at the photo's edge in the same row: a strip of sand along the edge would else be
    mirrored with the sea beyond it. Whatever suits (ANY_KIND) is painted in elsewhere. None where
    the photo does not show both.
    """
    if guess.labels is None or not (margins.left or margins.right):
        return None
    water, shore = guess.labels.mask("water"), guess.labels.mask("ground")
    if min(water.mean(), shore.mean()) < LEAST_KIND:
        return None
    photo = np.where(water, WATER, np.where(shore, SHORE, NEITHER)).astype(np.uint8)
    kinds = np.pad(photo, margins.sides, constant_values=ANY_KIND)
    kinds[hole] = ANY_KIND
    strip = max(1, round(EDGE_STRIP * photo.shape[1]))
    rows = slice(margins.top, margins.top + photo.shape[0])
    for edge, aside in (
        (photo[:, :strip], np.s_[:, : margins.left]),
        (photo[:, -strip:], np.s_[:, margins.left + photo.shape[1] :]),
    ):
        along = np.full(len(photo), ANY_KIND, np.uint8)
        for kind in (WATER, SHORE):
            along[(edge == kind).mean(axis=1) > 0.5] = kind
        kinds[rows][aside] = along[:, None]
        kinds[rows.stop :][aside] = along[-1]
    return kinds


def _from_walls(filling: Filling, walls: Continuation, margins: Margins) -> Filling:
    """The filling, whose walls come from where they were copied."""
    rows = np.where(walls.mask, np.round(walls.rows) + margins.top, filling.rows)
    cols = np.where(walls.mask, np.round(walls.columns) + margins.left, filling.cols)
    return Filling(filling.image, rows.astype(np.int32), cols.astype(np.int32))


def _part(margins: Margins, picture: Image) -> tuple[slice, slice]:
    """Where a picture lies on a canvas that exceeds it by margins."""
    height, width = picture.shape[:2]
    return slice(margins.top, margins.top + height), slice(margins.left, margins.left + width)


def _popup_without(
    photo: Image,
    guess: GeometryGuess,
    filling: Filling,
    frame: tuple[slice, slice],
    remove: Mask,
) -> PopUp | None:
    """The pop-up of a photo, what was removed being what it was painted over with."""
    if guess.labels is None:
        return None
    surfaces = photo_surfaces(photo, guess)
    rows = filling.rows[frame] - frame[0].start
    cols = filling.cols[frame] - frame[1].start
    height, width = surfaces.shape
    painted = surfaces[np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)]
    painted = np.where(remove, cv2.medianBlur(painted, 9), painted)
    return scene_popup(np.ascontiguousarray(filling.image[frame]), guess, painted)


def single_things(guess: GeometryGuess) -> Mask | None:
    """What no copy may be made of (H, W): a second car or person is noticed, more wall is not."""
    if guess.labels is None:
        return None
    things = guess.labels.mask(*SINGLE_THINGS)
    return None if things.mean() > MOST_BARRED else add_fringe(things)


def add_fringe(mask: Mask) -> Mask:
    """A mask (H, W) with the blurred edge around what it shows."""
    radius = max(2, round(FRINGE * mask.shape[1]))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc(radius)) > 0)
