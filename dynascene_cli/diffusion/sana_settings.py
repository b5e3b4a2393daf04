"""What a user asks of SANA-WM, as plain values, checked without torch."""

import math
from dataclasses import dataclass, field
from typing import Any

from dynascene_cli.diffusion.latent_frames import check_window, latent_count, usual_overlap
from dynascene_cli.diffusion.optimisations import SamplingOptimizations, check_tile
from dynascene_cli.diffusion.sampling_size import choose_size
from dynascene_cli.diffusion.sampling_steps import check_steps
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.errors import InputError

PIPELINE = "SanaWMPipeline"

SANA_VERSION = 1
"""Grows with every change of what the same settings sample."""

FRAMES_PER_LATENT = 8
"""A latent holds eight frames, but for the first, which holds one."""

LATENT_STRIDE = 32
NATIVE_WINDOW = 161
NATIVE_RATE = 16
"""Frames, and frames a second, of its authors' pipeline."""

USUAL_STEPS, USUAL_GUIDANCE = 60, 5.0
"""diffusers' defaults."""

PROMPT = (
    "A real place, filmed in natural light by a camera that moves smoothly. Nothing in the "
    "background moves."
)


@dataclass(frozen=True)
class SanaSizes:
    """A size rule: 720p in area, sides of whole latents."""

    sampled_area: int = 1280 * 704
    latent_stride: int = LATENT_STRIDE
    smallest_side: int = 64


SIZES = SanaSizes()


@dataclass(frozen=True)
class SanaSettings:
    """How a plate is made from its first frame; what is None is decided by the plate.

    ``reinsert``: the person is put back at every step. ``translation_scale``: how many of the
    network's units the scene's median depth is. ``window``: frames that are denoised together,
    8k + 1.
    """

    prompt: str = PROMPT
    reinsert: bool = True
    translation_scale: float = 1.0
    steps: int = USUAL_STEPS
    guidance: float = USUAL_GUIDANCE
    size: tuple[int, int] | None = None
    seed: int = 0
    window: int = NATIVE_WINDOW
    optimisations: SamplingOptimizations = field(default_factory=SamplingOptimizations)


@dataclass(frozen=True)
class ResolvedSana:
    """Settings of which nothing is left open."""

    prompt: str
    reinsert: bool
    translation_scale: float
    steps: int
    guidance: float
    size: tuple[int, int]
    seed: int
    window: int
    optimisations: SamplingOptimizations

    @property
    def window_latents(self) -> int:
        """How many latents long a window is."""
        return latent_count(self.window, FRAMES_PER_LATENT)

    @property
    def overlap_latents(self) -> int:
        """How many latents neighbouring windows share."""
        return usual_overlap(self.window_latents)


def resolve_sana(settings: SanaSettings, plate_size: tuple[int, int]) -> ResolvedSana:
    """The settings for a plate of (width, height).

    Raises:
        InputError: a value is out of its range, or an optimisation would do nothing.
    """
    check_steps(settings.steps, settings.guidance)
    if not 0 < settings.translation_scale < math.inf:
        raise InputError(f"the translation scale is {settings.translation_scale}", "above 0")
    check_window(settings.window, FRAMES_PER_LATENT, "SANA-WM")
    if not settings.prompt.strip():
        raise InputError("the prompt is empty", "leave --prompt out for the usual one")
    size = choose_size(settings.size, plate_size, SIZES)
    check_tile(settings.optimisations.vae_tile, size)
    if settings.optimisations.precision == "float16":
        raise InputError("SANA-WM runs in bfloat16 or float32", "leave --precision out")
    fields = {name: getattr(settings, name) for name in vars(settings)}
    return ResolvedSana(**{**fields, "size": size})


def sana_fingerprint(settings: ResolvedSana, checkpoint: VideoCheckpoint) -> dict[str, Any]:
    """All of the settings that a plate's pictures depend on, for its cache key."""
    return {"version": SANA_VERSION, **checkpoint.facts_with(settings)}
