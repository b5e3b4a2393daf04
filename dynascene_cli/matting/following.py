"""One person followed through a clip, landmark crop by landmark crop."""

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.matter import MatterState
from dynascene_cli.matting.people import MIN_SCORE, most_alike, people_boxes
from dynascene_cli.matting.pose import (
    BODY_MARGIN,
    Pose,
    crop_of_pose,
    pose_in,
    settling_poses,
)
from dynascene_cli.matting.refinement import ReducedPart, reduced_part
from dynascene_cli.shot import Image

SURE_PRESENCE = 0.5
FAINT_PRESENCE = 0.2
FAINT_SCORE = 0.3
"""What a detection needs to count where the person was a moment ago."""
NOWHERE = np.full(4, np.nan)


def following_state(box: Floats) -> MatterState:
    """Nothing is followed yet; ``box`` (4,) is where the chosen person was seen, NaN if unknown."""
    return {"box": np.asarray(box, float)[:4], "crop": NOWHERE}


def followed_pose(frame: Image, state: MatterState) -> tuple[Pose, ReducedPart] | None:
    """The followed person's pose in the next frame and the frame's part around their crop.

    Where the crop is not sure to show a person, they are looked for in the whole frame near where
    they were, and the likelier of both views is taken. None when neither shows anybody.
    """
    poses: list[Pose] = []
    crop = state["crop"]
    part = reduced_part(frame, crop) if np.isfinite(crop).all() else None
    if part is not None:
        poses.append(pose_in(part.image, crop, part.from_picture))
        if poses[0].presence >= SURE_PRESENCE:
            return poses[0], part
    known = bool(np.isfinite(state["box"]).all())
    box = most_alike(state["box"], people_boxes(frame, FAINT_SCORE if known else MIN_SCORE))
    if box is not None:
        poses += settling_poses(frame, box)
    best = max(poses, key=lambda pose: pose.presence, default=None)
    if best is None or best.presence < FAINT_PRESENCE:
        return None
    part = reduced_part(frame, best.crop)
    return None if part is None else (best, part)


def next_state(pose: Pose) -> MatterState:
    """What following needs to know in the next frame."""
    x, y, side, _ = pose.crop
    half = side / BODY_MARGIN / 2
    return {
        "box": np.array([x - half, y - half, x + half, y + half]),
        "crop": crop_of_pose(pose),
    }
