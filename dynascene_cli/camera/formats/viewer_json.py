"""Nerfstudio's camera_path.json: the path that its viewer and ``ns-render`` follow.

Camera-to-world matrices, 16 numbers row by row, of OpenGL cameras (x right, y up, looking along
-z) in the world as it is; ``fov`` is the vertical field of view in degrees. Pixels are square and
the lens is not shifted. The unit is arbitrary.
"""

import json
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    FLIP_Y_Z,
    Known,
    Warn,
    camera_path,
    camera_to_world,
    describe_losses,
    frame_rate,
    lenses,
    unit_of_name,
    world_to_camera,
)
from dynascene_cli.camera.formats.files import matrix, number, publish, read_document
from dynascene_cli.errors import InputError
from dynascene_cli.shot import CameraPath


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The camera that a camera_path.json describes.

    Raises:
        InputError: a key is missing or not what it should be; the message names the frame.
    """
    document = read_document(path)
    frames = document.get("camera_path") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(frames, list):
        raise InputError(f"{path}: camera_path is missing", "it is a list of cameras")
    if document.get("camera_type", "perspective") != "perspective":
        raise InputError(
            f"{path}: camera_type is {document['camera_type']}", "only perspective has a path"
        )
    matrices, fields = [], []
    for index, frame in enumerate(frames, start=1):
        entries = frame if isinstance(frame, dict) else {}
        value = entries.get("camera_to_world")
        flat = matrix([value], 1, 16)
        pose = matrix(value, 4, 4) if flat is None else flat.reshape(4, 4)
        if pose is None:
            raise InputError(
                f"{path}: frame {index}: camera_to_world is no list of 16 numbers",
                "give camera-to-world, row by row",
            )
        field = number(entries.get("fov"))
        if field is None or not 0 < field < 180:
            raise InputError(
                f"{path}: frame {index}: fov is missing or no angle",
                "give the vertical field of view, between 0 and 180 degrees",
            )
        matrices.append(pose)
        fields.append(field)
    width, height = (number(document.get(f"render_{side}")) for side in ("width", "height"))
    if width is not None and height is not None:
        known = known.with_size(path, width, height)
    seconds = number(document.get("seconds"))
    by_duration = len(frames) / seconds if seconds and seconds > 0 else None
    known = known.complete(
        Known(
            frame_rate=frame_rate(document.get("fps")) or frame_rate(by_duration),
            unit=unit_of_name(document.get("unit")),
        )
    )
    w, h = known.needed_size(path)
    focal = h / 2 / np.tan(np.radians(np.array(fields)) / 2)
    poses = np.array(matrices).reshape(-1, 4, 4)
    return camera_path(
        path,
        lenses(focal, focal, w / 2, h / 2),
        world_to_camera(poses, np.eye(3), FLIP_Y_Z),
        known,
        "scene_depth",
    )


def write(path: Path, camera: CameraPath, name: str, warn: Warn) -> None:
    """Write a camera as camera_path.json, every frame a camera of its own.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    for loss in describe_losses(camera, pixel_aspect=False, shift=False):
        warn(f"{path}: {loss}")
    document = {
        "name": name,
        "axes": "OpenGL cameras: x right, y up, looking along -z; fov is vertical, in degrees",
        "camera_type": "perspective",
        "render_width": camera.width,
        "render_height": camera.height,
        "fps": float(camera.frame_rate),
        "seconds": float(camera.frame_count / camera.frame_rate),
        "unit": camera.unit,
        "is_cycle": False,
        "smoothness_value": 0,
        "crop": None,
        "keyframes": [],
    }
    matrices = camera_to_world(camera, np.eye(3), FLIP_Y_Z).reshape(-1, 16)
    fields = 2 * np.degrees(np.arctan(camera.height / 2 / camera.intrinsics[:, 1, 1]))
    lines = ",\n".join(
        "  "
        + json.dumps(
            {
                "camera_to_world": matrices[index].tolist(),
                "fov": float(fields[index]),
                "aspect": camera.width / camera.height,
            }
        )
        for index in range(camera.frame_count)
    )
    head = json.dumps(document, indent=1, ensure_ascii=False).removesuffix("\n}")
    publish(path, f'{head},\n "camera_path": [\n{lines}\n ]\n}}\n')
