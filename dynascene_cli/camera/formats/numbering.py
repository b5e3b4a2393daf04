"""Frames by the numbers in their images' names: their order, and those that are missing."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import Warn, frame_number
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import resample
from dynascene_cli.shot import CameraPath

LONGEST_NUMBER = 15
"""Digits; more than that count no frames."""


def image_name(name: str, number: int) -> str:
    """What the image of a frame is called: ``name_000001.png`` for number 1."""
    stem = re.sub(r"[^\w.-]", "_", name)
    return f"{stem}_{number:06d}.png"


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts names as a person does: the numbers in them by their value."""
    parts = re.split(r"(\d+)", name)
    return tuple(
        # By length and digits: a number of any length, without its value.
        (0, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (1, 0, part)
        for part in parts
    )


def image_numbers(names: Sequence[str]) -> list[int] | None:
    """The last number in each name before its suffix; None unless they rise from name to name."""
    found = [re.search(r"(\d+)\D*$", re.sub(r"\.\w+$", "", name)) for name in names]
    numbers = [int(match[1]) for match in found if match and len(match[1]) <= LONGEST_NUMBER]
    rise = all(later > earlier for earlier, later in itertools.pairwise(numbers))
    return numbers if rise and len(numbers) == len(names) else None


def fill_skipped_frames(
    path: Path, camera: CameraPath, names: Sequence[str], warn: Warn
) -> CameraPath:
    """The camera with a frame for each number that its images' names skip, as told to ``warn``.

    Poses between are interpolated: centres linearly, rotations by slerp. Numbers that rise in
    equal steps skip nothing; those that rise by one are the frames' own.

    Raises:
        InputError: more than half of the frames are missing.
    """
    numbers = image_numbers(names)
    if numbers is None or len(numbers) < 2:
        return camera
    step = int(np.gcd.reduce(np.diff(numbers)))
    frames = [(number - numbers[0]) // step for number in numbers]
    if step == 1:
        camera = replace(camera, first_frame=frame_number(numbers[0]))
    count = frames[-1] + 1
    missing = count - len(frames)
    if not missing:
        return camera
    if missing > count // 2:
        raise InputError(
            f"{path}: {missing} of {count} images are missing", "too few to fill in between"
        )
    first = next(number for number, frame in enumerate(frames) if number != frame)
    warn(
        f"{path}: {missing} of {count} images are missing, the first number "
        f"{numbers[0] + step * first}: their cameras are filled in between"
    )
    wanted = np.arange(count)
    lens = camera.intrinsics.reshape(-1, 9)
    between = [np.interp(wanted, frames, lens[:, i]) for i in range(9)]
    return replace(
        camera,
        intrinsics=np.stack(between, axis=1).reshape(-1, 3, 3),
        extrinsics=resample(camera.extrinsics, frames, wanted),
    )
