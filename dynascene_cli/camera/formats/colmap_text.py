"""COLMAP's text files: cameras.txt, images.txt, points3D.txt."""

from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.colmap_records import MODELS, Camera, PinholeModel, Records
from dynascene_cli.camera.formats.files import (
    digits,
    is_number,
    number_lines,
    numbers,
    whole_number,
)
from dynascene_cli.errors import InputError
from dynascene_cli.storage.text_files import read_text

AXES = "# Axes: x right, y down, z forward; world-to-camera; pixel centres at +0.5. {comment}\n"
CAMERAS = (
    "# Camera list with one line of data per camera:\n"
    "#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
)
IMAGES = (
    "# Image list with two lines of data per image:\n"
    "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n"
    "#   POINTS2D[] as (X, Y, POINT3D_ID)\n"
)
POINTS = (
    "# 3D point list with one line of data per point:\n"
    "#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n"
)


def read_records(folder: Path) -> Records:
    """The records of the text model in a folder.

    Raises:
        InputError: a file cannot be read, or a line is not what COLMAP writes.
    """
    cameras, comment = _cameras(folder / "cameras.txt")
    names, camera_ids, poses = _images(folder / "images.txt")
    points, errors, lengths = [], [], []
    path = folder / "points3D.txt"
    for line, text in number_lines(read_text(path) if path.is_file() else ""):
        words = text.split()
        values = numbers(path, line, words[:8])
        if len(values) < 8:
            raise _wrong(path, line, f"{len(values)} values", "a point has at least 8")
        points.append(values[1:4])
        errors.append(values[7])
        lengths.append((len(words) - 8) // 2)
    image_poses = np.array(poses, dtype=float).reshape(-1, 7)
    return Records(
        cameras=cameras,
        names=names,
        camera_ids=camera_ids,
        quaternions=image_poses[:, :4],
        translations=image_poses[:, 4:],
        points=np.array(points, dtype=float).reshape(-1, 3),
        errors=np.array(errors, dtype=float),
        track_lengths=np.array(lengths, dtype=np.int64),
        comment=comment,
    )


def _cameras(path: Path) -> tuple[dict[int, Camera], str]:
    text = read_text(path)
    cameras = {}
    for line, row in number_lines(text):
        identity, model, *rest = [*row.split(), "", ""]
        values = numbers(path, line, [identity, *rest[:-2]])
        expected = len(MODELS[model].parameters) if model in MODELS else len(values) - 3
        if len(values) - 3 != expected or len(values) < 3:
            raise _wrong(
                path, line, f"{max(len(values) - 3, 0)} parameters", f"{model} has {expected}"
            )
        number, width, height = (whole_number(path, line, value) for value in values[:3])
        cameras[number] = Camera(model, width, height, tuple(values[3:]))
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    return cameras, comments


def _images(path: Path) -> tuple[list[str], list[int], list[list[float]]]:
    """Names, camera numbers and poses.

    COLMAP's own files have a second line for each image, which may be empty; of files that were
    written by hand it may be missing.
    """
    names, camera_ids, poses = [], [], []
    is_second = False
    for line, row in enumerate(read_text(path).splitlines(), start=1):
        if row.startswith("#"):
            continue
        if not row.strip() or (is_second and _has_observations(row)):
            is_second = False
            continue
        words = row.split(maxsplit=9)
        if len(words) != 10:
            raise _wrong(path, line, f"{len(words)} values", "an image has 10, its name the last")
        values = numbers(path, line, words[:9])
        names.append(words[9])
        camera_ids.append(whole_number(path, line, values[8]))
        poses.append(values[1:8])
        is_second = True
    return names, camera_ids, poses


def _has_observations(row: str) -> bool:
    """Whether a line is of points, ``x y id`` each, and not of an image, which ends in a name."""
    words = row.split()
    return len(words) % 3 == 0 and all(map(is_number, words[:12]))


def file_contents(model: PinholeModel) -> dict[str, bytes]:
    """The files by name: PINHOLE cameras, images without points of their own, points without
    tracks."""
    axes = AXES.format(comment=model.comment)
    cameras = [
        f"{number} PINHOLE {width} {height} {digits(values)}"
        for number, ((width, height), values) in enumerate(
            zip(model.sizes, model.parameters, strict=True), start=1
        )
    ]
    images = [
        f"{number} {digits(quaternion)} {digits(translation)} {camera + 1} {name}\n"
        for number, (quaternion, translation, camera, name) in enumerate(model.images, start=1)
    ]
    dots = [
        f"{number} {digits(xyz)} 128 128 128 -1" for number, xyz in enumerate(model.points, start=1)
    ]
    texts = {
        "cameras.txt": CAMERAS + axes + "\n".join([*cameras, ""]),
        "images.txt": IMAGES + axes + "\n".join([*images, ""]),
        "points3D.txt": POINTS + axes + "\n".join([*dots, ""]),
    }
    return {name: text.encode() for name, text in texts.items()}


def _wrong(path: Path, line: int, what: str, hint: str) -> InputError:
    return InputError(f"{path}: line {line}: {what}", hint)
