"""RealEstate10K's camera text (Zhou et al. 2018): one line a frame.

A first line for the video's address; then the time in microseconds, fx/W fy/H cx/W cy/H, two
zeros, and 12 numbers, row by row, of world-to-camera [R|t] in OpenCV axes. The unit is arbitrary.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import (
    Known,
    Warn,
    camera_path,
    describe_conventions,
    lenses,
    read_note,
)
from dynascene_cli.camera.formats.files import digits, is_number, numbers, publish
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.text_files import read_text
from dynascene_cli.video.timeline import STANDARD_RATES

COLUMNS = 19
MICROSECONDS = 1_000_000


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The camera in a RealEstate10K file; the frame rate by its times where it is not given.

    Raises:
        InputError: a line is not 19 numbers, or the picture's size is not known.
    """
    title, lines = camera_lines(read_text(path))
    rows = []
    for line, text in lines:
        words = text.split()
        if len(words) != COLUMNS:
            raise InputError(
                f"{path}: line {line}: {len(words)} values",
                f"a frame of RealEstate10K has {COLUMNS}, after a first line of its own",
            )
        rows.append(numbers(path, line, words))
    if lines and not title:
        warn(f"{path}: the first line, of the video's address, is missing: it is a frame's")
    values = np.array(rows).reshape(-1, COLUMNS)
    known = known.complete(read_note(title))
    known = known.complete(Known(frame_rate=_rate(values[:, 0])))
    width, height = known.needed_size(path)
    lens = values[:, 1:5] * [width, height, width, height]
    return camera_path(path, lenses(*lens.T), values[:, 7:].reshape(-1, 3, 4), known, "scene_depth")


def camera_lines(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The first line of its own, empty where there is none, and the frames' lines by number."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if lines and not _is_frame(lines[0][1]):
        return lines[0][1], lines[1:]
    return "", lines


def _is_frame(line: str) -> bool:
    words = line.split()
    return len(words) == COLUMNS and all(map(is_number, words))


def write(path: Path, camera: CameraPath, name: str, warn: Warn) -> None:
    """Write a camera as RealEstate10K text; the first line says what it holds.

    Raises:
        InputError: the folder is missing or cannot be written to.
    """
    title = (
        f"{name}: OpenCV axes (x right, y down, z forward), world-to-camera, "
        f"lens in fractions of the picture, times in microseconds; {describe_conventions(camera)}"
    )
    K = camera.intrinsics
    scale = np.array([camera.width, camera.height, camera.width, camera.height])
    lens = K[:, [0, 1, 0, 1], [0, 1, 2, 2]] / scale
    lines = [
        f"{round(index * MICROSECONDS / camera.frame_rate)} {digits(lens[index])} 0 0 "
        f"{digits(camera.extrinsics[index])}"
        for index in range(camera.frame_count)
    ]
    publish(path, "\n".join([title, *lines, ""]))


def _rate(times: Floats) -> Fraction | None:
    """The rate of frames at these microseconds: a standard one if its rounding explains them."""
    steps = np.diff(times)
    if not len(steps) or not np.isfinite(steps).all() or not np.median(steps) > 0:
        return None
    since = times - times[0]
    for rate in STANDARD_RATES:
        if np.abs(since - np.arange(len(times)) * float(MICROSECONDS / rate)).max() <= 1:
            return rate
    return Fraction(MICROSECONDS / float(np.median(steps))).limit_denominator(1001)
