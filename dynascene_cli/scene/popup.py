"""A photo as a pop-up: a ground plane, upright cards that stand on it, a ceiling, and the sky.

After Hoiem, Efros and Hebert 2005, *Automatic photo pop-up*. Every pixel lies on one of a few
planes, so that what is straight stays straight, and nothing bends across the border of two things.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.nearest_pixel import nearest_pixels
from dynascene_cli.scene.wall_base_lines import Wall, bend_through, bridge_jumps, walls
from dynascene_cli.shot import Cards, Margins, Mask, SceneGeometry

Field = NDArray[np.float32]
Indices = NDArray[np.int32]


class Surface(IntEnum):
    """What a pixel of a photo belongs to, as far as its shape is concerned."""

    GROUND = 0
    SKY = 1
    CEILING = 2
    STRUCTURE = 3
    PLANT = 4
    VEHICLE = 5
    PERSON = 6
    FURNITURE = 7
    OTHER = 8
    POST = 9
    SLOPE = 10


UPRIGHT = tuple(surface for surface in Surface if surface > Surface.CEILING)

FRONTAL = (Surface.PLANT, Surface.PERSON, Surface.POST)
"""Things without walls: each of their cards faces the camera."""

SKY_DISTANCE, FARTHEST, NEAREST = 400.0, 150.0, 0.4
"""Camera heights to the sky, and between which cards stand."""

BAND_ROWS = 64

SMALLEST = 4e-4
"""Parts of a smaller share of the picture join what surrounds them."""

LOOSE_GROUND = 0.01
"""Ground that neither reaches the picture's foot nor has this share of it is a part of a thing."""

FOOT_ERROR = 0.006
"""How exactly a foot is seen, as a share of the frame's height."""

OCCLUDED = 0.8
"""The inverse depth of what stands behind something, as a share of that thing's."""

HANGING = 0.7
"""What borders on the ceiling along so much of its outline hangs from it, as a lamp does: a wall
reaches down from it, and at most half of a cupboard's outline is at it."""

SURROUNDED = 0.6
"""What one upright plane borders on so much of its outline lies in it, as a window does."""

NARROWEST = {Surface.PERSON: 0.45, Surface.VEHICLE: 0.5, Surface.PLANT: 0.3}
"""One of these is a single card unless each card is so wide, as a share of the thing's height."""

BODY = 0.2
"""How far beside somebody's foot their body reaches, as a share of their height there."""

OVERLAPPING = (Surface.VEHICLE, Surface.PERSON)
"""Things that hide parts of each other in a queue or group: the column in which the feet of one
give way to those of the next lies across the farther one, and must not part it."""

LEAST_FEET = 0.12
"""A thing whose feet are seen over a smaller share of its width stands where its neighbours say."""


@dataclass(frozen=True, eq=False)
class PopUp:
    """The planes of a photo and which of them each pixel lies on.

    ``planes`` (P, 3): 1/Z = a + b · column + c · level, in 1/m, with the levelled pixel's column
    from the middle and its row below the horizon; ``shown`` (P,) is the `Surface` that each is of.
    ``index`` (H, W) is each pixel's plane; ``surfaces`` (H, W) what the pixel shows.
    """

    geometry: SceneGeometry
    planes: Floats
    shown: NDArray[np.uint8]
    index: Indices
    surfaces: NDArray[np.uint8]

    def cards(self, index: Indices, margins: Margins) -> Cards:
        """The planes, in pixels of a canvas whose pixels lie on the planes ``index`` (h, w)."""
        geometry = self.geometry
        angle = np.radians(geometry.roll_deg)
        cosine, sine = np.cos(angle), np.sin(angle)
        x0, y0 = margins.left + geometry.middle, margins.top + geometry.horizon
        a, b, c = self.planes.T
        along, down = b * cosine + c * sine, c * cosine - b * sine
        planes = np.column_stack([a - along * x0 - down * y0, along, down])
        return Cards(index.astype(np.uint16), planes)

    def inverse_depth(self, index: Indices, margins: Margins = Margins(), step: int = 1) -> Field:
        """1/Z (h, w) in 1/m of every ``step``-th pixel of a canvas, of planes ``index`` (h, w)."""
        inverse = np.empty(index.shape, np.float32)
        planes = self.planes.astype(np.float32).T
        for rows in _bands(len(index)):
            column, level = level_grid(self.geometry, margins, step, rows)
            a, b, c = (values[index[rows]] for values in planes)
            inverse[rows] = a + b * column + c * level
        h = self.geometry.camera_height
        return np.clip(
            inverse, 1 / (SKY_DISTANCE * h), 1 / (0.25 * h), out=inverse, dtype=np.float32
        )


def _bands(height: int) -> Iterator[slice]:
    """Rows in bands, of which intermediate results stay small."""
    for first in range(0, height, BAND_ROWS):
        yield slice(first, min(first + BAND_ROWS, height))


def level_grid(
    geometry: SceneGeometry,
    margins: Margins = Margins(),
    step: int = 1,
    rows: slice = slice(None),
) -> tuple[Field, Field]:
    """Columns from the middle and rows below the horizon (h, w) of a canvas's upright picture.

    Of every ``step``-th pixel, from the first, and of these the ``rows``.
    """
    width = geometry.width + margins.left + margins.right
    height = geometry.height + margins.top + margins.bottom
    x = np.arange(0, width, step) + 0.5 - margins.left - geometry.middle
    y = (np.arange(0, height, step)[rows] + 0.5 - margins.top - geometry.horizon)[:, None]
    angle = np.radians(geometry.roll_deg)
    column, level = (np.empty((len(y), len(x)), np.float32) for _ in range(2))
    for band in _bands(len(y)):
        column[band] = np.cos(angle) * x - np.sin(angle) * y[band]
        level[band] = np.cos(angle) * y[band] + np.sin(angle) * x
    return column, level


def pop_up(
    surfaces: NDArray[np.uint8], geometry: SceneGeometry, vanishing: Sequence[float] = ()
) -> PopUp:
    """The pop-up of a photo whose pixels show ``surfaces`` (H, W), values of `Surface`.

    ``vanishing`` are the levelled columns, from the middle, at which level lines vanish.
    """
    column, level = level_grid(geometry)
    surfaces = _without_lamps(_tidy_surfaces(surfaces, level))
    per_row = 1 / (geometry.camera_height * geometry.focal)
    planes = [(0.0, 0.0, per_row), (1 / (SKY_DISTANCE * geometry.camera_height), 0.0, 0.0)]
    shown = [Surface.GROUND, Surface.SKY]
    index = np.where(surfaces == Surface.SKY, 1, 0).astype(np.int32)
    inverse = np.where(surfaces == Surface.GROUND, np.maximum(level, 0) * np.float32(per_row), 0)
    placed = np.zeros(surfaces.shape, np.bool_)
    for thing in _things(surfaces, level):
        around = _around(thing, index, placed)
        if around.host is not None:
            index[thing.box][thing.mask] = around.host
        else:
            feet = _feet(thing, inverse, surfaces, level, per_row)
            offset, slope, _ = planes[around.beside or 1]
            middle = float(column[thing.box][thing.mask].mean())
            beside = offset + slope * middle
            for wall in _cards(thing, feet, beside, geometry, column, vanishing):
                planes.append((wall.offset, wall.slope, 0.0))
                shown.append(thing.surface)
                columns = column[thing.box]
                own = thing.mask & (columns >= wall.first) & (columns < wall.last)
                index[thing.box][own] = len(planes) - 1
        offset, slope, _ = np.array(planes, np.float32)[index[thing.box][thing.mask]].T
        inverse[thing.box][thing.mask] = offset + slope * column[thing.box][thing.mask]
        placed[thing.box] |= thing.mask
    if (surfaces == Surface.CEILING).any():
        planes.append((0.0, 0.0, _ceiling(surfaces, inverse, level, per_row)))
        shown.append(Surface.CEILING)
        index[surfaces == Surface.CEILING] = len(planes) - 1
    return PopUp(geometry, np.array(planes), np.array(shown, np.uint8), index, surfaces)


@dataclass(frozen=True, eq=False)
class _Thing:
    """A connected part of one surface: its ``mask`` (h, w) within the ``box`` of the picture."""

    surface: Surface
    box: tuple[slice, slice]
    mask: Mask


@dataclass(frozen=True, eq=False)
class _Feet:
    """Where a thing ends below, by its columns (w,), NaN where that is not so.

    ``seen`` is the ground's 1/Z at its foot, ``hidden`` that of what stands before it, ``cropped``
    the ground's at the picture's edge that cuts it off.
    """

    seen: Floats
    hidden: Floats
    cropped: Floats


@dataclass(frozen=True)
class _Around:
    """The plane that surrounds a thing, which then lies in it, and the one that is beside it most.

    None where no single plane, or none that is upright, does.
    """

    host: int | None
    beside: int | None


def _tidy_surfaces(surfaces: NDArray[np.uint8], level: Field) -> NDArray[np.uint8]:
    """Surfaces without specks, ground above the horizon, and ground that is part of a thing."""
    tidy = surfaces.copy()
    tidy[(surfaces == Surface.GROUND) & (level < 0.5)] = Surface.OTHER
    lost = np.zeros(surfaces.shape, np.bool_)
    for surface in Surface:
        shown = tidy == surface
        # To find no parts takes as long as to find some.
        if not shown.any():
            continue
        count, parts, stats, _ = cv2.connectedComponentsWithStats(
            shown.astype(np.uint8), connectivity=4
        )
        small = stats[:, cv2.CC_STAT_AREA] < SMALLEST * surfaces.size
        if surface == Surface.GROUND:
            foot = stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT]
            loose = stats[:, cv2.CC_STAT_AREA] < LOOSE_GROUND * surfaces.size
            small |= loose & (foot < len(surfaces))
        small[0] = False
        lost |= small[parts] if count > 1 else False
    if lost.all():
        return tidy
    return np.where(lost, tidy.ravel()[nearest_pixels(~lost)], tidy)


def _without_lamps(surfaces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Surfaces with what hangs from the ceiling as part of it: it stands on nothing."""
    joined = surfaces.copy()
    if not (surfaces == Surface.CEILING).any():
        return joined
    # Twice, since parts of a lamp may have several names and border on each other.
    for _ in range(2):
        for surface in UPRIGHT:
            for part in _parts_of(joined, surface):
                box, rim = _rim(part, 1, joined.shape)
                outline = joined[box][rim]
                if outline.size and (outline == Surface.CEILING).mean() >= HANGING:
                    joined[part.box][part.mask] = Surface.CEILING
    return joined


def _parts_of(surfaces: NDArray[np.uint8], surface: Surface) -> Iterator[_Thing]:
    """The connected parts of one surface (H, W)."""
    shown = surfaces == surface
    if not shown.any():
        return
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        shown.astype(np.uint8), connectivity=4
    )
    for part in range(1, count):
        left, top, width, height = stats[part, :4]
        box = slice(top, top + height), slice(left, left + width)
        yield _Thing(surface, box, np.asarray(parts[box] == part))


def _things(surfaces: NDArray[np.uint8], level: Field) -> list[_Thing]:
    """The upright things, those whose feet are lowest first."""
    found = []
    for surface in UPRIGHT:
        for thing in _parts_of(surfaces, surface):
            found.append((float(level[thing.box][thing.mask].max()), thing))
    return [thing for _, thing in sorted(found, key=lambda pair: -pair[0])]


def _feet(
    thing: _Thing, inverse: Field, surfaces: NDArray[np.uint8], level: Field, per_row: float
) -> _Feet:
    height = thing.mask.shape[0]
    rows = thing.box[0].start + height - 1 - thing.mask[::-1].argmax(axis=0)
    columns = np.arange(thing.box[1].start, thing.box[1].stop)
    at_edge = rows + 1 >= len(surfaces)
    below = np.minimum(rows + 1, len(surfaces) - 1), columns
    ground = (level[rows, columns] + 0.5) * per_row
    on_ground = ~at_edge & (surfaces[below] == Surface.GROUND) & (ground > 0)
    behind = ~at_edge & (surfaces[below] > Surface.CEILING) & (inverse[below] > 0)
    seen = np.where(on_ground, ground, np.nan)
    cropped = np.where(at_edge & (ground > 0), ground, np.nan)
    if thing.surface == Surface.PERSON:
        tall = rows + 1 - thing.box[0].start - thing.mask.argmax(axis=0)
        seen = _feet_of_people(np.fmax(seen, cropped), tall)
    return _Feet(seen, np.where(behind, inverse[below], np.nan), cropped)


def _feet_of_people(seen: Floats, tall: Floats) -> Floats:
    """The ground's 1/Z (w,) where people stand whose columns are so many pixels ``tall`` (w,).

    A coat's hem and an arm end above the ground, on which their feet stand nearer.
    """
    stood = seen.copy()
    for column in np.flatnonzero(np.isfinite(seen)):
        reach = round(BODY * float(tall[column]))
        part = slice(max(column - reach, 0), column + reach + 1)
        stood[part] = np.fmax(stood[part], seen[column])
    return stood


def _rim(thing: _Thing, width: int, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Mask]:
    """The pixels around a thing in a picture of a shape, ``width`` wide: a box, and they in it."""
    rows, columns = thing.box
    box = (
        slice(max(rows.start - width, 0), min(rows.stop + width, shape[0])),
        slice(max(columns.start - width, 0), min(columns.stop + width, shape[1])),
    )
    sides = [
        (inner.start - outer.start, outer.stop - inner.stop)
        for inner, outer in zip(thing.box, box, strict=True)
    ]
    own = np.pad(thing.mask, sides)
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return box, np.asarray((cv2.dilate(own.astype(np.uint8), square) > 0) & ~own)


def _around(thing: _Thing, index: Indices, placed: Mask) -> _Around:
    box, rim = _rim(thing, 2, index.shape)
    planes = index[box][rim & placed[box]]
    if planes.size == 0:
        return _Around(None, None)
    counts = np.bincount(planes)
    most = int(counts.argmax())
    surrounds = counts[most] > SURROUNDED * np.count_nonzero(rim)
    return _Around(most if surrounds else None, most)


def _cards(
    thing: _Thing,
    feet: _Feet,
    beside: float,
    geometry: SceneGeometry,
    column: Field,
    vanishing: Sequence[float],
) -> list[Wall]:
    """The vertical planes that a thing is made of, over all of its columns."""
    per_row = 1 / (geometry.camera_height * geometry.focal)
    farthest, closest = np.array([1 / FARTHEST, 1 / NEAREST]) / geometry.camera_height
    within = column[thing.box]
    span = float(within.min()) - 1, float(within.max()) + 1
    seen = np.flatnonzero(np.isfinite(feet.seen))
    if thing.surface == Surface.POST and len(seen) > 0:
        # What hangs on a post ends above the ground: the post stands at its lowest point.
        lowest = float(np.nanmax(feet.seen))
        return [Wall(*span, float(np.clip(lowest, farthest, closest)), 0.0)]
    if len(seen) >= max(3, LEAST_FEET * len(feet.seen)):
        rows = thing.mask.shape[0] - 1 - thing.mask[::-1].argmax(axis=0)
        columns = within[rows[seen], seen].astype(float)
        depths = np.clip(feet.seen[seen], farthest, closest)
        tolerance = FOOT_ERROR * geometry.height * per_row + 0.05 * depths
        order = np.argsort(columns, kind="stable")
        found = walls(
            columns[order],
            depths[order],
            tolerance[order],
            span,
            vanishing=vanishing,
            frontal=thing.surface in FRONTAL,
            narrowest=NARROWEST.get(thing.surface, 0.0) * thing.mask.shape[0],
        )
        if thing.surface == Surface.SLOPE:
            return bend_through(found)
        return bridge_jumps(found) if thing.surface in OVERLAPPING else found
    if np.isfinite(feet.hidden).any():
        inverse = OCCLUDED * float(np.nanpercentile(feet.hidden, 20))
    elif np.isfinite(feet.cropped).any():
        inverse = float(np.nanmax(feet.cropped))
    else:
        inverse = beside
    return [Wall(*span, float(np.clip(inverse, farthest, closest)), 0.0)]


def _ceiling(surfaces: NDArray[np.uint8], inverse: Field, level: Field, per_row: float) -> float:
    """1/Z per level row of the ceiling, from where walls reach it; the eye's height without."""
    upper = (surfaces[:-1] == Surface.CEILING) & (level[:-1] < -1)
    met = upper & (surfaces[1:] > Surface.CEILING) & (inverse[1:] > 0)
    if not met.any():
        return -per_row
    height = float(np.median(inverse[1:][met] / level[:-1][met]))
    return float(np.clip(height, -4 * per_row, -per_row / 4))
