"""The story of which renderer paints the background."""

from dynascene_cli.console import Console
from dynascene_cli.diffusion.named_checkpoints import UNTRAINED
from dynascene_cli.diffusion.sana_settings import PIPELINE as SANA_PIPELINE
from dynascene_cli.diffusion.vace_settings import PIPELINE as VACE_PIPELINE
from dynascene_cli.diffusion.video_checkpoint import pipeline_of
from dynascene_cli.errors import InputError
from dynascene_cli.pipeline.dynascene_plate import choose_dynascene, plan_dynascene
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.sampling import ChosenSampling, SamplingPlan, refuse_options
from dynascene_cli.pipeline.sana_plate import PUBLISHED as SANA
from dynascene_cli.pipeline.sana_plate import choose_sana, plan_sana
from dynascene_cli.pipeline.vace_plate import WEIGHTS as VACE_WEIGHTS
from dynascene_cli.pipeline.vace_plate import choose_vace, plan_vace
from dynascene_cli.shot import Clip
from dynascene_cli.weights import find

CHOSEN_BY_ITSELF = {"dynascene": ("dynascene",), "vace": VACE_WEIGHTS}
"""Renderers that ``auto`` takes where there is a GPU, the best first, with the weights of each.

SANA-WM is asked for by name: of the photo it keeps its first frame alone."""

RENDERERS = {"dynascene": choose_dynascene, "vace": choose_vace, "sana-wm": choose_sana}

PLANS = {"dynascene": plan_dynascene, "vace": plan_vace, "sana-wm": plan_sana}

PIPELINES = {VACE_PIPELINE: "vace", SANA_PIPELINE: "sana-wm"}


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
    return RENDERERS[renderer](request, size)


def plan_memory(request: RenderRequest, clip: Clip, size: tuple[int, int]) -> SamplingPlan:
    """The memory that a network takes for a clip and a plate of (width, height).

    Raises:
        InputError: the request is for the projection, or its settings do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    renderer, checkpoint = str(request.renderer), request.sampling.checkpoint
    if renderer == "auto":
        if checkpoint is None:
            renderer = next(iter(_installed()), "dynascene")
        else:
            renderer = _renderer_of_checkpoint(checkpoint)
    if renderer == "projection":
        raise InputError(
            "the projection renderer takes no sampling options: there is no memory to plan",
            "leave --renderer out, or name a checkpoint",
        )
    return PLANS[renderer](request, clip, size)


def _renderer(request: RenderRequest, console: Console) -> str:
    """The renderer that is asked for, or that ``auto`` takes; says why to who wants to know."""
    if request.renderer != "auto":
        return request.renderer
    if request.sampling.checkpoint is not None:
        return _renderer_of_checkpoint(request.sampling.checkpoint)
    here = _installed()
    if not here and find(SANA).state != "absent":
        console.info(f"renderer: projection: {SANA} is here, and is taken only by name")
        return "projection"
    if not here:
        console.detail("renderer: projection (no network's weights are on this machine)")
        return "projection"
    from dynascene_cli.diffusion.requirements import absent_packages

    if absent := absent_packages():
        console.info(f"renderer: projection: {', '.join(absent)} is not installed")
        return "projection"
    from dynascene_cli.diffusion.device import has_gpu

    renderer, name = next(iter(here.items()))
    if not has_gpu():
        console.info(f"renderer: projection: {name} is here, but there is no GPU")
        return "projection"
    console.info(f"renderer: {renderer}: {name} is here, and there is a GPU")
    return renderer


def _installed() -> dict[str, str]:
    """Of the renderers that ``auto`` takes those that are here, with the first of their weights."""
    return {
        renderer: first
        for renderer, names in CHOSEN_BY_ITSELF.items()
        if (first := next((name for name in names if find(name).state != "absent"), None))
    }


def _renderer_of_checkpoint(name_or_path: str) -> str:
    """The renderer whose weights those are."""
    if name_or_path == UNTRAINED:
        return "dynascene"
    return PIPELINES.get(pipeline_of(name_or_path) or "", "dynascene")
