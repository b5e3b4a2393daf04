"""Landmarks for an alpha that something else made."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.base import MatteFrame, MattingState, empty_matte
from dynascene_cli.matting.pose import crop_of_box, landmarks_of, pose_in, settling_poses
from dynascene_cli.matting.pose_tracking import FAINT_PRESENCE, find_pose, next_state
from dynascene_cli.shot import LANDMARKS, Image

SOLID = 128
PAUSE = 24
"""Frames for which nobody is looked for after an alpha in which nobody was recognised."""
TOUCHING_SHARE = 0.01
"""Length along an edge, as a share of the picture's longer side, that counts as reaching it."""
BASE = 0.04
"""Share of the person's height that is their lower end."""
MIN_AREA = 1e-4
"""Share of the frame below which an alpha shows nobody."""


def alpha_box(alpha: Image) -> Floats:
    """The box (4,) x0, y0, x1, y1 of alpha ≥ 0.5; NaN where there is none."""
    x, y, width, height = cv2.boundingRect((alpha >= SOLID).view(np.uint8))
    return np.array([x, y, x + width, y + height], float) if width else np.full(4, np.nan)


def alpha_base(alpha: Image) -> Floats:
    """The columns (2,) between which the lower end of alpha ≥ 0.5 lies: what bears the body.

    NaN where there is none.
    """
    _, top, _, bottom = alpha_box(alpha)
    if not np.isfinite(bottom):
        return np.full(2, np.nan)
    lowest = alpha[int(bottom - max(1, round(BASE * (bottom - top)))) : int(bottom)]
    columns = np.flatnonzero((lowest >= SOLID).any(axis=0))
    return np.array([columns[0], columns[-1] + 1], float)


def edges_touched(alpha: Image) -> NDArray[np.bool_]:
    """Which EDGES (4,) of the picture an alpha reaches along more than a sliver of them."""
    solid = alpha >= SOLID
    along = (solid[:, 0], solid[0], solid[:, -1], solid[-1])
    least = TOUCHING_SHARE * max(alpha.shape)
    return np.array([edge.sum() >= least for edge in along])


def matte_of_given_alpha(
    frame: Image, alpha: Image, state: MattingState
) -> tuple[MatteFrame, MattingState]:
    """The landmarks of the person whose alpha (H, W) is given, and what to remember.

    The alpha stays as it is. A crop that drifted off the alpha is drawn again around it. An alpha
    in which nobody is recognised (a dog, a car) costs a search, so the next one waits a while.
    """
    if (alpha >= SOLID).mean() < MIN_AREA:
        empty = empty_matte(*frame.shape[:2])
        return MatteFrame(alpha, empty.landmarks, empty.visibility, False), state
    pause = float(state.get("pause", np.zeros(()))[()])
    if pause > 0:
        unseen = empty_matte(*frame.shape[:2])
        waiting = {**state, "pause": np.array(pause - 1)}
        return MatteFrame(alpha, unseen.landmarks, unseen.visibility, True), waiting
    box = alpha_box(alpha)
    pose = find_pose(frame, {**state, "box": box}) or pose_in(frame, crop_of_box(box))
    if not _covers(box, pose.points[[11, 12, 23, 24]]):
        pose = settling_poses(frame, box)[-1]
    points, visibility = landmarks_of(pose, alpha)
    if pose.presence < FAINT_PRESENCE or not _covers(box, pose.points[[11, 12, 23, 24]]):
        points, visibility = np.full_like(points, np.nan), np.zeros(len(LANDMARKS))
        return MatteFrame(alpha, points, visibility, True), {
            **next_state(pose),
            "pause": np.array(float(PAUSE)),
        }
    return MatteFrame(alpha, points, visibility, True), next_state(pose)


def _covers(box: Floats, points: Floats) -> bool:
    margin = 0.1 * (box[2:] - box[:2])
    inside = (points >= box[:2] - margin) & (points <= box[2:] + margin)
    return bool(inside.all(axis=1).mean() >= 0.5)
