"""What memory sampling takes, told before it begins; nothing is computed or loaded for it."""

import weakref
from dataclasses import dataclass, replace
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.conditioning import Conditioning
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.device import has_gpu
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

    ``options`` are settings by device, as on the command line, with their peaks in bytes.
    """

    frames: int
    size: tuple[int, int]
    window: int
    devices: tuple[DevicePlan, ...]
    options: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """The answer under --json: bytes."""
        return {
            "frames": self.frames,
            "size": list(self.size),
            "window": self.window,
            "devices": {plan.device: {**vars(plan), "peak": plan.peak} for plan in self.devices},
            "options": self.options,
        }

    def as_text(self) -> str:
        """The answer for people: a table, and the options."""
        width, height = self.size
        lines = [f"{self.frames} frames of {width}x{height} in windows of {self.window}", ""]
        heads = (f"{plan.device}, {plan.precision}" for plan in self.devices)
        lines.append(f"{'':<28}" + "".join(f"{head:>17}" for head in heads))
        for name, label in LABELS.items():
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
            free=_free(device),
            **counted,
        )
        if device == "cuda" and settings.optimisations.offload:
            plan = replace(plan, weights=0)
        devices.append(plan)
        options[device] = _options(plan, config, replace(settings, window=window))
    return MemoryPlan(frames, settings.size, window, tuple(devices), options)


def _options(plan: DevicePlan, config: NetworkConfig, settings: ResolvedSampling) -> dict[str, int]:
    """Peaks of the settings as they are and of what takes less, one change at a time."""
    width, height = settings.size
    found = {"as it is": plan.peak}
    if plan.device == "cpu" and plan.precision == "float32":
        found["--precision bfloat16"] = _scale_plan(plan, 0.5, "weights", *WORKING).peak
    if plan.device == "cuda" and not settings.optimisations.offload:
        found["--offload"] = replace(plan, weights=0).peak
    shorter = settings.window // 2
    if shorter:
        scaled = _scale_plan(plan, shorter / settings.window, "preparing", "activations")
        found[f"--window {shorter}"] = scaled.peak
    smaller = smaller_size(settings.size, config)
    if smaller != settings.size:
        share = smaller[0] * smaller[1] / (width * height)
        found[f"--sample-size {smaller[0]}x{smaller[1]}"] = _scale_plan(plan, share, *WORKING).peak
    whole = config.latent == "vae" and settings.optimisations.vae_tile is None
    if whole and max(settings.size) > SUGGESTED_TILE:
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
    with torch.device("meta"), _FusedAttention():
        network = Network(config).to(dtype)

        def latents(count: int, numbers: int = channels) -> Tensor:
            return torch.empty(1, numbers, count, height, width, dtype=dtype)

        views = Views(torch.empty(1, length, 3, 3), torch.empty(1, length, 3, 4))
        scene = Views(views.intrinsics[:, :1], views.extrinsics[:, :1])
        embedding = torch.empty(1, config.image_embedding, dtype=dtype)
        reference = latents(1)[:, :, 0]
        with _LiveBytes() as once:
            shared = network.condition(embedding, reference, views, scene, (height, width))
            left = once.now
        with _LiveBytes() as step:
            network.denoise(latents(length), latents(length, 1), latents(length), 1, shared)
        tile = settings.optimisations.vae_tile
        high, wide = (min(side, tile // stride) if tile else side for side in (height, width))
        with _LiveBytes() as decoding:
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


def _free(device: str) -> int | None:
    if device == "cpu":
        return int(psutil.virtual_memory().available)
    return int(torch.cuda.mem_get_info()[0]) if has_gpu() else None


def _gigabytes_text(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _verdict(peak: int, free: int | None) -> str:
    if free is None:
        return ""
    return "  fits" if peak <= free else "  does not fit"


class _FusedAttention(TorchFunctionMode):
    """Attention as CPUs and GPUs compute it, without a matrix of scores."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is functional.scaled_dot_product_attention:
            query, value = (
                args[place] if len(args) > place else kwargs[name]
                for place, name in ((0, "query"), (2, "value"))
            )
            return query.new_empty(*query.shape[:-1], value.shape[-1])
        return func(*args, **(kwargs or {}))


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of the tensors made inside it that live at a time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = {id(tensor.untyped_storage()) for tensor in _tensors((args, kwargs))}
        made = func(*args, **(kwargs or {}))
        for tensor in _tensors(made):
            storage = tensor.untyped_storage()
            if id(storage) in given or id(storage) in self._known:
                continue
            self._known.add(id(storage))
            self.now += storage.nbytes()
            weakref.finalize(storage, self._freed, id(storage), storage.nbytes())
        self.peak = max(self.peak, self.now)
        return made

    def _freed(self, storage: int, count: int) -> None:
        self._known.discard(storage)
        self.now -= count


def _tensors(values: object) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]
