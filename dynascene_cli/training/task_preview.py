"""A picture of what the network is shown in each task, to be looked at before training."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats, centre, rotation_to_quaternion
from dynascene_cli.reports.camera_plot import frustums
from dynascene_cli.reports.contact_sheet import contact_sheet
from dynascene_cli.shot import CameraPath, Image
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.task_inputs import TaskInputs

EXAMPLES = 3
"""Rows of each task."""

LOOKED_AT = 1000
"""Examples after which a task that has not come up by then is left out."""

TILE = 200
"""Width of a cell in pixels."""

PAPER, TARGET, SCENE = (39, 39, 42), (96, 165, 250), (251, 191, 36)


def task_sheet(draws: ExampleDraws) -> Image:
    """Rows of examples, task by task: scene picture, person, mask, target, cameras.

    Of clips the first frame, the last and, of the target, the middle one are shown. The cameras
    are seen from above, the scene picture's in amber and the target's in blue; under them is how
    far the target's moves, in the median depth of its first frame, and turns.
    """
    rows = [_row(inputs) for inputs in _examples(draws)]
    cells = [cell for row in rows for cell in row]
    pictures = [picture for picture, _ in cells]
    labels = [label for _, label in cells]
    return contact_sheet(pictures, labels, columns=len(rows[0]), tile_width=TILE)


def _examples(draws: ExampleDraws) -> list[TaskInputs]:
    """The first examples of every task, by task."""
    found: dict[str, list[TaskInputs]] = {task: [] for task in draws.tasks}
    for index in range(LOOKED_AT):
        inputs = draws.draw(index)
        found[inputs.task].append(inputs)
        if all(len(examples) >= EXAMPLES for examples in found.values()):
            break
    return [inputs for examples in found.values() for inputs in examples[:EXAMPLES]]


def _row(inputs: TaskInputs) -> list[tuple[Image, str]]:
    last = len(inputs.target) - 1
    scene = (inputs.scene, f"{inputs.task}: scene")
    cameras = _cameras(inputs)
    if not last:
        return [
            scene,
            (inputs.foreground[0], "person"),
            (_mask(inputs, 0), "generate where white"),
            (inputs.target[0], inputs.clip),
            cameras,
        ]
    return [
        scene,
        (inputs.foreground[0], "person, frame 0"),
        (inputs.foreground[last], f"person, frame {last}"),
        (_mask(inputs, 0), "generate where white"),
        (_mask(inputs, last), f"generate, frame {last}"),
        (inputs.target[0], inputs.clip),
        (inputs.target[last // 2], f"target, frame {last // 2}"),
        (inputs.target[last], f"target, frame {last}"),
        cameras,
    ]


def _mask(inputs: TaskInputs, frame: int) -> Image:
    """The generate mask at the pictures' size, its cells as squares."""
    height, width = inputs.scene.shape[:2]
    grey = (inputs.generate_mask[frame] * 255).astype(np.uint8)
    enlarged = cv2.resize(grey, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.cvtColor(enlarged, cv2.COLOR_GRAY2RGB), np.uint8)


def _cameras(inputs: TaskInputs) -> tuple[Image, str]:
    """Both cameras from above, and the target's move in words."""
    height, width = inputs.scene.shape[:2]
    cell = np.full((round(TILE * height / width), TILE, 3), PAPER, np.uint8)
    if inputs.camera is None or inputs.scene_camera is None:
        return cell, "no camera shown"
    centres = centre(inputs.camera.extrinsics)
    everywhere = np.concatenate([centres, centre(inputs.scene_camera.extrinsics)])[:, [0, 2]]
    low, high = everywhere.min(axis=0), everywhere.max(axis=0)
    extent = max(float((high - low).max()), 0.02)
    pixels = 0.5 * min(cell.shape[:2]) / extent
    middle = np.array([TILE / 2, cell.shape[0] / 2])

    def place(points: Floats) -> NDArray[np.int32]:
        from_middle = (points[..., [0, 2]] - (low + high) / 2) * [1, -1] * pixels
        return np.asarray((middle + from_middle) * 16, dtype=np.int32)

    for path, colour in ((inputs.camera, TARGET), (inputs.scene_camera, SCENE)):
        for apex, a, b, c, d in frustums(path, 0.4 * extent):
            outline = place(np.stack([apex, (a + d) / 2, (b + c) / 2]))
            cv2.polylines(cell, [outline], True, colour, 1, cv2.LINE_AA, shift=4)
    cv2.polylines(cell, [place(centres)], False, TARGET, 2, cv2.LINE_AA, shift=4)
    return cell, f"moves {np.ptp(centres, axis=0).max():.2f}, turns {_turn(inputs.camera):.0f}°"


def _turn(path: CameraPath) -> float:
    """The largest angle in degrees between the first frame's view and another's."""
    relative = path.extrinsics[:, :, :3] @ path.extrinsics[0, :, :3].T
    half_angle = np.arccos(np.clip(rotation_to_quaternion(relative)[:, 0], -1, 1))
    return float(np.degrees(2 * half_angle).max())
