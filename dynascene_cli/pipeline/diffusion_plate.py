"""The story of a sampled plate: which renderer paints, and the network's plate, cached."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Protocol

from dynascene_cli.console import Console
from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.sampling_settings import (
    STATE_FILE,
    ResolvedSampling,
    SamplingSettings,
    checkpoint_facts,
    fingerprint,
    resolve_sampling,
)
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.pipeline.plan import Plan
from dynascene_cli.pipeline.plate import CachedPlate, PlateRenderer, projection_renderer
from dynascene_cli.pipeline.request import RenderRequest, SamplingRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.shot import Clip, Margins, Matte, Scene, Shot
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.project import stage_key

PUBLISHED = "dynascene"
"""The checkpoint that is taken where none is named."""


@dataclass(frozen=True)
class ChosenSampling:
    """How the network paints a plate: by which settings, and the checkpoint's fingerprint."""

    settings: ResolvedSampling
    checkpoint: str


def choose_sampling(
    request: RenderRequest, size: tuple[int, int], console: Console
) -> ChosenSampling | None:
    """How the network paints a plate of (width, height), or None where the projection does.

    The network does where that is asked for, or where its checkpoint and a GPU are.

    Raises:
        InputError: sampling settings are given for the projection, or do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    sampling = request.sampling
    unnamed = request.renderer == "auto" and sampling.checkpoint is None
    if request.renderer == "projection" or unnamed:
        if sampling != SamplingRequest():
            raise InputError(
                "sampling options are given, but the projection renderer takes none",
                "add --renderer dynascene, or leave them out",
            )
        if not unnamed or not _is_ready(console):
            return None
    info, digest = checkpoint_facts(sampling.checkpoint or PUBLISHED)
    if sampling.optimisations.precision == "float16" or sampling.optimisations.offload:
        from dynascene_cli.diffusion.device import choose_device

        check_optimisations_on(choose_device(None).type, sampling.optimisations)
    return ChosenSampling(resolve_sampling(_settings(request), info, size), digest)


def _is_ready(console: Console) -> bool:
    """Whether ``auto`` takes the network; says why not to who wants to know."""
    try:
        checkpoint_facts(PUBLISHED)
    except MissingError as error:
        console.detail(f"renderer: projection ({error.message})")
        return False
    from dynascene_cli.diffusion.device import has_gpu

    gpu = has_gpu()
    console.info(f"renderer: {'dynascene' if gpu else 'projection: there is no GPU'}")
    return gpu


class SamplingPlan(Protocol):
    """What sampling takes, ready to be told."""

    def as_json(self) -> dict[str, Any]:
        """The answer under --json."""
        ...

    def as_text(self) -> str:
        """The answer for people."""
        ...


def plan_memory(request: RenderRequest, clip: Clip, size: tuple[int, int]) -> SamplingPlan:
    """The memory that the network takes for a clip and a plate of (width, height).

    Raises:
        InputError: the request is for the projection, or its settings do not fit the checkpoint.
        MissingError: the checkpoint or a package is not on this machine.
    """
    if request.renderer == "projection":
        raise InputError(
            "the projection renderer takes no sampling options: there is no memory to plan",
            "leave --renderer out, or name a checkpoint",
        )
    info, _ = checkpoint_facts(request.sampling.checkpoint or PUBLISHED)
    settings = resolve_sampling(_settings(request), info, size)
    from dynascene_cli.diffusion.memory_plan import memory_plan
    from dynascene_cli.diffusion.sampling_size import sampled_frames

    frames = len(sampled_frames(clip.frame_count, clip.frame_rate))
    return memory_plan(info.config, settings, frames)


def plan_sampling(
    request: RenderRequest, sampling: ChosenSampling, clip: Clip, matte_key: str, plan: Plan
) -> Plan:
    """The plan with the cache key of the plate that the network paints."""
    depends_on = {
        "sampling": fingerprint(sampling.settings, sampling.checkpoint, request.sampling.guided),
        "place": plan.place.key,
        "clip": file_fingerprint(clip.path),
        "frames": (clip.source_frames[0], clip.source_frames[-1], clip.frame_count),
        "matte": matte_key,
        "person": hashlib.sha256(plan.staged.placement.clip_to_frame.tobytes()).hexdigest(),
        "projection": plan.plate_key,
    }
    return replace(plan, plate_key=stage_key("sampled plate", 1, depends_on))


def sample_plate(
    run: Run,
    request: RenderRequest,
    clip: Clip,
    matte: Matte,
    plan: Plan,
    projection: Plan,
) -> CachedPlate:
    """The plate that the network paints; ``projection`` is the plan of its guide."""
    path = plan.staged.path
    shot = Shot(
        clip=clip,
        matte=matte,
        filmed=path,
        path=path,
        scene=Scene(
            photo=plan.place.photo,
            geometry=plan.staged.geometry,
            margins=Margins(),
            layers=(),
            median_depth=plan.median_depth,
        ),
        placement=plan.staged.placement,
    )

    def renderer() -> PlateRenderer:
        from dynascene_cli.diffusion.renderer import PREVIEW_FILE, DiffusionRenderer, Reporter

        guide = projection_renderer(run.project, projection) if request.sampling.guided else None
        folder = run.project.stage_folder("plate", plan.plate_key)
        for name in (STATE_FILE, PREVIEW_FILE):
            run.project.claim(folder / name)
        return DiffusionRenderer(
            shot,
            request.sampling.checkpoint or PUBLISHED,
            folder,
            _settings(request),
            guide=guide,
            preview_every=request.sampling.preview_every,
            reporter=Reporter(
                progress=lambda done, total: run.console.detail(
                    f"sampling: step {done} of {total}"
                ),
                say=run.console.info,
                warn=run.console.warn,
            ),
        )

    return CachedPlate(run.project, plan, renderer, rests=False, unfinished=STATE_FILE)


def _settings(request: RenderRequest) -> SamplingSettings:
    sampling = request.sampling
    return SamplingSettings(
        sampler=sampling.sampler,
        steps=sampling.steps,
        guidance=sampling.guidance,
        size=sampling.size,
        seed=request.seed or 0,
        window=sampling.window,
        strength=sampling.strength,
        optimisations=sampling.optimisations,
    )
