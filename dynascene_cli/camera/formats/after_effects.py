"""A script for After Effects that builds a composition with the camera; written, not read.

After Effects' axes are this package's: x right, y down, z away from the viewer, in pixels, the
world's origin put in the middle of the composition. A layer is turned by Rx Ry Rz; a camera's zoom
is its focal length in pixels. Its axis always meets the middle of the composition, so a shifted
lens gets a larger composition, centred on that point, inside one of the picture's size.
"""

import json
import math
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    UNIT_NAMES,
    Warn,
    describe_losses,
)
from dynascene_cli.camera.formats.files import publish
from dynascene_cli.camera.formats.ground import EXTENT
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.shot import CameraPath, GroundContact

PIXELS_PER_UNIT = {"metres": 100, "subject_distance": 1000, "scene_depth": 1000}
CENTRED_PIXELS = 1e-3

SCRIPT = """\
// {title}
// Run it in After Effects: File > Scripts > Run Script File.
// Axes: x right, y down, z away from the viewer. One {unit} is {scale} pixels.
// Frame {first} is at 0 s; {count} frames at {rate} a second; zoom = focal length in pixels
// ({mm:.3f} mm on a sensor 36 mm wide in the first frame). Rotations are applied z, y, x.
(function () {{
    var name = {name};
    var width = {width}, height = {height}, fps = {fps}, seconds = {seconds};
    var roomWidth = {room_width}, roomHeight = {room_height};
    var times = {times};
    var position = {position};
    var xRotation = {x};
    var yRotation = {y};
    var zRotation = {z};
    var zoom = {zoom};
    var axis = {axis};

    app.beginUndoGroup(name);
    var room = app.project.items.addComp(name + " room", roomWidth, roomHeight, 1, seconds, fps);
    var camera = room.layers.addCamera(name, [roomWidth / 2, roomHeight / 2]);
    camera.autoOrient = AutoOrientType.NO_AUTO_ORIENT;
    var transform = camera.property("ADBE Transform Group");
    transform.property("ADBE Position").setValuesAtTimes(times, position);
    transform.property("ADBE Rotate X").setValuesAtTimes(times, xRotation);
    transform.property("ADBE Rotate Y").setValuesAtTimes(times, yRotation);
    transform.property("ADBE Rotate Z").setValuesAtTimes(times, zRotation);
    camera.property("ADBE Camera Options Group").property("ADBE Camera Zoom")
        .setValuesAtTimes(times, zoom);
{ground}    var picture = app.project.items.addComp(name, width, height, 1, seconds, fps);
    var seen = picture.layers.add(room);
    seen.property("ADBE Transform Group").property("ADBE Position").setValuesAtTimes(times, axis);
    app.endUndoGroup();
}})();
"""


GROUND = """\
    var ground = room.layers.addSolid([0.5, 0.5, 0.5], "ground", {side}, {side}, 1, seconds);
    ground.threeDLayer = true;
    ground.guideLayer = true;
    var lying = ground.property("ADBE Transform Group");
    lying.property("ADBE Position").setValue({place});
    lying.property("ADBE Rotate X").setValue(90);
    lying.property("ADBE Scale").setValue([{percent}, {percent}, 100]);
    var feet = room.layers.addNull(seconds);
    feet.name = "feet";
    feet.threeDLayer = true;
    feet.property("ADBE Transform Group").property("ADBE Position")
        .setValuesAtTimes(times, {feet});
"""
GROUND_SIDE = 10_000
"""Pixels of the ground's solid, which is scaled: After Effects' solids have 30,000 at most."""


def write(
    path: Path, camera: CameraPath, name: str, warn: Warn, contact: GroundContact | None = None
) -> None:
    """Write a camera as a script that builds its composition in After Effects.

    The ground becomes a solid that is not rendered, the feet a null.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    for loss in describe_losses(camera, pixel_aspect=False):
        warn(f"{path}: {loss}")
    K = camera.intrinsics
    middle = np.array([camera.width / 2, camera.height / 2])
    reach = np.abs(K[:, :2, 2] - middle).max(axis=0)
    room_width, room_height = (
        side + (2 * math.ceil(offset) if offset > CENTRED_PIXELS else 0)
        for side, offset in zip((camera.width, camera.height), reach, strict=True)
    )
    scale = PIXELS_PER_UNIT[camera.unit]
    angles = layer_angles(np.swapaxes(camera.extrinsics[:, :, :3], 1, 2))
    origin = [room_width / 2, room_height / 2, 0]
    x, y, z = np.degrees(np.unwrap(angles, axis=0)).T
    script = SCRIPT.format(
        title=" ".join(f"Camera {name}".split()),
        unit=UNIT_NAMES[camera.unit],
        scale=scale,
        first=camera.first_frame,
        count=camera.frame_count,
        rate=camera.frame_rate,
        mm=K[0, 0, 0] * 36 / camera.width,
        name=json.dumps(name),
        width=camera.width,
        height=camera.height,
        fps=float(camera.frame_rate),
        seconds=float(camera.frame_count / camera.frame_rate),
        room_width=room_width,
        room_height=room_height,
        times=[float(index / camera.frame_rate) for index in range(camera.frame_count)],
        position=(centre(camera.extrinsics) * scale + origin).tolist(),
        x=x.tolist(),
        y=y.tolist(),
        z=z.tolist(),
        zoom=K[:, 0, 0].tolist(),
        axis=K[:, :2, 2].tolist(),
        ground="" if contact is None else _ground_text(contact, scale, np.array(origin)),
    )
    publish(path, script)


def _ground_text(contact: GroundContact, scale: int, origin: Floats) -> str:
    below = np.array([contact.feet[0, 0], contact.ground, contact.feet[0, 2]])
    return GROUND.format(
        side=GROUND_SIDE,
        percent=100 * EXTENT * scale / GROUND_SIDE,
        place=(below * scale + origin).tolist(),
        feet=(contact.feet * scale + origin).tolist(),
    )


def layer_angles(rotation: Floats) -> Floats:
    """Radians x, y, z (F, 3) with rotation = Rx Ry Rz; y is within a quarter turn."""
    R = rotation
    level = np.hypot(R[:, 0, 0], R[:, 0, 1])
    y = np.arctan2(R[:, 0, 2], level)
    bent = level > 1e-9
    x = np.where(bent, np.arctan2(-R[:, 1, 2], R[:, 2, 2]), 0.0)
    z = np.where(bent, np.arctan2(-R[:, 0, 1], R[:, 0, 0]), np.arctan2(R[:, 1, 0], R[:, 1, 1]))
    return np.stack([x, y, z], axis=-1)
