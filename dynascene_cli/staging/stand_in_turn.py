"""What a turn and a longer lens show of a move whose way had to be made shorter.

A camera that may not travel as far as asked for, because the photo does not show what would come
out, can still carry the person across the picture and enlarge them as the whole move would: turning
and zooming uncover nothing behind things.
"""

from dataclasses import replace

import numpy as np

from dynascene_cli.geometry import Floats, project
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging.billboard import card
from dynascene_cli.staging.held_framing import turn_content
from dynascene_cli.staging.stance import Stance

MOST_TURN_DEG = 6.0
MOST_ZOOM = 1.35
NOTICED_DEG, NOTICED_ZOOM = 0.7, 1.03


def stand_in(stance: Stance, path: CameraPath, asked: CameraPath, share: float) -> CameraPath:
    """A path, turned and zoomed towards showing the person as another one does.

    ``share`` of it is done, 0..1; at 1 the middle of the person is where ``asked`` has it, and as
    large, but for turns and zooms that are too large to stand in for a way.
    """
    zoom, angles = _needed(stance, path, asked)
    intrinsics = path.intrinsics.copy()
    intrinsics[:, [0, 1], [0, 1]] *= (zoom**share)[:, None]
    return turn_content(replace(path, intrinsics=intrinsics), share * angles)


def tell_stand_in(stance: Stance, path: CameraPath, asked: CameraPath, share: float) -> str | None:
    """What an editor is told of it; None where it would not be noticed."""
    zoom, angles = _needed(stance, path, asked)
    turn = float(np.degrees(np.abs(share * angles).max()))
    lens = float(np.exp(share * np.abs(np.log(zoom)).max()))
    done = [f"a turn of {turn:.0f}°"] if turn >= NOTICED_DEG else []
    done += [f"a zoom by {lens:.2f}"] if lens >= NOTICED_ZOOM else []
    if not done:
        return None
    return f"{' and '.join(done)} shows the rest of it"


def _needed(stance: Stance, path: CameraPath, asked: CameraPath) -> tuple[Floats, Floats]:
    """The zoom (F,) and the turns (F, 2) to the right and down, in radians."""
    middle = stance.contact - np.array([0.0, stance.height / 2, 0.0])
    tall, there = [], []
    for each in (path, asked):
        _, up = card(each.intrinsics, each.extrinsics, stance.contact, stance.height)
        tall.append(np.linalg.norm(up, axis=1))
        there.append(project(each.intrinsics, each.extrinsics, middle) - each.intrinsics[:, :2, 2])
    zoom = np.clip(tall[1] / tall[0], 1 / MOST_ZOOM, MOST_ZOOM)
    focal = path.intrinsics[:, [0, 1], [0, 1]]
    angles = np.arctan(there[1] / (focal * zoom[:, None])) - np.arctan(there[0] / focal)
    most = np.radians(MOST_TURN_DEG)
    largest = np.abs(angles).max(axis=0)
    return zoom, angles * np.minimum(1.0, most / np.maximum(largest, 1e-9))
