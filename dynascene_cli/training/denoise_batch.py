"""What a network makes of a batch of examples, from noise that is given."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.image_processor import to_rgb_image
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.sampling import denoise, make_sampler, predict_clean
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
    sampler = make_sampler("ddim", steps, info.prediction, info.zero_terminal_snr)
    start = SamplingState(0, noise * sampler.init_noise_sigma, torch.Generator().get_state())

    def predict(latents: Tensor, timestep: int) -> Tensor:
        return _predict(network, batch, conditioning, latents, timestep)

    return denoise(predict, sampler, start)


@torch.no_grad()
def picture_from_noise(
    network: Network, info: CheckpointInfo, batch: Batch, conditioning: Conditioning, noise: Tensor
) -> Tensor:
    """Latents (B, C, F, h, w) of the picture that is told of noise alone, at the last timestep."""
    sampler = make_sampler("ddim", 1, info.prediction, info.zero_terminal_snr)
    last = len(sampler.alphas_cumprod) - 1
    predicted = _predict(network, batch, conditioning, noise, last)
    return predict_clean(sampler, predicted, noise, last)


@torch.no_grad()
def decode_pictures(network: Network, latents: Tensor) -> NDArray[np.uint8]:
    """Pictures (F, H, W, 3) of one clip's latents (C, F, h, w), decoded one by one."""
    return np.stack(
        [to_rgb_image(network.decode(latent[None])[0]) for latent in latents.movedim(1, 0)]
    )


def _predict(
    network: Network, batch: Batch, conditioning: Conditioning, latents: Tensor, timestep: int
) -> Tensor:
    return network.denoise(
        latents, batch.generate_mask, batch.foreground, timestep, conditioning
    ).float()
