"""Small shots on disk, and the checkpoints that they are rendered with."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.geometry import pose_from_centre, rotation_about
from dynascene_cli.shot import (
    CameraPath,
    Margins,
    Matte,
    PersonTracks,
    Placement,
    Scene,
    SceneGeometry,
    Shot,
)
from dynascene_cli.video import alpha_frames, open_clip, open_sink, write_image

CLIP_SIZE = 96, 64
PLATE_SIZE = 160, 96


def tiny_shot(folder: Path, frames: int = 5, rate: int = 24, degrees: float = 1.0) -> Shot:
    """A swaying figure in a drawn place; the camera turns by ``degrees`` a frame and advances."""
    folder.mkdir(exist_ok=True)
    width, height = CLIP_SIZE
    alphas = folder / "alphas"
    alphas.mkdir()
    name = folder / ("clip.png" if frames == 1 else "clip.mp4")
    pictures = []
    for index in range(frames):
        alpha = np.zeros((height, width), np.uint8)
        cv2.ellipse(alpha, (40 + index % 5, 36), (9, 24), 0, 0, 360, 255, -1, cv2.LINE_AA)
        write_image(alphas / f"{index:05d}.png", alpha)
        wall = np.full((height, width, 3), 70, np.uint8)
        wall[alpha > 127] = (200, 120, 90)
        pictures.append(wall)
    if frames == 1:
        write_image(name, pictures[0])
    else:
        with open_sink(name, width=width, height=height, frame_rate=Fraction(rate)) as sink:
            for picture in pictures:
                sink.write(picture)
    clip = open_clip(str(name))
    alpha_source = alphas / "00000.png" if frames == 1 else alphas
    path = turning_path(frames, rate, degrees)
    unknown = np.full((frames, 11, 2), np.nan)
    tracks = PersonTracks(unknown, np.zeros((frames, 11)), np.full((frames, 4), np.nan))
    similarity = np.array([[1.5, 0.0, 8.0], [0.0, 1.5, 0.0]])
    return Shot(
        clip=clip,
        matte=Matte(alpha_frames(alpha_source, clip), tracks),
        filmed=path,
        path=path,
        scene=drawn_scene(),
        placement=Placement(
            contact=np.zeros((frames, 3)),
            height=1.7,
            clip_to_frame=np.repeat(similarity[None], frames, axis=0),
            contact_pixels=np.zeros((frames, 2)),
        ),
    )


def turning_path(frames: int, rate: int, degrees: float) -> CameraPath:
    width, height = PLATE_SIZE
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    rotations = np.stack([rotation_about("y", degrees * index) for index in range(frames)])
    centres = np.zeros((frames, 3))
    centres[:, 2] = 0.02 * degrees * np.arange(frames)
    return CameraPath(
        intrinsics=np.repeat(K[None], frames, axis=0),
        extrinsics=pose_from_centre(rotations, centres),
        width=width,
        height=height,
        frame_rate=Fraction(rate),
        unit="metres",
    )


def drawn_scene() -> Scene:
    width, height = PLATE_SIZE
    rng = np.random.default_rng(3)
    photo = cv2.resize(rng.integers(0, 256, (6, 10, 3), dtype=np.uint8), PLATE_SIZE)
    geometry = SceneGeometry(
        width=width,
        height=height,
        focal=float(width),
        horizon=height / 2,
        roll_deg=0.0,
        camera_height=1.6,
        sky_confidence=1.0,
        ground_share=0.5,
        interior=False,
    )
    return Scene(photo, geometry, Margins(), (), median_depth=4.0)


def still(shot: Shot) -> Shot:
    """The shot filmed by a camera that does not move."""
    first = shot.path.extrinsics[:1]
    extrinsics = np.repeat(first, shot.path.frame_count, axis=0)
    return replace(shot, path=replace(shot.path, extrinsics=extrinsics))
