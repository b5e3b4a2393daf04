"""The truth that the mesh warp is held to: each pixel's ray met with an analytic relief."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np

from dynascene_cli import geometry as maths
from dynascene_cli.geometry import Floats
from dynascene_cli.projection.mesh import Mesh
from dynascene_cli.projection.rasteriser import screen_vertices, source_map
from dynascene_cli.shot import CameraPath, Layer, Margins, Scene, SceneGeometry

SUBJECT = np.array([0.0, 1.6, 5.0])
"""Where the person would stand: moves pivot on it and scale with its distance."""

InverseDepth = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Place:
    """Ground, a rounded cove, a wall that waves from side to side, and a sky far behind it."""

    width: int
    height: int
    roll_deg: float = 0.0
    ground_share: float = 0.4

    @property
    def geometry(self) -> SceneGeometry:
        return SceneGeometry(
            self.width, self.height, 0.9 * self.width, 0.48 * self.height, self.roll_deg,
            1.6, 1.0, self.ground_share, False,
        )  # fmt: skip

    def inverse_depth(self, x: Floats, y: Floats) -> Floats:
        g = self.geometry
        ground = np.maximum(y - g.horizon, 0) / (g.camera_height * g.focal)
        wall = 1 / (9 + 2 * np.sin(5 * x / g.width))
        bend, apart = 0.15 * wall, ground - wall
        relief = np.maximum(ground, wall) + np.where(
            np.abs(apart) < bend, (bend - np.abs(apart)) ** 2 / (4 * bend), 0
        )
        sky = np.clip((0.8 * g.horizon - y) / (0.2 * g.height), 0, 1)
        sky = sky * sky * (3 - 2 * sky)
        return relief * (1 - sky) + sky / (400 * g.camera_height)

    def depth(self, margins: Margins, shrink: int = 1) -> np.ndarray:
        width = self.width + margins.left + margins.right
        height = self.height + margins.top + margins.bottom
        x = (np.arange(width // shrink) + 0.5) * (width / (width // shrink)) - margins.left
        y = (np.arange(height // shrink) + 0.5) * (height / (height // shrink)) - margins.top
        return (1 / self.inverse_depth(*np.meshgrid(x, y))).astype(np.float32)

    def scene(self, margins: Margins) -> Scene:
        depth = self.depth(margins)
        image = textured(*depth.shape)
        photo = image[
            margins.top : margins.top + self.height, margins.left : margins.left + self.width
        ]
        return Scene(photo, self.geometry, margins, (Layer(image, depth),), 9.0)


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Blotches, fine noise and hard lines, RGB (height, width, 3)."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(
        rng.integers(0, 255, (height // 24 + 2, width // 24 + 2, 3), dtype=np.uint8),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    image = cv2.addWeighted(
        coarse, 0.8, rng.integers(0, 255, (height, width, 3), dtype=np.uint8), 0.2, 0
    )
    image[::32] = 255
    image[:, ::32] = 0
    return image


MOVES = {
    "dolly-in": lambda t: ([0, 0, 1.25 * t], np.eye(3)),
    "truck": lambda t: ([1.25 * t, 0, 0], np.eye(3)),
    "orbit-right": lambda t: orbit(10 * t),
    "orbit-left": lambda t: orbit(-10 * t),
    "pan": lambda t: ([0, 0, 0], maths.rotation_about("y", 10 * t)),
    "roll": lambda t: ([0, 0, 0], maths.rotation_about("z", 5 * t)),
}
"""Camera centre and camera-to-world rotation at a share of the move, unrolled."""


def orbit(degrees: float) -> tuple[Floats, Floats]:
    pivot = SUBJECT * [1, 0, 1]
    turn = maths.rotation_about("y", degrees)
    return pivot - turn @ pivot, turn


def move_path(name: str, place: Place, frames: int = 2, amount: float = 1.0) -> CameraPath:
    geometry = place.geometry
    extrinsics = [
        maths.compose(
            geometry.extrinsics, maths.pose_from_centre(rotation, np.asarray(position, float))
        )
        for position, rotation in (
            MOVES[name](amount * t) for t in np.linspace(0, 1, max(frames, 1))
        )
    ]
    intrinsics = np.repeat(geometry.intrinsics[None], len(extrinsics), axis=0)
    return CameraPath(
        intrinsics, np.stack(extrinsics), place.width, place.height, Fraction(24), "metres"
    )


def cast(
    inverse_depth: InverseDepth,
    geometry: SceneGeometry,
    intrinsics: Floats,
    extrinsics: Floats,
    pixels: Floats,
) -> Floats:
    """Positions (N, 2) in the photo of what pixels (N, 2) see first, NaN where they see nothing."""
    origin = geometry.extrinsics[:, :3] @ maths.centre(extrinsics)
    to_photo = geometry.extrinsics[:, :3] @ extrinsics[:, :3].T
    directions = maths.rays(intrinsics, pixels) @ to_photo.T

    def photo_position(distance: Floats) -> tuple[Floats, Floats, Floats]:
        X = origin + directions * distance[:, None]
        z = np.where(X[:, 2] > 1e-6, X[:, 2], np.nan)
        return (
            geometry.focal * X[:, 0] / z + geometry.width / 2,
            geometry.focal * X[:, 1] / z + geometry.horizon,
            z,
        )

    def behind(distance: Floats) -> np.ndarray:
        x, y, z = photo_position(distance)
        return z * inverse_depth(x, y) > 1

    steps = np.geomspace(0.1, 3000, 400)
    far = np.full(len(pixels), np.nan)
    near = far.copy()
    for before, after in pairwise(steps):
        hit = np.isnan(far) & behind(np.full(len(pixels), after))
        near[hit], far[hit] = before, after
    for _ in range(60):
        middle = (near + far) / 2
        is_behind = behind(middle)
        far = np.where(is_behind, middle, far)
        near = np.where(is_behind, near, middle)
    return np.stack(photo_position(far)[:2], axis=-1)


def warped(mesh: Mesh, margins: Margins, path: CameraPath, frame: int) -> Floats:
    """Positions (H, W, 2) in the photo that the mesh gives to a frame's pixels, NaN uncovered."""
    finer = 4
    screen, in_front = screen_vertices(
        mesh.points, mesh.source, mesh.depth, path.intrinsics[frame] @ path.extrinsics[frame], finer
    )
    nearest, u, v = source_map(screen, in_front, mesh.bent, mesh.flats, path.width, path.height)
    position = np.stack([u, v], axis=-1) / finer + 0.5 - [margins.left, margins.top]
    return np.where(nearest[..., None] > 0, position, np.nan)
