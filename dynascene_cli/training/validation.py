"""What the network makes of a few clips that it never learns from, always from the same noise."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.network import Network
from dynascene_cli.reports.contact_sheet import contact_sheet
from dynascene_cli.shot import Image
from dynascene_cli.training.batches import Batch, encode_example
from dynascene_cli.training.clip_groups import Groups
from dynascene_cli.training.denoise_batch import ddim_latents, decode_pictures
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.settings import Stage, TrainingSettings
from dynascene_cli.training.task_inputs import TaskInputs
from dynascene_cli.training.tasks import TASKS

TILE = 192
"""Width of a cell in pixels."""


@dataclass(frozen=True, eq=False)
class ValidationClip:
    """An example by its number and what was made of it, RGB uint8 (F, H, W, 3)."""

    number: int
    example: TaskInputs
    made: NDArray[np.uint8]

    @property
    def psnr(self) -> float:
        """Of the background against the truth, in dB; the person is the compositor's."""
        stride = self.made.shape[1] // self.example.generate_mask.shape[1]
        open_ = self.example.generate_mask.repeat(stride, 1).repeat(stride, 2) > 0
        difference = self.made.astype(float) - self.example.target
        error = float(np.square(difference)[open_].mean())
        return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def validation_draws(
    settings: TrainingSettings, stage: Stage, network: NetworkConfig, groups: Groups | None = None
) -> ExampleDraws:
    """The examples of validation; ``groups`` are the clips that are trained on, where at hand.

    Raises:
        InputError: a manifest is wrong, or a task has no clip that can serve it.
    """
    wanted = replace(settings, seed=settings.validation_seed)
    if learns_from_validated(settings):
        return ExampleDraws(wanted, stage, network, groups)
    of_manifests = bool(settings.validation_manifests)
    others = replace(
        wanted,
        manifests=settings.validation_manifests,
        manifest_share=1.0,
        realestate=(),
        sources={},
        synthetic_share=0.0 if of_manifests else 1.0,
        synthetic_split="held-out",
        synthetic_clips=0,
    )
    return ExampleDraws(others, stage, network)


def learns_from_validated(settings: TrainingSettings) -> bool:
    """Whether validation shows clips that are trained on: a user's own, where no others are set."""
    return not settings.validation_manifests and not settings.synthetic_share


def validation_clips(
    network: Network,
    info: CheckpointInfo,
    settings: TrainingSettings,
    draws: ExampleDraws,
    part: tuple[int, int] = (1, 0),
) -> list[ValidationClip]:
    """The validation clips of process (of so many, this one), and what the network makes of each.

    The tasks take turns, that of renders first: a person is shown, and the place around them made.
    """
    processes, process = part
    tasks = sorted(draws.tasks, key=lambda name: not TASKS[name].needs_person)
    made = []
    with nullcontext() if TASKS[tasks[0]].of_clips else network.without_motion():
        for number in range(process, settings.validation_clips, processes):
            example = draws.draw(number, tasks[number % len(tasks)])
            seed = settings.validation_seed + number
            pictures = generate_pictures(network, info, example, settings.validation_steps, seed)
            made.append(ValidationClip(number, example, pictures))
    return made


@torch.no_grad()
def generate_pictures(
    network: Network, info: CheckpointInfo, example: TaskInputs, steps: int, seed: int
) -> NDArray[np.uint8]:
    """Pictures (F, H, W, 3) that the network makes of an example by DDIM."""
    batch: Batch = encode_example(network, example)
    height, width = batch.target.shape[-2:]
    conditioning = network.condition(
        batch.scene, batch.reference, batch.views, batch.scene_view, (height, width)
    )
    noise = torch.randn(batch.target.shape, generator=torch.Generator().manual_seed(seed))
    latents = ddim_latents(network, info, batch, conditioning, noise.to(batch.target), steps)
    return decode_pictures(network, latents[0])


def sheet(clips: Sequence[ValidationClip], most_frames: int = 8) -> Image:
    """Of each clip three rows: the person shown, what was made beside the scene, and the truth."""
    columns = 1 + max(min(len(clip.made), most_frames) for clip in clips)
    pictures, labels = [], []
    for clip in clips:
        count = len(clip.made)
        frames = np.linspace(0, count - 1, columns - 1).round().astype(int)
        rows = {
            "person": clip.example.foreground,
            f"made, {clip.psnr:.1f} dB": clip.made,
            "truth": clip.example.target,
        }
        for name, row in rows.items():
            pictures += [clip.example.scene, *(row[frame] for frame in frames)]
            labels += [clip.example.task, *(f"{name}, {frame}" for frame in frames)]
    return contact_sheet(pictures, labels, columns=columns, tile_width=TILE)
