"""What memory SANA-WM takes, told before it begins; nothing is computed or loaded for it."""

from typing import Any

import torch
from diffusers import AutoencoderKLLTX2Video, SanaWMTransformer3DModel
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dynascene_cli.diffusion.latent_frames import (
    frame_count,
    latent_count,
    shorter_window,
    usual_overlap,
)
from dynascene_cli.diffusion.live_bytes import FusedAttention
from dynascene_cli.diffusion.memory_plan import MemoryPlan
from dynascene_cli.diffusion.optimisations import BYTES
from dynascene_cli.diffusion.sampling_size import smaller_size
from dynascene_cli.diffusion.sana_settings import (
    FRAMES_PER_LATENT,
    LATENT_STRIDE,
    SIZES,
    ResolvedSana,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.diffusion.video_memory import (
    VideoBytes,
    VideoSampling,
    count_peak,
    plan_video,
    weight_bytes,
)
from dynascene_cli.diffusion.windows import windows

TOKENS = 300
"""Of a prompt's embedding."""

KEPT = 4
"""Times that a clip's latents lie in main memory: themselves, noise, the person, a prediction."""


def sana_memory_plan(
    checkpoint: VideoCheckpoint, settings: ResolvedSana, frames: int
) -> MemoryPlan:
    """The plan for a checkpoint and a clip of that many sampled frames."""
    latents = latent_count(frames, FRAMES_PER_LATENT)
    length = min(latents, settings.window_latents)
    own = settings.window_latents - 1
    spans = windows(latents - 1, own, usual_overlap(own))
    width, height = (side // LATENT_STRIDE for side in settings.size)
    channels = checkpoint.config("transformer")["in_channels"]
    sampling = VideoSampling(
        frames=frames,
        window=frame_count(length, FRAMES_PER_LATENT),
        shorter=shorter_window(frame_count(length, FRAMES_PER_LATENT), FRAMES_PER_LATENT),
        size=settings.size,
        smaller=smaller_size(settings.size, SIZES),
        optimisations=settings.optimisations,
        latents=KEPT * channels * latents * width * height * BYTES["float32"],
        step_tflop=step_tflop(checkpoint, settings, 1 + len(spans[0])) * len(spans),
        windowed=("preparing", "activations", "decoding"),
        halves_on_cpu=False,
    )
    return plan_video(sampling, lambda dtype: _count_bytes(checkpoint, settings, length, dtype))


@torch.no_grad()
def step_tflop(checkpoint: VideoCheckpoint, settings: ResolvedSana, latents: int) -> float:
    """The counted arithmetic of a window's step, guidance included."""
    with torch.device("meta"):
        transformer = SanaWMTransformer3DModel.from_config(checkpoint.config("transformer"))
        with FlopCounterMode(display=False) as counter:
            _step(transformer, settings, latents, torch.float32)
    return counter.get_total_flops() / 1e12


@torch.no_grad()
def _count_bytes(
    checkpoint: VideoCheckpoint, settings: ResolvedSana, latents: int, dtype: torch.dtype
) -> VideoBytes:
    frames = frame_count(latents, FRAMES_PER_LATENT)
    tile = settings.optimisations.vae_tile
    width, height = (min(side, tile or side) for side in settings.size)
    high, wide = height // LATENT_STRIDE, width // LATENT_STRIDE
    # A window's pictures, which lie there besides what a tile takes.
    pixels = 3 * frames * settings.size[0] * settings.size[1] * dtype.itemsize
    with torch.device("meta"), FusedAttention():
        # The modules' own ``to`` would warn of what is kept in float32 when weights are loaded.
        transformer: Any = SanaWMTransformer3DModel.from_config(checkpoint.config("transformer"))
        nn.Module.to(transformer, dtype)
        vae: Any = AutoencoderKLLTX2Video.from_config(checkpoint.config("vae"))
        nn.Module.to(vae, dtype)
        step = count_peak(lambda: _step(transformer, settings, latents, dtype))
        video = torch.empty(1, 3, frames, height, width, dtype=dtype)
        preparing = count_peak(lambda: vae.encode(video))
        given = torch.empty(1, vae.config.latent_channels, latents, high, wide, dtype=dtype)
        decoding = count_peak(lambda: vae.decode(given))
    return VideoBytes(
        transformers=weight_bytes(transformer),
        vae=weight_bytes(vae),
        preparing=preparing + pixels,
        activations=step,
        decoding=decoding + (pixels if tile else 0),
    )


def _step(
    transformer: Any, settings: ResolvedSana, latents: int, dtype: torch.dtype
) -> tuple[Any, ...]:
    """A window's step; guidance computes both of its halves together.

    The rays are given, because what makes them asks for a type of device that has autocast.
    """
    config, halves = transformer.config, 2 if settings.guidance > 1 else 1
    width, height = (side // LATENT_STRIDE for side in settings.size)
    shape = (latents, height, width)
    answer: tuple[Any, ...] = transformer(
        torch.empty(halves, config.in_channels, *shape, dtype=dtype),
        torch.empty(halves, 1, latents),
        torch.empty(halves, 1, TOKENS, config.caption_channels, dtype=dtype),
        mask=torch.empty(halves, TOKENS, dtype=torch.long),
        camera_conditions=torch.empty(halves, latents, 20, dtype=dtype),
        chunk_plucker=torch.empty(halves, config.chunk_plucker_channels, *shape, dtype=dtype),
        cam_pos_embeds={"absmap": torch.empty(halves, 3, *shape, dtype=dtype)},
        raymats=torch.empty(halves, *shape, 4, 4, dtype=dtype),
        return_dict=False,
    )
    return answer
