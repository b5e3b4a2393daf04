"""The story of Wan-VACE's plate: what the projection does not show is filled in."""

from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.vace_settings import (
    NATIVE_RATE,
    PIPELINE,
    ResolvedVace,
    VaceSettings,
    resolve_vace,
    vace_fingerprint,
)
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint, open_video_checkpoint
from dynascene_cli.pipeline.plate import PlateRenderer, projection_renderer, seen_renderer
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.sampling import (
    ChosenSampling,
    Opening,
    SamplingPlan,
    asked_settings,
    refuse_options,
)
from dynascene_cli.shot import Clip
from dynascene_cli.video import read_photo
from dynascene_cli.weights import find

NAME = "vace"

WEIGHTS = ("vace-1.3b", "vace-14b", "vace-fun-a14b")
"""Where none are named, the first of these that is on this machine is taken."""

ASKED = ("prompt", "repaint", "conditioning_scale", "steps", "guidance", "size", "window")
"""Settings that are the network's own where nothing is asked."""

OPTIONS = frozenset(
    {
        *("--checkpoint", "--steps", "--guidance", "--sample-size", "--window", "--prompt"),
        *("--repaint", "--conditioning-scale", "--precision", "--vae-tile", "--offload"),
        "--preview-every",
    }
)


def choose_vace(request: RenderRequest, size: tuple[int, int]) -> ChosenSampling:
    """How Wan-VACE paints a plate of (width, height).

    Raises:
        InputError: a setting is wrong, or the weights are of something else.
        MissingError: the weights or a package are not on this machine.
    """
    checkpoint, settings = _resolved(request, size)
    if settings.optimisations.offload:
        from dynascene_cli.diffusion.device import choose_device

        check_optimisations_on(choose_device(None).type, settings.optimisations)
    name = _weights_name(request)

    def opened(opening: Opening) -> PlateRenderer:
        from dynascene_cli.diffusion.prompts import ready_prompts
        from dynascene_cli.diffusion.vace_renderer import Given, VaceRenderer

        project, projection = opening.run.project, opening.projection
        given = Given(
            plate=projection_renderer(project, projection),
            seen=seen_renderer(project, projection),
            photo=read_photo(request.scene.photo).pixels,
        )
        return VaceRenderer(
            opening.shot,
            given,
            checkpoint,
            opening.work,
            settings,
            lambda: ready_prompts(checkpoint, name, settings.prompt),
        )

    return ChosenSampling(NAME, vace_fingerprint(settings, checkpoint), opened)


def plan_vace(request: RenderRequest, clip: Clip, size: tuple[int, int]) -> SamplingPlan:
    """The memory that Wan-VACE takes for a clip and a plate of (width, height).

    Raises:
        InputError, MissingError: as of ``choose_vace``.
    """
    checkpoint, settings = _resolved(request, size)
    from dynascene_cli.diffusion.sampling_size import select_sampled_frames
    from dynascene_cli.diffusion.vace_memory import vace_memory_plan

    frames = len(select_sampled_frames(clip.frame_count, clip.frame_rate, NATIVE_RATE))
    return vace_memory_plan(checkpoint, settings, frames)


def _weights_name(request: RenderRequest) -> str:
    here = (name for name in WEIGHTS if find(name).state != "absent")
    return request.sampling.checkpoint or next(here, WEIGHTS[0])


def _resolved(
    request: RenderRequest, size: tuple[int, int]
) -> tuple[VideoCheckpoint, ResolvedVace]:
    refuse_options(request, NAME, OPTIONS)
    checkpoint = open_video_checkpoint(_weights_name(request), PIPELINE)
    settings = VaceSettings(
        seed=request.seed or 0,
        optimisations=request.sampling.optimisations,
        **asked_settings(request, *ASKED),
    )
    return checkpoint, resolve_vace(settings, size)
