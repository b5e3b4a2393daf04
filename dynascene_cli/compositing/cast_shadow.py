"""The person's shadow in sunlight: their matte, laid over the ground away from the sun.

The person is taken for a flat figure that stands upright over the contact point. What the sun
throws of it on the ground, and how both are seen, are one homography from the ground in the
picture to the figure in the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing.roi import NOWHERE, AnyArray, Box
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.shot import SceneGeometry, Sunlight

Gray = NDArray[np.uint8]

SHARPEST, SOFTEST = 0.004, 0.03
"""How wide the shadow's edge is blurred in hard and in hazy light, in heights of the person."""

FORESHORTENED = 0.25
"""How much narrower the blur is up and down the picture, where the ground is seen aslant."""

LEAST_FACING = 0.45
"""A figure seen edge-on by the sun throws a line: it is turned until it faces so much of it."""

LONGEST = 6.0
"""How far from the contact a shadow is followed, in heights of the person."""


@dataclass(frozen=True, eq=False)
class CastShadow:
    """What a frame's shadow follows from: the sun, `shadow_map`, and where ground is seen.

    ``ground`` tells what of a box (h, w) of the frame shows ground, 255 where it does.
    """

    sun: Sunlight
    to_figure: Floats
    ground: Callable[[Box], Gray]


def shadow_map(
    intrinsics: Floats, extrinsics: Floats, contact: Floats, camera_height: float, sun: Sunlight
) -> Floats:
    """(3, 3): from pixels that see the ground to the pixels of what keeps the sun from them.

    ``contact`` (3,) is where the person stands on the ground y = ``camera_height``, metres.
    """
    eye = centre(extrinsics)
    towards = sun.direction
    facing = np.array([eye[0] - contact[0], 0.0, eye[2] - contact[2]])
    normal = _face_sun(facing / np.linalg.norm(facing), towards)
    seen = intrinsics @ extrinsics[:, :3]
    ground, weight = _pixel_to_ground(intrinsics, extrinsics, camera_height)
    against = float(normal @ towards)
    figure = against * ground + np.outer(
        towards, float(normal @ contact) * weight - normal @ ground
    )
    return np.asarray(seen @ (figure - against * np.outer(eye, weight)))


def ground_map(
    intrinsics: Floats, extrinsics: Floats, camera_height: float, photo: SceneGeometry
) -> Floats:
    """(3, 3): from pixels that see the ground to the photo's pixels that do."""
    ground, _ = _pixel_to_ground(intrinsics, extrinsics, camera_height)
    return np.asarray(photo.intrinsics @ photo.extrinsics[:, :3] @ ground)


def _pixel_to_ground(
    intrinsics: Floats, extrinsics: Floats, camera_height: float
) -> tuple[Floats, Floats]:
    """Matrices (3, 3) and (3,) from a pixel to its point of the ground, and to that point's weight.

    Both are linear in the homogeneous pixel; the weight's sign is that of what lies ahead.
    """
    eye = centre(extrinsics)
    rays = np.linalg.inv(intrinsics @ extrinsics[:, :3])
    weight = rays[1]
    return np.outer(eye, weight) + (camera_height - eye[1]) * rays, weight


def _face_sun(normal: Floats, towards: Floats) -> Floats:
    """A level normal (3,) turned about the upright just far enough to face the sun's side."""
    level = towards * [1.0, 0.0, 1.0]
    length = float(np.linalg.norm(level))
    if length < 1e-6:
        return normal
    level = level / length
    side = np.array([level[2], 0.0, -level[0]])
    along, across = float(normal @ level), float(normal @ side)
    if abs(along) >= LEAST_FACING:
        return normal
    sign = 1.0 if along >= 0 else -1.0
    rest = float(np.sqrt(1 - LEAST_FACING**2)) * (1.0 if across >= 0 else -1.0)
    return np.asarray(sign * LEAST_FACING * level + rest * side)


def cast_shadow(
    alpha: AnyArray,
    alpha_box: Box,
    contact: Floats,
    person_height: float,
    cast: CastShadow,
    size: tuple[int, int],
) -> tuple[Box, AnyArray]:
    """The box of a (width, height) frame that a shadow reaches, and the light (255 = all) it takes.

    ``alpha`` is the person's over ``alpha_box``, uint8, or float32 of the same range, of which
    comes an unrounded share; ``contact`` in pixels and ``person_height`` in pixels. Shadows end
    where the ground does.
    """
    box = _shadow_extent(alpha_box, contact, person_height, cast.to_figure, *size)
    if box.empty:
        return NOWHERE, np.zeros((0, 0), np.uint8)
    # Index coordinates to those of pixels, whose centres lie at +0.5, and back.
    from_box = np.array([[1, 0, box.x0 + 0.5], [0, 1, box.y0 + 0.5], [0, 0, 1.0]])
    to_alpha = np.array([[1, 0, -alpha_box.x0 - 0.5], [0, 1, -alpha_box.y0 - 0.5], [0, 0, 1.0]])
    matrix = to_alpha @ cast.to_figure @ from_box
    width, height = box.x1 - box.x0, box.y1 - box.y0
    thrown: AnyArray = cv2.warpPerspective(
        alpha, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    sigma = person_height * (SOFTEST + (SHARPEST - SOFTEST) * cast.sun.hardness)
    thrown = cv2.GaussianBlur(
        thrown,
        (0, 0),
        max(sigma, 0.4),
        sigmaY=max(FORESHORTENED * sigma, 0.3),
        borderType=cv2.BORDER_REPLICATE,
    )
    x = np.arange(box.x0, box.x1) + 0.5 - contact[0]
    y = (np.arange(box.y0, box.y1) + 0.5 - contact[1])[:, None]
    distance = np.hypot(x, 2 * y) / person_height
    share = cast.sun.darkness * thrown * np.clip((LONGEST - distance) / 2, 0, 1)
    share = share * (cast.ground(box) * np.float32(1 / 255))
    return box, (np.round(share) if alpha.dtype == np.uint8 else share).astype(alpha.dtype)


def _shadow_extent(
    alpha_box: Box,
    contact: Floats,
    person_height: float,
    to_figure: Floats,
    width: int,
    height: int,
) -> Box:
    """The part of the frame in which the figure's shadow may lie."""
    xs = np.linspace(alpha_box.x0, alpha_box.x1, 3)
    ys = np.linspace(alpha_box.y0, contact[1], 9)
    corners = np.array([[x, y, 1.0] for x in xs for y in ys])
    try:
        on_ground = corners @ np.linalg.inv(to_figure).T
    except np.linalg.LinAlgError:
        return NOWHERE
    # What stands at the contact throws its shadow there: its sign is that of seen ground.
    seen = on_ground[:, 2] * on_ground[8, 2] > 1e-9 * on_ground[8, 2] ** 2
    points = on_ground[seen, :2] / on_ground[seen, 2:]
    reach = LONGEST * person_height
    low = np.maximum(points.min(axis=0), np.asarray(contact) - reach)
    high = np.minimum(points.max(axis=0), np.asarray(contact) + reach)
    pad = 0.1 * person_height
    return Box(int(low[0] - pad), int(low[1] - pad), int(high[0] + pad), int(high[1] + pad)).grow(
        0, width, height
    )
