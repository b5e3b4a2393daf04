"""What is added to clean latents in training, and what the network is asked to tell of it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dynascene_cli.diffusion.checkpoint_file import Prediction
from dynascene_cli.diffusion.sampling import NOISE_SCHEDULE
from dynascene_cli.training.settings import TrainingSettings

TIMESTEPS: int = NOISE_SCHEDULE["num_train_timesteps"]


@dataclass(frozen=True, eq=False)
class Draw:
    """What chance decides of one example.

    ``noise`` (C, F, h, w) of unit variance but for its offset; ``timestep`` 0..999;
    ``without_scene``: it is learned without the scene, as the half of guidance that drops it.
    """

    noise: Tensor
    timestep: int
    without_scene: bool


def draw_noise(
    settings: TrainingSettings, example: int, shape: tuple[int, ...], progress: float
) -> Draw:
    """The draw of one example, the same on every machine and in every division of the work.

    ``progress`` 0..1 is how much of the run is done, by which the share of the last timestep is
    annealed. Offset noise is constant over a clip's channel.
    """
    generator = torch.Generator().manual_seed(mix_seed(settings.seed, example))
    uniform, at_end, without_scene = torch.rand(3, generator=generator, dtype=torch.double).tolist()
    power = settings.timestep_power if settings.timesteps == "power" else 1.0
    timestep = min(int(TIMESTEPS * uniform ** (1 / power)), TIMESTEPS - 1)
    if at_end < anneal(*settings.last_timestep_share, progress):
        timestep = TIMESTEPS - 1
    noise = torch.randn(shape, generator=generator)
    if settings.offset_noise:
        constant = torch.randn(shape[0], *(1 for _ in shape[1:]), generator=generator)
        noise = noise + settings.offset_noise * constant
    return Draw(noise, timestep, without_scene < settings.conditioning_dropout)


def mix_seed(seed: int, index: int) -> int:
    """One seed of 63 bits for element ``index`` of a sequence (splitmix64, Steele et al. 2014)."""
    state = (seed * 0x9E3779B97F4A7C15 + (index + 1) * 0xD1B54A32D192ED03) & (2**64 - 1)
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & (2**64 - 1)
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & (2**64 - 1)
    return (state ^ (state >> 31)) >> 1


def anneal(first: float, last: float, progress: float) -> float:
    """From ``first`` to ``last`` as ``progress`` goes from 0 to 1, along half a cosine."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


def add_noise(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """√ᾱ·x₀ + √(1 − ᾱ)·ε for B clips (B, …) with signal shares (B,) (Ho et al. 2020, eq. 4)."""
    share = _per_clip(signal, clean)
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def prediction_target(
    prediction: Prediction, clean: Tensor, noise: Tensor, signal: Tensor
) -> Tensor:
    """What the network is to tell: ε, x₀, or v = √ᾱ·ε − √(1 − ᾱ)·x₀ (Salimans & Ho 2022)."""
    if prediction == "epsilon":
        return noise
    if prediction == "sample":
        return clean
    share = _per_clip(signal, clean)
    return share.sqrt() * noise - (1 - share).sqrt() * clean


def loss_weights(prediction: Prediction, signal: Tensor, gamma: float | None) -> Tensor:
    """Factors (B,) of clips' squared errors, by min-SNR-γ (Hang et al. 2023, section 3.4).

    None weighs all alike.
    """
    if gamma is None:
        return torch.ones_like(signal)
    snr = signal / (1 - signal)
    capped = snr.clamp(max=gamma)
    if prediction == "epsilon":
        return capped / snr
    return capped / (snr + 1) if prediction == "v_prediction" else capped


def _per_clip(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like).reshape(-1, *(1 for _ in like.shape[1:]))
