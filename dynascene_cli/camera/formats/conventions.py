"""What camera files differ in, and what every one of them must satisfy.

Editors' programs have the world's y (or z) axis up and cameras that look along −z; here y is down
and cameras look along +z. mm = pixels · sensor width / picture width. Frames have the numbers of
the source's files, else they count from 1.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, inverse, pose_from_centre
from dynascene_cli.shot import CameraPath, PathUnit
from dynascene_cli.video.timeline import STANDARD_RATES

FIRST_FRAME = 1
LARGEST_FRAME_NUMBER = 9_999_999
FLIP_Y_Z = np.diag([1.0, -1.0, -1.0])
"""OpenCV axes to OpenGL's (x right, y up, z backwards), and back."""

UNIT_NAMES: dict[PathUnit, str] = {
    "metres": "metre",
    "scene_depth": "scene depth",
    "subject_distance": "subject distance",
}
"""What one unit of a path is called in the files' headers."""

LARGEST_SIDE = 1_000_000
ROTATION_TOLERANCE = 1e-3
ROUNDED = 1e-9

Warn = Callable[[str], object]


class UnknownRateError(InputError):
    """Neither a file nor an option says how many frames a second a camera has."""


@dataclass(frozen=True)
class Known:
    """What is known of a camera beside its lens and poses; None where it is not.

    ``assumed_size`` is taken where the size of the picture matters to nobody.
    """

    size: tuple[int, int] | None = None
    frame_rate: Fraction | None = None
    unit: PathUnit | None = None
    assumed_size: tuple[int, int] | None = None

    def complete(self, other: "Known") -> "Known":
        """This, with ``other``'s values where it has none."""
        return replace(
            self,
            size=self.size or other.size,
            frame_rate=self.frame_rate or other.frame_rate,
            unit=self.unit or other.unit,
        )

    def with_size(self, path: Path, width: float, height: float) -> "Known":
        """This, with the size that the file at ``path`` carries.

        Raises:
            InputError: that is no size of a picture, or another than was asked for.
        """
        if not all(1 <= side <= LARGEST_SIDE and side == int(side) for side in (width, height)):
            raise InputError(
                f"{path}: its picture is {width:g} x {height:g}", "give whole numbers above 0"
            )
        own = (int(width), int(height))
        if self.size not in (None, own):
            raise InputError(f"{path}: its picture is {own[0]}x{own[1]}", "leave --size out")
        return replace(self, size=own)

    def needed_size(self, path: Path) -> tuple[int, int]:
        """The size.

        Raises:
            InputError: it is not known: the hint is the option that gives it.
        """
        size = self.size or self.assumed_size
        if size is None:
            raise InputError(f"{path}: the picture's size is not in the file", "give --size WxH")
        return size


def camera_path(
    path: Path,
    intrinsics: Floats,
    extrinsics: Floats,
    known: Known,
    default_unit: PathUnit,
    first_frame: float = FIRST_FRAME,
) -> CameraPath:
    """The camera in the file at ``path``, after a look at every number.

    Rotations that are off by the rounding of a text file become exact ones. A ``first_frame``
    that is no whole number of up to seven digits numbers nothing, and is 1.

    Raises:
        InputError: there is no frame, a number is not finite, a rotation is not one, a focal
            length is not positive (it names the frame, from 1), or the size or the frame rate
            is not known.
    """
    frame_rate = known.frame_rate
    if frame_rate is None:
        raise UnknownRateError(f"{path}: the frame rate is not in the file", "give --fps F")
    if not 0 < frame_rate <= 10_000:
        raise InputError(f"{path}: {float(frame_rate):g} frames a second", "give --fps F")
    width, height = known.needed_size(path)
    if len(extrinsics) == 0:
        raise InputError(f"{path}: there is no camera in it", "a camera needs at least one frame")
    lens = np.broadcast_to(intrinsics, (len(extrinsics), 3, 3)).astype(float)
    values = np.concatenate([lens.reshape(-1, 9), extrinsics.reshape(-1, 12)], axis=1)
    for frame in np.flatnonzero(~np.isfinite(values).all(axis=1))[:1]:
        raise _bad(path, frame, "a number is not finite", "mend that frame, or export it again")
    for frame in np.flatnonzero(~(np.min(lens[:, [0, 1], [0, 1]], axis=1) > 0))[:1]:
        focal = lens[frame, 0, 0], lens[frame, 1, 1]
        what = f"the focal length is {focal[0]:g}, {focal[1]:g} pixels"
        raise _bad(path, frame, what, "focal lengths are above 0")
    return CameraPath(
        intrinsics=lens,
        extrinsics=_orthonormalise(path, np.asarray(extrinsics, dtype=float)),
        width=width,
        height=height,
        frame_rate=frame_rate,
        unit=known.unit or default_unit,
        first_frame=frame_number(first_frame),
    )


def frame_number(value: float) -> int:
    """The number of a first frame; 1 for what is none."""
    counts = 0 <= value <= LARGEST_FRAME_NUMBER and value == int(value)
    return int(value) if counts else FIRST_FRAME


def _orthonormalise(path: Path, extrinsics: Floats) -> Floats:
    """The poses with exact rotations: the nearest, by their singular vectors."""
    rotations = extrinsics[:, :, :3]
    products = rotations @ np.swapaxes(rotations, 1, 2)
    errors = np.abs(products - np.eye(3)).max(axis=(1, 2))
    determinants = np.linalg.det(rotations)
    for frame in np.flatnonzero((errors > ROTATION_TOLERANCE) | (determinants < 0))[:1]:
        raise _bad(
            path,
            frame,
            f"its rotation is not one (determinant {determinants[frame]:.3f}, "
            f"its axes off by {errors[frame]:.2g})",
            "the axes of a rotation have length 1, stand at right angles and are right-handed",
        )
    rounded = errors > ROUNDED
    if not rounded.any():
        return extrinsics
    exact = extrinsics.copy()
    left, _, right = np.linalg.svd(rotations[rounded])
    exact[rounded, :, :3] = left @ right
    return exact


def _bad(path: Path, frame: int, what: str, hint: str) -> InputError:
    return InputError(f"{path}: frame {frame + FIRST_FRAME}: {what}", hint)


def lenses(
    focal_x: ArrayLike,
    focal_y: ArrayLike,
    centre_x: ArrayLike,
    centre_y: ArrayLike,
) -> Floats:
    """Intrinsics (F, 3, 3) from focal lengths and principal points (F,) in pixels."""
    fx, fy, cx, cy = np.broadcast_arrays(focal_x, focal_y, centre_x, centre_y)
    K = np.zeros((*fx.shape, 3, 3))
    K[..., 0, 0], K[..., 1, 1], K[..., 0, 2], K[..., 1, 2], K[..., 2, 2] = fx, fy, cx, cy, 1
    return K


def camera_to_world(camera: CameraPath, world: Floats, local: Floats) -> Floats:
    """Camera-to-world matrices (F, 4, 4) in other axes.

    ``world`` (3, 3) turns directions of our world into theirs, ``local`` (3, 3) those of our
    cameras into theirs.
    """
    poses = inverse(camera.extrinsics)
    matrices = np.zeros((len(poses), 4, 4))
    matrices[:, :3, :3] = world @ poses[:, :, :3] @ local.T
    matrices[:, :3, 3] = poses[:, :, 3] @ world.T
    matrices[:, 3, 3] = 1
    return matrices + 0.0


def world_to_camera(matrices: Floats, world: Floats, local: Floats) -> Floats:
    """Our extrinsics (F, 3, 4) from camera-to-world matrices (F, ≥ 3, 4) in other axes."""
    rotations = world.T @ matrices[:, :3, :3] @ local
    return pose_from_centre(rotations, matrices[:, :3, 3] @ world) + 0.0


def describe_conventions(camera: CameraPath) -> str:
    """What a comment keeps of a camera for formats without a place for it; read_note reads it."""
    return f"size={camera.width}x{camera.height} fps={camera.frame_rate} unit={camera.unit}"


def read_note(text: str) -> Known:
    """What a note in ``text`` says; nothing if there is none."""
    found = re.search(r"size=(\d{1,6})x(\d{1,6}) fps=([\d/]{1,20}) unit=(\w+)", text)
    if found is None:
        return Known()
    return Known(
        size=(int(found[1]), int(found[2])),
        frame_rate=frame_rate(found[3]),
        unit=unit_of_name(found[4]),
    )


def unit_of_name(name: object) -> PathUnit | None:
    """The unit of that name, if it is one."""
    return next((unit for unit in get_args(PathUnit) if unit == name), None)


def frame_rate(value: object) -> Fraction | None:
    """A positive rate from a number or a text such as ``24000/1001``; None if it is not one.

    What is a thousandth off a rate of television (23.976) is meant to be it.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        rate = Fraction(value).limit_denominator(1001)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    near = (r for r in STANDARD_RATES if r.denominator > 1 and abs(r - rate) < Fraction(1, 1000))
    return next(near, rate) if rate > 0 else None


def describe_losses(
    camera: CameraPath, *, pixel_aspect: bool = True, shift: bool = True
) -> list[str]:
    """What of the lens a format loses that has square pixels, or no shift, alone.

    ``pixel_aspect`` and ``shift`` tell what the format carries.
    """
    K = camera.intrinsics
    found = []
    aspect = np.abs(K[:, 1, 1] / K[:, 0, 0] - 1).max()
    if not pixel_aspect and aspect > 1e-6:
        found.append(f"pixels that are not square ({aspect:.1%}) are not kept")
    offsets = K[:, :2, 2] - [camera.width / 2, camera.height / 2]
    if not shift and np.abs(offsets).max() > 1e-3:
        x, y = offsets[np.abs(offsets).max(axis=1).argmax()]
        found.append(
            f"the lens's shift is not kept: its axis meets the picture {x:+.1f}, {y:+.1f} pixels "
            "(right, down) from the middle"
        )
    return found
