"""This package's own camera path: everything that a CameraPath has, and an estimate beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    FIRST_FRAME,
    Known,
    Warn,
    camera_path,
    frame_rate,
    unit_of_name,
)
from dynascene_cli.camera.formats.files import matrix, number, publish, read_document
from dynascene_cli.errors import InputError
from dynascene_cli.shot import CameraPath, PathUnit


def camera_document(path: CameraPath, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A camera path as JSON: OpenCV axes, pixel centres at +0.5, world-to-camera [R|t].

    ``extra`` adds keys of its own, such as ``estimate``; readers leave them out.
    """
    return {
        "version": 1,
        "width": path.width,
        "height": path.height,
        "fps": float(path.frame_rate),
        "unit": path.unit,
        "frame_count": path.frame_count,
        "first_frame": path.first_frame,
        "axes": "x right, y down, z forward; the left edge of the picture is x = 0",
        **(extra or {}),
        "frames": [
            {"intrinsics": K.tolist(), "world_to_camera": E.tolist()}
            for K, E in zip(path.intrinsics, path.extrinsics, strict=True)
        ],
    }


def write(
    path: Path,
    camera: CameraPath,
    name: str,
    warn: Warn,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a camera as JSON, one frame a line.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    document = camera_document(camera, {"name": name, **(extra or {})})
    frames = ",\n".join(f"  {json.dumps(frame)}" for frame in document.pop("frames"))
    head = json.dumps(document, indent=1, ensure_ascii=False).removesuffix("\n}")
    publish(path, f'{head},\n "frames": [\n{frames}\n ]\n}}\n')


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The camera in a document that camera_document made.

    Raises:
        InputError: a key is missing or not what it should be; the message names the frame.
    """
    document = read_document(path)
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(frames, list):
        raise InputError(
            f"{path}: frames is missing: no camera path", "dynascene trajectory convert writes one"
        )
    width, height = (number(document.get(side)) for side in ("width", "height"))
    if width is None or height is None:
        raise InputError(f"{path}: width or height is missing", "give whole numbers of pixels")
    rate = known.frame_rate or frame_rate(document.get("fps"))
    if rate is None:
        raise InputError(f"{path}: fps is missing or no rate", "give frames a second, above 0")
    unit = unit_of_name(document.get("unit"))
    if unit is None:
        raise InputError(
            f"{path}: unit is {json.dumps(document.get('unit'))[:40]}",
            f"one of {', '.join(get_args(PathUnit))}",
        )
    count = number(document.get("frame_count", len(frames)))
    if count != len(frames):
        raise InputError(
            f"{path}: {len(frames)} frames, but frame_count is {document['frame_count']}",
            "mend one of the two",
        )
    first = number(document.get("first_frame"))
    intrinsics, extrinsics = [], []
    for index, frame in enumerate(frames, start=1):
        entries = frame if isinstance(frame, dict) else {}
        K = matrix(entries.get("intrinsics"), 3, 3)
        E = matrix(entries.get("world_to_camera"), 3, 4)
        if K is None or E is None:
            key, shape = ("intrinsics", "3 x 3") if K is None else ("world_to_camera", "3 x 4")
            what = f"is no {shape} matrix" if key in entries else "is missing"
            raise InputError(f"{path}: frame {index}: {key} {what}", f"give {shape} numbers")
        if not np.array_equal(K[[0, 1, 2, 2, 2], [1, 0, 0, 1, 2]], [0, 0, 0, 0, 1]):
            raise InputError(
                f"{path}: frame {index}: intrinsics have a skew or a last row of their own",
                "they are [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]",
            )
        intrinsics.append(K)
        extrinsics.append(E)
    known = known.complete(Known(frame_rate=rate, unit=unit)).with_size(path, width, height)
    return camera_path(
        path,
        np.array(intrinsics).reshape(-1, 3, 3),
        np.array(extrinsics).reshape(-1, 3, 4),
        known,
        unit,
        FIRST_FRAME if first is None else first,
    )
