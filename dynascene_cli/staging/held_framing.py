"""A moving camera that turns after the person as an operator does, so that they stay whole.

Whoever rolls in on a person tilts to keep headroom and feet. The turn grows with the camera's way,
so that it is as even as the move, and is no larger than it takes.
"""

from dataclasses import replace

import numpy as np

from dynascene_cli.geometry import Floats, centre, pose_from_centre, rotation_about
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.limits import is_before
from dynascene_cli.staging.person_motion import place_person
from dynascene_cli.staging.stance import Stance

MARGIN = 0.02
"""Share of the picture that stays free around the person where it does without the move."""
HIDDEN, CUT_FURTHER = 0.5, 0.01
"""How far outside the picture an edge that cuts the person stays: pixels at the least, and a share
of the picture at the most where that edge cuts the head or a side."""
LEAST_WAY = 0.02
"""Subject distances, and logarithms of the focal length, that a hand may shake by."""
WELL_ON_THE_WAY = 0.05
MOST_TURN_DEG = 12.0
TOLD_DEG = 2.0
ROUNDS = 3
FREE = np.pi
"""Radians by which a picture may be turned that nothing bounds."""


def hold_framing(stance: Stance, path: CameraPath, unmoved: CameraPath) -> CameraPath:
    """The path, tilted and panned until it shows of the person what ``unmoved`` shows.

    What the path's own turning puts outside the picture is meant and stays there. A path that
    hardly travels or zooms is returned as it is, and one for a person locked to the screen.
    """
    progress = _progress(stance, path, unmoved)
    anchored = stance.anchor == "ground" and is_before(stance, unmoved)
    if not (anchored and progress.any() and is_before(stance, path)):
        return path
    boxes, _ = _shown_boxes(stance, unmoved)
    unturned = replace(path, extrinsics=_pose_like(unmoved, path))
    meant = _framed(stance, unturned, boxes) if is_before(stance, unturned) else None
    turn, held = np.zeros(2), path
    for _ in range(ROUNDS):
        least, most = _framed(stance, held, boxes)
        if meant is not None:
            least = np.minimum(least, np.maximum(meant[0], 0))
            most = np.maximum(most, np.minimum(meant[1], 0))
        low, high = _at_the_end(least, most, progress)
        wanted = np.where(low > high, (low + high) / 2, np.clip(0.0, np.minimum(low, high), high))
        low, high = _at_the_end(*_hidden(stance, held), progress)
        wanted = np.where(low > high, wanted, np.clip(wanted, np.minimum(low, high), high))
        turn = np.clip(turn + wanted, -np.radians(MOST_TURN_DEG), np.radians(MOST_TURN_DEG))
        held = turn_content(path, progress[:, None] * turn)
        if not is_before(stance, held):
            return path
    return held if np.abs(turn).max() > 0 else path


def tell_turn(asked: CameraPath, held: CameraPath) -> tuple[str, ...]:
    """What an editor is told of the turn that hold_framing added to a path."""
    forward = asked.extrinsics[:, :, :3] @ np.swapaxes(held.extrinsics[:, :, :3], 1, 2)
    across, down = np.degrees(np.arctan2(forward[:, :2, 2], forward[:, 2:, 2])).T
    angles = {
        "pans left": -across.min(),
        "pans right": across.max(),
        "tilts up": -down.min(),
        "tilts down": down.max(),
    }
    told = [f"{does} by {angle:.0f}°" for does, angle in angles.items() if angle >= TOLD_DEG]
    if not told:
        return ()
    return (
        f"the camera {' and '.join(told)} on its way, which keeps the person in the picture; "
        "a smaller --move-strength needs less of it",
    )


def _progress(stance: Stance, path: CameraPath, unmoved: CameraPath) -> Floats:
    """How far along its way and its zoom a path is (F,), 0..1; 0 for one that stays."""
    way = np.linalg.norm(centre(path.extrinsics) - centre(unmoved.extrinsics), axis=1)
    zoom = np.abs(np.log(path.intrinsics[:, 1, 1] / unmoved.intrinsics[:, 1, 1]))
    done = way / stance.subject_distance + zoom
    return np.asarray(done / done.max() if done.max() > LEAST_WAY else np.zeros(len(done)))


def _pose_like(unmoved: CameraPath, path: CameraPath) -> Floats:
    turns = np.swapaxes(unmoved.extrinsics[:, :, :3], 1, 2)
    return np.asarray(pose_from_centre(turns, centre(path.extrinsics)))


def _shown_boxes(stance: Stance, path: CameraPath) -> tuple[Floats, Floats]:
    """The person's box (F, 4) in the picture of a path, by the middles of its sides and inscribed.

    Below, it reaches to where the clip is cut.
    """
    x0, y0, x1, y1 = stance.contacts.boxes.T
    y1 = np.where(stance.contacts.cut[:, 3], stance.contacts.lower_cut, y1)
    similarity = place_person(stance, path).clip_to_frame
    corners = np.stack(
        [
            apply_similarity(similarity, np.stack([x, y], axis=-1))
            for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        ],
        axis=1,
    )
    sides = [
        corners[:, (side, (side + 1) % 4), axis] for side, axis in ((3, 0), (0, 1), (1, 0), (2, 1))
    ]
    middles = np.stack([side.mean(axis=1) for side in sides], axis=1)
    inner = [side.max(axis=1) for side in sides[:2]] + [side.min(axis=1) for side in sides[2:]]
    return middles, np.stack(inner, axis=1)


def _framed(stance: Stance, path: CameraPath, start: Floats) -> tuple[Floats, Floats]:
    """The least and the most angle (F, 2) by which the picture's content may go right and down.

    So far head, feet and sides stay in the picture, or where the person's box is without the move:
    ``start`` (F, 4).
    """
    (seen, _), cut = _shown_boxes(stance, path), stance.contacts.cut
    size = np.array([path.width, path.height], float)
    lowest = np.where(cut[:, :2], -CUT_FURTHER, MARGIN) * size
    highest = np.where(cut[:, 2:], 1 + CUT_FURTHER, 1 - MARGIN) * size
    least = _angles(path, seen[:, :2], np.minimum(lowest, start[:, :2]))
    most = _angles(path, seen[:, 2:], np.maximum(highest, start[:, 2:]))
    if not stance.contacts.grounded or stance.footing == "in front":
        most[:, 1] = FREE
    most[cut[:, 3], 1] = FREE
    return np.nan_to_num(least, nan=-FREE), np.nan_to_num(most, nan=FREE)


def _hidden(stance: Stance, path: CameraPath) -> tuple[Floats, Floats]:
    """The same as of _framed for edges that cut the person to stay outside the picture."""
    (_, inner), cut = _shown_boxes(stance, path), stance.contacts.cut
    size = np.array([path.width, path.height], float)
    most = _angles(path, inner[:, :2], np.full((len(inner), 2), -HIDDEN))
    least = _angles(path, inner[:, 2:], np.broadcast_to(size + HIDDEN, (len(inner), 2)))
    least, most = np.where(cut[:, 2:], least, -FREE), np.where(cut[:, :2], most, FREE)
    return np.nan_to_num(least, nan=-FREE), np.nan_to_num(most, nan=FREE)


def _angles(path: CameraPath, edges: Floats, targets: Floats) -> Floats:
    """The angles (F, 2) that carry columns and rows ``edges`` of the picture to ``targets``."""
    focal, middle = path.intrinsics[:, [0, 1], [0, 1]], path.intrinsics[:, :2, 2]
    return np.asarray(np.arctan((targets - middle) / focal) - np.arctan((edges - middle) / focal))


def _at_the_end(least: Floats, most: Floats, progress: Floats) -> tuple[Floats, Floats]:
    """The angles (2,) at the end of the way between which the bounds (F, 2) hold on all of it."""
    on = progress > WELL_ON_THE_WAY
    low = (least[on] / progress[on, None]).max(axis=0, initial=-FREE)
    return low, (most[on] / progress[on, None]).min(axis=0, initial=FREE)


def turn_content(path: CameraPath, angles: Floats) -> CameraPath:
    """The path whose picture's content goes right and down by angles (F, 2), in radians."""
    across, down = np.degrees(angles).T
    pans = np.stack([rotation_about("y", float(each)) for each in across])
    tilts = np.stack([rotation_about("x", -float(each)) for each in down])
    C, R = centre(path.extrinsics), path.extrinsics[:, :, :3]
    turned = tilts @ R @ pans
    return replace(path, extrinsics=pose_from_centre(np.swapaxes(turned, 1, 2), C))
