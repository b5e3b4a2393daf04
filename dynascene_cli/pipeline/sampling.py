"""The story of a sampled plate, whichever network paints it: planned, opened, cached."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from dynascene_cli.diffusion.sampling_settings import STATE_FILE
from dynascene_cli.errors import InputError
from dynascene_cli.pipeline.plan import Plan
from dynascene_cli.pipeline.plate import CachedPlate, PlateRenderer
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.shot import Clip, Margins, Matte, Scene, Shot
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.project import stage_key

if TYPE_CHECKING:
    from dynascene_cli.diffusion.sampled_plate import Work


@dataclass(frozen=True, eq=False)
class Opening:
    """What a renderer is made from: the shot, where it works, and the plan of its projection."""

    run: Run
    shot: Shot
    work: "Work"
    projection: Plan


@dataclass(frozen=True, eq=False)
class ChosenSampling:
    """Which network paints a plate, what its pictures depend on, and how it is opened."""

    renderer: str
    depends_on: Mapping[str, Any]
    open: Callable[[Opening], PlateRenderer]


class SamplingPlan(Protocol):
    """What sampling takes, ready to be told."""

    def as_json(self) -> dict[str, Any]:
        """The answer under --json."""
        ...

    def as_text(self) -> str:
        """The answer for people."""
        ...


def refuse_options(request: RenderRequest, renderer: str, taken: frozenset[str]) -> None:
    """Make sure that no sampling option is given but those that a renderer takes.

    Raises:
        InputError: one is.
    """
    given = request.sampling.given_options() - taken
    if given and not taken:
        raise InputError(
            f"sampling options are given, but the {renderer} renderer takes none",
            "add --renderer dynascene, vace or sana-wm, or leave them out",
        )
    if given:
        raise InputError(
            f"the {renderer} renderer takes no {sorted(given)[0]}",
            f"leave it out; it takes {', '.join(sorted(taken))}",
        )


def asked_settings(request: RenderRequest, *names: str) -> dict[str, Any]:
    """Of the sampling settings of these names those that are asked for."""
    asked = {name: getattr(request.sampling, name) for name in names}
    return {name: value for name, value in asked.items() if value is not None}


def plan_sampling(sampling: ChosenSampling, clip: Clip, matte_key: str, plan: Plan) -> Plan:
    """The plan with the cache key of the plate that the network paints."""
    depends_on = {
        "sampling": sampling.depends_on,
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
    sampling: ChosenSampling,
    person: tuple[Clip, Matte],
    plans: tuple[Plan, Plan],
) -> CachedPlate:
    """The plate that the network paints, by its own plan and that of the projection."""
    plan, projection = plans
    path = plan.staged.path
    shot = Shot(
        clip=person[0],
        matte=person[1],
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
        from dynascene_cli.diffusion.sampled_plate import PREVIEW_FILE, Reporter, Work

        folder = run.project.stage_folder("plate", plan.plate_key)
        for name in (STATE_FILE, PREVIEW_FILE):
            run.project.claim(folder / name)
        console = run.console
        reporter = Reporter(
            progress=lambda done, total: console.detail(f"sampling: step {done} of {total}"),
            say=console.info,
            warn=console.warn,
        )
        work = Work(folder, reporter, request.sampling.preview_every)
        return sampling.open(Opening(run, shot, work, projection))

    return CachedPlate(run.project, plan, renderer, rests=False, unfinished=STATE_FILE)
