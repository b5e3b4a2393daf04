"""The network's answers when it is shown the truth, and when one thing it is shown is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.network import Network
from dynascene_cli.evaluation.held_out_shots import HeldOutShot, opposite, static
from dynascene_cli.evaluation.metrics import Pictures
from dynascene_cli.shot import CameraPath
from dynascene_cli.training.batches import Batch, batch_views, encode_example, join_batches
from dynascene_cli.training.denoise_batch import ddim_latents, decode_pictures, picture_from_noise
from dynascene_cli.training.noise import mix_seed

ShownCamera = Literal["own", "opposite", "static"]

TOGETHER = 10
"""How many shots are denoised at once."""


@dataclass(frozen=True)
class Condition:
    """What the network is shown.

    ``encoder`` and ``rays``: the camera that the Plücker encoder and reference attention see.
    ``own_scene``: the shot's scene picture, else the next shot's; ``reference``: whether
    ReferenceNet's part of it is shown.
    """

    name: str
    encoder: ShownCamera = "own"
    rays: ShownCamera = "own"
    own_scene: bool = True
    reference: bool = True


CORRECT = Condition("correct")
OPPOSITE = Condition("opposite", encoder="opposite", rays="opposite")
TRIALS = (
    CORRECT,
    OPPOSITE,
    Condition("static", encoder="static", rays="static"),
    Condition("wrong_scene", own_scene=False),
    Condition("no_reference", reference=False),
    Condition("rays_flipped", rays="opposite"),
    Condition("encoder_flipped", encoder="opposite"),
)


@torch.no_grad()
def network_answers(
    network: Network,
    info: CheckpointInfo,
    shots: Sequence[HeldOutShot],
    trial: Condition,
    steps: int,
    seed: int = 0,
) -> Iterator[Pictures]:
    """The frames (F, H, W, 3) of each shot, in turn; a shot's noise is the same in every trial.

    ``steps`` of DDIM; 1 is the picture that the network sees in noise alone, at the schedule's
    last timestep.
    """
    for start in range(0, len(shots), TOGETHER):
        numbers = range(start, min(start + TOGETHER, len(shots)))
        shown = [
            shots[n].inputs
            if trial.own_scene
            else replace(shots[n].inputs, scene=shots[(n + 1) % len(shots)].inputs.scene)
            for n in numbers
        ]
        batch = join_batches([encode_example(network, inputs) for inputs in shown])
        conditioning = _conditioning(network, batch, [shots[n].path for n in numbers], trial)
        shape = tuple(batch.target.shape[1:])
        noise = torch.stack([_noise(seed, n, shape) for n in numbers]).to(batch.target)
        if steps == 1:
            latents = picture_from_noise(network, info, batch, conditioning, noise)
        else:
            latents = ddim_latents(network, info, batch, conditioning, noise, steps)
        for clip in latents:
            yield decode_pictures(network, clip)


def _conditioning(
    network: Network, batch: Batch, paths: Sequence[CameraPath], trial: Condition
) -> Conditioning:
    device = batch.target.device
    height, width = batch.target.shape[-2:]
    seen = network.condition(
        batch.scene,
        batch.reference if trial.reference else None,
        _views(paths, trial.rays, device),
        batch.scene_view,
        (height, width),
    )
    if trial.encoder == trial.rays:
        return seen
    camera = network.camera_attention(_views(paths, trial.encoder, device), height, width)
    return replace(seen, camera=camera)


def _views(paths: Sequence[CameraPath], shown: ShownCamera, device: torch.device) -> Views:
    other = {"own": lambda path: path, "opposite": opposite, "static": static}[shown]
    views = [batch_views(other(path), device) for path in paths]
    return Views(
        torch.cat([view.intrinsics for view in views if view]),
        torch.cat([view.extrinsics for view in views if view]),
    )


def _noise(seed: int, number: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(mix_seed(seed, number)))
