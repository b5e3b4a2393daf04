"""What COLMAP's files hold, whatever their encoding: cameras by model, images, points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats

BENT_PIXELS = 1.0
"""How far a lens may bend the corners of a picture and still pass for one that does not."""


@dataclass(frozen=True)
class Lens:
    """A pinhole and the radial and tangential terms that bend it (OPENCV's k1, k2, p1, p2)."""

    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    bending: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def bent_pixels(self, width: int, height: int) -> float:
        """How far at most a corner of the picture is moved, in pixels (Brown 1966)."""
        k1, k2, p1, p2 = self.bending
        x = (np.array([0, width, 0, width]) - self.centre_x) / self.focal_x
        y = (np.array([0, 0, height, height]) - self.centre_y) / self.focal_y
        r2 = x * x + y * y
        radial = k1 * r2 + k2 * r2 * r2
        moved_x = (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) * self.focal_x
        moved_y = (y * radial + 2 * p2 * x * y + p1 * (r2 + 2 * y * y)) * self.focal_y
        return float(np.hypot(moved_x, moved_y).max())


@dataclass(frozen=True, eq=False)
class PinholeModel:
    """What is written: cameras without bending, and images that have no points of their own.

    ``sizes`` (C, 2) and ``parameters`` (C, 4) of the cameras; of the images ``names`` (N),
    world-to-camera ``quaternions`` (N, 4) and ``translations`` (N, 3), and ``camera_of`` (N,)
    them; ``points`` (P, 3); a ``comment`` for files that have a place for it.
    """

    sizes: NDArray[np.int64]
    parameters: Floats
    names: Sequence[str]
    quaternions: Floats
    translations: Floats
    camera_of: NDArray[np.int64]
    points: Floats
    comment: str

    @property
    def images(self) -> Iterator[tuple[Floats, Floats, int, str]]:
        """Each image's quaternion, translation, camera and name."""
        return zip(self.quaternions, self.translations, self.camera_of, self.names, strict=True)


@dataclass(frozen=True)
class LensModel:
    """One of COLMAP's camera models: its number in binary files and its parameters' names."""

    number: int
    parameters: tuple[str, ...]

    def lens(self, values: Sequence[float]) -> Lens:
        """The lens with these parameters."""
        named = dict(zip(self.parameters, values, strict=True))
        focal = named.get("f", 0.0)
        return Lens(
            focal_x=named.get("fx", focal),
            focal_y=named.get("fy", focal),
            centre_x=named["cx"],
            centre_y=named["cy"],
            bending=(
                named.get("k1", 0.0),
                named.get("k2", 0.0),
                named.get("p1", 0.0),
                named.get("p2", 0.0),
            ),
        )


MODELS = {
    "SIMPLE_PINHOLE": LensModel(0, ("f", "cx", "cy")),
    "PINHOLE": LensModel(1, ("fx", "fy", "cx", "cy")),
    "SIMPLE_RADIAL": LensModel(2, ("f", "cx", "cy", "k1")),
    "RADIAL": LensModel(3, ("f", "cx", "cy", "k1", "k2")),
    "OPENCV": LensModel(4, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2")),
}
"""The camera models that are read, as COLMAP names them."""

UNREAD_MODELS = {
    5: ("OPENCV_FISHEYE", 8),
    6: ("FULL_OPENCV", 12),
    7: ("FOV", 5),
    8: ("SIMPLE_RADIAL_FISHEYE", 4),
    9: ("RADIAL_FISHEYE", 5),
    10: ("THIN_PRISM_FISHEYE", 12),
}
"""The others that binary files may hold: name and how many parameters, by number."""


@dataclass(frozen=True)
class Camera:
    """One line of a model's cameras."""

    model: str
    width: int
    height: int
    parameters: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Records:
    """The records of a model: ``quaternions`` (F, 4) wxyz and ``translations`` (F, 3) of images."""

    cameras: dict[int, Camera]
    names: list[str]
    camera_ids: list[int]
    quaternions: Floats
    translations: Floats
    points: Floats
    errors: Floats
    track_lengths: NDArray[np.int64]
    comment: str = ""
