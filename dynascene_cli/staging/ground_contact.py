"""Where the person meets the ground in the clip, frame by frame."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.loess import smooth_locally
from dynascene_cli.shot import CameraPath, Mask, PersonTracks
from dynascene_cli.staging.bearing_limbs import bearing_columns, follow_matte
from dynascene_cli.staging.derotation import remove_rotation, restore_rotation
from dynascene_cli.staging.proportions import (
    body_lengths,
    ground_below,
    height_without_feet,
    is_upright,
    landmark,
    lengthen_bent,
    midpoint_of,
    standing_heights,
)
from dynascene_cli.staging.smoothing import (
    all_finite,
    bridge_gaps,
    close_dips,
    filter_median,
    smooth_bilaterally,
)

EDGE_PIXELS = 2.0
MEDIAN_SECONDS = 0.1
SMOOTHING_SECONDS = 0.1
BODY_SMOOTHING_SECONDS = 0.5
BOW_SHARE = 0.02
REST_SECONDS = 0.8
REST_SHARE = 0.02
LONGEST_JUMP_SECONDS = 1.0
JUMP_SHARE = 0.05
LANDED_SHARE = 0.015
STANCE_SPEED_SHARE = 0.2
STANCE_DROP_SHARE = 0.08
SURE_STANCE = 0.05
LONGEST_STRIDE_SECONDS = 0.8
WHOLE_FOOT_SHARE = 0.03
LEAST_WEIGHT = 0.02

PASSING_SECONDS = 1.0
"""What an edge of the clip cuts off for so long at the most can be told from other frames."""

LEAST_GROUNDED = 0.5
"""Share of the frames that must show where the person stands before the ground decides."""

IMAGINED_SHARE = 0.7
"""Distance of a foot from the head, per the standing height that the upper body implies, under
which it is none where the picture cuts the body."""

FOOT_BEYOND_MATTE = 0.1
HIDDEN_SHARE = 0.15
CUT_ROW_PERCENTILE = 5
"""A foot further below the matte than the first, in heights of its box, is hidden; so is a body
whose matte ends higher above the ground that its proportions imply than the second, in standing
heights."""


@dataclass(frozen=True, eq=False)
class Contacts:
    """Where and how tall the person stands in the clip, in clip pixels.

    ``points`` (F, 2): the ground-contact point, held through jumps and while hidden; it lies
    below the picture where the feet do. ``heights`` (F,): how tall the person would stand there.
    ``airborne`` and ``feet_seen`` (F,); ``cut`` (F, 4): which of EDGES cut the person, for the
    lower one at ``lower_cut``, the row of the clip's edge or of what hides the body above it;
    ``boxes`` (F, 4) of the matte; ``clip_size`` is (width, height), ``frame_rate`` per second.
    Unless ``grounded``, too few frames show where the person stands: points and heights then
    follow from head and shoulders, and no ground decides. ``soles_cut`` is the share of the frames
    in which the clip's lower edge takes but the soles, which is not counted as a cut. ``bases``
    (F, 2) are the columns between which what touches the ground lies, NaN where unknown.
    """

    points: Floats
    heights: Floats
    airborne: Mask
    feet_seen: Mask
    cut: Mask
    boxes: Floats
    clip_size: tuple[int, int]
    lower_cut: float
    frame_rate: float
    grounded: bool = True
    soles_cut: float = 0.0
    bases: Floats = field(default_factory=lambda: np.zeros((0, 2)))

    def __post_init__(self) -> None:
        if len(self.bases) != len(self.points):
            object.__setattr__(self, "bases", np.full((len(self.points), 2), np.nan))

    def are_passing(self, cut: Mask) -> bool:
        """Whether all that is ``cut`` (F, 4) lasts so briefly that the frames around tell of it."""
        steps = np.diff(np.pad(cut.any(axis=1).astype(np.int8), 1))
        lengths = np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)
        return bool((lengths <= PASSING_SECONDS * self.frame_rate).all() and not cut.any(1).all())

    @cached_property
    def known_boxes(self) -> Floats:
        """The boxes (N, 4) of the frames that have one."""
        return np.asarray(self.boxes[np.isfinite(self.boxes).all(axis=1)])

    @cached_property
    def base_ends(self) -> Floats:
        """How far the ``bases`` (F, 2) reach from the contact, in the person's heights."""
        return np.asarray((self.bases - self.points[:, :1]) / self.heights[:, None])

    @cached_property
    def cut_edges(self) -> tuple[bool, bool, bool, bool]:
        """Whether left, top, right and bottom cut the person in any frame."""
        left, top, right, bottom = (bool(edge.any()) for edge in self.cut.T)
        return left, top, right, bottom


def contact_points(tracks: PersonTracks, filmed: CameraPath) -> Contacts:
    """The ground-contact points of a person, and their standing height, from their tracks.

    Who is ``hidden_below`` a row by what is drawn over the clip is cut there.

    Raises:
        InputError: nobody is seen in any frame.
    """
    contacts = _contacts_with_feet(tracks, filmed)
    if not tracks.hidden_below < contacts.lower_cut:
        return contacts
    cut = contacts.cut.copy()
    with np.errstate(invalid="ignore"):
        cut[:, 3] |= contacts.boxes[:, 3] > tracks.hidden_below
    return replace(contacts, cut=cut, lower_cut=tracks.hidden_below)


def _contacts_with_feet(tracks: PersonTracks, filmed: CameraPath) -> Contacts:
    """The contacts of a person of whom all feet in the picture count.

    The contact is the slower and lower foot's (heel and toe averaged), the middle of both while
    both stand. Where the feet are no such thing the matte's lower edge is on the ground
    (bearing_limbs). Without feet it lies below the head by the height that the upper body implies.
    ``filmed`` is the clip's camera, of its size: what rests is judged without its turning.

    Raises:
        InputError: nobody is seen in any frame.
    """
    if not all_finite(tracks.boxes).any():
        raise InputError("nobody is seen in the clip", "give a clip or a --matte with one person")
    size = filmed.width, filmed.height
    turning = None if filmed.is_still else filmed
    frame_rate = float(filmed.frame_rate)
    upper_body = height_without_feet(tracks, *size)
    lengths = body_lengths(tracks, *size)
    feet = _find_feet(tracks, size, upper_body)
    feet, on_matte = follow_matte(feet, tracks, lengths, size[1])
    feet_whole = np.asarray(all_finite(feet).all(axis=1))
    feet_seen = np.asarray(all_finite(feet).any(axis=1))
    if feet_seen[all_finite(tracks.boxes)].mean() < LEAST_GROUNDED:
        return _contacts_without_feet(tracks, frame_rate, size, turning)
    lowest = np.fmax(feet[:, 0, 1], feet[:, 1, 1])
    head = landmark(tracks, "head_top", *size)[:, 1]
    head = np.where(head > EDGE_PIXELS, head, lowest - upper_body)
    tall = float(np.percentile((lowest - head)[feet_seen & np.isfinite(head)], 80))
    cut = _cut(tracks.boxes, *size)
    cut[:, 3] &= ~(feet_whole & (lowest < size[1] - WHOLE_FOOT_SHARE * tall))
    soles_cut = float(cut[:, 3].mean()) if on_matte else 0.0
    cut[:, 3] &= not on_matte
    bodied = all_finite(midpoint_of(tracks, "shoulder", *size))
    below_picture = cut[:, 3] & ~feet_seen & np.isfinite(upper_body) & bodied
    held = remove_rotation(turning, feet)
    airborne = _airborne(held[:, :, 1], tall, frame_rate) & ~below_picture
    points, weights = _stance_points(held, feet_seen & ~airborne, tall, frame_rate)
    soles = restore_rotation(turning, points)[:, 1]
    measured = np.where(feet_seen & ~airborne, soles - head, np.nan)
    if below_picture.any():
        below = upper_body * _median((measured / upper_body)[feet_seen])
        measured[below_picture] = below[below_picture]
        under = remove_rotation(turning, ground_below(tracks, below, *size))
        points[below_picture] = under[below_picture]
        weights[below_picture] = SURE_STANCE
    sure = weights >= SURE_STANCE
    sure = sure if sure.any() else feet_seen
    body = remove_rotation(turning, ground_below(tracks, np.full(len(feet), tall), *size))
    bridged = _bridge_under(body, points, sure)
    steady_line = _steady(bridged, np.where(sure, weights, 0.0), tall, frame_rate)
    line = restore_rotation(turning, steady_line)
    if not np.isfinite(measured).any():
        measured = lowest - head
    known = np.isfinite(measured)
    steady = known & is_upright(tracks, *size)
    heights = standing_heights(measured, line, steady if steady.any() else known)
    heights = lengthen_bent(heights, lengths)
    return Contacts(
        points=line,
        heights=heights,
        airborne=airborne,
        feet_seen=feet_seen,
        cut=cut,
        boxes=tracks.boxes,
        clip_size=size,
        lower_cut=float(size[1]),
        frame_rate=frame_rate,
        grounded=bool(feet_seen[all_finite(tracks.boxes)].mean() >= LEAST_GROUNDED),
        soles_cut=soles_cut,
        bases=bearing_columns(tracks, line, heights, airborne | cut[:, 3]),
    )


def _find_feet(tracks: PersonTracks, size: tuple[int, int], upper_body: Floats) -> Floats:
    """The soles (F, 2, 2) of left and right foot, NaN where it is hidden or imagined."""
    feet = np.stack([_foot(tracks, side, *size) for side in ("left", "right")], axis=1)
    boxes = tracks.boxes
    lowest_held = boxes[:, 3] + FOOT_BEYOND_MATTE * (boxes[:, 3] - boxes[:, 1])
    with np.errstate(invalid="ignore"):
        feet[feet[:, :, 1] > lowest_held[:, None]] = np.nan
    feet[_find_imagined(tracks, feet, upper_body, size)] = np.nan
    return feet


def _find_imagined(
    tracks: PersonTracks, feet: Floats, upper_body: Floats, size: tuple[int, int]
) -> Mask:
    """Which feet (F, 2) the pose network drew into a picture that cuts the body above them.

    They lie far nearer to the head than head and shoulders imply, and the matte goes on to the
    lower edge.
    """
    head = landmark(tracks, "head_top", *size)[:, 1]
    with np.errstate(invalid="ignore"):
        near = feet[:, :, 1] - head[:, None] < IMAGINED_SHARE * upper_body[:, None]
        goes_on = tracks.boxes[:, 3] >= size[1] - EDGE_PIXELS
    return np.asarray(near & goes_on[:, None])


def _steady(points: Floats, weights: Floats, height: float, frame_rate: float) -> Floats:
    """The line that contact points (F, 2) follow: at rest while the foot is, never late."""
    weights = weights + LEAST_WEIGHT
    rest = max(REST_SECONDS * frame_rate, 0.5)
    at_rest = smooth_bilaterally(points, weights, rest, REST_SHARE * height)
    return smooth_locally(at_rest, weights, max(SMOOTHING_SECONDS * frame_rate, 0.5))


def _bridge_under(body: Floats, points: Floats, sure: Mask) -> Floats:
    """Contact points (F, 2), those that are not ``sure`` carried along with the ``body`` (F, 2).

    Rows stay between those of the sure ones, or are held; columns keep their distance from the
    body, whose foot may be in flight while it travels on.
    """
    bridged = bridge_gaps(points, sure)
    seen = all_finite(body)
    if not seen.any():
        return bridged
    way = bridge_gaps(body[:, 0], seen)
    columns = way + bridge_gaps(points[:, 0] - way, sure)
    return np.stack([np.where(sure, points[:, 0], columns), bridged[:, 1]], axis=1)


def _median(values: Floats) -> float:
    """The median of what is known; 1 where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 1.0


def _cut(boxes: Floats, width: int, height: int) -> Mask:
    """Which edges cut the person; an edge touched in a single frame only is the matte's noise."""
    with np.errstate(invalid="ignore"):
        near = boxes[:, :2] <= EDGE_PIXELS, boxes[:, 2:] >= [width, height] - np.array(EDGE_PIXELS)
    touched = np.hstack(near)
    return np.asarray(touched & (touched.sum(axis=0) >= min(2, len(boxes))))


def _foot(tracks: PersonTracks, side: str, width: int, height: int) -> Floats:
    """The middle of a foot's sole (F, 2): of heel and toe, or of the one that is seen."""
    heel = landmark(tracks, f"{side}_heel", width, height)
    toe = landmark(tracks, f"{side}_toe", width, height)
    both = (heel + toe) / 2
    return np.where(np.isfinite(both), both, np.where(np.isfinite(heel), heel, toe))


def _airborne(rows: Floats, height: float, frame_rate: float) -> Mask:
    """In which frames (F,) every foot that is seen has left the ground, by the rows (F, 2).

    Each foot is compared with its own ground line, its row with short rises filled. A jump counts
    from where it begins, not from where it has become certain.
    """
    median = max(1, round(MEDIAN_SECONDS * frame_rate))
    window = max(1, round(LONGEST_JUMP_SECONDS * frame_rate / 2))
    rises = np.full(rows.shape, np.inf)
    for side in range(rows.shape[1]):
        seen = np.isfinite(rows[:, side])
        if seen.any():
            row = filter_median(bridge_gaps(rows[:, side], seen), median)
            rises[seen, side] = (close_dips(row, window) - row)[seen]
    rise = rises.min(axis=1)
    rise[np.isinf(rise)] = 0.0
    off = rise > LANDED_SHARE * height
    starts = np.flatnonzero(off & ~np.concatenate([[False], off[:-1]]))
    ends = np.flatnonzero(off & ~np.concatenate([off[1:], [False]])) + 1
    airborne = np.zeros(len(rows), bool)
    for start, end in zip(starts, ends, strict=True):
        airborne[start:end] = rise[start:end].max() > JUMP_SHARE * height
    return airborne


def _stance_points(
    feet: Floats, standing: Mask, height: float, frame_rate: float
) -> tuple[Floats, Floats]:
    """The standing foot's point (F, 2), and how surely it stands (F,), 0..1.

    Sureness is relative to the surest moment within a stride, so that the contact also follows
    whoever never stands still in the picture: a rider, or a runner whom the camera follows.
    """
    known = all_finite(feet)
    step = max(1, round(0.06 * frame_rate))
    steady = np.zeros(feet.shape)
    speed = np.zeros(known.shape)
    for side in range(2):
        if known[:, side].any():
            filled = bridge_gaps(feet[:, side], known[:, side])
            steady[:, side] = filter_median(filled, max(1, round(MEDIAN_SECONDS * frame_rate / 2)))
            padded = np.pad(steady[:, side], ((step, step), (0, 0)), mode="edge")
            moved = np.linalg.norm(padded[2 * step :] - padded[: -2 * step], axis=1)
            speed[:, side] = moved * frame_rate / (2 * step)
    rows = np.where(known, steady[:, :, 1], -np.inf)
    drop = np.where(known, rows.max(axis=1, keepdims=True) - steady[:, :, 1], 0.0)
    stands = np.exp(
        -((speed / (STANCE_SPEED_SHARE * height)) ** 2) - (drop / (STANCE_DROP_SHARE * height)) ** 2
    )
    stands = np.where(known, stands, 0.0)
    share = stands + 1e-9 * known
    total = np.maximum(share.sum(axis=1, keepdims=True), 1e-12)
    points = np.sum(steady * (share / total)[..., None], axis=1)
    surest = np.where(standing, stands.max(axis=1), 0.0)
    reach = max(1, round(LONGEST_STRIDE_SECONDS * frame_rate / 2))
    best = sliding_window_view(np.pad(surest, reach), 2 * reach + 1).max(axis=1)
    return points, surest / np.maximum(best, 1e-300)


def _contacts_without_feet(
    tracks: PersonTracks, frame_rate: float, size: tuple[int, int], filmed: CameraPath | None
) -> Contacts:
    """Contacts of a person whose feet no frame shows, or of whom only a matte is known."""
    boxes = tracks.boxes
    cut, seen = _cut(boxes, *size), all_finite(boxes)
    whole = seen & ~cut[:, 3]
    lower_cut, grounded = float(size[1]), bool(whole.sum() >= LEAST_GROUNDED * seen.sum())
    sigma = max(BODY_SMOOTHING_SECONDS * frame_rate, 0.5)
    shouldered = all_finite(midpoint_of(tracks, "shoulder", *size))
    if grounded and not shouldered.any():
        points = np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, 3]], axis=1)
        measured, known = boxes[:, 3] - boxes[:, 1], whole
    else:
        upper_body = height_without_feet(tracks, *size)
        known = np.isfinite(upper_body)
        steady = is_upright(tracks, *size) & known
        tall = np.percentile(upper_body[steady if steady.any() else known], 80)
        capped = bridge_gaps(np.minimum(upper_body, tall), known)
        weights = np.where(steady, 1.0, LEAST_WEIGHT)
        measured = smooth_locally(capped[:, None], weights, 2 * sigma)[:, 0]
        for _ in range(3):
            bowed = capped < (1 - BOW_SHARE) * measured
            weights = np.where(bowed, LEAST_WEIGHT**2, weights)
            measured = smooth_locally(capped[:, None], weights, 2 * sigma)[:, 0]
        points = ground_below(tracks, measured, *size)
        known = known & all_finite(points)
        if grounded:
            hidden = (points[:, 1] - boxes[:, 3]) / measured
            grounded = bool(np.median(hidden[whole & shouldered]) <= HIDDEN_SHARE)
            if grounded:
                points[whole, 1] = boxes[whole, 3]
            else:
                lower_cut = float(np.percentile(boxes[seen, 3], CUT_ROW_PERCENTILE))
                cut[:, 3] = seen
    held = bridge_gaps(remove_rotation(filmed, points), known)
    median = filter_median(held, max(1, round(MEDIAN_SECONDS * frame_rate)))
    steady_line = smooth_locally(
        _steady(median, known.astype(float), float(np.median(measured[known])), frame_rate),
        np.where(known, 1.0, LEAST_WEIGHT),
        sigma,
    )
    line = restore_rotation(filmed, steady_line)
    nowhere = np.zeros(len(boxes), bool)
    return Contacts(
        points=line,
        heights=standing_heights(measured, line, known),
        airborne=nowhere,
        feet_seen=nowhere,
        cut=cut,
        boxes=boxes,
        clip_size=size,
        lower_cut=lower_cut,
        frame_rate=frame_rate,
        grounded=grounded,
    )
