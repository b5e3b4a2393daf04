"""Synthetic shots that no training drew: what the network is shown of them, and the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from dynascene_cli import geometry as maths
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.person_hole import person_hole
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.diffusion.person_input import foreground_frame
from dynascene_cli.evaluation.metrics import Where
from dynascene_cli.shot import CameraPath, Image
from dynascene_cli.training.illumination import random_light, relight
from dynascene_cli.training.masks import fill_hidden
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.training.task_inputs import TaskInputs

Hole = Literal["none", "black", "mean"]

MOVES_JUDGED = ("pan", "orbit", "truck", "dolly")
"""Moves that carry the picture far enough for a wrong camera to be seen as wrong."""

DEPTH_TOLERANCE = 0.05
"""Relative difference of depths up to which two frames see the same thing."""

FAR, SKY = 1e4, 1e3
"""Units of depth: as good as infinite, which has no coordinates; and what is sky from there on."""

UNCHANGED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class HeldOutShot:
    """One shot, and the pixels on which its background is judged.

    ``inputs``: what the network is shown; the scene is what the camera of the first frame sees.
    ``photo`` (H, W, 3): the same for baselines, a hole in its mean colour and never in another
    light. ``background`` (F, H, W): nothing of the person; nowhere in the first frame, which the
    photo shows. ``seen`` (F, H, W): of that, what the photo shows too.
    """

    inputs: TaskInputs
    photo: Image
    background: Where
    seen: Where

    @property
    def path(self) -> CameraPath:
        """The camera of the shot."""
        assert self.inputs.camera is not None
        return self.inputs.camera


def held_out_shots(
    count: int,
    size: tuple[int, int],
    frames: int,
    stride: int,
    *,
    seed: int = 0,
    hole: Hole = "mean",
    lights: TrainingSettings | None = None,
) -> Iterator[HeldOutShot]:
    """Shots of the split "held-out", each with a person and a camera that moves (MOVES_JUDGED).

    ``size`` (width, height) of the pictures, ``stride`` of the network's latents; ``hole``: what
    is where the person was in the scene picture, or none. With ``lights`` the scene picture is in
    another light than the shot, of those settings' ranges.
    """
    synthetic = SyntheticSettings(size, frames, moves=MOVES_JUDGED, split="held-out")
    for index in range(count):
        clip = synthetic_clip((seed << 32) + index, synthetic)
        shot = make_shot(clip, stride, hole)
        if lights is not None:
            light = random_light(np.random.default_rng([seed, index]), lights)
            scene = relight(shot.inputs.scene, light)
            shot = replace(shot, inputs=replace(shot.inputs, scene=scene))
        yield shot


def make_shot(clip: TrainingClip, stride: int, hole: Hole) -> HeldOutShot:
    """A clip whose truth is known, its first frame without the person being the scene picture."""
    assert clip.scene is not None
    hidden = person_hole(clip.alphas[0], TrainingSettings.hole_dilation)
    if hole == "none":
        hidden = np.zeros_like(hidden)
    background = clip.alphas == 0
    background[0] = False
    inputs = background_inputs(clip, fill_hidden(clip.scene, hidden, hole), stride)
    seen = background & visible_in_first(clip, hidden)
    return HeldOutShot(inputs, fill_hidden(clip.scene, hidden, "mean"), background, seen)


def background_inputs(clip: TrainingClip, scene: Image, stride: int) -> TaskInputs:
    """What the network is shown of a clip whose background it is to make from a scene picture."""
    height, width = clip.frames.shape[1:3]
    shown = [
        foreground_frame(frame, alpha, UNCHANGED, (width, height), stride)
        for frame, alpha in zip(clip.frames, clip.alphas, strict=True)
    ]
    return TaskInputs(
        task="video_generation",
        clip=clip.name,
        target=clip.frames,
        foreground=np.stack([frame.picture for frame in shown]),
        generate_mask=np.stack([frame.generate_mask for frame in shown]),
        scene=scene,
        camera=clip.camera,
        scene_camera=select_frames(clip.camera, [0]),
    )


def visible_in_first(clip: TrainingClip, hidden: Where) -> Where:
    """Where (F, H, W) a frame sees what the first frame, but for what is ``hidden``, shows too.

    A point is shown if the first camera sees, about where the point projects, things as far away.
    """
    assert clip.depths is not None
    path = clip.camera
    depths = np.minimum(clip.depths, FAR).astype(float)
    x, y = np.meshgrid(np.arange(path.width) + 0.5, np.arange(path.height) + 0.5)
    lines = maths.rays(path.intrinsics[:, None, None], np.stack([x, y], axis=-1)[None])
    world = maths.transform(
        maths.inverse(path.extrinsics)[:, None, None], lines * depths[..., None]
    )
    pixels = maths.project(path.intrinsics[0], path.extrinsics[0], world)
    distances = np.minimum(maths.transform(path.extrinsics[0], world)[..., 2], SKY)
    with np.errstate(invalid="ignore"):
        inside = np.all((pixels >= 0) & (pixels < [path.width, path.height]), axis=-1)
    column, row = np.where(np.expand_dims(inside, -1), pixels, 0).astype(int).transpose(3, 0, 1, 2)
    kernel = np.ones((3, 3), np.uint8)
    first = np.minimum(depths[0], SKY)
    nearest, farthest = cv2.erode(first, kernel), cv2.dilate(first, kernel)
    there = distances >= nearest[row, column] * (1 - DEPTH_TOLERANCE)
    there &= distances <= farthest[row, column] * (1 + DEPTH_TOLERANCE)
    return np.asarray(inside & there & ~hidden[row, column])


def select_frames(path: CameraPath, frames: Sequence[int]) -> CameraPath:
    """Some frames of a path, in the same world."""
    chosen = list(frames)
    return replace(path, intrinsics=path.intrinsics[chosen], extrinsics=path.extrinsics[chosen])


def static(path: CameraPath) -> CameraPath:
    """The camera that stays where it was in the first frame."""
    return select_frames(path, [0] * path.frame_count)


def opposite(path: CameraPath) -> CameraPath:
    """The camera that, from the first frame on, moves, turns and zooms the other way.

    Its relative poses and zooms are the inverses of the path's.
    """
    first = path.extrinsics[0]
    relative = maths.compose(path.extrinsics, maths.inverse(first))
    zoom = path.intrinsics[0] @ np.linalg.inv(path.intrinsics) @ path.intrinsics[0]
    return replace(path, intrinsics=zoom, extrinsics=maths.compose(maths.inverse(relative), first))
