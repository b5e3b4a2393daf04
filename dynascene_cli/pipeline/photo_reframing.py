"""The photo read anew, so that its horizon and its lens are the clip's."""

import math
from dataclasses import replace

import numpy as np

from dynascene_cli.geometry import SENSOR_WIDTH_MM
from dynascene_cli.pipeline.filmed_world import (
    FilmedTracks,
    accompanying_world,
    wanted_horizon,
    with_frame_lens,
)
from dynascene_cli.pipeline.request import RenderRequest, SceneRequest
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.shot import CameraPath

MOST_ENLARGED = 1.8
"""How many times enlarged a photo may be so that it holds all that the clip's camera sees."""

MOST_ASIDE = math.radians(75)
"""Nothing flat goes on further to one side than this."""

WIDEST_LENS = 1.3
"""How many times wider than the photo's a clip's lens may be: beyond, the photo is widened."""


def reframe_photo(request: RenderRequest, filmed: FilmedTracks, place: Place) -> SceneRequest:
    """How to read the photo so that its horizon and its lens are the clip's.

    The crop is shifted as far as the photo reaches, unless ``--crop`` fixes it; what is missing
    then is left to be painted in. A focal length that was only guessed gives way to the clip's, or
    to a shorter one, by which the photo holds what the camera pans over; a known one stays, but
    for a clip whose lens is more than WIDEST_LENS times wider.
    """
    geometry, window = place.guess.geometry, place.window
    seen = with_frame_lens(accompanying_world(request, filmed, place), place)
    focal = float(seen.intrinsics[0, 0, 0])
    if place.guess.sources["focal"] == "prior":
        focal = _fitting_focal(seen, place)
    else:
        focal = min(geometry.focal, WIDEST_LENS * focal)
    shift = wanted_horizon(seen, focal) - geometry.horizon
    crop = request.scene.crop
    if crop is None:
        width, height = (window.scale * side for side in place.photo_size)
        shift = float(np.clip(shift, window.top - (height - geometry.height), window.top))
        middle = window.left + geometry.width / 2, window.top - shift + geometry.height / 2
        crop = middle[0] / width, middle[1] / height
    else:
        shift = 0.0
    return replace(
        request.scene,
        crop=crop,
        horizon=(geometry.horizon + shift) / geometry.height,
        focal_mm=focal / geometry.width * SENSOR_WIDTH_MM,
        preview=None,
    )


def _fitting_focal(seen: CameraPath, place: Place) -> float:
    """The focal length of a photo whose lens nobody knows, under a clip's camera.

    The clip's own, or as much shorter as it takes for the photo to hold all that the camera pans
    and tilts over: what it shows enlarged is real, what lies past its edges is made up.
    """
    own = float(seen.intrinsics[0, 0, 0])
    geometry, window = place.guess.geometry, place.window
    width, height = (window.scale * side for side in place.photo_size)
    horizon = geometry.horizon + window.top
    corners = np.array([[x, y, 1.0] for x in (0.0, geometry.width) for y in (0.0, geometry.height)])
    rays = np.einsum(
        "fij,nj->fni",
        np.swapaxes(seen.extrinsics[:, :, :3], 1, 2) @ np.linalg.inv(seen.intrinsics),
        corners,
    )
    bearings = np.unwrap(np.arctan2(rays[..., 0], rays[..., 2]), axis=0)
    aside = math.tan(min((bearings.max() - bearings.min()) / 2, MOST_ASIDE))
    fall = rays[..., 1] / np.hypot(rays[..., 0], rays[..., 2])
    down, up = max(float(fall.max()), 1e-3), max(float(-fall.min()), 1e-3)
    fitting = min(width / 2 / aside, (height - horizon) / down, horizon / up)
    return float(np.clip(fitting, own / MOST_ENLARGED, own))
