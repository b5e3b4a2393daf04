"""What memory Wan-VACE takes, told before it begins; nothing is computed or loaded for it."""

from dataclasses import replace
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models import WanVACETransformer3DModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.live_bytes import FusedAttention, LiveBytes
from dynascene_cli.diffusion.memory_plan import (
    DevicePlan,
    Lightening,
    MemoryPlan,
    free_bytes,
    lighter_options,
)
from dynascene_cli.diffusion.optimisations import BYTES, Precision
from dynascene_cli.diffusion.sampling_size import smaller_size
from dynascene_cli.diffusion.vace_settings import (
    FRAMES_PER_LATENT,
    SIZES,
    ResolvedVace,
    frame_count,
    latent_count,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.diffusion.windows import windows

TOKENS = 512

LABELS = {
    "weights": "transformers and VAE",
    "preparing": "a window through the encoder",
    "activations": "a window's step",
    "decoding": "a window through the decoder",
    "latents": "latents (main memory)",
    "peak": "peak",
}

LATENT_STRIDE = 8
"""Pixels that a latent covers on each side; a patch is two by two of them."""


def vace_memory_plan(
    checkpoint: VideoCheckpoint, settings: ResolvedVace, frames: int
) -> MemoryPlan:
    """The plan for a checkpoint and a clip of that many sampled frames.

    The text encoder is not in it: prompts are encoded before, and on the CPU.
    """
    latents = latent_count(frames)
    spans = windows(latents, settings.window_latents, settings.overlap_latents)
    length = len(spans[0])
    devices, options = [], {}
    for device in ("cpu", "cuda"):
        usual: Precision = "bfloat16" if device == "cuda" else "float32"
        precision = settings.optimisations.precision or usual
        counted = _count_bytes(checkpoint, settings, length, DTYPES[precision])
        transformers = counted.pop("transformers")
        plan = DevicePlan(
            device=device,
            precision=precision,
            conditioning=0,
            camera=0,
            latents=_latent_bytes(checkpoint, settings, latents, length * len(spans)),
            free=free_bytes(device),
            **counted,
        )
        if device == "cuda" and settings.optimisations.offload:
            plan = replace(plan, weights=plan.weights - transformers)
        devices.append(plan)
        window = frame_count(length)
        shorter = window // (2 * FRAMES_PER_LATENT) * FRAMES_PER_LATENT + 1
        options[device] = lighter_options(
            plan,
            Lightening(
                size=settings.size,
                smaller=smaller_size(settings.size, SIZES),
                window=window,
                shorter=shorter if shorter >= 9 else 0,
                offloads=settings.optimisations.offload,
                tiles=settings.optimisations.vae_tile is None,
                offloaded=transformers,
                halved=("activations",),
            ),
        )
    return MemoryPlan(
        frames=frames,
        size=settings.size,
        window=frame_count(length),
        devices=tuple(devices),
        options=options,
        labels=LABELS,
        step_tflop=step_tflop(checkpoint, settings, length) * len(spans),
    )


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
) -> dict[str, int]:
    with torch.device("meta"), FusedAttention():
        # The module's own ``to`` would warn of what is kept in float32 when weights are loaded.
        transformer = nn.Module.to(_transformer(checkpoint), dtype)
        vae = AutoencoderKLWan.from_config(checkpoint.config("vae"))
        with LiveBytes() as step:
            _step(transformer, checkpoint, settings, latents, dtype)
        tile = settings.optimisations.vae_tile
        width, height = (min(side, tile or side) for side in settings.size)
        frames = frame_count(latents)
        with LiveBytes() as encoding:
            vae.encode(torch.empty(1, 3, frames, height, width))
        high, wide = height // LATENT_STRIDE, width // LATENT_STRIDE
        with LiveBytes() as decoding:
            vae.decode(torch.empty(1, vae.config.z_dim, latents, high, wide))
    pixels = 3 * frames * settings.size[0] * settings.size[1] * BYTES["float32"]
    count = len(checkpoint.transformers)
    return {
        "transformers": count * _bytes(transformer),
        "weights": count * _bytes(transformer) + _bytes(vae),
        # The window's pictures, kept and to be changed.
        "preparing": encoding.peak + 3 * pixels,
        "activations": step.peak,
        "decoding": max(decoding.peak, decoding.peak + pixels if tile else 0),
    }


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


def _bytes(module: Any) -> int:
    return sum(parameter.nbytes for parameter in module.parameters())
