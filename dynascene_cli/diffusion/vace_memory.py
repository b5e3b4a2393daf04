"""What memory Wan-VACE takes, told before it begins; nothing is computed or loaded for it."""

from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models import WanVACETransformer3DModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dynascene_cli.diffusion.latent_frames import frame_count, latent_count, shorter_window
from dynascene_cli.diffusion.live_bytes import FusedAttention
from dynascene_cli.diffusion.memory_plan import MemoryPlan
from dynascene_cli.diffusion.optimisations import BYTES
from dynascene_cli.diffusion.sampling_size import smaller_size
from dynascene_cli.diffusion.vace_settings import FRAMES_PER_LATENT, SIZES, ResolvedVace
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.diffusion.video_memory import (
    VideoBytes,
    VideoSampling,
    count_peak,
    plan_video,
    weight_bytes,
)
from dynascene_cli.diffusion.windows import windows

TOKENS = 512

LATENT_STRIDE = 8
"""Pixels that a latent covers on each side; a patch is two by two of them."""


def vace_memory_plan(
    checkpoint: VideoCheckpoint, settings: ResolvedVace, frames: int
) -> MemoryPlan:
    """The plan for a checkpoint and a clip of that many sampled frames."""
    latents = latent_count(frames, FRAMES_PER_LATENT)
    spans = windows(latents, settings.window_latents, settings.overlap_latents)
    length = len(spans[0])
    window = frame_count(length, FRAMES_PER_LATENT)
    sampling = VideoSampling(
        frames=frames,
        window=window,
        shorter=shorter_window(window, FRAMES_PER_LATENT),
        size=settings.size,
        smaller=smaller_size(settings.size, SIZES),
        optimisations=settings.optimisations,
        latents=_latent_bytes(checkpoint, settings, latents, length * len(spans)),
        step_tflop=step_tflop(checkpoint, settings, length) * len(spans),
        windowed=("preparing", "activations"),
        halves_on_cpu=True,
    )
    return plan_video(sampling, lambda dtype: _count_bytes(checkpoint, settings, length, dtype))


@torch.no_grad()
def step_tflop(checkpoint: VideoCheckpoint, settings: ResolvedVace, latents: int) -> float:
    """The counted arithmetic of a window's step, guidance included."""
    with torch.device("meta"):
        transformer = _transformer(checkpoint)
        with FlopCounterMode(display=False) as counter:
            _step(transformer, checkpoint, settings, latents, torch.float32)
    halves = 2 if settings.guidance > 1 else 1
    return halves * counter.get_total_flops() / 1e12


@torch.no_grad()
def _count_bytes(
    checkpoint: VideoCheckpoint, settings: ResolvedVace, latents: int, dtype: torch.dtype
) -> VideoBytes:
    tile = settings.optimisations.vae_tile
    width, height = (min(side, tile or side) for side in settings.size)
    high, wide = height // LATENT_STRIDE, width // LATENT_STRIDE
    frames = frame_count(latents, FRAMES_PER_LATENT)
    with torch.device("meta"), FusedAttention():
        # The module's own ``to`` would warn of what is kept in float32 when weights are loaded.
        transformer = nn.Module.to(_transformer(checkpoint), dtype)
        vae = AutoencoderKLWan.from_config(checkpoint.config("vae"))
        step = count_peak(lambda: _step(transformer, checkpoint, settings, latents, dtype))
        video = torch.empty(1, 3, frames, height, width)
        encoding = count_peak(lambda: vae.encode(video))
        given = torch.empty(1, vae.config.z_dim, latents, high, wide)
        decoding = count_peak(lambda: vae.decode(given))
    pixels = 3 * frames * settings.size[0] * settings.size[1] * BYTES["float32"]
    return VideoBytes(
        transformers=len(checkpoint.transformers) * weight_bytes(transformer),
        vae=weight_bytes(vae),
        # The window's pictures, kept and to be changed.
        preparing=encoding + 3 * pixels,
        activations=step,
        decoding=decoding + (pixels if tile else 0),
    )


def _transformer(checkpoint: VideoCheckpoint) -> Any:
    return WanVACETransformer3DModel.from_config(checkpoint.config(checkpoint.transformers[0]))


def _step(
    transformer: Any,
    checkpoint: VideoCheckpoint,
    settings: ResolvedVace,
    latents: int,
    dtype: torch.dtype,
) -> Tensor:
    config = transformer.config
    width, height = (side // LATENT_STRIDE for side in settings.size)
    shape = (1 + latents, height, width)
    answer: Tensor = transformer(
        hidden_states=torch.empty(1, config.in_channels, *shape, dtype=dtype),
        timestep=torch.empty(1, dtype=torch.long),
        encoder_hidden_states=torch.empty(1, TOKENS, config.text_dim, dtype=dtype),
        control_hidden_states=torch.empty(1, config.vace_in_channels, *shape, dtype=dtype),
        control_hidden_states_scale=torch.empty(len(config.vace_layers), dtype=dtype),
        return_dict=False,
    )[0]
    return answer


def _latent_bytes(
    checkpoint: VideoCheckpoint, settings: ResolvedVace, latents: int, in_windows: int
) -> int:
    """Of what is sampled with what the solver remembers, and of what each window is given."""
    width, height = (side // LATENT_STRIDE for side in settings.size)
    config = checkpoint.config(checkpoint.transformers[0])
    kept, control = config["in_channels"], config["vace_in_channels"]
    numbers = 4 * kept * (1 + latents) + control * (1 + in_windows)
    return int(numbers * width * height * BYTES["float32"])
