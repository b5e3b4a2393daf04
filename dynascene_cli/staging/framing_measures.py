"""A framing of the clip in the picture, and how well it suits the ground and the cut edges."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import SceneGeometry
from dynascene_cli.staging.billboard import card, intersect_ground
from dynascene_cli.staging.ground_contact import Contacts
from dynascene_cli.staging.picture_sides import share_beyond_sides
from dynascene_cli.staging.standing_ground import StandingGround

LOWEST_SOLES = 0.985
"""How low the lowest row of the person may be, as a share of the picture's height."""
RESIZED = 1.4
"""A person shown so many times larger or smaller than filmed is told."""

MOST_ROOM_ABOVE = 0.1
SIDE_SPARE = 0.01
"""Share of the frame's width that a walk leaves free at either side."""
WALK_SAMPLES = 9
FOOTPRINT, SOLE = 0.07, 0.02
"""How far around a foot the ground must reach, and around the ends of all that touches it, as
shares of the person's height."""

READABLE = 0.15
"""Whose height is a smaller share of the picture's is a speck in it."""

Footing = Literal["free", "occupied", "in front"]
"""Whether free ground bears the feet, or none does, or it lies below the picture."""


@dataclass(frozen=True)
class Framing:
    """Clip pixels × ``scale`` + (``x``, ``y``) = frame pixels.

    Unless ``on_ground``, the feet do not lie where the photo's ground would have them. ``hidden``
    says which of the clip's EDGES stay out of the picture where they cut the person.
    """

    scale: float
    x: float
    y: float
    warnings: tuple[str, ...] = ()
    on_ground: bool = True
    footing: Footing = "free"
    hidden: tuple[bool, bool, bool, bool] = (True, True, True, True)

    @property
    def similarity(self) -> Floats:
        """(2, 3)."""
        return np.array([[self.scale, 0.0, self.x], [0.0, self.scale, self.y]])


@dataclass(frozen=True, eq=False)
class FramingMeasures:
    """What a framing has to respect: clip and photo, the person's contacts and metres.

    ``ground`` (H, W) is where the photo bears feet, None where that is not known. ``way`` (F, 3)
    is how far in the world, in metres, whom a moving camera filmed has gone since the first
    frame; the photo's camera sees it from another height and distance than the filmed one did.
    """

    contacts: Contacts
    geometry: SceneGeometry
    person_height: float
    room: float
    ground: StandingGround | None = None
    way: Floats | None = None

    def seen(self, framing: Framing) -> tuple[Floats, Floats, Floats]:
        """The feet (F, 2), heights (F,) and boxes (F, 4) that the photo's camera sees, in frame
        pixels; NaN behind the camera."""
        points, heights, boxes = self.contacts.points, self.contacts.heights, self.contacts.boxes
        shift = np.array([framing.x, framing.y])
        if self.way is None:
            boxed = framing.scale * boxes + np.tile(shift, 2)
            return framing.scale * points + shift, framing.scale * heights, boxed
        K, E = self.geometry.intrinsics[None], self.geometry.extrinsics[None]
        first = self.first_contact(framing)[None]
        start, _ = intersect_ground(K, E, first, self.geometry.camera_height)
        feet, up = card(K, E, start + self.way, self.person_height)
        tall = np.linalg.norm(up, axis=1)
        around = (boxes - np.tile(points, 2)) * (tall / heights)[:, None]
        return feet, tall, np.tile(feet, 2) + around

    def keep_inside(self, scale: float, column: float) -> float:
        """The first contact's column nearest to one at which the walk stays in the picture.

        A walk that is wider than the picture is centred; a side that the clip cuts is not moved.
        """
        left, _, right, _ = self.contacts.cut_edges
        known = self.contacts.known_boxes
        if left or right or len(known) == 0:
            return column
        reach = scale * (known[:, [0, 2]] - self.contacts.points[0, 0])
        spare = SIDE_SPARE * self.geometry.width
        low, high = spare - reach[:, 0].min(), self.geometry.width - spare - reach[:, 1].max()
        return float(np.clip(column, low, high) if low <= high else (low + high) / 2)

    def leaves(self, framing: Framing) -> bool:
        """Whether the picture's sides would cut a person whom the clip's do not."""
        _, _, boxes = self.seen(framing)
        as_seen = np.repeat(np.eye(2, 3)[None], len(boxes), axis=0)
        seen = replace(self.contacts, boxes=boxes)
        beyond = share_beyond_sides(seen, as_seen, self.geometry.width)
        return bool((beyond > 0).any())

    def is_readable(self, framing: Framing, as_filmed: Framing) -> bool:
        """Whether the person is more than a speck, or was filmed as one."""
        heights = float(np.median(self.contacts.heights)) * np.array(
            [framing.scale, as_filmed.scale]
        )
        shown, filmed = heights / self.geometry.height
        return bool(shown >= min(READABLE, filmed / RESIZED))

    def stands(self, framing: Framing) -> bool:
        """Whether the photo's ground bears the feet for the whole walk.

        Of whom the clip cuts below, it is the lowest ground in the picture that they come from.
        """
        if self.ground is None:
            return True
        feet, tall, _ = self.seen(framing)
        feet = feet[self._looked_at]
        if self.contacts.cut_edges[3]:
            feet[:, 1] = np.minimum(feet[:, 1], self.geometry.height)
        return self.ground.bears(feet, FOOTPRINT * float(np.nanmedian(tall)))

    def overhang(self, framing: Framing) -> float:
        """The share of what touches the ground, its middle and ends, that nothing free bears."""
        if self.ground is None:
            return 0.0
        _, tall, _ = self.seen(framing)
        return self.ground.share_not_borne(self._soles(framing), SOLE * float(np.nanmedian(tall)))

    def _soles(self, framing: Framing) -> Floats:
        """What touches the ground (N, 2) in frames looked at: its middle, and its outer ends that
        are in the picture."""
        feet, tall, _ = self.seen(framing)
        columns = (feet[:, :1] + self.contacts.base_ends * tall[:, None])[self._looked_at]
        rows = np.broadcast_to(feet[self._looked_at, 1:], columns.shape)
        ends = np.stack([columns, rows], axis=-1).reshape(-1, 2)
        inside = (ends >= 0) & (ends < [self.geometry.width, self.geometry.height])
        return np.concatenate([feet[self._looked_at], ends[inside.all(axis=1)]])

    def covers_nearer(self, framing: Framing) -> bool:
        """Whether the person lies over somebody or something that is nearer to the camera."""
        if self.ground is None:
            return False
        feet, _, boxes = self.seen(framing)
        return self.ground.is_covered_wrongly(boxes[self._looked_at], feet[self._looked_at, 1])

    @property
    def _looked_at(self) -> NDArray[np.intp]:
        """The frames of the walk that are looked at."""
        last = len(self.contacts.points) - 1
        return np.unique(np.linspace(0, last, WALK_SAMPLES).astype(np.intp))

    def under_feet(self, framing: Framing) -> str:
        """What the photo shows under the feet for most of the walk, in plain words."""
        if self.ground is None:
            return "what is no ground"
        first = self.first_contact(framing)
        return self.ground.mostly_under(self._soles(framing)) or self.ground.what_is_at(first)

    def occupied_under(self, framing: Framing) -> str | None:
        """What the photo shows under feet inside the picture that nothing free bears."""
        if self.ground is None:
            return None
        return self.ground.occupied_at(self._soles(framing))

    def horizon_at(self, x: float) -> float:
        """The horizon's row at column ``x``."""
        across = x - self.geometry.width / 2
        return self.geometry.horizon - across * float(np.tan(np.radians(self.geometry.roll_deg)))

    def at(self, scale: float, below: float | None, x: float | None = None) -> Framing:
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
            horizon = self.horizon_at(scale * float(contact[0]) + shift)
            y = horizon + scale * (below - float(contact[1]))
        return Framing(scale, shift, y)

    def camera_height_of(self, framing: Framing) -> float:
        """The camera height that makes the person as tall as asked: H·(foot − horizon)/person."""
        feet = framing.scale * self.contacts.points + [framing.x, framing.y]
        slope = -np.tan(np.radians(self.geometry.roll_deg))
        horizon = self.geometry.horizon + (feet[:, 0] - self.geometry.width / 2) * slope
        shares = (feet[:, 1] - horizon) / (framing.scale * self.contacts.heights)
        return self.person_height * float(np.median(shares))

    def below_horizon(self) -> float:
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

    def faults(self, framing: Framing) -> tuple[int, int]:
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
        sole = float(np.fmax(self.contacts.points[:, 1], self.contacts.boxes[:, 3]).max())
        lowest = max(LOWEST_SOLES, sole / self.contacts.clip_size[1]) * height
        awkward = int(not bottom and framing.scale * sole + framing.y > lowest)
        awkward += int(not top and heads.min() < highest)
        return shown, awkward

    def feet_left_out(self, framing: Framing) -> int:
        """How far the picture's edge cuts above the feet of whom the clip cuts, in tenths of
        their height."""
        if not self.contacts.cut_edges[3]:
            return 0
        tall = framing.scale * float(np.median(self.contacts.heights))
        return max(0, int(10 * (self.first_contact(framing)[1] - self.geometry.height) / tall))

    def change(self, framing: Framing, as_filmed: Framing) -> float:
        """How different the person looks: a tenth of the frame weighs as a third in size, a
        quarter of the width as little."""
        moved = self.first_contact(framing) - self.first_contact(as_filmed)
        across, down = moved / [0.25 * self.geometry.width, 0.1 * self.geometry.height]
        resized = np.log(framing.scale / as_filmed.scale) / 0.3
        return float(resized**2 + across**2 + down**2)

    def first_contact(self, framing: Framing) -> Floats:
        """Where (2,) the person's feet are in the first frame."""
        return np.asarray(framing.scale * self.contacts.points[0] + [framing.x, framing.y])
