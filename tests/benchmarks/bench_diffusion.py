"""A denoising step: against diffusers' own, against nothing saved, and the geometries' cost.

    python tests/benchmarks/bench_diffusion.py [tests-tiny|dynascene] [FRAMES HEIGHT WIDTH]

Sizes are of latents. The step is counted in TFLOP at 24 × 54 × 96 without being run, and timed in
CPU-seconds of all threads at the size that is asked for, the variants in turn.
"""

import resource
import sys
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diffusion"))
from plain_path import PlainPath
from tiny_networks import Inputs, awake, inputs

from dynascene_cli.diffusion.configuration import NetworkConfig, preset
from dynascene_cli.diffusion.network import Network

REPEATS = 3
GEOMETRIES = ("none", "tied_rays", "ray_bias", "prope")


class StockPath:
    """diffusers' U-Net with its own processors: no reference, no camera, the token attended to."""

    def __init__(self, network: Network) -> None:
        self.network = network
        network.denoiser.set_attn_processor(AttnProcessor2_0())

    def step(self, given: Inputs) -> Tensor:
        sample = torch.cat([given.noisy, given.generate_mask, given.foreground], dim=1)
        tokens = given.embedding[:, None].repeat_interleave(given.noisy.shape[2], 0)
        return self.network.denoiser(sample, given.timestep, tokens, return_dict=False)[0]


def clip(config: NetworkConfig, frames: int, height: int, width: int) -> Inputs:
    return inputs(frames=frames, height=height, width=width, config=config)


def counted(config: NetworkConfig) -> dict[str, float]:
    """TFLOP of what a clip of 24 frames at 768 × 432 takes once, and of a step."""
    given = clip(config, 24, 54, 96)
    to_meta = {k: v.to("meta") for k, v in vars(given).items() if isinstance(v, Tensor)}
    for name in ("views", "scene_view"):
        views = getattr(given, name)
        to_meta[name] = type(views)(views.intrinsics.to("meta"), views.extrinsics.to("meta"))
    given = Inputs(**to_meta)
    with torch.device("meta"), torch.no_grad():
        network = Network(config)
        with FlopCounterMode(display=False) as once:
            conditioning = network.condition(**given.of_clip())
        with FlopCounterMode(display=False) as step:
            network.denoise(**given.of_step(), conditioning=conditioning)
    return {"once": once.get_total_flops() / 1e12, "step": step.get_total_flops() / 1e12}


def timed(steps: dict[str, Callable[[], Tensor]]) -> dict[str, float]:
    """Median CPU-seconds of each, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(REPEATS + 1):
        for name, step in steps.items():
            start = time.process_time()
            result = step()
            # The first run warms up.
            if repeat:
                times[name].append(time.process_time() - start)
            assert result.isfinite().all()
    return {name: float(np.median(each)) for name, each in times.items()}


def main(name: str = "tests-tiny", *size: str) -> None:
    config = preset(name)
    frames, height, width = (int(number) for number in size) if size else (8, 18, 32)
    for geometry in GEOMETRIES:
        tflop = counted(replace(preset("dynascene"), reference_geometry=geometry))
        print(f"dynascene, {geometry}: {tflop['once']:.2f} once, {tflop['step']:.2f} TFLOP a step")
    torch.manual_seed(0)
    network = awake(Network(config)).eval()
    given = clip(config, frames, height, width)
    processors = copy(network.denoiser.attn_processors)

    def with_processors(step: Callable[[], Tensor], chosen: dict[str, object]) -> Tensor:
        network.denoiser.set_attn_processor(copy(chosen))
        return step()

    plain = PlainPath(network)
    plain_processors = copy(network.denoiser.attn_processors)
    stock = StockPath(network)
    stock_processors = copy(network.denoiser.attn_processors)
    network.denoiser.set_attn_processor(copy(processors))
    with torch.no_grad():
        conditioning = network.condition(**given.of_clip())
        first, second = (
            network.denoise(**given.of_step(), conditioning=conditioning) for _ in "ab"
        )
        assert torch.equal(first, second)
        seconds = timed(
            {
                "stock": lambda: with_processors(lambda: stock.step(given), stock_processors),
                "ours": lambda: with_processors(
                    lambda: network.denoise(**given.of_step(), conditioning=conditioning),
                    processors,
                ),
                "plain": lambda: with_processors(lambda: plain.step(given), plain_processors),
            }
        )
    print(f"{name}, {frames} frames of {height} × {width} latents, CPU-seconds a step: {seconds}")
    print(f"to diffusers' own step {seconds['ours'] / seconds['stock']:.3f}")
    print(f"to the step that saves nothing {seconds['ours'] / seconds['plain']:.3f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main(*sys.argv[1:])
