"""The one similarity that puts the clip into the frame, by the ground and the clip's cut edges."""

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.shot import EDGES
from dynascene_cli.staging.framing_measures import (
    MOST_ROOM_ABOVE,
    RESIZED,
    Footing,
    Framing,
    FramingMeasures,
)
from dynascene_cli.staging.framing_warnings import (
    CUT_BELOW_KEPT,
    CUT_SIZE_KEPT,
    POSITION_NOT_USED,
    cut_shown,
    lowered_behind,
    moved_position,
    occupied_ground,
    resized,
    stands_in_front,
)

NOTICED = 0.06
UNNOTICED = 1.1
"""A person so many times too tall or too small is not noticed; landmarks are no better."""

MISFIT, BRIEF = 1.6, 1 / 3
"""A person so many times too tall or too small spoils a shot more than a cut by the clip's upper
edge or its sides that is seen for no more than this share of it."""

LEAST_HEADROOM = 0.03
LOWEST_HEAD = 0.6
"""Shares of the frame's height: what a crop leaves above the head, and how low a head may come."""

UNNOTICED_OVERHANG = 0.1
"""Share of what touches the ground that may reach past the free ground unnoticed."""

MOST_OVERHANG = 0.5
"""The same from which a place is no better than the one where they were filmed."""

HEAD_PERCENTILE = 5
COARSE, FINE = 40, 5
COLUMNS = np.linspace(0.06, 0.94, 23)
"""Where on the picture's width free ground is looked for."""

HIDDEN_SHINS, LEAST_SHOWN, MOST_ENLARGED = 0.08, 0.5, 1.5
"""Of whom stands in front of all that the photo shows: the shares of their height that are at
least below and at least inside the picture, and how many times larger than filmed they may be."""

LARGER = np.exp(np.linspace(0.0, 2.5, 1251))


@dataclass(frozen=True, eq=False)
class Framer(FramingMeasures):
    """Chooses the framing."""

    def kept(self) -> Framing:
        """The framing that fits the ground; a whole person further away by ``room``, if they can
        stand there."""
        fits = self._fitting()
        if self.room == 0 or any(self.contacts.cut_edges) or fits.footing == "in front":
            return fits
        column, row = fits.scale * self.contacts.points[0] + [fits.x, fits.y]
        below = (row - self.horizon_at(float(column))) / fits.scale
        middle, share = self.geometry.width / 2, 1 - self.room
        away = self.at(fits.scale * share, below, middle + (float(column) - middle) * share)
        if (self.stands(fits) and not self.stands(away)) or self.covers_nearer(away):
            return fits
        return replace(away, warnings=fits.warnings, footing=fits.footing, hidden=fits.hidden)

    def _fitting(self) -> Framing:
        """Of all framings that put the person on the photo's ground, the one most as filmed.

        The clip's own is taken where it makes the person as tall as the ground asks for, but for
        what nobody sees. The ground gives one number: how far below the horizon the feet stand
        per pixel of person. Each size therefore has its row; where the ground is known, also the
        column is chosen so that it bears the feet.
        """
        scale = self.geometry.height / self.contacts.clip_size[1]
        as_filmed = self.at(scale, None)
        column = float(self.first_contact(as_filmed)[0])
        inside = self.keep_inside(scale, column)
        as_filmed = replace(as_filmed, x=as_filmed.x + inside - column)
        misfit = self.camera_height_of(as_filmed) / self.geometry.camera_height
        if (
            1 / UNNOTICED < misfit < UNNOTICED
            and self.faults(as_filmed) == (0, 0)
            and self._stands_well(as_filmed)
        ):
            return as_filmed
        below = self.below_horizon()
        framings = [
            self.at(scale * f, below, self.keep_inside(scale * f, inside))
            for f in (*1 / LARGER[1:], *LARGER)
        ]
        best = min(
            framings,
            key=lambda f: (*self.faults(f), self.feet_left_out(f), self.change(f, as_filmed)),
        )
        shown, awkward = self.faults(best)
        if shown or awkward or self._outgrows(best, as_filmed):
            nearly = 1 / MISFIT < misfit < MISFIT and not awkward
            fitting = None if nearly else self._showing_brief_cuts()
            if fitting is not None and (
                not awkward or fitting.footing == "in front" or self.faults(fitting)[1] < awkward
            ):
                return fitting
        if self.faults(best)[0]:
            outside = self._outside(as_filmed)
            if self.stands(outside):
                return outside
            told = (*outside.warnings, occupied_ground(self.under_feet(outside)))
            return replace(outside, warnings=told, footing="occupied")
        if self._outgrows(best, as_filmed):
            filmed = self.as_filmed()
            under = self.occupied_under(filmed)
            before = None if under is None else self._before_occupied(below, as_filmed)
            if before is not None:
                return before
            told = (CUT_BELOW_KEPT,) if under is None else (CUT_BELOW_KEPT, occupied_ground(under))
            return replace(filmed, warnings=(*filmed.warnings, *told), on_ground=False)
        if not self._stands_well(best):
            return self._on_free_ground(best, framings, below, as_filmed)
        return replace(best, warnings=self._told(best, as_filmed))

    def _on_free_ground(
        self, best: Framing, others: list[Framing], below: float, as_filmed: Framing
    ) -> Framing:
        """The least odd framing on free ground, of the sizes of others and of any column.

        Where none is, the person stands in front of what is there, or on it.
        """
        columns = [self.first_contact(as_filmed)[0], *(COLUMNS * self.geometry.width)]
        framings = [self.at(f.scale, below, x) for f in others[::COARSE] for x in columns]
        framings.append(best)
        whole = [f for f in framings if self.faults(f) <= self.faults(best)]
        free = [f for f in whole if self.stands(f)]
        readable = [f for f in free if self.is_readable(f, as_filmed)]
        if not readable and not self.contacts.cut_edges[3]:
            in_front = self._in_front(below, as_filmed)
            if in_front is not None:
                return replace(in_front, warnings=(stands_in_front(self.under_feet(best)),))
        if not free:
            best = self._least_odd_anywhere(best, whole, as_filmed)
            told = (*self._told(best, as_filmed), occupied_ground(self.under_feet(best)))
            return replace(best, warnings=told, footing="occupied")
        best = min(readable or free, key=lambda f: self._oddness(f, as_filmed))
        return replace(best, warnings=self._told(best, as_filmed))

    def _showing_brief_cuts(self) -> Framing | None:
        """The framing on the ground that hides only what the clip cuts below, or for long."""
        framer = self._hiding_lasting_cuts()
        if framer is None:
            return None
        framing = framer._fitting()
        if not framing.on_ground or framer.faults(framing)[0]:
            return None
        return self._tell_shown(framing, framer)

    def _hiding_lasting_cuts(self) -> "Framer | None":
        """The same, to hide only what the clip cuts below, or for long; None without other cuts."""
        cut = self.contacts.cut
        lasting = cut & ((cut.mean(axis=0) > BRIEF) | [False, False, False, True])
        if not (cut & ~lasting).any():
            return None
        return replace(self, contacts=replace(self.contacts, cut=lasting))

    def _tell_shown(self, framing: Framing, framer: "Framer") -> Framing:
        """A framing of one that hides fewer cuts, which tells of the others."""
        shown = self.contacts.cut & ~framer.contacts.cut
        edges = " and ".join(compress(EDGES, np.asarray(shown.any(axis=0))))
        told = cut_shown(
            edges, float(shown.any(axis=1).mean()), completed=self.contacts.are_passing(shown)
        )
        left, top, right, bottom = (not edge.any() for edge in shown.T)
        return replace(
            framing, warnings=(*framing.warnings, told), hidden=(left, top, right, bottom)
        )

    def _before_occupied(self, below: float, as_filmed: Framing) -> Framing | None:
        """Whom the clip now and then cuts below, nearer than what the photo shows there."""
        framer = self._hiding_lasting_cuts()
        in_front = (framer or self)._in_front(below, as_filmed)
        if in_front is None:
            return None
        in_front = replace(in_front, warnings=(stands_in_front(self.under_feet(as_filmed)),))
        return in_front if framer is None else self._tell_shown(in_front, framer)

    def _least_odd_anywhere(
        self, framing: Framing, others: list[Framing], as_filmed: Framing
    ) -> Framing:
        """Of whom no free ground bears throughout, the framing that shows it least.

        Nobody nearer is covered there, and ground bears most of what touches it, if possible.
        """
        readable = [f for f in others if self.is_readable(f, as_filmed)]

        def oddness(f: Framing) -> tuple[bool, bool, float, float]:
            leaves, covers, overhang, change = self._oddness(f, as_filmed)
            return leaves, covers, overhang if overhang <= MOST_OVERHANG else 1.0, change

        return min([framing, *readable], key=oddness)

    def _stands_well(self, framing: Framing) -> bool:
        """Whether free ground bears all that touches it, and nobody nearer is covered."""
        if not self.stands(framing) or self.covers_nearer(framing):
            return False
        return self.overhang(framing) <= UNNOTICED_OVERHANG

    def _oddness(self, framing: Framing, as_filmed: Framing) -> tuple[bool, bool, float, float]:
        """How odd a whole person on free ground looks, worst first."""
        change = self.change(framing, as_filmed)
        overhang = max(0.0, round(self.overhang(framing) - UNNOTICED_OVERHANG, 1))
        return self.leaves(framing), self.covers_nearer(framing), overhang, change

    def _in_front(self, below: float, as_filmed: Framing) -> Framing | None:
        """On the ground nearer than all that the photo shows, the lower edge cutting their legs.

        None where they would be hidden, beheaded or too large there, or where an edge of the clip
        that cuts them would be seen.
        """
        height = self.geometry.height
        column = float(self.first_contact(as_filmed)[0])
        fitting = []
        larger = LARGER[LARGER < MOST_ENLARGED][::FINE]
        for factor in (*1 / LARGER[FINE::FINE], *larger):
            scale = as_filmed.scale * factor
            framing = self.at(scale, below, self.keep_inside(scale, column))
            (_, feet), tall = (seen.T for seen in self.seen(framing)[:2])
            heads = feet - tall
            hidden = (feet - HIDDEN_SHINS * tall).min() >= height
            shown = (height - heads).min() >= LEAST_SHOWN * tall.max()
            inside = heads.min() >= LEAST_HEADROOM * height
            if hidden and shown and inside and self.faults(framing)[0] == 0:
                fitting.append(replace(framing, footing="in front"))
        return min(fitting, key=lambda f: self.change(f, as_filmed), default=None)

    def _outgrows(self, framing: Framing, as_filmed: Framing) -> bool:
        """Whether somebody whom the clip cuts below is enlarged only to hide where it does."""
        if not self.contacts.cut_edges[3]:
            return False
        below = self.first_contact(framing)[1] > self.geometry.height
        return framing.scale > as_filmed.scale * (1.0 if below else RESIZED)

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
        head = scale * float(np.percentile(self.contacts.known_boxes[:, 1], HEAD_PERCENTILE))
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
        return Framing(scale, self.at(scale, None).x, y, warnings)

    def place_at(self, place: tuple[float, float]) -> Framing:
        """The framing with the first contact at ``place`` (fractions of the frame).

        The person's size follows the ground: as far as ``place`` is below the horizon.

        Raises:
            InputError: the place is at or above the horizon.
        """
        below = self.below_horizon()
        x, y = place[0] * self.geometry.width, place[1] * self.geometry.height
        horizon = self.horizon_at(x)
        if y <= horizon + 0.01 * self.geometry.height:
            lowest = horizon / self.geometry.height
            raise InputError(
                f"--position {place[0]:g},{place[1]:g} is not on the ground: the horizon is at "
                f"{lowest:.2f}",
                f"give a Y above {lowest + 0.02:.2f}, or the right --horizon",
            )
        asked = (y - horizon) / below
        framings = [self.at(asked * f, below, x) for f in (*LARGER, *1 / LARGER[1:])]
        whole = [f for f in framings if self.faults(f)[0] == 0]
        if not whole:
            kept = self.kept() if self.contacts.grounded else self.as_filmed()
            return replace(kept, warnings=(POSITION_NOT_USED,))
        best = min(whole, key=lambda f: abs(np.log(f.scale / asked)))
        at = self.first_contact(best)
        warnings: tuple[str, ...] = ()
        if np.abs(at - [x, y]).max() > 1:
            warnings = (moved_position(*(at / [self.geometry.width, self.geometry.height])),)
        footing: Footing = "free"
        if not self.stands(best):
            footing = "occupied"
            warnings += (occupied_ground(self.under_feet(best)),)
        return replace(best, warnings=warnings, footing=footing)

    def _outside(self, as_filmed: Framing) -> Framing:
        """The smallest framing about the clip's own that keeps every cut out of the picture."""
        cover = max(1.0, self.geometry.width / (as_filmed.scale * self.contacts.clip_size[0]))
        for factor in LARGER:
            scale = as_filmed.scale * factor
            framing = self.at(scale, None)
            spare = self.geometry.height - scale * self.contacts.clip_size[1]
            for y in (0.0, spare / 2, spare):
                moved = Framing(scale, framing.x, y, (CUT_SIZE_KEPT,))
                if self.faults(moved)[0] == 0:
                    return moved
        scale = as_filmed.scale * cover
        return Framing(scale, self.at(scale, None).x, 0.0, (CUT_SIZE_KEPT,))

    def _told(self, framing: Framing, as_filmed: Framing) -> tuple[str, ...]:
        """What differs from the clip's framing so much that the editor will wonder."""
        factor = framing.scale / as_filmed.scale
        _, awkward = self.faults(framing)
        if not awkward and 1 / RESIZED < factor < RESIZED:
            return ()
        row = self.first_contact(framing)[1] / self.geometry.height
        return (resized(factor, row, partly_outside=awkward > 0),)
