"""What memory sampling takes, told before it begins; nothing is computed or loaded for it."""

from dataclasses import dataclass, field, replace
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
from torch import Tensor

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.device import has_gpu
from dynascene_cli.diffusion.live_bytes import FusedAttention, LiveBytes
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.optimisations import BYTES, Precision
from dynascene_cli.diffusion.pipeline import camera_cache_bytes
from dynascene_cli.diffusion.sampling_settings import ResolvedSampling
from dynascene_cli.diffusion.sampling_size import smaller_size
from dynascene_cli.diffusion.windows import windows

OVERHEAD: dict[str, int] = {"cpu": 600 << 20, "cuda": 900 << 20}
"""Bytes of libraries and of memory that lies between pieces, by device."""

SUGGESTED_TILE = 256
LABELS = {
    "weights": "weights",
    "conditioning": "the scene's keys and values",
    "camera": "camera features",
    "preparing": "to compute those",
    "activations": "a window's step",
    "decoding": "a frame through the VAE",
    "latents": "latents (main memory)",
    "peak": "peak",
}
WORKING = ("conditioning", "camera", "preparing", "activations", "decoding")
"""Grow with the picture's area."""


@dataclass(frozen=True)
class DevicePlan:
    """Bytes on one device.

    ``weights`` lie there all the time, but for those that are offloaded; ``conditioning`` and
    ``camera`` during sampling, with ``preparing`` while they are computed and ``activations``
    while a window is denoised; ``decoding`` is after it; ``latents`` are always in main memory.
    ``free`` is what is free now, None where there is no such device.
    """

    device: str
    precision: Precision
    weights: int
    conditioning: int
    camera: int
    preparing: int
    activations: int
    decoding: int
    latents: int
    free: int | None

    @property
    def peak(self) -> int:
        """The most that is needed at a time on the device."""
        kept = self.conditioning + self.camera
        working = max(kept + self.activations, kept + self.preparing, self.decoding)
        latents = self.latents if self.device == "cpu" else 0
        return self.weights + working + latents + OVERHEAD[self.device]


@dataclass(frozen=True)
class MemoryPlan:
    """What sampling ``frames`` frames takes on the CPU and on a GPU, and what takes less.

    ``options`` are settings by device, as on the command line, with their peaks in bytes;
    ``labels`` what the parts of a plan are called; ``step_tflop`` the arithmetic of a step, where
    it was counted.
    """

    frames: int
    size: tuple[int, int]
    window: int
    devices: tuple[DevicePlan, ...]
    options: dict[str, dict[str, int]]
    labels: dict[str, str] = field(default_factory=lambda: LABELS)
    step_tflop: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer under --json: bytes."""
        return {
            "frames": self.frames,
            "size": list(self.size),
            "window": self.window,
            "devices": {plan.device: {**vars(plan), "peak": plan.peak} for plan in self.devices},
            "options": self.options,
            **({} if self.step_tflop is None else {"step_tflop": round(self.step_tflop, 2)}),
        }

    def as_text(self) -> str:
        """The answer for people: a table, and the options."""
        width, height = self.size
        lines = [f"{self.frames} frames of {width}x{height} in windows of {self.window}", ""]
        heads = (f"{plan.device}, {plan.precision}" for plan in self.devices)
        lines.append(f"{'':<28}" + "".join(f"{head:>17}" for head in heads))
        for name, label in self.labels.items():
            values = (_gigabytes_text(getattr(plan, name)) for plan in self.devices)
            lines.append(f"{label:<28}" + "".join(f"{value:>17}" for value in values))
        free = ("-" if plan.free is None else _gigabytes_text(plan.free) for plan in self.devices)
        lines.append(f"{'free now':<28}" + "".join(f"{value:>17}" for value in free))
        for plan in self.devices:
            lines += ["", f"peaks on {plan.device}:"]
            lines += [
                f"  {option:<26}{_gigabytes_text(peak):>10}{_verdict(peak, plan.free)}"
                for option, peak in self.options[plan.device].items()
            ]
        if self.step_tflop is not None:
            lines += ["", f"a step of all windows: {self.step_tflop:.1f} TFLOP"]
        return "\n".join(lines)


def memory_plan(config: NetworkConfig, settings: ResolvedSampling, frames: int) -> MemoryPlan:
    """The plan for a network and a clip of that many sampled frames.

    Layers run on torch's ``meta`` device, where tensors have sizes and no content, and what lives
    at a time is counted.
    """
    window = min(settings.window, frames)
    devices, options = [], {}
    for device in ("cpu", "cuda"):
        precision = settings.optimisations.precision_on(device)
        counted = _count_bytes(config, settings, frames, DTYPES[precision])
        plan = DevicePlan(
            device=device,
            precision=precision,
            latents=_latent_bytes(config, settings, frames),
            free=free_bytes(device),
            **counted,
        )
        if device == "cuda" and settings.optimisations.offload:
            plan = replace(plan, weights=0)
        devices.append(plan)
        options[device] = _options(plan, config, replace(settings, window=window))
    return MemoryPlan(frames, settings.size, window, tuple(devices), options)


def _options(plan: DevicePlan, config: NetworkConfig, settings: ResolvedSampling) -> dict[str, int]:
    """Peaks of the settings as they are and of what takes less, one change at a time."""
    tiles = settings.optimisations.vae_tile is None and config.latent == "vae"
    burden = Lightening(
        settings.size,
        smaller_size(settings.size, config),
        settings.window,
        settings.window // 2,
        settings.optimisations.offload,
        tiles,
        plan.weights,
        WORKING,
    )
    return lighter_options(plan, burden)


@dataclass(frozen=True)
class Lightening:
    """What may be made smaller, and how small; ``shorter`` 0: the window not.

    ``offloads``: weights are offloaded already; ``offloaded``: bytes of those that would be;
    ``tiles``: the VAE may work in tiles; ``halved``: what bfloat16 halves of a plan in float32
    beside the weights that would be offloaded, nothing where it does not run on the CPU;
    ``windowed``: what grows with the window.
    """

    size: tuple[int, int]
    smaller: tuple[int, int]
    window: int
    shorter: int
    offloads: bool
    tiles: bool
    offloaded: int
    halved: tuple[str, ...]
    windowed: tuple[str, ...] = ("preparing", "activations")


def lighter_options(plan: DevicePlan, may: Lightening) -> dict[str, int]:
    """Peaks of a plan as it is and of what takes less, one change at a time."""
    width, height = may.size
    found = {"as it is": plan.peak}
    if may.halved and plan.device == "cpu" and plan.precision == "float32":
        smaller = replace(plan, weights=plan.weights - may.offloaded // 2)
        found["--precision bfloat16"] = _scale_plan(smaller, 0.5, *may.halved).peak
    if plan.device == "cuda" and not may.offloads:
        found["--offload"] = replace(plan, weights=plan.weights - may.offloaded).peak
    if may.shorter:
        scaled = _scale_plan(plan, may.shorter / may.window, *may.windowed)
        found[f"--window {may.shorter}"] = scaled.peak
    if may.smaller != may.size:
        share = may.smaller[0] * may.smaller[1] / (width * height)
        scaled = _scale_plan(plan, share, *WORKING)
        found[f"--sample-size {may.smaller[0]}x{may.smaller[1]}"] = scaled.peak
    if may.tiles and max(may.size) > SUGGESTED_TILE:
        share = min(SUGGESTED_TILE, width) * min(SUGGESTED_TILE, height) / (width * height)
        scaled = _scale_plan(plan, share, "decoding")
        if scaled.peak < plan.peak:
            found[f"--vae-tile {SUGGESTED_TILE}"] = scaled.peak
    return found


def _scale_plan(plan: DevicePlan, share: float, *names: str) -> DevicePlan:
    changed: dict[str, Any] = {name: round(getattr(plan, name) * share) for name in names}
    return replace(plan, **changed)


@torch.no_grad()
def _count_bytes(
    config: NetworkConfig, settings: ResolvedSampling, frames: int, dtype: torch.dtype
) -> dict[str, int]:
    spans = windows(frames, settings.window, settings.overlap)
    length, stride = len(spans[0]), config.latent_stride
    width, height = (side // stride for side in settings.size)
    channels = config.latent_channels
    halves = 2 if settings.guidance > 1 else 1
    with torch.device("meta"), FusedAttention():
        network = Network(config).to(dtype)

        def latents(count: int, numbers: int = channels) -> Tensor:
            return torch.empty(1, numbers, count, height, width, dtype=dtype)

        views = Views(torch.empty(1, length, 3, 3), torch.empty(1, length, 3, 4))
        scene = Views(views.intrinsics[:, :1], views.extrinsics[:, :1])
        embedding = torch.empty(1, config.image_embedding, dtype=dtype)
        reference = latents(1)[:, :, 0]
        with LiveBytes() as once:
            shared = network.condition(embedding, reference, views, scene, (height, width))
            left = once.now
        with LiveBytes() as step:
            network.denoise(latents(length), latents(length, 1), latents(length), 1, shared)
        tile = settings.optimisations.vae_tile
        high, wide = (min(side, tile // stride) if tile else side for side in (height, width))
        with LiveBytes() as decoding:
            network.decode(latents(1)[:, :, 0, :high, :wide])
    camera = sum(half.nbytes for half in shared.camera.values())
    return {
        "weights": sum(parameter.nbytes for parameter in network.parameters()),
        "conditioning": halves * _bytes(shared),
        # One window's are there even where none is kept.
        "camera": max(camera, min(camera * len(spans), camera_cache_bytes(settings))),
        "preparing": once.peak - left,
        "activations": step.peak,
        "decoding": decoding.peak,
    }


def _bytes(shared: Conditioning) -> int:
    pairs = (part for pair in shared.reference.values() for part in pair)
    return sum(tensor.nbytes for tensor in (*shared.image.values(), *pairs))


def _latent_bytes(config: NetworkConfig, settings: ResolvedSampling, frames: int) -> int:
    """Of what is sampled, the person's latents and the mask, in float32."""
    width, height = (side // config.latent_stride for side in settings.size)
    return config.input_channels * frames * width * height * BYTES["float32"]


def free_bytes(device: str) -> int | None:
    """What is free on a device now; None where there is no such device."""
    if device == "cpu":
        return int(psutil.virtual_memory().available)
    return int(torch.cuda.mem_get_info()[0]) if has_gpu() else None


def _gigabytes_text(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _verdict(peak: int, free: int | None) -> str:
    if free is None:
        return ""
    return "  fits" if peak <= free else "  does not fit"
