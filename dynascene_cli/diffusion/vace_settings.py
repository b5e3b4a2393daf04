"""What a user asks of Wan-VACE, as plain values, checked without torch."""

from dataclasses import dataclass, field
from typing import Any, Literal

from dynascene_cli.diffusion.latent_frames import check_window, latent_count, usual_overlap
from dynascene_cli.diffusion.optimisations import SamplingOptimizations, check_tile
from dynascene_cli.diffusion.sampling_size import choose_size
from dynascene_cli.diffusion.sampling_steps import check_steps
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint
from dynascene_cli.errors import InputError

PIPELINE = "WanVACEPipeline"

VACE_VERSION = 1
"""Grows with every change of what the same settings sample."""

FRAMES_PER_LATENT = 4
"""A latent holds four frames, but for the first, which holds one."""

NATIVE_WINDOW = 81
NATIVE_RATE = 16
"""Frames, and frames a second, that Wan was trained on."""

USUAL_STEPS, USUAL_GUIDANCE = 30, 5.0
"""As in diffusers' example."""

PROMPT = (
    "A real place, filmed in natural light, sharp and rich in detail. The camera moves smoothly "
    "and nothing in the background moves. The person's feet touch the ground and throw a soft "
    "shadow on it."
)
NEGATIVE_PROMPT = (
    "people in the background, text, subtitles, watermark, blurred, flickering, distorted, "
    "overexposed, painting, cartoon, low quality, compression artefacts"
)
"""What is generated beside kept pixels is background alone."""

Repaint = Literal["unseen", "background"]


@dataclass(frozen=True)
class VaceSizes:
    """A size rule: 480p in area, sides of whole patches of latents."""

    sampled_area: int = 832 * 480
    latent_stride: int = 16
    smallest_side: int = 64


SIZES = VaceSizes()


@dataclass(frozen=True)
class VaceSettings:
    """How a plate is filled in; what is None is decided by the plate.

    ``repaint``: ``unseen`` generates what the photo does not show and a rim round the person,
    ``background`` all but the person. ``conditioning_scale``: how strongly the given video is
    followed. ``window``: frames that are denoised together, 4k + 1.
    """

    prompt: str = PROMPT
    repaint: Repaint = "unseen"
    conditioning_scale: float = 1.0
    steps: int = USUAL_STEPS
    guidance: float = USUAL_GUIDANCE
    size: tuple[int, int] | None = None
    seed: int = 0
    window: int = NATIVE_WINDOW
    optimisations: SamplingOptimizations = field(default_factory=SamplingOptimizations)


@dataclass(frozen=True)
class ResolvedVace:
    """Settings of which nothing is left open."""

    prompt: str
    repaint: Repaint
    conditioning_scale: float
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


def resolve_vace(settings: VaceSettings, plate_size: tuple[int, int]) -> ResolvedVace:
    """The settings for a plate of (width, height).

    Raises:
        InputError: a value is out of its range, or an optimisation would do nothing.
    """
    check_steps(settings.steps, settings.guidance)
    if not 0 < settings.conditioning_scale <= 2:
        raise InputError(
            f"the conditioning scale is {settings.conditioning_scale}", "above 0, at most 2"
        )
    check_window(settings.window, FRAMES_PER_LATENT, "Wan")
    if not settings.prompt.strip():
        raise InputError("the prompt is empty", "leave --prompt out for the usual one")
    size = choose_size(settings.size, plate_size, SIZES)
    check_tile(settings.optimisations.vae_tile, size)
    if settings.optimisations.precision == "float16":
        raise InputError("Wan runs in bfloat16 or float32, not in float16", "leave --precision out")
    fields = {name: getattr(settings, name) for name in vars(settings)}
    return ResolvedVace(**{**fields, "size": size})


def vace_fingerprint(settings: ResolvedVace, checkpoint: VideoCheckpoint) -> dict[str, Any]:
    """All of the settings that a plate's pictures depend on, for its cache key."""
    return {"version": VACE_VERSION, **checkpoint.facts_with(settings)}
