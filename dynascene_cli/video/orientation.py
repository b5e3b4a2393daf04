"""How a stored picture is turned and mirrored to be looked at: a display matrix's nearest case."""

import math
import struct
from dataclasses import dataclass
from typing import Any, TypeVar

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

Picture = TypeVar("Picture", Image, NDArray[np.uint16])

_MIRROR = np.diag([-1.0, 1.0])
_TOLERANCE_DEG = 0.5


@dataclass(frozen=True)
class Orientation:
    """A mirroring from left to right, if any, and then a turn by 0, 90, 180 or 270°.

    ``rotation`` is counted counter-clockwise; ``off_by`` is how many degrees the file asks for
    beyond that.
    """

    rotation: int = 0
    mirrored: bool = False
    off_by: float = 0.0

    @property
    def swaps_sides(self) -> bool:
        """Whether width becomes height."""
        return self.rotation % 180 == 90

    @property
    def warnings(self) -> list[str]:
        """What of the file's wish is not granted."""
        if abs(self.off_by) <= _TOLERANCE_DEG:
            return []
        return [
            f"the clip asks to be turned by {self.rotation + self.off_by:.0f}°: "
            f"it is turned by {self.rotation}°, the nearest right angle"
        ]


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that a decoded frame's display matrix asks for.

    The matrix is nine 32-bit numbers, of which the four that turn and mirror are 16.16 fixed point;
    x' = a x + c y and y' = b x + d y (ISO/IEC 14496-12).
    """
    # PyAV's stubs call this a mapping; it is the sequence that its code makes it.
    side_data: Any = frame.side_data
    matrix = next((bytes(data) for data in side_data if data.type == Type.DISPLAYMATRIX), b"")
    if len(matrix) < 36:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    return nearest_orientation(np.array([[a, c], [b, d]]) / 65536)


def nearest_orientation(matrix: Floats) -> Orientation:
    """The mirroring and right-angled turn next to a matrix (2, 2) in pixels, y down."""
    if not np.linalg.norm(matrix) > 0:
        return Orientation()
    mirrored = bool(np.linalg.det(matrix) < 0)
    turn = matrix @ _MIRROR if mirrored else matrix
    degrees = math.degrees(math.atan2(turn[0, 1] - turn[1, 0], turn[0, 0] + turn[1, 1]))
    quarter = round(degrees / 90)
    return Orientation(quarter * 90 % 360, mirrored, degrees - quarter * 90)


def orient_picture(image: Picture, rotation: int, mirrored: bool) -> Picture:
    """A stored picture (H, W) or (H, W, C) as it is looked at."""
    if mirrored:
        image = image[:, ::-1]
    return np.rot90(image, rotation // 90 % 4)
