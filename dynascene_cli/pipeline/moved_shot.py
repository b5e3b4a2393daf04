"""A shot's camera in its photo: flat under the person's feet, as large as a move needs it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dynascene_cli.geometry import transform
from dynascene_cli.pipeline.canvas import PLANNING_STEP, Limit
from dynascene_cli.pipeline.move_limits import CoveredShot, cover_path, shows_less
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import Place, keep_place
from dynascene_cli.pipeline.shot_camera import ShotCamera
from dynascene_cli.pipeline.tightened_photo import tighten, tightening
from dynascene_cli.scene import (
    add_ground_around,
    relief_depth,
    relief_depth_at,
    scene_popup,
)
from dynascene_cli.staging import Stance

WIDEST_MARGIN = 0.6
"""How far past each side of the frame may be painted in under a move, as a share of it."""

STOOD_FRAMES = 16
PLANE_SHARE = 0.98
"""In how many frames the ground under the person is looked at, and the least share of their
distance at which the relief there counts as its plane."""


@dataclass(frozen=True, eq=False)
class MovedShot:
    """A camera in a place, flat under the person's feet, and what of its move that holds.

    ``guessed_depth`` is the photo's median, in metres, at the camera height that was guessed.
    """

    place: Place
    camera: ShotCamera
    guessed_depth: float
    covered: CoveredShot


def cover_shot(
    run: Run,
    request: RenderRequest,
    camera: ShotCamera,
    place: Place,
    size: tuple[int, int],
    known: Limit | None = None,
) -> MovedShot:
    """The shot of a camera in a place that is made flat under the person's feet.

    Of a photo that was covered before, ``known`` is what made the move smaller there.
    """
    flat = flatten_under_feet(place, camera.stance)
    covered = cover_path(run, request, camera, flat, size, WIDEST_MARGIN, known)
    return MovedShot(flat, camera, median_depth(place), covered)


def show_larger(
    run: Run,
    request: RenderRequest,
    place: Place,
    shot: MovedShot,
    camera_in: Callable[[Place], ShotCamera],
    size: tuple[int, int],
) -> MovedShot:
    """The shot in its photo shown larger, where that keeps what is made up past it out of sight.

    As it was where the person would stand on something else then, or the move be smaller.
    """
    larger = tightening(shot.covered.canvas, place.guess.geometry)
    if larger is None:
        return shot
    tight = tighten(request.scene, place, larger, size)
    camera = camera_in(tight)
    if camera.stance.footing != shot.camera.stance.footing:
        return shot
    if not run.dry_run:
        keep_place(run.project, tight)
    tried = cover_shot(run, request, camera, tight, size, shot.covered.limit)
    if not shows_less(tried.covered, shot.covered):
        return shot
    run.console.detail(f"the photo is shown {larger.zoom - 1:.1%} larger")
    return tried


def flatten_under_feet(place: Place, stands: Stance) -> Place:
    """The place with its ground a plane wherever the person stands on it.

    Where the pop-up or the relief is that plane already, the very same place.
    """
    if not stands.contacts.grounded or stands.geometry.is_card or place.depth is not None:
        return place
    frames = np.unique(np.linspace(0, len(stands.contact) - 1, STOOD_FRAMES).astype(int))
    feet = transform(stands.geometry.extrinsics, stands.contact[frames])
    feet = feet[feet[:, 2] > 0]
    pixels = feet @ stands.geometry.intrinsics.T / feet[:, 2:]
    pixels, depths = pixels[:, :2], feet[:, 2]
    size = stands.geometry.width, stands.geometry.height
    inside = ((pixels >= 0) & (pixels < size)).all(axis=1)
    guess = replace(place.guess, geometry=stands.geometry)
    relief = relief_depth_at(guess, pixels[inside])
    if (relief >= PLANE_SHARE * depths[inside]).all():
        return place
    if scene_popup(place.photo, guess) is not None:
        return place
    guess = add_ground_around(place.guess, pixels[inside])
    around = np.round(pixels[inside]).tolist()
    return replace(place, guess=guess, depends_on={**place.depends_on, "ground_around": around})


def median_depth(place: Place) -> float:
    """The median depth of what is not sky, in metres."""
    depth = relief_depth(place.guess, step=PLANNING_STEP)
    solid = depth[~place.guess.sky[::PLANNING_STEP, ::PLANNING_STEP]]
    return float(np.median(solid if solid.size else depth))
