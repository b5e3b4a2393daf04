"""Nerfstudio's transforms.json (and Instant-NGP's): the cameras of a set of images.

Camera-to-world matrices of OpenGL cameras (x right, y up, looking along -z) in the world as it
is; lenses in pixels, one for all or one a frame. The unit is arbitrary, and the frame rate is a
key of this package's own.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera.formats.colmap_records import BENT_PIXELS, Lens
from dynascene_cli.camera.formats.conventions import (
    FLIP_Y_Z,
    Known,
    Warn,
    camera_path,
    camera_to_world,
    frame_rate,
    lenses,
    unit_of_name,
    world_to_camera,
)
from dynascene_cli.camera.formats.files import matrix, number, publish, read_document
from dynascene_cli.camera.formats.numbering import fill_skipped_frames, image_name, natural_order
from dynascene_cli.errors import InputError
from dynascene_cli.shot import CameraPath

PINHOLE_MODELS = (
    "PINHOLE",
    "SIMPLE_PINHOLE",
    "SIMPLE_RADIAL",
    "RADIAL",
    "OPENCV",
    "PERSPECTIVE",
)
AXES = (
    "camera-to-world of OpenGL cameras (x right, y up, looking along -z); pixel centres at +0.5; "
    "images count from 1"
)


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The camera that took the images, in the order of their numbers.

    Raises:
        InputError: a key is missing or not what it should be, pictures differ in size, or a lens
            bends the picture by more than a pixel.
    """
    document = read_document(path)
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(frames, list):
        raise InputError(f"{path}: frames is missing", "a transforms.json has a list of frames")
    for entry in (document, *frames):
        _check_pinhole(path, entry)
    entries = [
        {**document, **(frame if isinstance(frame, dict) else {}), "number": index}
        for index, frame in enumerate(frames, start=1)
    ]
    named = all(isinstance(entry.get("file_path"), str) for entry in entries)
    if named:
        entries.sort(key=lambda entry: natural_order(entry["file_path"]))
    matrices = np.array([_pose(path, entry) for entry in entries]).reshape(-1, 4, 4)
    for entry in entries:
        width, height = number(entry.get("w")), number(entry.get("h"))
        if width is not None and height is not None:
            known = known.with_size(path, width, height)
    known = known.complete(
        Known(frame_rate=frame_rate(document.get("fps")), unit=unit_of_name(document.get("unit")))
    )
    size = known.needed_size(path)
    found = [_lens(path, entry, size) for entry in entries]
    K = [lenses(lens.focal_x, lens.focal_y, lens.centre_x, lens.centre_y) for lens in found]
    camera = camera_path(
        path,
        np.array(K).reshape(-1, 3, 3),
        world_to_camera(matrices, np.eye(3), FLIP_Y_Z),
        known,
        "scene_depth",
    )
    return fill_skipped_frames(
        path, camera, [entry["file_path"] for entry in entries] if named else [], warn
    )


def write(path: Path, camera: CameraPath, name: str, warn: Warn) -> None:
    """Write a camera as transforms.json, for images named ``images/<name>_<number>.png``.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    K = camera.intrinsics
    steady = bool(np.all(K[0] == K))
    document: dict[str, Any] = {
        "axes": AXES,
        "camera_model": "OPENCV",
        "w": camera.width,
        "h": camera.height,
        **(_lens_keys(K[0]) if steady else {}),
        "k1": 0,
        "k2": 0,
        "p1": 0,
        "p2": 0,
        "fps": float(camera.frame_rate),
        "unit": camera.unit,
    }
    matrices = camera_to_world(camera, np.eye(3), FLIP_Y_Z)
    frames = [
        {
            "file_path": f"images/{image_name(name, camera.first_frame + index)}",
            **({} if steady else _lens_keys(K[index])),
            "transform_matrix": matrices[index].tolist(),
        }
        for index in range(camera.frame_count)
    ]
    head = json.dumps(document, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(f"  {json.dumps(frame, ensure_ascii=False)}" for frame in frames)
    publish(path, f'{head},\n "frames": [\n{lines}\n ]\n}}\n')


def _lens_keys(K: np.ndarray) -> dict[str, float]:
    return {
        "fl_x": float(K[0, 0]),
        "fl_y": float(K[1, 1]),
        "cx": float(K[0, 2]),
        "cy": float(K[1, 2]),
    }


OTHER_LENSES = {
    "is_fisheye": "a fisheye",
    "ftheta_p0": "a fisheye",
    "latlong": "equirectangular",
    "equirectangular": "equirectangular",
}
"""Keys of Instant-NGP for lenses that are no pinhole."""


def _check_pinhole(path: Path, entry: object) -> None:
    """Refuse a lens that is no pinhole, bent by k1, k2, p1 and p2 at the most.

    Raises:
        InputError: naming the model or the term.
    """
    if not isinstance(entry, dict):
        return
    hint = "undistort the images first (ns-process-data, colmap image_undistorter)"
    model = entry.get("camera_model", "PINHOLE")
    if str(model).upper() not in PINHOLE_MODELS:
        raise InputError(f"{path}: camera_model is {str(model)[:60]}", hint)
    for key, lens in OTHER_LENSES.items():
        if entry.get(key):
            raise InputError(f"{path}: {key}: the lens is {lens}", hint)
    for term in ("k3", "k4", "k5", "k6"):
        if number(entry.get(term, 0)) != 0:
            raise InputError(f"{path}: {term} is not 0: the lens bends the picture", hint)


def _pose(path: Path, entry: dict[str, Any]) -> Any:
    value = entry.get("transform_matrix")
    for rows in (4, 3):
        found = matrix(value, rows, 4)
        if found is not None:
            return np.concatenate([found, [[0.0, 0.0, 0.0, 1.0]]])[:4]
    raise InputError(
        f"{path}: frame {entry['number']}: transform_matrix is no 4 x 4 matrix",
        "give camera-to-world, row by row",
    )


def _lens(path: Path, entry: dict[str, Any], size: tuple[int, int]) -> Lens:
    """The lens of a frame, by its focal length in pixels or its horizontal angle."""
    width, height = size
    values = {
        key: number(entry.get(key, default))
        for key, default in {
            "cx": width / 2,
            "cy": height / 2,
            "k1": 0,
            "k2": 0,
            "p1": 0,
            "p2": 0,
        }.items()
    }
    focal, angle = number(entry.get("fl_x")), number(entry.get("camera_angle_x"))
    if focal is None and angle is not None and 0 < angle < np.pi:
        focal = float(width / 2 / np.tan(angle / 2))
    focal_y = number(entry.get("fl_y", focal))
    where = f"{path}: frame {entry['number']}"
    if focal is None or focal_y is None or None in values.values():
        raise InputError(
            f"{where}: no focal length in pixels", "give fl_x, fl_y, cx, cy, or camera_angle_x"
        )
    cx, cy, *bending = (value or 0.0 for value in values.values())
    k1, k2, p1, p2 = bending
    lens = Lens(focal, focal_y, cx, cy, (k1, k2, p1, p2))
    bent = lens.bent_pixels(width, height) if focal and focal_y else 0.0
    if bent > BENT_PIXELS:
        raise InputError(
            f"{where}: the lens bends the picture's corners by {bent:.1f} pixels",
            "undistort the images first; k1, k2, p1 and p2 are then 0",
        )
    return lens
