"""The one similarity that puts the clip into the frame, by the ground and the clip's cut edges."""

from dataclasses import dataclass, replace

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import SceneGeometry
from dynascene_cli.staging.contact import Contacts

LOWEST_CAMERA = 0.8
HIGHEST_CAMERA = 2.4
"""Camera heights in metres between which a photo is believed to be taken."""

LOWEST_FEET = 0.985
NOTICED = 0.06
MOST_ROOM_ABOVE = 0.1
LEAST_HEADROOM = 0.03
LOWEST_HEAD = 0.6
"""Shares of the frame's height: what a crop leaves above the head, and how low a head may come."""

HEAD_PERCENTILE = 5
LARGER = np.exp(np.linspace(0.0, 2.5, 1251))


@dataclass(frozen=True)
class Framing:
    """Clip pixels × ``scale`` + (``x``, ``y``) = frame pixels, and the camera height it implies."""

    scale: float
    x: float
    y: float
    camera_height: float
    warnings: tuple[str, ...] = ()

    @property
    def similarity(self) -> Floats:
        """(2, 3)."""
        return np.array([[self.scale, 0.0, self.x], [0.0, self.scale, self.y]])


@dataclass(frozen=True, eq=False)
class Framer:
    """What a framing has to respect: clip and photo, the person's contacts and metres."""

    contacts: Contacts
    clip_size: tuple[int, int]
    geometry: SceneGeometry
    person_height: float
    camera_height: float | None
    room: float

    def kept(self) -> Framing:
        """The framing that fits the ground; a whole person further away by ``room``."""
        fits = self._fitting()
        if self.room == 0 or any(self.contacts.cut_edges):
            return fits
        column, row = fits.scale * self.contacts.points[0] + [fits.x, fits.y]
        below = (row - self._horizon(float(column))) / fits.scale
        middle, share = self.geometry.width / 2, 1 - self.room
        away = self._at(fits.scale * share, below, middle + (float(column) - middle) * share)
        return replace(away, camera_height=fits.camera_height, warnings=fits.warnings)

    def _fitting(self) -> Framing:
        """The clip's own framing at the frame's height, changed only where the place demands it.

        The ground gives one number: how far below the horizon the feet stand per pixel of
        person. Where the clip's framing implies a believable camera height, it stays; else the
        nearest framing that implies one is taken, the person moved and resized along the ground.
        """
        scale = self.geometry.height / self.clip_size[1]
        as_filmed = self._at(scale, None)
        believable = self.believable(as_filmed.camera_height)
        fits = abs(as_filmed.camera_height - believable) <= 1e-6 * believable
        if fits and self._faults(as_filmed) == (0, 0):
            return as_filmed
        below = self._below_horizon(believable)
        column = as_filmed.scale * float(self.contacts.points[0, 0]) + as_filmed.x
        framings = [self._at(scale * f, below, column) for f in (*1 / LARGER[1:], *LARGER)]
        best = min(framings, key=lambda f: (*self._faults(f), self._change(f, as_filmed)))
        cut, awkward = self._faults(best)
        if cut:
            return self._outside(as_filmed)
        told = awkward or (not fits and self._change(best, as_filmed) > NOTICED)
        warnings = (self._told(best, as_filmed),) if told else ()
        return Framing(best.scale, best.x, best.y, believable, warnings)

    def as_filmed(self) -> Framing:
        """The clip's own framing and size, of whom no ground is known: cut edges stay outside.

        The clip is enlarged only where it is too narrow for the frame between two cut sides, and
        lowered where something in it hides the body above its lower edge; never over the head.
        """
        width, height = self.geometry.width, self.geometry.height
        left, top, right, bottom = self.contacts.cut_edges
        scale = height / self.clip_size[1]
        if left and right:
            scale = max(scale, (1 + 2 * self.room) * width / self.clip_size[0])
        tops = self.contacts.boxes[np.isfinite(self.contacts.boxes).all(axis=1), 1]
        head = scale * float(np.percentile(tops, HEAD_PERCENTILE))
        spare = height - scale * self.clip_size[1]
        y = 0.0 if top else min(0.0, max(spare / 2, LEAST_HEADROOM * height - head))
        unmoved = y
        warnings: tuple[str, ...] = ()
        if bottom and not top:
            above = min(self.room, MOST_ROOM_ABOVE) * height
            needed = height + above - scale * self.contacts.lower_cut
            lowest = max(0.0, LOWEST_HEAD * height - head)
            unmoved = min(max(y, needed - above), lowest)
            y = min(max(y, needed), lowest)
            if needed - above > NOTICED * height:
                warnings = (self._lowered_behind(y / height),)
        x = self._at(scale, None).x
        camera_height = self.believable(self.implied(scale, x, unmoved))
        return Framing(scale, x, y, camera_height, warnings)

    def placed(self, place: tuple[float, float]) -> Framing:
        """The framing with the first contact at ``place`` (fractions of the frame).

        The person's size follows the ground: as far as ``place`` is below the horizon.

        Raises:
            InputError: the place is at or above the horizon.
        """
        kept = self.kept() if self.contacts.grounded else self.as_filmed()
        below = self._below_horizon(kept.camera_height)
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
            told = "--position would show where the clip cuts the person off: their framing is kept"
            return Framing(kept.scale, kept.x, kept.y, kept.camera_height, (told,))
        best = min(whole, key=lambda f: abs(np.log(f.scale / asked)))
        at = best.scale * self.contacts.points[0] + [best.x, best.y]
        warnings: tuple[str, ...] = ()
        if np.abs(at - [x, y]).max() > 1:
            fractions = at / [self.geometry.width, self.geometry.height]
            warnings = (
                f"--position would show where the clip cuts the person off: they stand at "
                f"{fractions[0]:.2f},{fractions[1]:.2f} instead",
            )
        return Framing(best.scale, best.x, best.y, kept.camera_height, warnings)

    def believable(self, camera_height: float) -> float:
        """The camera height that was given; else this one, within what photos are taken from."""
        if self.camera_height is not None:
            return self.camera_height
        return float(np.clip(camera_height, LOWEST_CAMERA, HIGHEST_CAMERA))

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
            shift = (width - scale * self.clip_size[0]) / 2
            columns = scale * self.contacts.points[:, 0] + shift
            middle = float(np.median(columns))
            shift += float(np.clip(middle, 0.1 * width, 0.9 * width)) - middle
        else:
            shift = x - scale * float(contact[0])
        room = self.room * width
        left, _, right, _ = self.contacts.cut_edges
        if left:
            shift = min(shift, -room)
        if right and not (left and shift + scale * self.clip_size[0] < width + room):
            shift = max(shift, width + room - scale * self.clip_size[0])
        y = 0.0
        if below is not None:
            horizon = self._horizon(scale * float(contact[0]) + shift)
            y = horizon + scale * (below - float(contact[1]))
        return Framing(scale, shift, y, self.implied(scale, shift, y))

    def implied(self, scale: float, x: float, y: float) -> float:
        """The camera height that makes the person as tall as asked: H·(foot − horizon)/person."""
        feet = scale * self.contacts.points + [x, y]
        slope = -np.tan(np.radians(self.geometry.roll_deg))
        horizon = self.geometry.horizon + (feet[:, 0] - self.geometry.width / 2) * slope
        shares = (feet[:, 1] - horizon) / (scale * self.contacts.heights)
        return self.person_height * float(np.median(shares))

    def _below_horizon(self, camera_height: float) -> float:
        """How far under the horizon, in clip pixels, a camera height puts the first contact."""
        rows = self.contacts.points[:, 1] - self.contacts.points[0, 1]
        shares = camera_height / self.person_height
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
            + int(right and framing.x + framing.scale * self.clip_size[0] < width + side)
            + int(bottom and framing.y + framing.scale * self.contacts.lower_cut < height + above)
        )
        feet = framing.scale * self.contacts.points[:, 1] + framing.y
        heads = feet - framing.scale * self.contacts.heights
        as_filmed = (self.contacts.points[:, 1] - self.contacts.heights) / self.clip_size[1]
        highest = min(0.0, float(as_filmed.min())) * height
        awkward = int(not bottom and feet.max() > max(LOWEST_FEET, self._filmed_low()) * height)
        awkward += int(not top and heads.min() < highest)
        return shown, awkward

    def _filmed_low(self) -> float:
        """How low in the clip the feet come, as a share of its height."""
        return float(self.contacts.points[:, 1].max() / self.clip_size[1])

    def _change(self, framing: Framing, as_filmed: Framing) -> float:
        """How different the person looks: a tenth of the frame weighs as a third in size."""
        contact = self.contacts.points[0, 1]
        moved = framing.scale * contact + framing.y - (as_filmed.scale * contact + as_filmed.y)
        resized = np.log(framing.scale / as_filmed.scale)
        return float((resized / 0.3) ** 2 + (moved / (0.1 * self.geometry.height)) ** 2)

    def _outside(self, as_filmed: Framing) -> Framing:
        """The smallest framing about the clip's own that keeps every cut out of the picture."""
        cover = max(1.0, self.geometry.width / (as_filmed.scale * self.clip_size[0]))
        told = (
            "the person is cut by the clip's edge: they keep the clip's framing, and their size "
            "does not quite fit the ground"
        )
        for factor in LARGER:
            scale = as_filmed.scale * factor
            framing = self._at(scale, None)
            spare = self.geometry.height - scale * self.clip_size[1]
            for y in (0.0, spare / 2, spare):
                moved = Framing(scale, framing.x, y, as_filmed.camera_height, (told,))
                if self._faults(moved)[0] == 0:
                    height = self.camera_height or float(
                        np.clip(self.implied(scale, framing.x, y), LOWEST_CAMERA, HIGHEST_CAMERA)
                    )
                    return Framing(scale, framing.x, y, height, (told,))
        scale = as_filmed.scale * cover
        return Framing(scale, self._at(scale, None).x, 0.0, as_filmed.camera_height, (told,))

    def _lowered_behind(self, share: float) -> str:
        row = self.contacts.lower_cut / self.clip_size[1]
        return (
            f"something before the person hides them below {row:.2f} of the clip's height: they "
            f"are shown {100 * share:.0f} % of the height lower, so that the cut lies at the "
            "picture's edge"
        )

    def _told(self, framing: Framing, as_filmed: Framing) -> str:
        contact = self.contacts.points[0, 1]
        rows = [f.scale * contact + f.y for f in (as_filmed, framing)]
        percent = 100 * framing.scale / as_filmed.scale
        return (
            "as filmed, the person would not stand on this photo's ground: they are shown at "
            f"{percent:.0f} % size with the feet at {rows[1] / self.geometry.height:.2f} of the "
            f"height, not {rows[0] / self.geometry.height:.2f}; --position, --person-height or "
            "--horizon change that"
        )
