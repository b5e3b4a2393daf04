"""The paper's training tasks: each turns a clip into what the network is shown of it.

Stage I (section 3.2): background outpainting, scene image variation, image background generation.
Stage II: scene video variation, video background generation, and now and then the scene picture in
another light. The person is shown, and the mask made, by the functions that sampling uses.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.person_hole import Hidden, person_hole
from dynascene_cli.diffusion.person_input import GREY, foreground_frame
from dynascene_cli.geometry import compose, inverse
from dynascene_cli.shot import CameraPath, Image
from dynascene_cli.training.illumination import random_light, relight
from dynascene_cli.training.masks import fill_hidden, random_mask
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.training.task_inputs import TaskInputs

UNCHANGED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Roles:
    """Which frames of a clip are made, and which one the scene picture comes from."""

    targets: tuple[int, ...]
    scene: int


@dataclass(frozen=True, eq=False)
class TaskSample:
    """What one kind of task makes from what.

    ``target`` (F, H, W, 3); ``scene`` (H, W, 3) as the clip's camera saw it in ``scene_frame``,
    but for what of it is ``hidden`` (H, W); ``person``: the network is shown the person.
    """

    target: NDArray[np.uint8]
    scene: Image
    scene_frame: int
    person: bool
    hidden: Hidden | None = None


def same_frame(frames: int, rng: np.random.Generator) -> Roles:
    """A random frame is made from itself."""
    frame = int(rng.integers(frames))
    return Roles((frame,), frame)


def another_frame(frames: int, rng: np.random.Generator) -> Roles:
    """A random frame is made from another one, or from itself where there is no other."""
    frame = int(rng.integers(frames))
    other = int(rng.integers(1, frames)) if frames > 1 else 0
    return Roles((frame,), (frame + other) % frames)


def whole_clip(frames: int, rng: np.random.Generator) -> Roles:
    """All frames are made from a random one of them."""
    return Roles(tuple(range(frames)), int(rng.integers(frames)))


def outpainting(
    clip: TrainingClip, roles: Roles, rng: np.random.Generator, settings: TrainingSettings
) -> TaskSample:
    """The place from a picture of it that is 20–50 % hidden; no person is shown.

    The scene picture carries the hole, and the generate mask is 1 everywhere.
    """
    place = _place(clip)
    picture = place[roles.scene]
    height, width = picture.shape[:2]
    hidden = random_mask(width, height, settings.outpainting_mask, rng)
    return TaskSample(place[list(roles.targets)], picture, roles.scene, False, hidden)


def variation(
    clip: TrainingClip, roles: Roles, rng: np.random.Generator, settings: TrainingSettings
) -> TaskSample:
    """The place from a picture of it that another camera took; no person is shown."""
    place = _place(clip)
    return TaskSample(place[list(roles.targets)], place[roles.scene], roles.scene, person=False)


def generation(
    clip: TrainingClip, roles: Roles, rng: np.random.Generator, settings: TrainingSettings
) -> TaskSample:
    """The person of the target frames in the place that the scene picture shows.

    The scene picture has the person's widened hole, since nothing else is known of a filmed clip.
    Where the place without the person is known (``plates``, or ``scene`` from the first frame's
    camera) it is shown whole, but for ``hole_share`` of the times.
    """
    target = clip.frames[list(roles.targets)]
    whole = rng.random() >= settings.hole_share
    if whole and clip.plates is not None:
        return TaskSample(target, clip.plates[roles.scene], roles.scene, person=True)
    if whole and clip.scene is not None:
        return TaskSample(target, clip.scene, 0, person=True)
    hole = person_hole(clip.alphas[roles.scene], settings.hole_dilation)
    return TaskSample(target, clip.frames[roles.scene], roles.scene, True, hole)


@dataclass(frozen=True)
class Task:
    """A task: which frames play which part, and what is made from what."""

    roles: Callable[[int, np.random.Generator], Roles]
    lesson: Callable[[TrainingClip, Roles, np.random.Generator, TrainingSettings], TaskSample]

    @property
    def of_clips(self) -> bool:
        """Whether whole clips are made, with their cameras shown, rather than one picture."""
        return self.roles is whole_clip

    @property
    def needs_person(self) -> bool:
        """Whether clips without a person cannot serve it."""
        return self.lesson is generation


TASKS = {
    "outpainting": Task(same_frame, outpainting),
    "image_variation": Task(another_frame, variation),
    "image_generation": Task(another_frame, generation),
    "video_outpainting": Task(whole_clip, outpainting),
    "video_variation": Task(whole_clip, variation),
    "video_generation": Task(whole_clip, generation),
}


def task_inputs(
    name: str,
    clip: TrainingClip,
    rng: np.random.Generator,
    settings: TrainingSettings,
    stride: int,
) -> TaskInputs:
    """What the network is shown of the clip in the task of that name.

    ``stride``: how many pixels a latent covers on each side. The cameras' world is that of the
    first target frame, their unit the clip's. Nothing but ``rng`` decides what is random.
    """
    task = TASKS[name]
    roles = task.roles(len(clip.frames), rng)
    if task.of_clips and settings.scene_is_first and rng.random() < settings.scene_is_first:
        roles = replace(roles, scene=0)
    lesson = task.lesson(clip, roles, rng, settings)
    scene = lesson.scene
    if name in settings.illumination_tasks and rng.random() < settings.illumination:
        scene = relight(scene, random_light(rng, settings))
    if lesson.hidden is not None:
        scene = fill_hidden(scene, lesson.hidden, settings.hole_fill)
    if lesson.person:
        foreground, mask = _person(clip, roles.targets, stride)
    else:
        foreground, mask = _nobody(lesson.target.shape, stride)
    inputs = TaskInputs(name, clip.name, lesson.target, foreground, mask, scene)
    if not task.of_clips and not settings.image_cameras:
        return inputs
    return replace(
        inputs,
        camera=_relative_path(clip.camera, roles.targets[0], roles.targets),
        scene_camera=_relative_path(clip.camera, roles.targets[0], (lesson.scene_frame,)),
    )


def _place(clip: TrainingClip) -> NDArray[np.uint8]:
    """What is to be seen where no person is shown: the place alone where it is known.

    Of a filmed clip it is the frames, the person in them in the scene picture as in the target,
    as the paper has it.
    """
    return clip.frames if clip.plates is None else clip.plates


def _person(
    clip: TrainingClip, targets: tuple[int, ...], stride: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    height, width = clip.frames.shape[1:3]
    shown = [
        foreground_frame(clip.frames[i], clip.alphas[i], UNCHANGED, (width, height), stride)
        for i in targets
    ]
    pictures = np.stack([frame.picture for frame in shown])
    return pictures, np.stack([frame.generate_mask for frame in shown])


def _nobody(shape: tuple[int, ...], stride: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Nobody shown: the paper's foreground 0, which is grey as a picture, and a mask of 1."""
    frames, height, width = shape[:3]
    pictures = np.full(shape, np.uint8(GREY + 0.5), dtype=np.uint8)
    return pictures, np.ones((frames, height // stride, width // stride), np.float32)


def _relative_path(path: CameraPath, world: int, frames: tuple[int, ...]) -> CameraPath:
    """Some frames of the path, in the world of the camera in frame ``world``."""
    chosen = list(frames)
    return replace(
        path,
        intrinsics=path.intrinsics[chosen],
        extrinsics=compose(path.extrinsics[chosen], inverse(path.extrinsics[world])),
    )
