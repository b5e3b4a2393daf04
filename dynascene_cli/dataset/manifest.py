"""Manifests: JSON lines that say where the clips of a data set lie and what is known of them."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.formats import read_camera
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.errors import DynasceneError, InputError, reading, suggest
from dynascene_cli.geometry import relative_to_first
from dynascene_cli.shot import CameraPath, Clip, Image
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.text_files import parse_json, read_text
from dynascene_cli.video import (
    alpha_frames,
    open_clip,
    read_frames,
    read_frames_at,
    read_photo,
    resize_to_cover,
)
from dynascene_cli.video.arrays import read_array
from dynascene_cli.video.images import cover_window
from dynascene_cli.video.sequences import is_pattern
from dynascene_cli.video.timeline import snap_rate

CLIPS_KNOWN = 128
"""How many files a process remembers the frames' times of."""

_FILES = ("clip", "matte", "scene", "plates", "depths", "camera")
_REQUIRED = ("clip", "camera")
_ABOUT = (
    "scene_image",
    "tracks",
    "scene_frame",
    "scene_elements",
    "source",
    "source_sha256",
    "start",
    "end",
    "width",
    "height",
    "motion_score",
    "person_share",
    "pose_confidence",
    "pose_inliers",
    "pose_median_px",
    "turned_deg",
    "travelled",
    "split",
    "review",
    "sha256",
)
"""What ``dataset build`` says of a clip besides, and loading it has no need of."""

_KEYS = (*_FILES, "name", "frames", "fps", "median_depth", "licence", *_ABOUT)


@dataclass(frozen=True)
class ManifestEntry:
    """Where one clip lies, and what else is known of it.

    ``camera`` is any camera file that is read; ``median_depth`` is that of what is not sky in the
    clip's first frame, in the camera's unit. ``plates`` are frames without the person, ``depths``
    an NPZ of one array (F, H, W) in the camera's unit, ``scene`` the place without the person as
    the first frame's camera sees it. ``where`` names the line, for messages.
    """

    name: str
    clip: Path
    camera: Path
    frames: int
    fps: Fraction
    where: str
    matte: Path | None = None
    scene: Path | None = None
    plates: Path | None = None
    depths: Path | None = None
    median_depth: float = 1.0
    licence: str = ""


def read_manifest(path: Path) -> list[ManifestEntry]:
    """The clips of a manifest, their files found but not read.

    Raises:
        InputError: there is no such file, it holds no clip, or a line is wrong: not JSON, a key
            missing or unknown, a file missing.
    """
    entries = [_entry(line, path.parent, where) for line, where in read_lines(path)]
    if not entries:
        raise InputError(f"{path} holds no clip", "dynascene dataset synth writes a manifest")
    return entries


def read_lines(path: Path) -> list[tuple[dict[str, Any], str]]:
    """The lines of a manifest as they are, each with where it stands, for messages.

    Raises:
        InputError: there is no such file, or a line is no JSON object.
    """
    lines = []
    for number, text in enumerate(read_text(path, ".jsonl manifest").split("\n"), start=1):
        if text.strip():
            where = f"{path}: line {number}"
            line = parse_json(text, where)
            if not isinstance(line, dict):
                raise InputError(f"{where}: not a JSON object", '{"clip": ..., "camera": ...}')
            lines.append((line, where))
    return lines


def write_manifest(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a manifest, whole or not at all."""
    publish_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _entry(line: dict[str, Any], root: Path, where: str) -> ManifestEntry:
    for key in line:
        if key not in _KEYS:
            hint = suggest(key, _KEYS, f"keys are {', '.join(_KEYS)}")
            raise InputError(f"{where}: unknown key {key!r}", hint)
    files: dict[str, Path] = {}
    for key in _FILES:
        if line.get(key) is None:
            if key in _REQUIRED:
                raise InputError(f"{where}: {key} is missing", f"give the path of the {key}")
            continue
        if not isinstance(line[key], str):
            raise InputError(f"{where}: {key} is no path", "give a path in quotes")
        files[key] = root / line[key]
        there = files[key].parent if is_pattern(files[key]) else files[key]
        with reading(files[key], "a file", "check the path"):
            is_there = there.exists()
        if not is_there:
            raise InputError(f"{where}: {key}: {files[key]} does not exist", "check the path")
    rate, frames = _rate(line, where), line.get("frames")
    if frames is None or rate is None:
        opened = open_clip(files["clip"], fps=rate)
        rate, frames = rate or opened.frame_rate, opened.frame_count if frames is None else frames
    if not isinstance(frames, int) or isinstance(frames, bool) or frames < 1:
        raise InputError(f"{where}: frames is {frames!r}", "give a whole number above 0")
    name = line.get("name", files["clip"].stem)
    licence = line.get("licence", "")
    if not isinstance(name, str) or not isinstance(licence, str):
        raise InputError(f"{where}: name and licence are words", "put them in quotes")
    depth = _positive(line, "median_depth", where) or 1.0
    return ManifestEntry(
        name, frames=frames, fps=rate, where=where, median_depth=depth, licence=licence, **files
    )


def _positive(line: dict[str, Any], key: str, where: str) -> float | None:
    value = line.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InputError(f"{where}: {key} is {json.dumps(value)}", "give a number above 0")
    return float(value)


def _rate(line: dict[str, Any], where: str) -> Fraction | None:
    fps = _positive(line, "fps", where)
    return None if fps is None else snap_rate(fps)


def load_clip(
    entry: ManifestEntry, first: int, frames: int, size: tuple[int, int], stride: int = 1
) -> TrainingClip:
    """So many frames of a clip from ``first`` on, every ``stride``-th, at a size (width, height).

    All that is known of them, and no picture of any other. Pictures are resized to cover the size
    and cropped about their middle, the camera with them. The world is the first of these frames'
    camera; its unit is the median of the depths of what is not sky there, or the entry's
    ``median_depth`` where there are no depths.

    Raises:
        InputError: the clip has fewer frames, or a file of it is wrong.
    """
    wanted = range(first, first + (frames - 1) * stride + 1, stride)
    if first < 0 or frames < 1 or wanted.stop > entry.frames:
        raise InputError(
            f"{entry.where}: {entry.name} has {entry.frames} frames, not {wanted.stop}",
            "ask for fewer frames, or leave it out of the manifest",
        )
    span = slice(wanted.start, wanted.stop, stride)
    clip = _open_clip(entry, entry.clip)
    camera = _camera(entry, clip)
    depths = None if entry.depths is None else _depths(entry)[span]
    unit = entry.median_depth
    if depths is not None and np.isfinite(depths[0]).any():
        unit = float(np.median(depths[0][np.isfinite(depths[0])]))
    extrinsics = relative_to_first(camera.extrinsics[span])
    extrinsics[:, :, 3] /= unit
    path = crop_camera(
        replace(
            camera,
            intrinsics=camera.intrinsics[span],
            extrinsics=extrinsics,
            frame_rate=camera.frame_rate / stride,
        ),
        size,
    )
    pictures = _cover_images(read_frames_at(clip, wanted), size)
    alphas = np.zeros(pictures.shape[:3], np.uint8)
    if entry.matte is not None:
        matte = alpha_frames(entry.matte, clip)
        alphas = _cover_images(matte.frames_at(wanted), size)
    scene, plates = None, None
    if entry.plates is not None:
        plates = _cover_images(read_frames_at(_open_clip(entry, entry.plates), wanted), size)
        scene = plates[0].copy()
    elif entry.scene is not None and first == 0:
        scene = resize_to_cover(read_photo(entry.scene).pixels, *size)
    if depths is not None:
        depths = np.stack([_crop_depth(depth / unit, size) for depth in depths])
    return TrainingClip(entry.name, pictures, alphas, path, scene, plates, depths)


def check(entry: ManifestEntry) -> list[str]:
    """What is wrong with a clip, every part of it read once; nothing where all is well."""
    faults = []
    try:
        clip = _open_clip(entry, entry.clip)
    except DynasceneError as error:
        return [error.message]
    parts: dict[str, Any] = {
        "clip": lambda: sum(1 for _ in read_frames(clip)),
        "camera": lambda: _camera(entry, clip),
        "matte": lambda: entry.matte and sum(1 for _ in alpha_frames(entry.matte, clip).frames()),
        "plates": lambda: _read_plates(entry, clip),
        "scene": lambda: entry.scene and read_photo(entry.scene),
        "depths": lambda: entry.depths and _depths(entry),
    }
    for key, read in parts.items():
        try:
            read()
        except DynasceneError as error:
            faults.append(f"{key}: {error.message}")
    return faults


def _read_plates(entry: ManifestEntry, clip: Clip) -> None:
    if entry.plates is None:
        return
    plates = _open_clip(entry, entry.plates)
    if (plates.width, plates.height) != (clip.width, clip.height):
        raise InputError(
            f"{entry.plates} is {plates.width}x{plates.height}, the clip "
            f"{clip.width}x{clip.height}",
            "give both of one size",
        )
    for _ in read_frames(plates):
        pass


def _open_clip(entry: ManifestEntry, path: Path) -> Clip:
    stat = path.stat() if path.is_file() else None
    clip = (
        open_clip(path, fps=entry.fps)
        if stat is None
        else _open_once(path, entry.fps, (stat.st_mtime_ns, stat.st_size))
    )
    if clip.frame_count != entry.frames:
        raise InputError(
            f"{entry.where}: {path} has {clip.frame_count} frames, not {entry.frames}",
            "mend the line's frames, or the file",
        )
    return clip


@lru_cache(CLIPS_KNOWN)
def _open_once(path: Path, fps: Fraction, version: tuple[int, int]) -> Clip:
    """A video's frames and their times, which take about as long to find as a few of its frames."""
    return open_clip(path, fps=fps)


def _camera(entry: ManifestEntry, clip: Clip) -> CameraPath:
    camera = read_camera(entry.camera, size=(clip.width, clip.height), frame_rate=entry.fps)
    if camera.frame_count != entry.frames:
        raise InputError(
            f"{entry.where}: {entry.camera} has {camera.frame_count} poses, "
            f"the clip {entry.frames} frames",
            "give one pose a frame",
        )
    return replace(crop_camera(camera, (clip.width, clip.height)), unit="scene_depth")


def _depths(entry: ManifestEntry) -> NDArray[np.float32]:
    assert entry.depths is not None
    hint = "give an NPZ of one array"
    with reading(entry.depths, "depths", hint):
        depths = np.asarray(read_array(entry.depths, "depths", hint), np.float32)
    if depths.ndim != 3 or len(depths) != entry.frames:
        raise InputError(
            f"{entry.depths}: its shape is {depths.shape}", f"give ({entry.frames}, H, W)"
        )
    if np.isnan(depths).any() or (depths <= 0).any():
        raise InputError(f"{entry.depths}: not every depth is above 0", "the sky is infinite")
    return depths


def crop_camera(camera: CameraPath, size: tuple[int, int]) -> CameraPath:
    """The camera of pictures that were resized to cover a size and cropped about their middle."""
    window = cover_window((camera.width, camera.height), size)
    intrinsics = camera.intrinsics.copy()
    intrinsics[:, :2] *= window.scale
    intrinsics[:, :2, 2] -= window.left, window.top
    return replace(camera, intrinsics=intrinsics, width=size[0], height=size[1])


def _cover_images(images: Iterator[Image], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.stack([resize_to_cover(image, *size) for image in images])


def _crop_depth(depth: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Depths read at the nearest pixel: those of two things must not be mixed."""
    window = cover_window((depth.shape[1], depth.shape[0]), size)
    x, y = (
        ((np.arange(count) + 0.5 + start) / window.scale).astype(int)
        for count, start in zip(size, (window.left, window.top), strict=True)
    )
    rows = np.minimum(y, depth.shape[0] - 1)
    return np.ascontiguousarray(depth[np.ix_(rows, np.minimum(x, depth.shape[1] - 1))], np.float32)
