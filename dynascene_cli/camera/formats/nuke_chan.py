"""Nuke's .chan: ``frame tx ty tz rx ry rz vfov``, one line a frame, no header.

Y up, the camera looks along -z. Angles in degrees in Nuke's default rotation order ZXY: z is
applied first, then x, then y, so camera-to-world is Ry Rx Rz. ``vfov`` is the vertical field of
view. A .chan has no comments, no frame rate, no picture size and no shift of the lens.
"""

from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    FIRST_FRAME,
    FLIP_Y_Z,
    Known,
    Warn,
    camera_path,
    camera_to_world,
    describe_losses,
    lenses,
    world_to_camera,
)
from dynascene_cli.camera.formats.files import digits, number_lines, numbers, publish
from dynascene_cli.camera.moves.tripod import tripod_angles, tripod_rotation
from dynascene_cli.errors import InputError
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.text_files import read_text

COLUMNS = 8


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The camera in a .chan file, of square pixels, its axis through the middle of the picture.

    Raises:
        InputError: a line is not 8 numbers, the frames do not follow each other, or the size or
            the frame rate is not known.
    """
    rows: list[list[float]] = []
    for line, text in number_lines(read_text(path)):
        words = text.split()
        if len(words) != COLUMNS:
            raise InputError(
                f"{path}: line {line}: {len(words)} values",
                "a camera's line is: frame tx ty tz rx ry rz vfov",
            )
        rows.append(numbers(path, line, words))
        if len(rows) > 1 and rows[-1][0] != rows[-2][0] + 1:
            raise InputError(
                f"{path}: line {line}: frame {rows[-1][0]:g} follows {rows[-2][0]:g}",
                "export every frame, in order",
            )
        if not 0 < rows[-1][7] < 180:
            raise InputError(
                f"{path}: line {line}: a field of view of {rows[-1][7]:g}°",
                "the eighth value is the vertical field of view, between 0 and 180 degrees",
            )
    values = np.array(rows).reshape(-1, COLUMNS)
    width, height = known.needed_size(path)
    focal = height / 2 / np.tan(np.radians(values[:, 7]) / 2)
    x, y, z = np.radians(values[:, 4:7]).T
    matrices = np.zeros((len(values), 3, 4))
    matrices[:, :, :3] = tripod_rotation(y, x, z)
    matrices[:, :, 3] = values[:, 1:4]
    return camera_path(
        path,
        lenses(focal, focal, width / 2, height / 2),
        world_to_camera(matrices, FLIP_Y_Z, FLIP_Y_Z),
        known,
        "metres",
        values[0, 0] if len(values) else FIRST_FRAME,
    )


def write(path: Path, camera: CameraPath, name: str, warn: Warn) -> None:
    """Write a camera as .chan; angles run on past half a turn.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    for loss in describe_losses(camera, pixel_aspect=False, shift=False):
        warn(f"{path}: {loss}")
    matrices = camera_to_world(camera, FLIP_Y_Z, FLIP_Y_Z)
    y, x, z = np.unwrap(tripod_angles(matrices[:, :3, :3]), axis=0).T
    angles = np.degrees(np.stack([x, y, z], axis=-1))
    fields = 2 * np.degrees(np.arctan(camera.height / 2 / camera.intrinsics[:, 1, 1]))
    lines = [
        f"{index + camera.first_frame} {digits(matrices[index, :3, 3])} {digits(angles[index])} "
        f"{digits([fields[index]])}"
        for index in range(camera.frame_count)
    ]
    publish(path, "\n".join([*lines, ""]))
