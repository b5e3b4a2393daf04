"""One person followed through a clip, by landmark crops and by the detector's boxes."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import COCO, MIN_SCORE, detect_objects
from dynascene_cli.matting.base import MattingState
from dynascene_cli.matting.edge_refinement import ReducedPart, reduce_part
from dynascene_cli.matting.person_detector import most_alike
from dynascene_cli.matting.pose import (
    BODY_MARGIN,
    Pose,
    crop_of_pose,
    crop_with_box,
    pose_in,
    settling_poses,
)
from dynascene_cli.matting.props import PROPS
from dynascene_cli.numerics.threads import call_in_threads
from dynascene_cli.shot import Image

SURE_PRESENCE = 0.5
FAINT_PRESENCE = 0.2
FAINT_SCORE = 0.3
THING_SCORE = 0.25
"""What a detection needs to count where the person was a moment ago."""
TAKEN_UP_SCORE = 0.5
"""What the only person in sight needs to be taken for the one who was lost."""
NOWHERE = np.full(4, np.nan)
LOOK_EVERY = 8
LOOK_EVERY_CUT = 4
LOOK_EVERY_HELD = 2
"""Frames from one detection to the next: of a whole body, of one cut by the frame, and of one who
held something that is out of sight."""
EDGE_NEAR, EDGE_FAR = 0.012, 0.025
"""Distances of a box from the picture's edge, as shares of its size: touching, and clear of it."""
BODY_GROUPS = ((0, 11), (11, 13), (13, 15), (15, 17), (23, 25), (25, 27), (27, 29))
"""BlazePose's landmarks of head, shoulders, elbows, wrists, hips, knees and ankles."""
WHOLE_SHARE, CUT_SHARE = 0.92, 0.72
"""Shares of a body that is seen: where nothing is missing, and where all below the hips is."""
TRUNK_AND_LEGS = (11, 12, 23, 24, 25, 26, 27, 28)
"""BlazePose's landmarks of both shoulders, hips, knees and ankles."""
CLEARLY_SEEN = 0.5
CHANGED_MUCH = 0.35
"""Share of the person that looks different from frame to frame beyond which every frame is looked
at: the last one tells little about the next."""


@dataclass(frozen=True, eq=False)
class PersonView:
    """The followed person in one frame.

    ``pose`` is None where no landmarks fit, ``part`` the frame's around its crop, if it was seen in
    that; ``box`` (4,) is the detector's, or the last one moved along; ``detected`` whether the
    detector saw them when it last looked, ``looked`` frames ago; ``others`` (N, 4) are other
    people's boxes as last detected; ``things`` (N, 6) all that the detector saw in this frame, None
    where it did not look.
    """

    pose: Pose | None
    part: ReducedPart | None
    box: Floats
    detected: bool
    looked: int
    others: Floats
    things: Floats | None


def following_state(box: Floats) -> MattingState:
    """Nothing is followed yet; ``box`` (4,) is where the chosen person was seen, NaN if unknown."""
    return {
        "box": np.asarray(box, float)[:4],
        "crop": NOWHERE,
        "others": np.zeros((0, 4)),
        "looked": np.array(LOOK_EVERY),
        "detected": np.array(False),
    }


def follow_person(frame: Image, state: MattingState) -> PersonView | None:
    """The followed person in the next frame; None where nobody was ever seen.

    The detector looks every few frames, and wherever the landmarks are unsure. The crop that the
    landmarks asked for is made to hold what the detector sees.
    """
    crop, box, others = state["crop"], state["box"], state["others"]
    looked = int(state["looked"]) + 1
    due = [partial(_look_for, frame, box)] if looked >= _look_interval(state) else []
    seen_at, *sights = call_in_threads(partial(_pose_at, frame, crop), *due)
    pose, part = seen_at or (None, None)
    sure = pose is not None and pose.presence >= SURE_PRESENCE
    found, seen, things = None, bool(state["detected"]), None
    if not sure or sights:
        found, others, things = sights[0] if sights else _look_for(frame, box)
        looked, seen = 0, found is not None
    if found is not None:
        box = found
        held = None if pose is None else crop_with_box(pose.crop, box)
        if pose is None or not sure:
            poses = [*settling_poses(frame, box), *([pose] if pose else [])]
            best = max(poses, key=lambda each: each.presence)
            pose, part = best, part if best is pose else None
        elif held is not None and held[2] > 1.15 * pose.crop[2]:
            again = _pose_at(frame, held)
            if again is not None and again[0].presence >= SURE_PRESENCE:
                pose, part = again
    if pose is not None and pose.presence < FAINT_PRESENCE:
        pose = None
    if pose is not None and not np.isfinite(box).all():
        x, y, side, _ = pose.crop
        box = np.array([x, y, x, y]) + side / BODY_MARGIN / 2 * np.array([-1.0, -1.0, 1.0, 1.0])
    known = bool(np.isfinite(box).all())
    return PersonView(pose, part, box, seen, looked, others, things) if known else None


def _look_interval(state: MattingState) -> int:
    """Frames from one detection to the next."""
    changed = float(state.get("changed", np.zeros(())))
    if len(state.get("prop_boxes", ())) or changed > CHANGED_MUCH:
        return 1
    interval = LOOK_EVERY_CUT if float(state.get("cut", np.zeros(()))) > 0 else LOOK_EVERY
    return min(interval, LOOK_EVERY_HELD) if len(state.get("prop_known", ())) else interval


def _pose_at(frame: Image, crop: Floats) -> tuple[Pose, ReducedPart] | None:
    part = reduce_part(frame, crop) if np.isfinite(crop).all() else None
    return None if part is None else (pose_in(part.image, crop, part.from_picture), part)


def _look_for(frame: Image, box: Floats) -> tuple[Floats | None, Floats, Floats]:
    """The detected box (4,) of who is followed, if any, those (N, 4) of others, and all things.

    The only person in sight is taken up again however little they resemble the last box.
    """
    known = bool(np.isfinite(box).all())
    by_name = detect_objects(frame, ("person", *PROPS), THING_SCORE)
    people = by_name["person"]
    named = [np.insert(boxes, 5, COCO[name], axis=1) for name, boxes in by_name.items()]
    things = np.concatenate(named)
    things = things[np.argsort(-things[:, 4], kind="stable")]
    seen = people[people[:, 4] >= (FAINT_SCORE if known else MIN_SCORE)]
    found = most_alike(box, seen)
    if found is None and known:
        clear = seen[seen[:, 4] >= TAKEN_UP_SCORE]
        found = clear[0] if len(clear) == 1 else None
    if found is None:
        return None, seen[:, :4], things
    return found[:4], seen[(seen != found).any(axis=1), :4], things


def share_in_picture(pose: Pose, width: int, height: int) -> float:
    """How much of a body is seen in a picture, 0..1, by its landmarks."""
    inside = ((pose.points >= 0) & (pose.points <= [width, height])).all(axis=1)
    seen = inside * pose.visibility
    return float(np.mean([seen[first:last].max() for first, last in BODY_GROUPS]))


def cut_by_frame(view: PersonView, width: int, height: int) -> float:
    """How certainly the person is cut by the frame or close to the camera, 0..1.

    A hand past the picture's side leaves a whole body: it is no cut.
    """
    if view.pose is None:
        return 1.0
    x0, y0, x1, y1 = view.box
    gap = min(y0 / height, 1 - y1 / height)
    if not _holds_trunk_and_legs(view.pose, width, height):
        gap = min(gap, x0 / width, 1 - x1 / width)
    by_box = (EDGE_FAR - gap) / (EDGE_FAR - EDGE_NEAR) if np.isfinite(gap) else 0.0
    missing = WHOLE_SHARE - share_in_picture(view.pose, width, height)
    return float(np.clip(max(by_box, missing / (WHOLE_SHARE - CUT_SHARE)), 0.0, 1.0))


def _holds_trunk_and_legs(pose: Pose, width: int, height: int) -> bool:
    """Whether a picture clearly shows both shoulders, hips, knees and ankles."""
    points = pose.points[list(TRUNK_AND_LEGS)]
    inside = ((points >= 0) & (points <= [width, height])).all()
    return bool(inside and (pose.visibility[list(TRUNK_AND_LEGS)] > CLEARLY_SEEN).all())


def find_pose(frame: Image, state: MattingState) -> Pose | None:
    """The followed person's pose in the next frame.

    Where the crop is not sure to show a person, they are looked for in the whole frame near where
    they were, and the likelier of both views is taken. None when neither shows anybody.
    """
    pose, _ = _pose_at(frame, state["crop"]) or (None, None)
    if pose is None or pose.presence < SURE_PRESENCE:
        box, _, _ = _look_for(frame, state["box"])
        poses = ([pose] if pose else []) + ([] if box is None else settling_poses(frame, box))
        pose = max(poses, key=lambda each: each.presence, default=None)
    return None if pose is None or pose.presence < FAINT_PRESENCE else pose


def next_state(pose: Pose) -> MattingState:
    """What following by landmarks alone needs to know in the next frame."""
    x, y, side, _ = pose.crop
    half = side / BODY_MARGIN / 2
    return {
        "box": np.array([x - half, y - half, x + half, y + half]),
        "crop": crop_of_pose(pose),
    }
