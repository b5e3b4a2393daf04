"""The story of SANA-WM's plate: the projection's first frame, taken along the camera path."""

from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.sana_settings import (
    NATIVE_RATE,
    PIPELINE,
    ResolvedSana,
    SanaSettings,
    resolve_sana,
    sana_fingerprint,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint, open_video_checkpoint
from dynascene_cli.pipeline.plate import PlateRenderer, projection_renderer
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.sampling import (
    ChosenSampling,
    Opening,
    SamplingPlan,
    asked_settings,
    refuse_options,
)
from dynascene_cli.shot import Clip

NAME = "sana-wm"

PUBLISHED = "sana-wm"
"""The weights that are taken where none are named."""

ASKED = ("prompt", "translation_scale", "steps", "guidance", "size", "window")
"""Settings that are the network's own where nothing is asked."""

OPTIONS = frozenset(
    {
        *("--checkpoint", "--steps", "--guidance", "--sample-size", "--window", "--prompt"),
        *("--no-reinsert", "--translation-scale", "--precision", "--vae-tile", "--offload"),
        "--preview-every",
    }
)


def choose_sana(request: RenderRequest, size: tuple[int, int]) -> ChosenSampling:
    """How SANA-WM paints a plate of (width, height).

    Raises:
        InputError: a setting is wrong, or the weights are of something else.
        MissingError: the weights or a package are not on this machine.
    """
    checkpoint, settings = _resolved(request, size)
    if settings.optimisations.offload or settings.optimisations.precision:
        from dynascene_cli.diffusion.device import choose_device

        device = choose_device(None).type
        check_optimisations_on(device, settings.optimisations, halves_on_cpu=False)

    def opened(opening: Opening) -> PlateRenderer:
        from dynascene_cli.diffusion.sana_prompts import ready_sana_prompts
        from dynascene_cli.diffusion.sana_renderer import SanaRenderer

        return SanaRenderer(
            opening.shot,
            projection_renderer(opening.run.project, opening.projection),
            checkpoint,
            opening.work,
            settings,
            lambda: ready_sana_prompts(checkpoint, _weights_name(request), settings.prompt),
        )

    return ChosenSampling(NAME, sana_fingerprint(settings, checkpoint), opened)


def plan_sana(request: RenderRequest, clip: Clip, size: tuple[int, int]) -> SamplingPlan:
    """The memory that SANA-WM takes for a clip and a plate of (width, height).

    Raises:
        InputError, MissingError: as of ``choose_sana``.
    """
    checkpoint, settings = _resolved(request, size)
    from dynascene_cli.diffusion.sampling_size import select_sampled_frames
    from dynascene_cli.diffusion.sana_memory import sana_memory_plan

    frames = len(select_sampled_frames(clip.frame_count, clip.frame_rate, NATIVE_RATE))
    return sana_memory_plan(checkpoint, settings, frames)


def _weights_name(request: RenderRequest) -> str:
    return request.sampling.checkpoint or PUBLISHED


def _resolved(
    request: RenderRequest, size: tuple[int, int]
) -> tuple[VideoCheckpoint, ResolvedSana]:
    refuse_options(request, NAME, OPTIONS)
    sampling = request.sampling
    checkpoint = open_video_checkpoint(_weights_name(request), PIPELINE)
    settings = SanaSettings(
        reinsert=not sampling.no_reinsert,
        seed=request.seed or 0,
        optimisations=sampling.optimisations,
        **asked_settings(request, *ASKED),
    )
    return checkpoint, resolve_sana(settings, size)
