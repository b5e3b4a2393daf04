"""Synthetic shots: endless clips of a person in a textured place, with the exact truth of each.

A clip is a function of its seed and settings alone: the same bytes in every process.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.synthetic.figure import draw, figure, joints, limbs
from dynascene_cli.dataset.synthetic.moves import (
    MOVES,
    Motion,
    move_amount,
    random_motion,
    rotations_from_angles,
)
from dynascene_cli.dataset.synthetic.places import PLACES, Place, room, street, vary_colour, yard
from dynascene_cli.dataset.synthetic.raster import film_plates
from dynascene_cli.dataset.synthetic.textures import Split, TexturePool, photo_files, texture_pool
from dynascene_cli.errors import InputError, suggest
from dynascene_cli.geometry import Floats, pose_from_centre, relative_to_first
from dynascene_cli.shot import CameraPath

_EDGE = 0.45
"""Metres that a camera keeps from a wall."""


@dataclass(frozen=True)
class SyntheticSettings:
    """What synthetic clips are like.

    ``size`` (width, height) in pixels; ``person``: the share of clips with one, 0..1; ``moves``
    and ``places``: some of MOVES and PLACES. Clips of the split "held-out" show patterns, hues and
    amounts of moves that no clip of "train" shows. ``textures``: a folder of photos to paint with
    besides.
    """

    size: tuple[int, int] = (64, 36)
    frames: int = 8
    fps: float = 8.0
    person: float = 1.0
    moves: tuple[str, ...] = MOVES
    places: tuple[str, ...] = PLACES
    split: Split = "train"
    textures: Path | None = None


def check_settings(settings: SyntheticSettings) -> None:
    """Make sure that clips can be made of the settings.

    Raises:
        InputError: a move, a place or a number is wrong.
    """
    for given, known, what in (
        (settings.moves, MOVES, "move"),
        (settings.places, PLACES, "place"),
    ):
        for name in given:
            if name not in known:
                raise InputError(f"{name!r} is no {what}", suggest(name, known))
        if not given:
            raise InputError(f"no {what} is given", f"some of {', '.join(known)}")
    if not 0 < settings.fps <= 1000:
        raise InputError(f"{settings.fps} is not a frame rate", "give one such as 8 or 24")
    if settings.textures is not None:
        photo_files(settings.textures)


def synthetic_clip(seed: int, settings: SyntheticSettings = SyntheticSettings()) -> TrainingClip:
    """The clip of a seed ≥ 0: always the same bytes for the same settings.

    Raises:
        InputError: the folder of textures holds no photos, or one that cannot be read.
    """
    split = settings.split
    pool = texture_pool(split, settings.textures)
    rng = np.random.default_rng([0xD1A5CE, split == "held-out", seed])
    width, height = settings.size
    seconds = (settings.frames - 1) / settings.fps
    focal = width * move_amount(rng, 0.68, 1.1, split)
    kind = settings.places[rng.integers(len(settings.places))]
    stature = 1.7 * focal / height
    pivot = stature / rng.uniform(0.45, 1.05)
    half = rng.uniform(2.2, 4.5, 2)
    reach = 0.8 * half.mean() if kind == "room" else rng.uniform(3.5, 7.0)
    motion = random_motion(
        rng, settings.frames, seconds, reach, pivot, settings.moves, split
    )  # fmt: skip
    heading = _heading(rng, kind)
    eye = rng.uniform(1.0, 1.9)
    centres, rotations = _camera(rng, motion, heading, eye, pivot)
    shift, half = _shift_into_place(rng, kind, centres[:, [0, 2]], heading, half)
    centres[:, [0, 2]] += shift
    extrinsics = pose_from_centre(rotations, centres)
    intrinsics = np.broadcast_to(
        [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]], (settings.frames, 3, 3)
    ).copy()
    has_person = rng.random() < settings.person
    bounds = half - 0.4 if kind == "room" else np.full(2, 30.0)
    times = np.arange(settings.frames) / settings.fps
    way = _walk(rng, intrinsics, extrinsics, times, pivot, bounds)
    kept = _points_to_keep_free(centres[:, [0, 2]], extrinsics, way[0] if has_person else None)
    place = _place(rng, kind, pool, split, half, kept)
    plates = np.empty((settings.frames, height, width, 3), np.uint8)
    depths = np.empty((settings.frames, height, width), np.float32)
    film_plates(
        intrinsics, extrinsics, place.faces, place.surroundings, pool.texels, plates, depths
    )  # fmt: skip
    alphas = np.zeros((settings.frames, height, width), np.uint8)
    frames = plates.copy()
    if has_person:
        softness = max(1.0, rng.uniform(0.004, 0.02) * height)
        person = figure(rng, vary_colour(rng, 3, split), pool.surfaces, softness)
        parts = limbs(person, joints(person, *way))
        pixels = np.zeros((settings.frames, height, width, 3), np.float32)
        cover = np.zeros((settings.frames, height, width), np.float32)
        draw(
            parts, intrinsics, extrinsics, person.clothes, pool.texels, place.light, (pixels, cover)
        )  # fmt: skip
        alphas, frames = _composite(plates, pixels, cover)
    camera, unit = _relative_camera(intrinsics, extrinsics, depths[0], settings)
    return TrainingClip(
        f"synthetic-{split}-{seed}", frames, alphas, camera, plates[0].copy(), plates,
        (depths / unit).astype(np.float32),
    )  # fmt: skip


def _shift_into_place(
    rng: np.random.Generator, kind: str, xz: Floats, heading: float, half: Floats
) -> tuple[Floats, Floats]:
    """How the camera's way ``xz`` (F, 2) is moved, and the half-extents (2,) of a room for it."""
    if kind != "room":
        return rng.uniform(-1.0, 1.0, 2), half
    half = np.maximum(half, np.ptp(xz, axis=0) / 2 + _EDGE + 0.3)
    inner = half - _EDGE
    start = np.array([np.sin(heading), np.cos(heading)]) * -rng.uniform(0.1, 0.85) * half
    return np.clip(start, -inner - xz.min(axis=0), inner - xz.max(axis=0)), half


def _points_to_keep_free(xz: Floats, extrinsics: Floats, ground: Floats | None) -> Floats:
    """Points (P, 2) about the camera's way ``xz`` (F, 2) and the person's ``ground`` (F, 2)."""
    between = np.linspace(0, 1, 8)[:, None, None]
    ahead = xz + 1.5 * extrinsics[:, 2, [0, 2]]
    target = ahead if ground is None else ground
    kept = (xz * (1 - between) + target * between).reshape(-1, 2)
    return np.concatenate([kept, ahead])


def _relative_camera(
    intrinsics: Floats, extrinsics: Floats, first_depth: NDArray[np.float32],
    settings: SyntheticSettings,
) -> tuple[CameraPath, float]:  # fmt: skip
    """The path from the first camera on, in units of the median depth there, and that unit."""
    visible = np.isfinite(first_depth)
    unit = float(np.median(first_depth[visible])) if visible.any() else 1.0
    path = relative_to_first(extrinsics)
    path[:, :, 3] /= unit
    rate = Fraction(settings.fps).limit_denominator(1001)
    return CameraPath(intrinsics, path, *settings.size, rate, "scene_depth"), unit


def _heading(rng: np.random.Generator, kind: str) -> float:
    if kind == "street" and rng.random() < 0.75:
        return float(rng.normal(0, 0.35) + np.pi * rng.integers(2))
    return float(rng.uniform(0, 2 * np.pi))


def _camera(
    rng: np.random.Generator, motion: Motion, heading: float, eye: float, pivot: float
) -> tuple[Floats, Floats]:
    """Centres (F, 3), the first above the origin, and camera-to-world rotations (F, 3, 3)."""
    c, s = np.cos(heading), np.sin(heading)
    right, forward = np.array([c, 0, -s]), np.array([s, 0, c])
    centres = motion.offset[:, :1] * right + motion.offset[:, 2:] * forward
    centres[:, 1] = np.minimum(motion.offset[:, 1] - eye, -0.35)
    # Higher cameras look down, more or less at the middle of who stands there.
    level = rng.uniform(0.3, 1.15) * np.arctan2(0.9 - eye, pivot) + rng.normal(0, 0.03)
    return centres, rotations_from_angles(heading + motion.yaw, level + motion.pitch, motion.roll)


def _walk(
    rng: np.random.Generator,
    intrinsics: Floats,
    extrinsics: Floats,
    times: Floats,
    pivot: float,
    bounds: Floats,
) -> tuple[Floats, float, Floats]:
    """A person's way over the ground (F, 2), their heading and how far they have gone (F,).

    Of some ways, the one that stays in the picture best and not too near the camera.
    """
    middle = len(times) // 2
    E = extrinsics[middle]
    centre = -E[:, :3].T @ E[:, 3]
    forward = E[2, [0, 2]] / np.hypot(*E[2, [0, 2]])
    right = E[0, [0, 2]]
    nearest = 1.6 + float(((maths.centre(extrinsics) - centre)[:, [0, 2]] @ forward).max())
    best, least = None, np.inf
    for _ in range(6):
        away = max(pivot * rng.uniform(0.9, 1.15), nearest)
        aside = away * rng.uniform(-0.3, 0.3) * 0.7
        spot = centre[[0, 2]] + forward * away + right * aside
        heading = rng.uniform(0, 2 * np.pi)
        speed = 0.0 if rng.random() < 0.25 else rng.uniform(0.4, 1.5)
        gone = speed * (times - times[middle])
        ground = spot + gone[:, None] * np.array([np.sin(heading), np.cos(heading)])
        ground = np.clip(ground, -bounds, bounds)
        chest = np.stack([ground[:, 0], np.full(len(times), -1.0), ground[:, 1]], axis=-1)
        local = np.einsum("fij,fj->fi", extrinsics[:, :, :3], chest) + extrinsics[:, :, 3]
        z = np.maximum(local[:, 2], 0.1)
        out = np.abs(intrinsics[:, 0, 0] * local[:, 0] / z / intrinsics[:, 0, 2])
        fault = np.maximum(out - 0.8, 0).mean() + 3 * max(1.5 - local[:, 2].min(), 0)
        if fault < least:
            best, least = (ground, heading, gone - gone[0]), fault
        if fault == 0:
            break
    assert best is not None
    return best


def _place(
    rng: np.random.Generator, kind: str, pool: TexturePool, split: Split, half: Floats, kept: Floats
) -> Place:
    if kind == "room":
        return room(rng, pool, split, half, rng.uniform(2.5, 3.4), kept)
    return (street if kind == "street" else yard)(rng, pool, split, kept)


def _composite(
    plates: NDArray[np.uint8], pixels: NDArray[np.float32], cover: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The matte as it is stored, and the person over the plates with that very matte."""
    alphas = np.round(255 * cover).astype(np.uint8)
    colour = pixels / np.maximum(cover, 1e-6)[..., None]
    mix = (alphas / np.float32(255))[..., None]
    frames = np.round(plates * (1 - mix) + np.minimum(colour, 255) * mix).astype(np.uint8)
    return alphas, frames
