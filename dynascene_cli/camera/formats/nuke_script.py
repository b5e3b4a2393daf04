"""A Nuke script (.nk) with the camera, and the ground and the feet where they are known.

Written, not read. Unlike a .chan it carries the lens's shift: ``win_translate`` moves the camera's
window, in halves of its width, so that a point at x on it is shown at x - win_translate. World and
angles as in a .chan: y up, the camera looks along -z, rotation order ZXY.
"""

import re
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    FLIP_Y_Z,
    Warn,
    camera_to_world,
    describe_conventions,
    describe_losses,
)
from dynascene_cli.camera.formats.files import digits, publish
from dynascene_cli.camera.formats.ground import EXTENT
from dynascene_cli.camera.moves.tripod import tripod_angles
from dynascene_cli.geometry import SENSOR_WIDTH_MM, Floats
from dynascene_cli.shot import CameraPath, GroundContact

SCRIPT = """\
#! Nuke -nx
# {note}
Root {{
 first_frame {first}
 last_frame {last}
 fps {fps}
 format "{width} {height} 0 0 {width} {height} 1 {name}"
}}
Camera2 {{
 inputs 0
 rot_order ZXY
 translate {translate}
 rotate {rotate}
 focal {focal}
 haperture {aperture}
 vaperture {vertical}
 win_translate {shift}
 name {name}
}}
"""
GROUND = """\
Axis2 {{
 inputs 0
 translate {feet}
 name feet
}}
Card2 {{
 inputs 0
 translate {{{middle}}}
 rotate {{-90 0 0}}
 uniform_scale {extent}
 name ground
}}
"""


def write(
    path: Path, camera: CameraPath, name: str, warn: Warn, contact: GroundContact | None = None
) -> None:
    """Write a camera as a Nuke script: its node, an axis at the feet and a card as ground.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    for loss in describe_losses(camera, pixel_aspect=False):
        warn(f"{path}: {loss}")
    K, width, height, first = camera.intrinsics, camera.width, camera.height, camera.first_frame
    matrices = camera_to_world(camera, FLIP_Y_Z, FLIP_Y_Z)
    y, x, z = np.unwrap(tripod_angles(matrices[:, :3, :3]), axis=0).T
    shift = (2 * K[:, :2, 2] - [width, height]) / width * [-1, 1]
    script = SCRIPT.format(
        note=describe_conventions(camera),
        name=re.sub(r"\W", "_", name, flags=re.ASCII) or "camera",
        first=first,
        last=first + camera.frame_count - 1,
        fps=digits([float(camera.frame_rate)]),
        width=width,
        height=height,
        translate=_curves(matrices[:, :3, 3], first),
        rotate=_curves(np.degrees(np.stack([x, y, z], axis=-1)), first),
        focal=_curves(K[:, :1, 0] * SENSOR_WIDTH_MM / width, first),
        aperture=digits([SENSOR_WIDTH_MM]),
        vertical=digits([SENSOR_WIDTH_MM * height / width]),
        shift=_curves(shift, first),
    )
    if contact is not None:
        feet = contact.feet @ FLIP_Y_Z
        script += GROUND.format(
            feet=_curves(feet, first),
            middle=digits([feet[0, 0], -contact.ground, feet[0, 2]]),
            extent=digits([EXTENT]),
        )
    publish(path, script)


def _curves(values: Floats, first: int) -> str:
    """A knob's value (F, N): its numbers where they stay, a curve keyed at every frame each."""
    if np.all(values == values[0]):
        numbers = digits(values[0])
        return numbers if values.shape[1] == 1 else f"{{{numbers}}}"
    curves = (
        "{curve " + " ".join(f"x{first + i} {digits([v])}" for i, v in enumerate(column)) + "}"
        for column in values.T
    )
    return f"{{{' '.join(curves)}}}"
