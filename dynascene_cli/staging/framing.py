"""The one similarity that puts the clip into the frame, by the ground and the clip's cut edges."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import SceneGeometry
from dynascene_cli.staging.framing_warnings import (
    CUT_BELOW_KEPT,
    CUT_SIZE_KEPT,
    POSITION_NOT_USED,
    lowered_behind,
    moved_position,
    occupied_ground,
    resized,
    stands_in_front,
)
from dynascene_cli.staging.ground_contact import Contacts
from dynascene_cli.staging.picture_sides import share_beyond_sides
from dynascene_cli.staging.standing_ground import StandingGround

LOWEST_FEET = 0.985
NOTICED = 0.06
UNNOTICED = 1.1
"""A person so many times too tall or too small is not noticed; landmarks are no better."""

RESIZED = 1.4
"""A person shown so many times larger or smaller than filmed is told."""

MOST_ROOM_ABOVE = 0.1
LEAST_HEADROOM = 0.03
LOWEST_HEAD = 0.6
"""Shares of the frame's height: what a crop leaves above the head, and how low a head may come."""

HEAD_PERCENTILE = 5
COARSE, FINE = 40, 5
SIDE_SPARE = 0.01
"""Share of the frame's width that a walk leaves free at either side."""
WALK_SAMPLES = 9
COLUMNS = np.linspace(0.06, 0.94, 23)
"""Where on the picture's width free ground is looked for."""

FOOTPRINT = 0.07
"""How far around a foot the ground must reach, as a share of the person's height."""

READABLE = 0.15
"""Whose height is a smaller share of the picture's is a speck in it."""

HIDDEN_SHINS, LEAST_SHOWN, MOST_ENLARGED = 0.08, 0.5, 1.5
"""Of whom stands in front of all that the photo shows: the shares of their height that are at
least below and at least inside the picture, and how many times larger than filmed they may be."""

LARGER = np.exp(np.linspace(0.0, 2.5, 1251))

Footing = Literal["free", "occupied", "in front"]
"""Whether free ground bears the feet, or none does, or it lies below the picture."""


@dataclass(frozen=True)
class Framing:
    """Clip pixels × ``scale`` + (``x``, ``y``) = frame pixels.

    Unless ``on_ground``, the feet do not lie where the photo's ground would have them.
    """

    scale: float
    x: float
    y: float
    warnings: tuple[str, ...] = ()
    on_ground: bool = True
    footing: Footing = "free"

    @property
    def similarity(self) -> Floats:
        """(2, 3)."""
        return np.array([[self.scale, 0.0, self.x], [0.0, self.scale, self.y]])


@dataclass(frozen=True, eq=False)
class Framer:
    """What a framing has to respect: clip and photo, the person's contacts and metres.

    ``ground`` (H, W) is where the photo bears feet, None where that is not known.
    """

    contacts: Contacts
    geometry: SceneGeometry
    person_height: float
    room: float
    ground: StandingGround | None = None

    def kept(self) -> Framing:
        """The framing that fits the ground; a whole person further away by ``room``."""
        fits = self._fitting()
        if self.room == 0 or any(self.contacts.cut_edges) or fits.footing == "in front":
            return fits
        column, row = fits.scale * self.contacts.points[0] + [fits.x, fits.y]
        below = (row - self._horizon(float(column))) / fits.scale
        middle, share = self.geometry.width / 2, 1 - self.room
        away = self._at(fits.scale * share, below, middle + (float(column) - middle) * share)
        return replace(away, warnings=fits.warnings, footing=fits.footing)

    def _fitting(self) -> Framing:
        """Of all framings that put the person on the photo's ground, the one most as filmed.

        The clip's own is taken where it makes the person as tall as the ground asks for, but for
        what nobody sees. The ground gives one number: how far below the horizon the feet stand
        per pixel of person. Each size therefore has its row; where the ground is known, also the
        column is chosen so that it bears the feet.
        """
        scale = self.geometry.height / self.contacts.clip_size[1]
        as_filmed = self._at(scale, None)
        misfit = self.camera_height_of(as_filmed) / self.geometry.camera_height
        if (
            1 / UNNOTICED < misfit < UNNOTICED
            and self._faults(as_filmed) == (0, 0)
            and self._stands(as_filmed)
        ):
            return as_filmed
        below = self._below_horizon()
        column = as_filmed.scale * float(self.contacts.points[0, 0]) + as_filmed.x
        framings = [
            self._at(scale * f, below, self._keep_inside(scale * f, column))
            for f in (*1 / LARGER[1:], *LARGER)
        ]
        best = min(framings, key=lambda f: (*self._faults(f), self._change(f, as_filmed)))
        if self._faults(best)[0]:
            outside = self._outside(as_filmed)
            if self._stands(outside):
                return outside
            told = (*outside.warnings, occupied_ground(self._under_feet(outside)))
            return replace(outside, warnings=told, footing="occupied")
        if self._outgrows(best, as_filmed):
            filmed = self.as_filmed()
            told = (*filmed.warnings, CUT_BELOW_KEPT)
            return replace(filmed, warnings=told, on_ground=False)
        if self.ground is not None and not self._stands(best):
            columns = [column, *(COLUMNS * self.geometry.width)]
            framings = [self._at(f.scale, below, x) for f in framings[::COARSE] for x in columns]
            whole = [f for f in framings if self._faults(f) <= self._faults(best)]
            free = [f for f in whole if self._stands(f)]
            readable = [f for f in free if self._is_readable(f, as_filmed)]
            if not readable:
                in_front = self._in_front(below, as_filmed)
                if in_front is not None:
                    return replace(in_front, warnings=(stands_in_front(self._under_feet(best)),))
            if not free:
                told = (*self._told(best, as_filmed), occupied_ground(self._under_feet(best)))
                return replace(best, warnings=told, footing="occupied")
            best = min(
                readable or free, key=lambda f: (self._leaves(f), self._change(f, as_filmed))
            )
        return replace(best, warnings=self._told(best, as_filmed))

    def _keep_inside(self, scale: float, column: float) -> float:
        """The first contact's column nearest to one at which the walk stays in the picture.

        A walk that is wider than the picture is centred; a side that the clip cuts is not moved.
        """
        left, _, right, _ = self.contacts.cut_edges
        known = self.contacts.boxes[np.isfinite(self.contacts.boxes).all(axis=1)]
        if left or right or len(known) == 0:
            return column
        reach = scale * (known[:, [0, 2]] - self.contacts.points[0, 0])
        spare = SIDE_SPARE * self.geometry.width
        low, high = spare - reach[:, 0].min(), self.geometry.width - spare - reach[:, 1].max()
        return float(np.clip(column, low, high) if low <= high else (low + high) / 2)

    def _leaves(self, framing: Framing) -> bool:
        """Whether the picture's sides would cut a person whom the clip's do not."""
        similarity = np.repeat(framing.similarity[None], len(self.contacts.boxes), axis=0)
        beyond = share_beyond_sides(self.contacts, similarity, self.geometry.width)
        return bool((beyond > 0).any())

    def _is_readable(self, framing: Framing, as_filmed: Framing) -> bool:
        """Whether the person is more than a speck, or was filmed as one."""
        heights = float(np.median(self.contacts.heights)) * np.array(
            [framing.scale, as_filmed.scale]
        )
        shown, filmed = heights / self.geometry.height
        return bool(shown >= min(READABLE, filmed / RESIZED))

    def _in_front(self, below: float, as_filmed: Framing) -> Framing | None:
        """On the ground nearer than all that the photo shows, the lower edge cutting their legs.

        None where they would be hidden, beheaded or too large there, or where the clip cuts them.
        """
        if any(self.contacts.cut_edges):
            return None
        columns, rows = self.contacts.points.T
        height = self.geometry.height
        column = as_filmed.scale * float(columns[0]) + as_filmed.x
        fitting = []
        larger = LARGER[LARGER < MOST_ENLARGED][::FINE]
        for factor in (*1 / LARGER[FINE::FINE], *larger):
            scale = as_filmed.scale * factor
            framing = self._at(scale, below, self._keep_inside(scale, column))
            feet, tall = scale * rows + framing.y, scale * self.contacts.heights
            heads = feet - tall
            hidden = (feet - HIDDEN_SHINS * tall).min() >= height
            shown = (height - heads).min() >= LEAST_SHOWN * tall.max()
            if hidden and shown and heads.min() >= LEAST_HEADROOM * height:
                fitting.append(replace(framing, footing="in front"))
        return min(fitting, key=lambda f: self._change(f, as_filmed), default=None)

    def _outgrows(self, framing: Framing, as_filmed: Framing) -> bool:
        """Whether somebody whom the clip cuts below is enlarged only to hide where it does."""
        if not self.contacts.cut_edges[3]:
            return False
        below = self._first_contact(framing)[1] > self.geometry.height
        return below or framing.scale > RESIZED * as_filmed.scale

    def _stands(self, framing: Framing) -> bool:
        """Whether the photo's ground bears the feet for the whole walk."""
        if self.ground is None:
            return True
        chosen = np.unique(np.linspace(0, len(self.contacts.points) - 1, WALK_SAMPLES).astype(int))
        feet = framing.scale * self.contacts.points[chosen] + [framing.x, framing.y]
        reach = FOOTPRINT * framing.scale * float(np.median(self.contacts.heights))
        return self.ground.bears(feet, reach)

    def _under_feet(self, framing: Framing) -> str:
        if self.ground is None:
            return "what is no ground"
        return self.ground.what_is_at(self._first_contact(framing))

    def as_filmed(self) -> Framing:
        """The clip's own framing and size, of whom no ground is known: cut edges stay outside.

        The clip is enlarged only where it is too narrow for the frame between two cut sides, and
        lowered where something in it hides the body above its lower edge; never over the head.
        """
        width, height = self.geometry.width, self.geometry.height
        left, top, right, bottom = self.contacts.cut_edges
        scale = height / self.contacts.clip_size[1]
        if left and right:
            scale = max(scale, (1 + 2 * self.room) * width / self.contacts.clip_size[0])
        tops = self.contacts.boxes[np.isfinite(self.contacts.boxes).all(axis=1), 1]
        head = scale * float(np.percentile(tops, HEAD_PERCENTILE))
        spare = height - scale * self.contacts.clip_size[1]
        y = 0.0 if top else min(0.0, max(spare / 2, LEAST_HEADROOM * height - head))
        warnings: tuple[str, ...] = ()
        if bottom and not top:
            above = min(self.room, MOST_ROOM_ABOVE) * height
            needed = height + above - scale * self.contacts.lower_cut
            lowest = max(0.0, LOWEST_HEAD * height - head)
            y = min(max(y, needed), lowest)
            if needed - above > NOTICED * height:
                row = self.contacts.lower_cut / self.contacts.clip_size[1]
                warnings = (lowered_behind(row, y / height),)
        return Framing(scale, self._at(scale, None).x, y, warnings)

    def place_at(self, place: tuple[float, float]) -> Framing:
        """The framing with the first contact at ``place`` (fractions of the frame).

        The person's size follows the ground: as far as ``place`` is below the horizon.

        Raises:
            InputError: the place is at or above the horizon.
        """
        kept = self.kept() if self.contacts.grounded else self.as_filmed()
        below = self._below_horizon()
        x, y = place[0] * self.geometry.width, place[1] * self.geometry.height
        horizon = self._horizon(x)
        if y <= horizon + 0.01 * self.geometry.height:
            lowest = horizon / self.geometry.height
            raise InputError(
                f"--position {place[0]:g},{place[1]:g} is not on the ground: the horizon is at "
                f"{lowest:.2f}",
                f"give a Y above {lowest + 0.02:.2f}, or the right --horizon",
            )
        asked = (y - horizon) / below
        framings = [self._at(asked * f, below, x) for f in (*LARGER, *1 / LARGER[1:])]
        whole = [f for f in framings if self._faults(f)[0] == 0]
        if not whole:
            return replace(kept, warnings=(POSITION_NOT_USED,))
        best = min(whole, key=lambda f: abs(np.log(f.scale / asked)))
        at = self._first_contact(best)
        warnings: tuple[str, ...] = ()
        if np.abs(at - [x, y]).max() > 1:
            warnings = (moved_position(*(at / [self.geometry.width, self.geometry.height])),)
        footing: Footing = "free"
        if not self._stands(best):
            footing = "occupied"
            warnings += (occupied_ground(self._under_feet(best)),)
        return replace(best, warnings=warnings, footing=footing)

    def _horizon(self, x: float) -> float:
        """The horizon's row at column ``x``."""
        across = x - self.geometry.width / 2
        return self.geometry.horizon - across * float(np.tan(np.radians(self.geometry.roll_deg)))

    def _at(self, scale: float, below: float | None, x: float | None = None) -> Framing:
        """The framing of a scale whose first contact is ``below`` clip pixels under the horizon.

        None keeps the clip's top at the frame's. ``x`` is the first contact's column; without
        it the clip stays centred, but the person in the picture.
        """
        contact = self.contacts.points[0]
        width = self.geometry.width
        if x is None:
            shift = (width - scale * self.contacts.clip_size[0]) / 2
            columns = scale * self.contacts.points[:, 0] + shift
            middle = float(np.median(columns))
            shift += float(np.clip(middle, 0.1 * width, 0.9 * width)) - middle
        else:
            shift = x - scale * float(contact[0])
        room = self.room * width
        left, _, right, _ = self.contacts.cut_edges
        if left:
            shift = min(shift, -room)
        if right and not (left and shift + scale * self.contacts.clip_size[0] < width + room):
            shift = max(shift, width + room - scale * self.contacts.clip_size[0])
        y = 0.0
        if below is not None:
            horizon = self._horizon(scale * float(contact[0]) + shift)
            y = horizon + scale * (below - float(contact[1]))
        return Framing(scale, shift, y)

    def camera_height_of(self, framing: Framing) -> float:
        """The camera height that makes the person as tall as asked: H·(foot − horizon)/person."""
        feet = framing.scale * self.contacts.points + [framing.x, framing.y]
        slope = -np.tan(np.radians(self.geometry.roll_deg))
        horizon = self.geometry.horizon + (feet[:, 0] - self.geometry.width / 2) * slope
        shares = (feet[:, 1] - horizon) / (framing.scale * self.contacts.heights)
        return self.person_height * float(np.median(shares))

    def _below_horizon(self) -> float:
        """How far under the horizon, in clip pixels, the photo's ground puts the first contact."""
        rows = self.contacts.points[:, 1] - self.contacts.points[0, 1]
        shares = self.geometry.camera_height / self.person_height
        low, high = np.array([-1.0, 1.0]) * (
            np.abs(rows).max() + 2 * shares * self.contacts.heights.max()
        )
        for _ in range(60):
            middle = (low + high) / 2
            if np.median((middle + rows) / self.contacts.heights) < shares:
                low = middle
            else:
                high = middle
        return float((low + high) / 2)

    def _faults(self, framing: Framing) -> tuple[int, int]:
        """How many cut edges of the clip would be in the picture, and how much else is awkward."""
        width, height = self.geometry.width, self.geometry.height
        left, top, right, bottom = self.contacts.cut_edges
        side = self.room * width - 1e-6
        above = min(self.room, MOST_ROOM_ABOVE) * height - 1e-6
        shown = (
            int(left and framing.x > -side)
            + int(top and framing.y > -above)
            + int(right and framing.x + framing.scale * self.contacts.clip_size[0] < width + side)
            + int(bottom and framing.y + framing.scale * self.contacts.lower_cut < height + above)
        )
        feet = framing.scale * self.contacts.points[:, 1] + framing.y
        heads = feet - framing.scale * self.contacts.heights
        filmed_heads = self.contacts.points[:, 1] - self.contacts.heights
        highest = min(0.0, float(filmed_heads.min() / self.contacts.clip_size[1])) * height
        lowest = float(self.contacts.points[:, 1].max() / self.contacts.clip_size[1])
        awkward = int(not bottom and feet.max() > max(LOWEST_FEET, lowest) * height)
        awkward += int(not top and heads.min() < highest)
        return shown, awkward

    def _change(self, framing: Framing, as_filmed: Framing) -> float:
        """How different the person looks: a tenth of the frame weighs as a third in size, a
        quarter of the width as little."""
        moved = self._first_contact(framing) - self._first_contact(as_filmed)
        across, down = moved / [0.25 * self.geometry.width, 0.1 * self.geometry.height]
        resized = np.log(framing.scale / as_filmed.scale) / 0.3
        return float(resized**2 + across**2 + down**2)

    def _first_contact(self, framing: Framing) -> Floats:
        return np.asarray(framing.scale * self.contacts.points[0] + [framing.x, framing.y])

    def _outside(self, as_filmed: Framing) -> Framing:
        """The smallest framing about the clip's own that keeps every cut out of the picture."""
        cover = max(1.0, self.geometry.width / (as_filmed.scale * self.contacts.clip_size[0]))
        for factor in LARGER:
            scale = as_filmed.scale * factor
            framing = self._at(scale, None)
            spare = self.geometry.height - scale * self.contacts.clip_size[1]
            for y in (0.0, spare / 2, spare):
                moved = Framing(scale, framing.x, y, (CUT_SIZE_KEPT,))
                if self._faults(moved)[0] == 0:
                    return moved
        scale = as_filmed.scale * cover
        return Framing(scale, self._at(scale, None).x, 0.0, (CUT_SIZE_KEPT,))

    def _told(self, framing: Framing, as_filmed: Framing) -> tuple[str, ...]:
        """What differs from the clip's framing so much that the editor will wonder."""
        factor = framing.scale / as_filmed.scale
        _, awkward = self._faults(framing)
        if not awkward and 1 / RESIZED < factor < RESIZED:
            return ()
        row = self._first_contact(framing)[1] / self.geometry.height
        return (resized(factor, row, partly_outside=awkward > 0),)
