"""Clips that differ in one thing at a time: place, direction of a pan, person."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.shot import CameraPath

WIDTH, HEIGHT, FRAMES = 48, 28, 4
FOCAL = 36.0
PAN_DEG = 14.0
"""A frame."""

GREY = (128, 128, 128)
"""What the network is shown around a person: of a person painted in it, the mask alone tells."""

RED = (230, 40, 30)


def panning_clip(place: int, direction: int, person: tuple[int, int, int] | None) -> TrainingClip:
    """A place of waves at infinity, panned over by 1 or −1, behind a person of one colour.

    Cameras and persons are the same in every place.
    """
    path = _pan(direction)
    plates = np.stack([_place(place, path, frame) for frame in range(FRAMES)])
    alphas = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    frames = plates.copy()
    if person is not None:
        for frame in range(FRAMES):
            alphas[frame, 6:26, 8 + 6 * frame : 22 + 6 * frame] = 255
        frames[alphas > 0] = person
    depths = np.full(alphas.shape, np.inf, np.float32)
    name = f"place {place}, pan {direction:+d}, person {person}"
    return TrainingClip(name, frames, alphas, path, plates[0], plates, depths)


def _pan(direction: int) -> CameraPath:
    turns = [maths.rotation_about("y", direction * PAN_DEG * frame) for frame in range(FRAMES)]
    K = np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]])
    poses = maths.pose_from_centre(np.stack(turns), np.zeros((FRAMES, 3)))
    intrinsics = np.repeat(K[None], FRAMES, axis=0)
    return CameraPath(intrinsics, poses, WIDTH, HEIGHT, Fraction(8), "scene_depth")


def _place(place: int, path: CameraPath, frame: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(place)
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    lines = maths.rays(path.intrinsics[frame], np.stack([x, y], axis=-1))
    world = lines @ path.extrinsics[frame, :, :3]
    azimuth = np.arctan2(world[..., 0], world[..., 2])
    height = world[..., 1] / np.hypot(world[..., 0], world[..., 2])
    colours = np.full((HEIGHT, WIDTH, 3), 127.5)
    for _ in range(6):
        along, up, phase = rng.uniform(2, 9), rng.uniform(-5, 5), rng.uniform(0, 2 * np.pi)
        colours += (
            rng.uniform(-45, 45, 3) * np.sin(along * azimuth + up * height + phase)[..., None]
        )
    return np.clip(colours, 0, 255).astype(np.uint8)
