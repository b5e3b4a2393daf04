"""The story of SANA-WM's plate: the projection's first frame, taken along the camera path."""

from typing import Any

from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.sana_settings import (
    PIPELINE,
    SanaSettings,
    resolve_sana,
    sana_fingerprint,
)
from dynascene_cli.diffusion.video_checkpoint import open_video_checkpoint
from dynascene_cli.pipeline.plate import PlateRenderer, projection_renderer
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.sampling import ChosenSampling, Opening, refuse_options

NAME = "sana-wm"

PUBLISHED = "sana-wm"
"""The weights that are taken where none are named."""

OPTIONS = frozenset(
    {
        *("--checkpoint", "--steps", "--guidance", "--sample-size", "--prompt", "--no-reinsert"),
        *("--translation-scale", "--precision", "--vae-tile", "--offload", "--preview-every"),
    }
)


def choose_sana(request: RenderRequest, size: tuple[int, int]) -> ChosenSampling:
    """How SANA-WM paints a plate of (width, height).

    Raises:
        InputError: a setting is wrong, or the weights are of something else.
        MissingError: the weights or a package are not on this machine.
    """
    refuse_options(request, NAME, OPTIONS)
    sampling = request.sampling
    name = sampling.checkpoint or PUBLISHED
    checkpoint = open_video_checkpoint(name, PIPELINE)
    asked: dict[str, Any] = {
        "prompt": sampling.prompt,
        "translation_scale": sampling.translation_scale,
        "steps": sampling.steps,
        "guidance": sampling.guidance,
        "size": sampling.size,
    }
    known = {key: value for key, value in asked.items() if value is not None}
    settings = resolve_sana(
        SanaSettings(
            reinsert=not sampling.no_reinsert,
            seed=request.seed or 0,
            optimisations=sampling.optimisations,
            **known,
        ),
        size,
    )
    if settings.optimisations.offload:
        from dynascene_cli.diffusion.device import choose_device

        check_optimisations_on(choose_device(None).type, settings.optimisations)

    def opened(opening: Opening) -> PlateRenderer:
        from dynascene_cli.diffusion.sana_prompts import ready_sana_prompts
        from dynascene_cli.diffusion.sana_renderer import SanaRenderer

        return SanaRenderer(
            opening.shot,
            projection_renderer(opening.run.project, opening.projection),
            checkpoint,
            opening.work,
            settings,
            lambda: ready_sana_prompts(checkpoint, name, settings.prompt),
        )

    return ChosenSampling(NAME, sana_fingerprint(settings, checkpoint), opened)
