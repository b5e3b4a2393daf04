"""The story of a shadow: the sun that is asked for or seen, and what it throws in each frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing import CastShadow, ground_map, shadow_map
from dynascene_cli.compositing.roi import Box
from dynascene_cli.console import Console
from dynascene_cli.pipeline.plan import Plan
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.scene import match_shadow_darkness, photo_sunlight
from dynascene_cli.shot import Sunlight


def choose_sun(request: RenderRequest, place: Place, console: Console) -> Sunlight | None:
    """The sun that throws the person's shadow; None where none is to be thrown."""
    if request.shadow in ("none", "contact"):
        if request.sun is not None:
            console.warn(f"--sun changes nothing under --shadow {request.shadow}")
        return None
    if request.sun is not None:
        return match_shadow_darkness(Sunlight(*request.sun), place.photo, place.guess)
    seen = photo_sunlight(place.photo, place.guess)
    if seen is not None:
        console.detail(f"sun: {seen.azimuth_deg:.0f},{seen.elevation_deg:.0f}")
    elif request.shadow == "cast":
        console.warn(
            "no sun shadow is cast: the shadows in the photo do not show where the sun is; give "
            "--sun AZIMUTH,ELEVATION"
        )
    return seen


class ShadowCaster:
    """What a sun throws of the person in each frame of a plan."""

    def __init__(self, sun: Sunlight, plan: Plan) -> None:
        self._sun, self._staged = sun, plan.staged
        self._ground = np.asarray(plan.place.guess.ground, np.uint8) * np.uint8(255)

    def of(self, index: int) -> CastShadow | None:
        """The shadow of one frame; None where it is not known where the person stands."""
        path, geometry = self._staged.path, self._staged.geometry
        contact = self._staged.placement.contact[index]
        if not np.isfinite(contact).all():
            return None
        intrinsics, extrinsics = path.intrinsics[index], path.extrinsics[index]
        height = geometry.camera_height
        to_photo = ground_map(intrinsics, extrinsics, height, geometry)

        def ground(box: Box) -> NDArray[np.uint8]:
            to_box = np.array([[1, 0, box.x0 + 0.5], [0, 1, box.y0 + 0.5], [0, 0, 1.0]])
            to_index = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
            seen = cv2.warpPerspective(
                self._ground,
                to_index @ to_photo @ to_box,
                box.size,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            return np.asarray(seen, np.uint8)

        return CastShadow(
            self._sun, shadow_map(intrinsics, extrinsics, contact, height, self._sun), ground
        )
