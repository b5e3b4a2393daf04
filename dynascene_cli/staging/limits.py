"""How far a camera may move before it shows what the clip does not hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from dynascene_cli.geometry import Floats, centre, pose_from_centre, transform
from dynascene_cli.shot import EDGES, CameraPath, Mask, Placement, SceneGeometry
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.clearance import path_problems
from dynascene_cli.staging.ground_contact import Contacts
from dynascene_cli.staging.person_motion import place_person
from dynascene_cli.staging.picture_sides import SIDES, share_beyond_sides
from dynascene_cli.staging.stance import Stance

CUT_TOLERANCE = 0.25
ROOMS = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25)
WORTHWHILE_SHARE = 0.05
TRIED_SHARES = tuple(i / 8 for i in range(1, 8))
BISECTIONS = 9
LEAST_SHARE = 0.01
LEAST_DEPTH_SHARE = 0.03
ENDS = ("head", "feet")
MOST_BEYOND_SIDE, MOST_BEYOND_CUT_SIDE = 0.1, 0.3
"""Shares of the person's width that a move may push past the picture's side: of a whole person, and
of one whom the clip cuts there."""
BEYOND_PICTURE = 0.015
"""Share of the frame's height by which head or feet may pass its edge before it is said."""

MEETINGS = {
    "ground": "would go into the ground",
    "person": "would come too near to the person",
}


@dataclass(frozen=True)
class Obstacle:
    """What is in the way of a move: an edge that cuts the person, their body's end, or the path.

    ``does`` says what a larger move would do.
    """

    kind: Literal["cut", "body", "path"]
    does: str


@dataclass(frozen=True, eq=False)
class Staged:
    """The person's placement under the shot path, which may move less than was asked for.

    ``completed`` is the stance's.
    """

    placement: Placement
    path: CameraPath
    geometry: SceneGeometry
    amount: float
    warnings: tuple[str, ...] = ()
    completed: Mask | None = None


def stage(
    stance: Stance,
    path_at: Callable[[float], CameraPath],
    amount: float = 1.0,
    *,
    hold_body: bool = False,
) -> Staged:
    """The largest move up to ``amount`` that the person can be shown under.

    ``path_at`` gives the camera path for an amount; 0 is no move. The move is limited where an
    edge that cuts the person would come into the picture, where the camera would come nearer
    than 0.3 of the subject distance, go under the ground or turn away, and, to ``hold_body``,
    where head or feet would leave the picture; a warning says why and what was used. Only a
    person anchored to the screen has no limits.

    Raises:
        InputError, StageError: what ``path_at`` raises; a path of the wrong length; the person is
            behind the camera even without a move.
    """
    obstacle = _Judge(stance, path_at, amount, hold_body)
    used, reason = _largest_free(obstacle)
    path = path_at(used * amount)
    return Staged(
        placement=place_person(stance, path),
        path=path,
        geometry=stance.geometry,
        amount=used * amount,
        warnings=() if reason is None else (_limit_text(reason, amount, used * amount),),
        completed=stance.completed,
    )


def room_for_move(
    stance_at: Callable[[float], Stance],
    path_of: Callable[[Stance, float], CameraPath],
    amount: float = 1.0,
    *,
    hold_body: bool = False,
) -> float:
    """The least room, a share of the frame, with which the person allows the whole move.

    ``stance_at`` gives the stance for a room, ``path_of`` the camera path of a stance and an
    amount. Where no room is enough, it is the one that allows most; 0 for a person whom nothing
    limits, or for whom room would mean to leave the picture.
    """
    best_room, best_share = 0.0, -1.0
    for room in ROOMS:
        stance = stance_at(room)
        if room and not _starts_in_picture(stance):
            break
        judge = _Judge(stance, partial(path_of, stance), amount, hold_body)
        share, reason = _largest_free(judge)
        if share > best_share + WORTHWHILE_SHARE:
            best_room, best_share = room, share
        if reason is None or reason.kind == "path":
            break
    return best_room


def _starts_in_picture(stance: Stance) -> bool:
    """Whether the person, before any move, stands well inside the frame for most of the clip."""
    columns = (
        apply_similarity(stance.clip_to_frame, stance.contacts.points)[:, 0]
        / stance.seen_from.width
    )
    return bool(0.08 < np.median(columns) < 0.92)


def visible_cuts(similarity: Floats, contacts: Contacts, frame_size: tuple[int, int]) -> Mask:
    """In which frames (F, 4) each of the EDGES that cut the person is inside the picture.

    The stretch of the edge along the person's box, carried by ``similarity`` (F, 2, 3), meets
    the frame by more than a quarter of a pixel.
    """
    x0, y0, x1, y1 = np.nan_to_num(contacts.boxes).T
    left, top = np.zeros(len(x0)), np.zeros(len(x0))
    right, bottom = left + contacts.clip_size[0], top + contacts.lower_cut
    stretches = (
        ((left, y0), (left, y1)),
        ((x0, top), (x1, top)),
        ((right, y0), (right, y1)),
        ((x0, bottom), (x1, bottom)),
    )
    shown = [
        _meets_frame(
            apply_similarity(similarity, np.stack(first, axis=-1)),
            apply_similarity(similarity, np.stack(last, axis=-1)),
            frame_size,
        )
        for first, last in stretches
    ]
    return np.asarray(np.stack(shown, axis=1) & contacts.cut)


def _meets_frame(first: Floats, second: Floats, size: tuple[int, int]) -> Mask:
    """Whether segments (F, 2) to (F, 2) meet the frame's inside (Liang & Barsky 1984)."""
    along = second - first
    enter, leave = np.zeros(len(first)), np.ones(len(first))
    inside = np.ones(len(first), bool)
    for axis, length in enumerate(size):
        step = along[:, axis]
        moving = np.abs(step) > 1e-9
        safe = np.where(moving, step, 1.0)
        low = (CUT_TOLERANCE - first[:, axis]) / safe
        high = (length - CUT_TOLERANCE - first[:, axis]) / safe
        enter = np.where(moving, np.maximum(enter, np.minimum(low, high)), enter)
        leave = np.where(moving, np.minimum(leave, np.maximum(low, high)), leave)
        between = (first[:, axis] > CUT_TOLERANCE) & (first[:, axis] < length - CUT_TOLERANCE)
        inside &= moving | between
    return inside & (enter < leave)


class _Judge:
    """Says why the person cannot be shown under a share of a move, or nothing."""

    def __init__(
        self,
        stance: Stance,
        path_at: Callable[[float], CameraPath],
        amount: float,
        hold_body: bool,
    ) -> None:
        self.stance, self.path_at, self.amount = stance, path_at, amount
        self.unmoved = path_at(0.0) if hold_body and stance.anchor == "ground" else None

    def __call__(self, share: float) -> Obstacle | None:
        stance, path = self.stance, self.path_at(share * self.amount)
        if stance.anchor == "screen":
            return None
        problems = path_problems(
            path, stance.contact, stance.geometry.camera_height, stance.subject_distance
        )
        if problems:
            return Obstacle("path", MEETINGS[problems[0].obstacle])
        if not is_before(stance, path):
            return Obstacle("path", "would turn away from the person")
        placed = place_person(stance, path)
        size = path.width, path.height
        shown = visible_cuts(placed.clip_to_frame, stance.contacts, size)
        if shown.any():
            edges = " and ".join(EDGES[i] for i in range(4) if shown[:, i].any())
            return Obstacle("cut", f"would show where the clip's {edges} edge cuts the person off")
        ends = self._ends_pushed_out(path, placed)
        if ends:
            return Obstacle("body", f"would push {ends} out of the picture")
        return None

    def _ends_pushed_out(self, path: CameraPath, placed: Placement) -> str:
        """Which parts of the body the camera's way or lens, not its turning, puts outside."""
        if self.unmoved is None or not is_before(self.stance, self.unmoved):
            return ""
        start = place_person(self.stance, self.unmoved)
        turns = np.swapaxes(self.unmoved.extrinsics[:, :, :3], 1, 2)
        unturned = replace(path, extrinsics=pose_from_centre(turns, centre(path.extrinsics)))
        out = self._beyond(placed, path) & ~self._beyond(start, path)
        if out.any() and is_before(self.stance, unturned):
            out &= self._beyond(place_person(self.stance, unturned), path)
        parts = (*ENDS, *(f"the person's {side} side" for side in SIDES))
        return " and ".join(part for part, frames in zip(parts, out.T, strict=True) if frames.any())

    def _beyond(self, placed: Placement, path: CameraPath) -> Mask:
        """In which frames (F, 4) head, feet, and either side are past the picture's edges."""
        contacts = self.stance.contacts
        whole = replace(contacts, cut=np.zeros_like(contacts.cut))
        sides = share_beyond_sides(whole, placed.clip_to_frame, path.width)
        most = np.where(contacts.cut[:, [0, 2]], MOST_BEYOND_CUT_SIDE, MOST_BEYOND_SIDE)
        return np.hstack([ends_beyond(self.stance, placed, path), sides > most])


def is_before(stance: Stance, path: CameraPath) -> bool:
    """Whether the person is well before the camera in every frame."""
    foot = transform(path.extrinsics, stance.contact)[:, 2]
    top = transform(path.extrinsics, stance.contact - [0.0, stance.height, 0.0])[:, 2]
    return bool(min(foot.min(), top.min()) >= LEAST_DEPTH_SHARE * stance.subject_distance)


def ends_beyond(stance: Stance, placed: Placement, path: CameraPath) -> Mask:
    """In which frames (F, 2) head and feet (ENDS) are past the picture's upper and lower edge.

    Feet that the clip itself cuts off are not looked for, nor those that it hardly shows or that
    stand below the picture. A head that touches the clip's edge must not be cut further.
    """
    boxes = stance.contacts.boxes
    middle = boxes[:, [0, 2]].mean(axis=1)
    top, bottom = (
        apply_similarity(placed.clip_to_frame, np.stack([middle, row], axis=-1))[:, 1]
        for row in (boxes[:, 1], boxes[:, 3])
    )
    slack = BEYOND_PICTURE * path.height
    with np.errstate(invalid="ignore"):
        feet_shown = stance.contacts.grounded and stance.footing != "in front"
        below = (bottom > path.height + slack) & feet_shown
        beyond = np.stack([top < -slack, below & ~stance.contacts.cut[:, 3]], axis=1)
    return np.asarray(beyond)


def _largest_free(
    obstacle: Callable[[float], Obstacle | None],
) -> tuple[float, Obstacle | None]:
    """The largest share of a move below which every tried one is free, and what is beyond."""
    reason = obstacle(1.0)
    if reason is None:
        return 1.0, None
    low, high = 0.0, 1.0
    for share in TRIED_SHARES:
        beyond = obstacle(share)
        if beyond is not None:
            high, reason = share, beyond
            break
        low = share
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        beyond = obstacle(middle)
        if beyond is None:
            low = middle
        else:
            high, reason = middle, beyond
    return (low if low >= LEAST_SHARE else 0.0), reason


def _limit_text(reason: Obstacle, asked: float, used: float) -> str:
    """What was done about the obstacle, in words."""
    told = f"the move is limited to {used:.2f} of the {asked:.2f} asked for"
    if used == 0:
        told = "the camera makes no move"
    does = reason.does
    if reason.kind == "cut":
        does += " (--person-anchor screen keeps them there and moves the scene alone)"
    return f"{told}: a larger one {does}"
