"""A denoising step: against diffusers' own, against nothing saved, and what each saving gains.

    python tests/benchmarks/bench_diffusion.py [tests-tiny|dynascene] [FRAMES HEIGHT WIDTH]
        [--precision float32|bfloat16|float16] [--optimisations] [--compile]

Sizes are of latents; on a GPU 24 × 54 × 96, 24 frames of 768 × 432, else small. The step is
counted in TFLOP at 24 × 54 × 96 without being run, and timed at the size that is asked for, the
variants in turn: in CPU-seconds of all threads, or in seconds of a GPU where there is one. Its
floor is what its arithmetic alone takes at the speed of a large matrix product. With
--optimisations a clip of eight steps by each of them, with --compile that one too; they take the
weights twice.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from copy import copy, deepcopy
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

from dynascene_cli.diffusion.apply_optimisations import DTYPES, DeepFeatures, optimise_network
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import NetworkConfig, preset
from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot
from dynascene_cli.diffusion.sampling import make_sampler
from dynascene_cli.diffusion.sampling_settings import SamplingSettings, resolve_sampling

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


def moved(given: Inputs, device: torch.device, dtype: torch.dtype) -> Inputs:
    """The inputs on a device; cameras and the timestep keep their precision."""
    there = {k: v.to(device) for k, v in vars(given).items() if isinstance(v, Tensor)}
    there = {k: v.to(dtype) if v.is_floating_point() else v for k, v in there.items()}
    for name in ("views", "scene_view"):
        views = getattr(given, name)
        there[name] = type(views)(views.intrinsics.to(device), views.extrinsics.to(device))
    return Inputs(**there)


def shallow_share(config: NetworkConfig) -> float:
    """How much of a step's arithmetic is left where deep features are reused, 24 × 54 × 96."""
    given = moved(clip(config, 24, 54, 96), torch.device("meta"), torch.float32)
    with torch.device("meta"), torch.no_grad():
        network = Network(config)
        conditioning = network.condition(**given.of_clip())
        with FlopCounterMode(display=False) as counter:
            network.denoise(**given.of_step(), conditioning=conditioning)
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    last = config.levels - 1
    run = ("conv_in", "down_blocks.0", f"up_blocks.{last}", "conv_out")
    return sum(counts[f"UNetMotionModel.{name}"] for name in run) / counter.get_total_flops()


def counted(
    config: NetworkConfig, frames: int = 24, height: int = 54, width: int = 96
) -> dict[str, float]:
    """TFLOP of what a clip takes once, and of a step; sizes are of latents."""
    given = moved(clip(config, frames, height, width), torch.device("meta"), torch.float32)
    with torch.device("meta"), torch.no_grad():
        network = Network(config)
        with FlopCounterMode(display=False) as once:
            conditioning = network.condition(**given.of_clip())
        with FlopCounterMode(display=False) as step:
            network.denoise(**given.of_step(), conditioning=conditioning)
    return {"once": once.get_total_flops() / 1e12, "step": step.get_total_flops() / 1e12}


def timed(steps: dict[str, Callable[[], Tensor]], device: torch.device) -> dict[str, float]:
    """Median seconds of each, run in turn: CPU-seconds, or on a GPU its own."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(REPEATS + 1):
        for name, step in steps.items():
            start = clock(device)
            result = step()
            seconds = clock(device) - start
            # The first run warms up.
            if repeat:
                times[name].append(seconds)
            assert result.isfinite().all()
    return {name: float(np.median(each)) for name, each in times.items()}


def clip_seconds(step: float, shallow: float) -> dict[str, float]:
    """Of a clip's steps, whole and with every third one whole."""
    found = {f"{steps} steps": steps * step for steps in (50, 8)}
    whole = -(-50 // 3)
    return {**found, "50 steps, --reuse-deep 3": whole * step + (50 - whole) * shallow}


def difference(made: Tensor, exact: Tensor) -> float:
    """Root mean square, in deviations of the exact result."""
    return float((made.float() - exact).square().mean().sqrt() / exact.std())


def tell_optimisations(
    network: Network, given: Inputs, device: torch.device, compiles: bool
) -> None:
    """What each optimisation gains a step, and its error in a clip of eight steps by DDIM."""
    kept = ("embedding", "reference", "generate_mask", "foreground", "views", "scene_view")
    on_cpu = {name: getattr(given, name) for name in kept}
    shot = EncodedShot(**on_cpu)
    info = CheckpointInfo(network.config, stage="video")
    exact: Tensor | None = None
    usual = 0.0
    choices: dict[str, SamplingOptimizations] = {
        "float32": SamplingOptimizations(precision="float32"),
        "--precision bfloat16": SamplingOptimizations(precision="bfloat16"),
        "--channels-last": SamplingOptimizations(precision="float32", channels_last=True),
        "--reuse-deep 2": SamplingOptimizations(precision="float32", reuse_deep=2),
        "--reuse-deep 4": SamplingOptimizations(precision="float32", reuse_deep=4),
    }
    if device.type == "cuda":
        choices["--precision float16"] = SamplingOptimizations(precision="float16")
        choices["--precision float16 --offload"] = SamplingOptimizations(
            precision="float16", offload=True
        )
    if compiles:
        choices["--compile"] = SamplingOptimizations(precision="float32", compiled=True)
    for name, optimisations in choices.items():
        size = tuple(network.config.latent_stride * side for side in given.noisy.shape[:2:-1])
        chosen = resolve_sampling(
            SamplingSettings(steps=8, size=size, optimisations=optimisations), info, size
        )
        copied = deepcopy(network).to(DTYPES[optimisations.precision or "float32"])
        pipeline = DynascenePipeline(copied, make_sampler("ddim", 8))
        pipeline.optimise(optimisations, device)
        if optimisations.compiled:
            pipeline.sample(shot, chosen)
        start = clock(device)
        made = pipeline.sample(shot, chosen)
        seconds = clock(device) - start
        exact, usual = (made, seconds) if exact is None else (exact, usual)
        told = f"{name}: {seconds / 8:.3f} s a step, gain {usual / seconds:.2f}"
        print(f"{told}, error {difference(made, exact):.2g}", flush=True)
    if network.vae is not None:
        tiles = optimise_network(
            deepcopy(network), SamplingOptimizations(vae_tile=64), torch.device("cpu")
        )
        with torch.no_grad():
            whole = network.decode(given.reference)
            error = difference(tiles.decode(given.reference), whole)
        print(f"--vae-tile 64: error of a frame {error:.2g}")


def clock(device: torch.device) -> float:
    """CPU-seconds of all threads; on a GPU seconds, after all that was asked of it is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def floor_share(config: NetworkConfig, given: Inputs, seconds: float) -> str:
    """How much of a step's time its arithmetic alone would take, at what a matrix product gives."""
    device = given.noisy.device
    side = 8192 if device.type == "cuda" else 1024
    matrix = torch.ones(side, side, dtype=given.noisy.dtype, device=device)
    rates = []
    for _ in range(4):
        start = clock(device)
        matrix @ matrix
        rates.append(2 * side**3 / (clock(device) - start))
    frames, height, width = given.noisy.shape[2:]
    flop = counted(config, frames, height, width)["step"] * 1e12
    floor = flop / max(rates)
    rate = max(rates) / 1e12
    return f"floor {floor:.3f} s at {rate:.3f} TFLOP/s; a step takes {seconds / floor:.2f} of it"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="tests-tiny")
    parser.add_argument("size", nargs="*", type=int, metavar="FRAMES HEIGHT WIDTH")
    parser.add_argument("--precision", choices=DTYPES)
    parser.add_argument("--optimisations", action="store_true")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    name, config = arguments.name, preset(arguments.name)
    device = choose_device(None)
    usual = (24, 54, 96) if device.type == "cuda" else (8, 18, 32)
    frames, height, width = arguments.size or usual
    for geometry in GEOMETRIES:
        full = replace(preset("dynascene"), reference_geometry=geometry)
        tflop = counted(full)
        print(f"dynascene, {geometry}: {tflop['once']:.2f} once, {tflop['step']:.2f} TFLOP a step")
    print(f"of which with deep features reused: {shallow_share(preset('dynascene')):.3f}")
    torch.manual_seed(0)
    network = awake(Network(config)).eval()
    given = clip(config, frames, height, width)
    if arguments.optimisations:
        tell_optimisations(network, given, device, arguments.compile)
    precision = arguments.precision or ("float16" if device.type == "cuda" else "float32")
    dtype = DTYPES[precision]
    network.to(device, dtype)
    given = moved(given, device, dtype)
    processors = copy(network.denoiser.attn_processors)

    def with_processors(step: Callable[[], Tensor], chosen: dict[str, object]) -> Tensor:
        network.denoiser.set_attn_processor(copy(chosen))
        return step()

    plain = PlainPath(network)
    plain_processors = copy(network.denoiser.attn_processors)
    stock = StockPath(network)
    stock_processors = copy(network.denoiser.attn_processors)
    network.denoiser.set_attn_processor(copy(processors))
    deep = DeepFeatures(network)
    inputs_of_step = (given.noisy, given.generate_mask, given.foreground)
    with torch.no_grad():
        conditioning = network.condition(**given.of_clip())

        def reusing(whole: bool) -> Tensor:
            return deep.denoise(inputs_of_step, 500, conditioning, "clip", whole)

        first, second = (reusing(True) for _ in "ab")
        assert torch.equal(first, second)
        seconds = timed(
            {
                "stock": lambda: with_processors(lambda: stock.step(given), stock_processors),
                "ours": lambda: with_processors(
                    lambda: network.denoise(**given.of_step(), conditioning=conditioning),
                    processors,
                ),
                "plain": lambda: with_processors(lambda: plain.step(given), plain_processors),
                "reusing": lambda: with_processors(lambda: reusing(False), processors),
            },
            device,
        )
    shown = f"{name} in {precision} on {device}, {frames} frames of {height} × {width} latents"
    print(f"{shown}, s a step: {seconds}")
    print(f"a clip, s: {clip_seconds(seconds['ours'], seconds['reusing'])}")
    print(f"to diffusers' own step {seconds['ours'] / seconds['stock']:.3f}")
    print(f"to the step that saves nothing {seconds['ours'] / seconds['plain']:.3f}")
    print(floor_share(config, given, seconds["ours"]))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    if device.type == "cuda":
        print(f"peak memory of the GPU {torch.cuda.max_memory_allocated() / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
