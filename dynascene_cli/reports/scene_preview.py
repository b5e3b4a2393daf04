"""A photo with what was guessed of its geometry drawn over it, for checking by eye."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynascene_cli.geometry import Floats, project
from dynascene_cli.shot import Image, SceneGeometry

GRID, HORIZON, FIGURE, INK = (255, 255, 255), (255, 80, 60), (80, 220, 255), (255, 255, 255)
NEAREST = 0.3
SIDE = 3.0
"""The grid is drawn so many metres to each side per metre of distance."""

FIGURE_HEIGHT = 1.7
FIGURE_DISTANCES = (1.15, 2.0, 4.0)
"""Times the nearest distance whose ground is in the picture."""

FIGURE_SIDES = (-0.22, 0.0, 0.22)
LOWEST_FOOT = 0.97
TINT = 0.35


def scene_preview(
    photo: Image,
    geometry: SceneGeometry,
    tints: Mapping[tuple[int, int, int], NDArray[np.bool_]] | None = None,
) -> Image:
    """The photo (H, W, 3) under a ground grid of 1 m cells, the horizon, and 1.7 m figures.

    Three figures stand on the ground, left to right, the first as near as it can be seen whole.
    ``tints`` are masks (H, W) to paint, by colour.
    """
    picture = np.ascontiguousarray(photo).copy()
    for colour, mask in (tints or {}).items():
        picture[mask] = (1 - TINT) * picture[mask] + TINT * np.array(colour)
    thickness = max(1, round(geometry.width / 900))
    overlay = picture.copy()
    for start, end in _grid(geometry):
        _line(overlay, geometry, start, end, GRID, thickness)
    picture = np.asarray(cv2.addWeighted(overlay, 0.55, picture, 0.45, 0), np.uint8)
    slope = np.tan(np.radians(geometry.roll_deg)) * geometry.width / 2
    left = (0, round(geometry.horizon + slope))
    right = (geometry.width - 1, round(geometry.horizon - slope))
    cv2.line(picture, left, right, HORIZON, 2 * thickness, cv2.LINE_AA)
    for depth, side in zip(_figure_depths(geometry), FIGURE_SIDES, strict=False):
        _figure(picture, geometry, depth, side * depth * geometry.width / geometry.focal, thickness)
    _captions(picture, geometry)
    return picture


def _figure_depths(geometry: SceneGeometry) -> list[float]:
    """Metres to the three figures; none where the ground is not in the picture."""
    below = LOWEST_FOOT * geometry.height - geometry.horizon
    if below <= 0:
        return []
    nearest = geometry.camera_height * geometry.focal / below
    return [float(f"{times * nearest:.2g}") for times in FIGURE_DISTANCES]


def _grid(geometry: SceneGeometry) -> list[tuple[Floats, Floats]]:
    """The segments of the grid's lines in the world, drawn more sparsely far away."""
    ground = geometry.camera_height
    depths = [*range(1, 20), *range(20, 50, 5), *range(50, 101, 25)]
    across = [(np.array([-SIDE * z, ground, z]), np.array([SIDE * z, ground, z])) for z in depths]
    along = [
        (np.array([x, ground, max(NEAREST, abs(x) / SIDE)]), np.array([x, ground, 100.0]))
        for x in range(-30, 31)
    ]
    return across + along


def _pixels(geometry: SceneGeometry, points: ArrayLike) -> Floats:
    return project(geometry.intrinsics, geometry.extrinsics, points)


def _line(
    picture: Image,
    geometry: SceneGeometry,
    start: Floats,
    end: Floats,
    colour: tuple[int, int, int],
    thickness: int,
) -> None:
    ends = _pixels(geometry, [start, end]) - 0.5
    fixed = [(int(x), int(y)) for x, y in np.round(ends * 16)]
    cv2.line(picture, fixed[0], fixed[1], colour, thickness, cv2.LINE_AA, shift=4)


def _figure(
    picture: Image, geometry: SceneGeometry, depth: float, across: float, thickness: int
) -> None:
    foot = np.array([across, geometry.camera_height, depth])
    head = foot - [0.0, FIGURE_HEIGHT, 0.0]
    neck = foot - [0.0, 0.84 * FIGURE_HEIGHT, 0.0]
    hip = foot - [0.0, 0.5 * FIGURE_HEIGHT, 0.0]
    shoulder = foot - [0.0, 0.78 * FIGURE_HEIGHT, 0.0]
    reach, stance = np.array([0.22, 0.42, 0.0]), np.array([0.13, 0.0, 0.0])
    limbs = [(neck, hip), (hip, foot - stance), (hip, foot + stance)]
    limbs += [(shoulder, shoulder + reach), (shoulder, shoulder + reach * [-1, 1, 1])]
    for start, end in limbs:
        _line(picture, geometry, start, end, FIGURE, 2 * thickness)
    top, bottom = _pixels(geometry, [head, neck])
    radius = max(1, round(float(np.linalg.norm(top - bottom)) / 2))
    middle = np.round((top + bottom) / 2 - 0.5)
    cv2.circle(
        picture, (int(middle[0]), int(middle[1])), radius, FIGURE, 2 * thickness, cv2.LINE_AA
    )
    below = np.array([0.0, 14 * geometry.width / 900])
    _text(picture, f"{depth:g} m", _pixels(geometry, foot) + below)


def _captions(picture: Image, geometry: SceneGeometry) -> None:
    lines = [
        f"horizon {geometry.horizon / geometry.height:.3f} of the height",
        f"camera height {geometry.camera_height:.2f} m",
        f"focal {geometry.focal / geometry.width:.3f} of the width "
        f"({36 * geometry.focal / geometry.width:.0f} mm)",
        f"roll {geometry.roll_deg:+.1f} deg",
        f"sky confidence {geometry.sky_confidence:.2f}",
        f"ground {geometry.ground_share:.0%} of the picture",
    ]
    unit = geometry.width / 900
    for number, line in enumerate(lines):
        _text(picture, line, np.array([12 * unit, (24 + 22 * number) * unit]))


def _text(picture: Image, text: str, at: Floats) -> None:
    unit = picture.shape[1] / 900
    font, weight = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(unit))
    for colour, offset in (((0, 0, 0), weight), (INK, 0)):
        where = (round(float(at[0])) + offset, round(float(at[1])) + offset)
        cv2.putText(picture, text, where, font, 0.55 * unit, colour, weight, cv2.LINE_AA)
