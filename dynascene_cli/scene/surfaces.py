"""Which of a photo's pixels are ground, sky, ceiling or upright, from the names of its things."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.scene.ade20k import KINDS, NAMES
from dynascene_cli.scene.line_segments import line_segments
from dynascene_cli.scene.outlined_people import SOMEBODY, redraw_people
from dynascene_cli.scene.popup import PopUp, Surface, pop_up
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.scene.standing_posts import POST_HEIGHT, marks_in_sky, standing_posts
from dynascene_cli.scene.trimmed_people import trim_people
from dynascene_cli.scene.vanishing_points import vanishing_points
from dynascene_cli.shot import Image, Mask

SURFACES = {
    "sky": Surface.SKY,
    "ceiling": Surface.CEILING,
    "ground": Surface.GROUND,
    "water": Surface.GROUND,
    "plant": Surface.PLANT,
    "slope": Surface.SLOPE,
    "structure": Surface.STRUCTURE,
    "vehicle": Surface.VEHICLE,
    "person": Surface.PERSON,
    "animal": Surface.PERSON,
    "furniture": Surface.FURNITURE,
}
"""What the kinds of things are; others are upright."""

WORKING_WIDTH = 960

LEVEL = 0.12
"""Level lines vanish this near to the horizon, as a share of the frame's height."""

LEAST_SHARE = 0.06
"""Of the length of all lines, what those that vanish together must have."""

UPRIGHTNESS = 2.5
"""How many times taller than the width of its rows a post is."""

LARGEST_HEAD, IN_SKY, LONGEST_ARM = 0.004, 0.7, 0.35
"""What hangs on a post: the largest share of the photo, the least share of its outline that is in
the sky, and the greatest length with its arm, as a share of the photo's longer side."""


def scene_popup(
    photo: Image, guess: GeometryGuess, surfaces: NDArray[np.uint8] | None = None
) -> PopUp | None:
    """The pop-up of a photo (H, W, 3); None where it shows too little that is understood.

    ``surfaces`` (H, W) replace those that the guess's labels mean.
    """
    if guess.labels is None or not guess.labels.understood or guess.geometry.is_card:
        return None
    if surfaces is None:
        surfaces = photo_surfaces(photo, guess)
    return pop_up(surfaces, guess.geometry, _vanishing_columns(photo, guess))


def photo_surfaces(photo: Image, guess: GeometryGuess) -> NDArray[np.uint8]:
    """The `Surface` (H, W) of each pixel of a photo (H, W, 3) whose guess has labels."""
    assert guess.labels is not None
    kind_of = {name: kind for kind, names in KINDS.items() for name in names.split()}
    table = np.array([SURFACES.get(kind_of[name], Surface.OTHER) for name in NAMES], np.uint8)
    surfaces = table[guess.labels.classes]
    surfaces[(surfaces == Surface.SKY) & ~guess.sky] = Surface.STRUCTURE
    surfaces[np.isin(surfaces, (Surface.OTHER, Surface.SLOPE)) & guess.ground] = Surface.GROUND
    surfaces[guess.sky] = Surface.SKY
    outlines = guess.labels.people
    if outlines is None:
        surfaces = trim_people(surfaces, photo)
    else:
        surfaces = redraw_people(surfaces, outlines)
        surfaces = trim_people(surfaces, photo, outlines == SOMEBODY)
    surfaces[standing_posts(surfaces, photo)] = Surface.POST
    return add_posts(surfaces, photo)


def _vanishing_columns(photo: Image, guess: GeometryGuess) -> list[float]:
    """Levelled columns, in pixels from the middle, at which level lines of the photo vanish."""
    geometry = guess.geometry
    height, width = photo.shape[:2]
    scale = min(1.0, WORKING_WIDTH / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    centre = geometry.middle * scale, geometry.horizon * scale
    columns = []
    for point in vanishing_points(line_segments(small), geometry.focal * scale, centre):
        x, y, z = point.direction
        if z < 0.1 or point.share < LEAST_SHARE:
            continue
        row, column = geometry.focal * y / z, geometry.focal * x / z
        angle = np.radians(geometry.roll_deg)
        level = np.cos(angle) * row + np.sin(angle) * column
        if abs(level) < LEVEL * height:
            columns.append(float(np.cos(angle) * column - np.sin(angle) * row))
    return columns


def add_posts(surfaces: NDArray[np.uint8], photo: Image) -> NDArray[np.uint8]:
    """Surfaces (H, W) in which posts and masts that rise into the sky belong to what they stand on.

    So do a lamp's arm and head that such a post carries. A network on a coarse grid takes them for
    sky, against which they would then be left behind.
    """
    height = len(surfaces)
    sky = surfaces == Surface.SKY
    if not sky.any():
        return surfaces
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    across = marks_in_sky(grey, sky, across=True)
    joined = cv2.morphologyEx(across, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8)) & sky
    count, parts, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = surfaces.copy()
    for part in range(1, count):
        left, top, wide, tall, area = stats[part]
        if tall < POST_HEIGHT * height or tall * tall < UPRIGHTNESS * area:
            continue
        foot = np.s_[top + tall : top + tall + 5, left : left + wide]
        under = surfaces[foot]
        standing = under[(under > Surface.CEILING) & (under != Surface.PERSON)]
        if standing.size:
            box = np.s_[top : top + tall, left : left + wide]
            found[box][parts[box] == part] = np.bincount(standing).argmax()
    down = marks_in_sky(grey, sky, across=False)
    return _add_arms(found, across, down, sky)


def _add_arms(found: NDArray[np.uint8], across: Image, down: Image, sky: Mask) -> NDArray[np.uint8]:
    """Surfaces (H, W) in which thin marks in the ``sky``, and their ends, join what they touch.

    ``across`` and ``down`` (H, W) are 1 where something is thin in that direction.
    """
    heads = _heads(found, sky)
    hanging = (across > 0) | (down > 0) | heads
    joined = cv2.dilate(hanging.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    standing = (found > Surface.CEILING) & (found != Surface.PERSON) & ~heads
    carried = found.copy()
    for part in np.unique(parts[standing & (joined > 0)]):
        left, top, wide, tall = stats[part, : cv2.CC_STAT_AREA]
        if max(wide, tall) > LONGEST_ARM * max(found.shape):
            continue
        box = np.s_[top : top + tall, left : left + wide]
        own = parts[box] == part
        beside = found[box][own & standing[box]]
        carried[box][own & (sky | hanging)[box]] = np.bincount(beside).argmax()
    return carried


def _heads(found: NDArray[np.uint8], sky: Mask) -> Mask:
    """Small upright things (H, W) that the sky surrounds, such as lamps."""
    upright = (found > Surface.CEILING).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(upright)
    heads = np.zeros_like(sky)
    for part in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < LARGEST_HEAD * found.size):
        left, top, wide, tall = stats[part, : cv2.CC_STAT_AREA]
        box = np.s_[max(top - 2, 0) : top + tall + 2, max(left - 2, 0) : left + wide + 2]
        own = parts[box] == part
        around = (cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~own
        heads[box] |= own & (sky[box][around].mean() > IN_SKY)
    return heads
