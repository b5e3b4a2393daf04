"""Camera files of other programs and of this package, read into a CameraPath and written from it.

A format is chosen by the file's suffix; ``.json`` by what is in it when read, and by its name when
written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera.formats import (
    after_effects,
    blender,
    colmap,
    nuke_chan,
    nuke_script,
    path_json,
    realestate10k,
    transforms_json,
    usd,
    viewer_json,
)
from dynascene_cli.camera.formats import ground as ground_file
from dynascene_cli.camera.formats.colmap import ColmapModel, read_model, write_model
from dynascene_cli.camera.formats.conventions import Known, UnknownRateError, Warn
from dynascene_cli.camera.formats.files import read_document
from dynascene_cli.camera.formats.ground import ground_document, read_ground
from dynascene_cli.camera.formats.path_json import camera_document
from dynascene_cli.camera.formats.usd_binary import require_usd_core
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath, GroundContact
from dynascene_cli.video.outputs import check_writable

__all__ = [
    "FORMATS",
    "ColmapModel",
    "Format",
    "camera_document",
    "check_camera_output",
    "is_camera_file",
    "read_camera",
    "read_ground",
    "read_model",
    "read_motion",
    "read_points",
    "write_camera",
    "write_model",
]

TYPICAL_SIZE = (1920, 1080)
CLOSED = (".fbx", ".abc")
"""Formats that only their own libraries read and write: FBX and Alembic."""


@dataclass(frozen=True)
class Format:
    """A kind of camera file: what it is called, how files of it are named, and who handles it.

    ``write`` takes a path, a camera, its name and who hears warnings; besides, by name, the ground
    (``contact``) where it ``keeps_ground``, and ``points`` where it ``keeps_points``.
    """

    title: str
    example: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, Known, Warn], CameraPath] | None
    write: Callable[..., None]
    keeps_ground: bool = False
    keeps_points: bool = False


PATH_JSON = Format("camera path", "FILE.json", (".json",), path_json.read, path_json.write)
TRANSFORMS = Format(
    "Nerfstudio images", "transforms.json", (), transforms_json.read, transforms_json.write
)
VIEWER = Format("Nerfstudio path", "camera_path.json", (), viewer_json.read, viewer_json.write)
COLMAP = Format("COLMAP", "FOLDER", (), colmap.read, colmap.write, True, True)
USD = Format(
    "USD", "FILE.usda", (".usda", ".usd", ".usdc", ".usdz"), usd.read, usd.write, True, True
)
FORMATS = (
    PATH_JSON,
    Format("RealEstate10K", "FILE.txt", (".txt",), realestate10k.read, realestate10k.write),
    COLMAP,
    TRANSFORMS,
    VIEWER,
    USD,
    Format("Nuke", "FILE.chan", (".chan",), nuke_chan.read, nuke_chan.write),
    Format("Nuke script", "FILE.nk", (".nk",), None, nuke_script.write, True),
    Format("After Effects script", "FILE.jsx", (".jsx",), None, after_effects.write, True),
    Format("Blender script", "FILE.py", (".py",), None, blender.write, True),
)
"""Every camera file that is read or written; scripts are only written."""


def read_camera(
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    frame_rate: Fraction | None = None,
    warn: Warn | None = None,
) -> CameraPath:
    """The camera in a file or COLMAP folder.

    ``size`` (width, height) is for formats that do not carry it; ``frame_rate`` for those, and
    wins over a file's own. What a reader has to fill in is told to ``warn``.

    Raises:
        InputError: there is no such file, it is of no format that is read, or what is in it is
            wrong or not enough: the hint names the option that is needed.
    """
    return _read(path, Known(size=size, frame_rate=frame_rate), warn or _unheard)


def read_points(path: Path) -> Floats | None:
    """The sparse points (P, 3) that go with a camera, where its file keeps any: JSON, COLMAP.

    Raises:
        InputError: they are none.
    """
    if path.is_dir():
        points = read_model(path).points
        return points if len(points) else None
    return ground_file.read_points(path)


def read_motion(path: Path) -> tuple[CameraPath, bool]:
    """How a camera moves and zooms, of whatever size its picture is, and whether it is timed.

    A file that says no frame rate is given one frame a second, and is not timed.

    Raises:
        InputError: as read_camera.
    """
    known = Known(assumed_size=TYPICAL_SIZE)
    try:
        return _read(path, known, _unheard), True
    except UnknownRateError:
        return _read(path, replace(known, frame_rate=Fraction(1)), _unheard), False


def _read(path: Path, known: Known, warn: Warn) -> CameraPath:
    reading = _format_to_read(path).read
    if reading is None:
        raise InputError(f"{path}: this kind of file is only written", _choices(read=True))
    # What is not finite is told by its frame, once the poses are put together.
    with np.errstate(all="ignore"):
        return reading(path, known, warn)


def write_camera(
    path: Path,
    camera: CameraPath,
    *,
    name: str = "camera",
    extra: Mapping[str, Any] | None = None,
    contact: GroundContact | None = None,
    points: Floats | None = None,
    warn: Warn | None = None,
) -> None:
    """Write a camera as the file's name asks; it appears whole or not at all.

    ``name`` is what the camera is called in other programs. ``extra`` adds keys to this
    package's own JSON, the one format that has room for them. ``contact`` is the ground that goes
    with the camera; what of all this a format cannot hold is told to ``warn``. ``points`` (P, 3)
    of the place are kept by this package's own JSON, USD and COLMAP, which is given points on the
    ground where there are none.

    Raises:
        InputError: the name is of no format, or cannot be written to.
        MissingError: the format needs a package that is not installed.
    """
    chosen, name = _format_to_write(path), " ".join(name.split()) or "camera"
    heard = warn or _unheard
    if chosen is PATH_JSON:
        ground = {} if contact is None else ground_document(contact)
        more = {} if points is None else {"points": np.round(points, 6).tolist()}
        path_json.write(path, camera, name, heard, {**(extra or {}), **ground, **more})
        return
    if contact is not None and not chosen.keeps_ground:
        heard(f"{path}: the ground and the feet on it are not kept: use .usda, .nk or .py")
    kept: dict[str, Any] = {"contact": contact} if chosen.keeps_ground else {}
    kept |= {"points": points} if chosen.keeps_points else {}
    chosen.write(path, camera, name, heard, **kept)


def check_camera_output(path: Path) -> None:
    """Make sure that a camera can be written to ``path``, before any work is done.

    Raises:
        InputError: as write_camera.
    """
    if _format_to_write(path) is COLMAP:
        colmap.check_folder(path)
    else:
        check_writable(path)


def is_camera_file(path: Path) -> bool:
    """Whether this is a camera to be read: by its suffix, a .json or folder by what is in it."""
    if path.is_dir():
        return colmap.model_folder(path) is not None
    suffix = path.suffix.lower()
    if suffix == ".json":
        return path.is_file() and _json_format(path) is not None
    return suffix in CLOSED or any(suffix in one.suffixes for one in FORMATS)


def _format_to_read(path: Path) -> Format:
    if path.is_dir():
        return COLMAP
    suffix = path.suffix.lower()
    if suffix == ".json" and path.exists():
        return _json_format(path) or PATH_JSON
    if not suffix and not path.exists():
        raise InputError(f"{path}: no such file or folder", _choices(read=True))
    return _by_suffix(path, read=True)


def _format_to_write(path: Path) -> Format:
    if path.is_dir() or not path.suffix:
        return COLMAP
    if path.suffix.lower() == ".usdz":
        raise InputError(f"{path}: packages are only read", f"use {path.stem}.usdc or .usda")
    if path.suffix.lower() == ".usdc":
        require_usd_core(path, f"or write {path.stem}.usda")
    named = {one.example: one for one in (TRANSFORMS, VIEWER)}
    return named.get(path.name.lower()) or _by_suffix(path, read=False)


def _by_suffix(path: Path, *, read: bool) -> Format:
    suffix = path.suffix.lower()
    if suffix in CLOSED:
        way = "export .usda or .chan instead" if read else "write .usda, and export it from there"
        raise InputError(f"{path}: FBX and Alembic cameras are left to 3D programs", way)
    found = next((one for one in FORMATS if suffix in one.suffixes), None)
    if found is None:
        raise InputError(f"{path}: not a supported camera format", _choices(read=read))
    return found


def _json_format(path: Path) -> Format | None:
    """What a JSON file is by its keys; None for what is no camera, a trajectory above all."""
    try:
        document = read_document(path)
    except InputError:
        return None
    keys = document if isinstance(document, dict) else {}
    if isinstance(keys.get("camera_path"), list):
        return VIEWER
    frames = keys.get("frames")
    if not isinstance(frames, list):
        return None
    first = frames[0] if frames and isinstance(frames[0], dict) else {}
    return TRANSFORMS if "transform_matrix" in first else PATH_JSON


def _choices(*, read: bool) -> str:
    names = (f"{one.example} ({one.title})" for one in FORMATS if one.read or not read)
    return f"one of {', '.join(names)}"


def _unheard(message: str) -> None:
    """Take a warning that nobody asked for."""
