"""The story of which renderer paints the background."""

from dynascene_cli.console import Console
from dynascene_cli.diffusion.sampling_settings import checkpoint_facts
from dynascene_cli.diffusion.vace_settings import PIPELINE as VACE_PIPELINE
from dynascene_cli.diffusion.video_checkpoint import pipeline_of
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.pipeline import dynascene_plate
from dynascene_cli.pipeline.dynascene_plate import choose_dynascene, plan_dynascene
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.sampling import ChosenSampling, SamplingPlan, refuse_options
from dynascene_cli.pipeline.vace_plate import choose_vace, plan_vace
from dynascene_cli.shot import Clip


def choose_sampling(
    request: RenderRequest, size: tuple[int, int], console: Console
) -> ChosenSampling | None:
    """How a network paints a plate of (width, height), or None where the projection does.

    Raises:
        InputError: sampling settings are given for the projection, or do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    renderer = _renderer(request, console)
    if renderer == "projection":
        refuse_options(request, renderer, frozenset())
        return None
    return choose_vace(request, size) if renderer == "vace" else choose_dynascene(request, size)


def plan_memory(request: RenderRequest, clip: Clip, size: tuple[int, int]) -> SamplingPlan:
    """The memory that a network takes for a clip and a plate of (width, height).

    Raises:
        InputError: the request is for the projection, or its settings do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    renderer: str = request.renderer
    if renderer == "projection":
        raise InputError(
            "the projection renderer takes no sampling options: there is no memory to plan",
            "leave --renderer out, or name a checkpoint",
        )
    if renderer == "auto":
        renderer = _renderer_of_checkpoint(request.sampling.checkpoint)
    return (
        plan_vace(request, clip, size)
        if renderer == "vace"
        else plan_dynascene(request, clip, size)
    )


def _renderer(request: RenderRequest, console: Console) -> str:
    """The renderer that is asked for, or that ``auto`` takes; says why to who wants to know."""
    if request.renderer != "auto":
        return request.renderer
    if request.sampling.checkpoint is not None:
        return _renderer_of_checkpoint(request.sampling.checkpoint)
    try:
        checkpoint_facts(dynascene_plate.PUBLISHED)
    except MissingError as error:
        console.detail(f"renderer: projection ({error.message})")
        return "projection"
    from dynascene_cli.diffusion.device import has_gpu

    gpu = has_gpu()
    console.info(f"renderer: {'dynascene' if gpu else 'projection: there is no GPU'}")
    return "dynascene" if gpu else "projection"


def _renderer_of_checkpoint(name_or_path: str | None) -> str:
    """The renderer whose weights those are."""
    named = name_or_path is not None and name_or_path != dynascene_plate.UNTRAINED
    pipeline = pipeline_of(name_or_path) if named and name_or_path is not None else None
    return "vace" if pipeline == VACE_PIPELINE else "dynascene"
