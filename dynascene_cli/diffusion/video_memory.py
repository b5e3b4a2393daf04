"""What memory a public video model takes, told before it begins: what its plans share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.live_bytes import LiveBytes
from dynascene_cli.diffusion.memory_plan import (
    DevicePlan,
    Lightening,
    MemoryPlan,
    free_bytes,
    lighter_options,
)
from dynascene_cli.diffusion.optimisations import Precision, SamplingOptimizations

LABELS = {
    "weights": "transformers and VAE",
    "preparing": "a window through the encoder",
    "activations": "a window's step",
    "decoding": "a window through the decoder",
    "latents": "latents (main memory)",
    "peak": "peak",
}


@dataclass(frozen=True)
class VideoBytes:
    """Bytes of weights, and the most that live in a window's way through each part."""

    transformers: int
    vae: int
    preparing: int
    activations: int
    decoding: int


@dataclass(frozen=True)
class VideoSampling:
    """What is planned: sampled ``frames`` in windows of ``window``, and what takes less.

    ``latents``: bytes in main memory. ``step_tflop``: the counted arithmetic of a step of all
    windows. ``windowed``: parts of a plan that grow with the window. ``halves_on_cpu``: whether
    the network runs in bfloat16 on the CPU.
    """

    frames: int
    window: int
    shorter: int
    size: tuple[int, int]
    smaller: tuple[int, int]
    optimisations: SamplingOptimizations
    latents: int
    step_tflop: float
    windowed: tuple[str, ...]
    halves_on_cpu: bool


def plan_video(sampling: VideoSampling, count: Callable[[torch.dtype], VideoBytes]) -> MemoryPlan:
    """The plan on the CPU and on a GPU; ``count`` gives the bytes in a precision.

    The text encoder is not in it: prompts are encoded before, and on the CPU.
    """
    asked = sampling.optimisations
    devices, options = [], {}
    for device in ("cpu", "cuda"):
        usual: Precision = "bfloat16" if device == "cuda" else "float32"
        takes = device == "cuda" or sampling.halves_on_cpu
        precision = asked.precision if asked.precision and takes else usual
        counted = count(DTYPES[precision])
        resting = counted.transformers if device == "cuda" and asked.offload else 0
        plan = DevicePlan(
            device=device,
            precision=precision,
            weights=counted.transformers + counted.vae - resting,
            conditioning=0,
            camera=0,
            preparing=counted.preparing,
            activations=counted.activations,
            decoding=counted.decoding,
            latents=sampling.latents,
            free=free_bytes(device),
        )
        devices.append(plan)
        options[device] = lighter_options(
            plan,
            Lightening(
                size=sampling.size,
                smaller=sampling.smaller,
                window=sampling.window,
                shorter=sampling.shorter if sampling.shorter < sampling.window else 0,
                offloads=asked.offload,
                tiles=asked.vae_tile is None,
                offloaded=counted.transformers,
                halved=("activations",) if sampling.halves_on_cpu else (),
                windowed=sampling.windowed,
            ),
        )
    return MemoryPlan(
        frames=sampling.frames,
        size=sampling.size,
        window=sampling.window,
        devices=tuple(devices),
        options=options,
        labels=LABELS,
        step_tflop=sampling.step_tflop,
    )


def count_peak(run: Callable[[], Any]) -> int:
    """The most bytes that live at a time of what is made in it, on torch's ``meta`` device."""
    with LiveBytes() as live:
        run()
    return live.peak


def weight_bytes(module: nn.Module) -> int:
    """The bytes of a network's weights."""
    return sum(parameter.nbytes for parameter in module.parameters())
