"""What a network makes of a batch of examples, from noise that is given."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.image_processor import rgb
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.sampling import denoised, sampler_named, without_noise
from dynascene_cli.diffusion.sampling_state import SamplingState
from dynascene_cli.training.batches import Batch


@torch.no_grad()
def ddim_latents(
    network: Network,
    info: CheckpointInfo,
    batch: Batch,
    conditioning: Conditioning,
    noise: Tensor,
    steps: int,
) -> Tensor:
    """Latents (B, C, F, h, w) that so many steps of DDIM make of noise, on its device."""
    sampler = sampler_named("ddim", steps, info.prediction, info.zero_terminal_snr)
    start = SamplingState(0, noise * sampler.init_noise_sigma, torch.Generator().get_state())

    def predicted(latents: Tensor, timestep: int) -> Tensor:
        return _predicted(network, batch, conditioning, latents, timestep)

    return denoised(predicted, sampler, start)


@torch.no_grad()
def seen_in_noise(
    network: Network, info: CheckpointInfo, batch: Batch, conditioning: Conditioning, noise: Tensor
) -> Tensor:
    """Latents (B, C, F, h, w) of the picture that is told of noise alone, at the last timestep."""
    sampler = sampler_named("ddim", 1, info.prediction, info.zero_terminal_snr)
    last = len(sampler.alphas_cumprod) - 1
    predicted = _predicted(network, batch, conditioning, noise, last)
    return without_noise(sampler, predicted, noise, last)


@torch.no_grad()
def pictures_of(network: Network, latents: Tensor) -> NDArray[np.uint8]:
    """Pictures (F, H, W, 3) of one clip's latents (C, F, h, w), decoded one by one."""
    return np.stack([rgb(network.decode(latent[None])[0]) for latent in latents.movedim(1, 0)])


def _predicted(
    network: Network, batch: Batch, conditioning: Conditioning, latents: Tensor, timestep: int
) -> Tensor:
    return network.denoise(
        latents, batch.generate_mask, batch.foreground, timestep, conditioning
    ).float()
