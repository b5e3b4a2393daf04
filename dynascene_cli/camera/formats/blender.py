"""A script for Blender that adds the camera to the scene; written, not read.

Blender's world is right-handed with z up, and y is forward here; its cameras look along -z with y
up. The sensor is fitted horizontally, so that mm = pixels · sensor width / picture width.
"""

import math
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    FLIP_Y_Z,
    UNIT_NAMES,
    Warn,
    camera_to_world,
    describe_conventions,
)
from dynascene_cli.camera.formats.files import publish
from dynascene_cli.camera.formats.ground import ground_square
from dynascene_cli.geometry import SENSOR_WIDTH_MM, rotation_to_quaternion
from dynascene_cli.shot import CameraPath, GroundContact

Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Our world's directions (x right, y down, z forward) in Blender's (x right, y forward, z up)."""

SCRIPT = '''\
"""Camera {title}. Run it in Blender: Scripting > Open > Run Script.

World: x right, y forward, z up; one unit is one {unit}. Frames count from {first}.
The sensor is {sensor:g} mm wide, fitted horizontally. {note}
"""

import bpy

NAME = {name}
FIRST_FRAME = {first}
LOCATIONS = {locations}
QUATERNIONS = {quaternions}
LENSES_MM = {lens}
SHIFTS = {shifts}

scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = {width}, {height}
scene.render.resolution_percentage = 100
scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = {aspect_x}, {aspect_y}
scene.render.fps, scene.render.fps_base = {fps}, {fps_base}
scene.frame_start, scene.frame_end = FIRST_FRAME, FIRST_FRAME + len(LOCATIONS) - 1

data = bpy.data.cameras.new(NAME)
data.sensor_fit = "HORIZONTAL"
data.sensor_width = {sensor}
camera = bpy.data.objects.new(NAME, data)
camera.rotation_mode = "QUATERNION"
scene.collection.objects.link(camera)
scene.camera = camera
for index in range(len(LOCATIONS)):
    frame = FIRST_FRAME + index
    camera.location = LOCATIONS[index]
    camera.rotation_quaternion = QUATERNIONS[index]
    data.lens = LENSES_MM[index]
    data.shift_x, data.shift_y = SHIFTS[index]
    camera.keyframe_insert(data_path="location", frame=frame)
    camera.keyframe_insert(data_path="rotation_quaternion", frame=frame)
    for path in ("lens", "shift_x", "shift_y"):
        data.keyframe_insert(data_path=path, frame=frame)
'''

GROUND = """
mesh = bpy.data.meshes.new("ground")
mesh.from_pydata({corners}, [], [(0, 1, 2, 3)])
ground = bpy.data.objects.new("ground", mesh)
ground.is_shadow_catcher = True
scene.collection.objects.link(ground)
feet = bpy.data.objects.new("feet", None)
scene.collection.objects.link(feet)
for index, location in enumerate({feet}):
    feet.location = location
    feet.keyframe_insert(data_path="location", frame=FIRST_FRAME + index)
"""


def write(
    path: Path, camera: CameraPath, name: str, warn: Warn, contact: GroundContact | None = None
) -> None:
    """Write a camera as a script that adds it in Blender, keyed in every frame.

    The ground becomes a square that catches shadows, the feet an empty.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    K, width = camera.intrinsics, camera.width
    aspects = K[:, 1, 1] / K[:, 0, 0]
    if np.abs(aspects / aspects[0] - 1).max() > 1e-6:
        warn(f"{path}: pixels whose shape changes are not kept: the first frame's are")
    aspect = float(aspects[0])
    shift_x = (width / 2 - K[:, 0, 2]) / width
    shift_y = (K[:, 1, 2] - camera.height / 2) / width / aspects
    matrices = camera_to_world(camera, Z_UP, FLIP_Y_Z)
    quaternions = rotation_to_quaternion(matrices[:, :3, :3])
    for index in range(1, camera.frame_count):
        if quaternions[index] @ quaternions[index - 1] < 0:
            quaternions[index] = -quaternions[index]
    fps = max(1, math.ceil(camera.frame_rate))
    script = SCRIPT.format(
        title=" ".join(name.replace("\\", "/").replace('"', "'").split()),
        unit=UNIT_NAMES[camera.unit],
        note=describe_conventions(camera),
        name=repr(name),
        first=camera.first_frame,
        sensor=SENSOR_WIDTH_MM,
        locations=matrices[:, :3, 3].tolist(),
        quaternions=quaternions.tolist(),
        lens=(K[:, 0, 0] * SENSOR_WIDTH_MM / width).tolist(),
        shifts=np.stack([shift_x, shift_y], axis=-1).tolist(),
        width=width,
        height=camera.height,
        aspect_x=max(1.0, aspect),
        aspect_y=max(1.0, 1 / aspect),
        fps=fps,
        fps_base=float(fps / camera.frame_rate),
    )
    if contact is not None:
        script += GROUND.format(
            corners=(np.array(ground_square(contact)) @ Z_UP.T).tolist(),
            feet=(contact.feet @ Z_UP.T).tolist(),
        )
    publish(path, script)
