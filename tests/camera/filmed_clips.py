"""Clips whose camera is known exactly: a textured stage, a person before it, a sensor, a codec."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from drawn_person import DrawnPerson
from textured_stage import STAGES, Stage

from dynascene_cli.geometry import Floats, pose_from_centre, relative_to_first, rotation_about
from dynascene_cli.shot import CameraPath, Image
from dynascene_cli.video import open_sink, write_image

EYE = np.array([0.0, -1.5, 0.0])
FOCAL = 0.8125
"""Focal length of the named clips, in widths."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Camera centres (F, 3) in metres, camera-to-world rotations (F, 3, 3), focal ratios (F,)."""

    centre: Floats
    rotation: Floats
    focal_ratio: Floats


def motion(
    t: Floats, centre=(0, 0, 0), yaw=0.0, pitch=0.0, roll=0.0, focal_ratio: Floats | float = 1.0
) -> Motion:
    """A motion from its offsets in metres (components over time) and its turns in degrees."""
    offset = np.stack([np.broadcast_to(c, t.shape) for c in centre], axis=-1)
    turns = zip(*(np.broadcast_to(a, t.shape) for a in (yaw, pitch, roll)), strict=True)
    rotation = np.stack(
        [
            rotation_about("y", float(y)) @ rotation_about("x", float(p)) @ rotation_about("z", r)
            for y, p, r in turns
        ]
    )
    return Motion(EYE + offset, rotation, np.broadcast_to(focal_ratio, t.shape).astype(float))


def eased(t: Floats) -> Floats:
    return t * t * (3 - 2 * t)


def truck_pan(t: Floats) -> Motion:
    return motion(t, (1.3 * eased(t) - 0.6, 0.1 * t, 0), yaw=9 * eased(t) - 4)


def orbit(t: Floats) -> Motion:
    angle = np.radians(24 * eased(t) - 12)
    return motion(t, (-5 * np.sin(angle), 0, 5 - 5 * np.cos(angle)), yaw=np.degrees(angle))


def handheld(t: Floats, amount: float = 1.0, forward: float = 0.35) -> Motion:
    """A slow walk forward with sway and shake of a few centimetres and about a degree."""
    s = 2 * np.pi * t
    sway = [
        amount * (0.07 * np.sin(1.3 * s + 0.4) + 0.018 * np.sin(5.1 * s)),
        amount * (0.03 * np.sin(2.6 * s + 1) + 0.012 * np.sin(6.3 * s + 2)),
        forward * t + amount * 0.02 * np.sin(3.3 * s),
    ]
    return motion(
        t,
        sway,
        yaw=amount * (1.6 * np.sin(1.1 * s) + 0.35 * np.sin(6.7 * s + 1)),
        pitch=amount * (0.9 * np.sin(1.7 * s + 2) + 0.3 * np.sin(7.3 * s)),
        roll=amount * 0.5 * np.sin(2.3 * s + 1),
    )


def dolly_in(t: Floats) -> Motion:
    return motion(t, (0, 0, 1.4 * eased(t)))


def eight_centimetres(t: Floats) -> Motion:
    s = 2 * np.pi * t
    return motion(
        t, (0.04 * np.sin(s / 2 - 1.2), 0.008 * np.sin(s), 0.02 * t),
        yaw=0.8 * np.sin(s), pitch=0.4 * np.sin(1.5 * s),
    )  # fmt: skip


def pan(t: Floats) -> Motion:
    return motion(t, yaw=22 * eased(t) - 11, pitch=3 * np.sin(3 * t))


def static(t: Floats) -> Motion:
    return motion(t)


def dolly_zoom(t: Floats) -> Motion:
    """Towards a subject at 4 m, which keeps its size."""
    forward = 1.3 * eased(t)
    return motion(t, (0.1 * t, 0, forward), focal_ratio=(4 - forward) / 4)


def zoom(t: Floats) -> Motion:
    return motion(t, yaw=5 * t, focal_ratio=1.5 ** eased(t))


def truck_zoom(t: Floats) -> Motion:
    return motion(t, (0.9 * t - 0.4, 0, 0), yaw=3 * t, focal_ratio=1.3 ** eased(t))


@dataclass(frozen=True, eq=False)
class FilmedClip:
    """A clip that is rendered frame by frame, its camera and its mattes known exactly.

    ``share`` is the mean part of the picture that the person covers (0: nobody); ``noise`` the
    sensor's deviation in code values; ``jpeg`` the quality each frame is coded with (None: not).
    """

    name: str
    path: CameraPath
    stage: str = "room"
    seed: int = 0
    share: float = 0.18
    noise: float = 2.0
    jpeg: int | None = 92
    person: DrawnPerson = field(init=False)

    def __post_init__(self) -> None:
        person = DrawnPerson(self.path.width, self.path.height, self.share, self.seed)
        object.__setattr__(self, "person", person)

    @property
    def frame_count(self) -> int:
        return self.path.frame_count

    @property
    def focal(self) -> float:
        """Of the first frame, in pixels."""
        return float(self.path.intrinsics[0, 0, 0])

    def alpha(self, index: int) -> Image:
        return self.person.drawn(self._walk(index))[1]

    def alphas(self) -> Iterator[Image]:
        return (self.alpha(i) for i in range(self.frame_count))

    def frame(self, index: int) -> Image:
        path = self.path
        scene = stage_of(self).frame(
            path.intrinsics[index], path.extrinsics[index], path.width, path.height
        )
        if self.share:
            colour, alpha = self.person.drawn(self._walk(index))
            mix = (alpha / np.float32(255))[..., None]
            scene = scene * (1 - mix) + colour * mix
        rng = np.random.default_rng([self.seed, index])
        seen = scene + self.noise * rng.standard_normal(scene.shape, np.float32)
        seen = np.clip(seen + 0.5, 0, 255).astype(np.uint8)
        if self.jpeg is None:
            return seen
        coded = cv2.imencode(".jpg", seen[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])[1]
        return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])

    def frames(self) -> Iterator[Image]:
        return (self.frame(i) for i in range(self.frame_count))

    def _walk(self, index: int) -> float:
        return index / float(self.path.frame_rate)

    def record(self, folder: Path) -> tuple[Path, Path]:
        """Write clip.mp4 (H.264) and the folder of its mattes, as a user would bring them."""
        alphas = folder / "alphas"
        alphas.mkdir(parents=True)
        path = self.path
        with open_sink(
            folder / "clip.mp4", width=path.width, height=path.height, frame_rate=path.frame_rate
        ) as sink:
            for index in range(self.frame_count):
                sink.write(self.frame(index))
                write_image(alphas / f"{index:05d}.png", self.alpha(index))
        return folder / "clip.mp4", alphas


@lru_cache(maxsize=2)
def _stage(name: str, seed: int) -> Stage:
    return STAGES[name](seed)


def stage_of(clip: FilmedClip) -> Stage:
    """What a clip's camera stands in."""
    return _stage(clip.stage, clip.seed)


def filmed_path(
    move: Motion, width: int, height: int, focal: float, frame_rate: Fraction
) -> CameraPath:
    """The path of a motion, ``focal`` pixels at its start; its world is the stage, in metres."""
    intrinsics = np.zeros((len(move.centre), 3, 3))
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal * move.focal_ratio / move.focal_ratio[0]
    intrinsics[:, :2, 2] = width / 2, height / 2
    intrinsics[:, 2, 2] = 1
    extrinsics = pose_from_centre(move.rotation, move.centre)
    return CameraPath(intrinsics, extrinsics, width, height, frame_rate, "metres")


@dataclass(frozen=True)
class _Recipe:
    move: Callable[[Floats], Motion]
    stage: str = "room"
    share: float = 0.18


CLIPS: dict[str, _Recipe] = {
    "truck-pan": _Recipe(truck_pan),
    "truck-pan-big": _Recipe(truck_pan, share=0.33),
    "truck-pan-street": _Recipe(truck_pan, "street"),
    "orbit": _Recipe(orbit),
    "handheld": _Recipe(handheld),
    "handheld-big": _Recipe(handheld, share=0.33),
    "handheld-street": _Recipe(handheld, "street"),
    "dolly-in": _Recipe(dolly_in),
    "8cm": _Recipe(eight_centimetres),
    "little-texture": _Recipe(truck_pan, "bare room"),
    "pan": _Recipe(pan),
    "static": _Recipe(static),
    "zoom": _Recipe(zoom),
    "truck-zoom": _Recipe(truck_zoom),
    "dolly-zoom": _Recipe(dolly_zoom),
}


def filmed_clip(
    name: str, width: int = 960, height: int = 540, frames: int = 60, seed: int = 0, **changes
) -> FilmedClip:
    """One of CLIPS; ``changes`` are fields of FilmedClip (share, noise, jpeg, stage)."""
    recipe = CLIPS[name]
    move = recipe.move(np.linspace(0, 1, frames))
    path = filmed_path(move, width, height, FOCAL * width, Fraction(24))
    clip = FilmedClip(name, path, recipe.stage, seed, recipe.share)
    return replace(clip, **changes)


def random_clip(seed: int, width: int = 960, height: int = 540, frames: int = 48) -> FilmedClip:
    """A shot of random move, place, lens, person, noise and coding."""
    rng = np.random.default_rng([7, seed])
    t = np.linspace(0, 1, frames)
    s = 2 * np.pi * t
    pace = eased(t) if rng.random() < 0.5 else t
    far = rng.choice([0.0, 0.03, 0.1, 0.3, 0.8, 1.5], p=[0.16, 0.1, 0.14, 0.2, 0.2, 0.2])
    way = rng.normal(size=3) * [1, 0.3, 0.8]
    way = far * way / np.linalg.norm(way)
    shake = rng.choice([0.0, 0.3, 1.0]) if far else 0.0
    turn = rng.normal(size=3) * rng.choice([0.0, 1.0, 5.0]) * [1, 0.4, 0.25]
    phase = rng.uniform(0, 6, 6)
    wobble = [np.sin((1 + k) * s / 1.3 + phase[k]) for k in range(6)]
    ratio = rng.uniform(0.75, 1.4) ** pace if rng.random() < 0.12 else 1.0
    move = motion(
        t,
        [way[k] * (pace - 0.5) + 0.03 * shake * wobble[k] for k in range(3)],
        *(turn[k] * (pace - 0.5) + 0.7 * shake * wobble[3 + k] for k in range(3)),
        focal_ratio=ratio,
    )
    focal = width * rng.uniform(0.6, 1.5)
    path = filmed_path(move, width, height, focal, Fraction(24))
    stage = str(rng.choice(["room", "street", "bare room"], p=[0.45, 0.45, 0.1]))
    share = float(rng.choice([0.0, 0.1, 0.18, 0.33]))
    jpeg = None if rng.random() < 0.3 else int(rng.integers(75, 96))
    noise = float(rng.uniform(0.5, 4))
    return FilmedClip(f"random {seed}", path, stage, seed % 12, share, noise, jpeg)


def is_tripod(path: CameraPath) -> bool:
    """Whether a path's camera stays in its place."""
    return float(np.abs(relative_to_first(path.extrinsics)[:, :, 3]).max()) < 1e-9


def panorama_clip(
    panorama: Image, width: int = 480, height: int = 270, frames: int = 48, focal: float = 0.8125
) -> tuple[CameraPath, Callable[[int], Image]]:
    """The path and the frames of a camera that turns by 20° inside an equirectangular picture."""
    t = np.linspace(0, 1, frames)
    move = motion(
        t, yaw=20 * eased(t) - 10, pitch=4 * np.sin(2.5 * t), roll=1.5 * np.sin(4 * t)
    )  # fmt: skip
    path = filmed_path(replace(move, centre=0 * move.centre), width, height, focal * width,
                       Fraction(24))  # fmt: skip
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    pixels = np.stack([x, y, np.ones_like(x)], axis=-1)

    def frame(index: int) -> Image:
        rays = pixels @ (np.linalg.inv(path.intrinsics[index]).T @ path.extrinsics[index, :, :3])
        longitude = np.arctan2(rays[..., 0], rays[..., 2])
        latitude = np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
        u = (longitude / (2 * np.pi) + 0.5) * panorama.shape[1] - 0.5
        v = (latitude / np.pi + 0.5) * panorama.shape[0] - 0.5
        return cv2.remap(
            panorama, u.astype(np.float32), v.astype(np.float32), cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_WRAP,
        )  # fmt: skip

    return path, frame


def eroded(alpha: Image, pixels: int) -> Image:
    """A matte that misses the person's rim."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.erode(alpha, kernel)


def faulty(alphas: Iterator[Image], pixels: int = 6, missing: float = 0.05, seed: int = 0):
    """Mattes eroded by ``pixels``, a share of them empty."""
    rng = np.random.default_rng(seed)
    for alpha in alphas:
        yield 0 * alpha if rng.random() < missing else eroded(alpha, pixels)
