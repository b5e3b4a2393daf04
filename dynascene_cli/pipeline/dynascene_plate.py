"""The story of the dynascene network's plate: its settings by a request and a checkpoint."""

from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.sampling_settings import (
    SamplingSettings,
    checkpoint_facts,
    fingerprint,
    resolve_sampling,
)
from dynascene_cli.pipeline.plate import PlateRenderer, projection_renderer
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.sampling import (
    ChosenSampling,
    Opening,
    SamplingPlan,
    refuse_options,
)
from dynascene_cli.shot import Clip

NAME = "dynascene"

PUBLISHED = "dynascene"
"""The checkpoint that is taken where none is named."""

OPTIONS = frozenset(
    {
        *("--checkpoint", "--sampler", "--steps", "--guidance", "--sample-size", "--window"),
        *("--guide", "--guide-strength", "--precision", "--reuse-deep", "--vae-tile"),
        *("--channels-last", "--compile", "--offload", "--preview-every"),
    }
)


def choose_dynascene(request: RenderRequest, size: tuple[int, int]) -> ChosenSampling:
    """How the network paints a plate of (width, height).

    Raises:
        InputError: the settings do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    refuse_options(request, NAME, OPTIONS)
    sampling = request.sampling
    checkpoint = sampling.checkpoint or PUBLISHED
    info, digest = checkpoint_facts(checkpoint)
    if sampling.optimisations.precision == "float16" or sampling.optimisations.offload:
        from dynascene_cli.diffusion.device import choose_device

        check_optimisations_on(choose_device(None).type, sampling.optimisations)
    settings = _settings(request)
    resolved = resolve_sampling(settings, info, size)

    def opened(opening: Opening) -> PlateRenderer:
        from dynascene_cli.diffusion.renderer import DiffusionRenderer

        projected = projection_renderer(opening.run.project, opening.projection)
        return DiffusionRenderer(
            opening.shot,
            checkpoint,
            opening.work,
            settings,
            guide=projected if sampling.guided else None,
            behind=projected,
        )

    return ChosenSampling(NAME, fingerprint(resolved, digest, sampling.guided), opened)


def plan_dynascene(request: RenderRequest, clip: Clip, size: tuple[int, int]) -> SamplingPlan:
    """The memory that the network takes for a clip and a plate of (width, height).

    Raises:
        InputError: the settings do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    refuse_options(request, NAME, OPTIONS)
    info, _ = checkpoint_facts(request.sampling.checkpoint or PUBLISHED)
    settings = resolve_sampling(_settings(request), info, size)
    from dynascene_cli.diffusion.memory_plan import memory_plan
    from dynascene_cli.diffusion.sampling_size import select_sampled_frames

    frames = len(select_sampled_frames(clip.frame_count, clip.frame_rate))
    return memory_plan(info.config, settings, frames)


def _settings(request: RenderRequest) -> SamplingSettings:
    sampling = request.sampling
    return SamplingSettings(
        sampler=sampling.sampler,
        steps=sampling.steps,
        guidance=1.0 if sampling.guidance is None else sampling.guidance,
        size=sampling.size,
        seed=request.seed or 0,
        window=sampling.window,
        strength=sampling.strength,
        optimisations=sampling.optimisations,
    )
