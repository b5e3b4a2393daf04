"""The story of a shot on one page: matte, camera, place, staging, plate, composite, write."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dynascene_cli.camera import Trajectory, check_amount, load_move, trim_move
from dynascene_cli.camera.estimation.estimate import Estimate
from dynascene_cli.console import Console
from dynascene_cli.errors import InputError, StageError
from dynascene_cli.inference.onnx_network import close_networks
from dynascene_cli.numerics.memory import release_freed_memory
from dynascene_cli.pipeline.camera import (
    Foreground,
    find_filmed_camera,
    foreground_from_matte,
    is_estimate_cached,
)
from dynascene_cli.pipeline.composite import CompositeParts, write_composite
from dynascene_cli.pipeline.diffusion_plate import choose_sampling, plan_memory
from dynascene_cli.pipeline.kernel_compilation import announce_compiling, renderer_compiled_ahead
from dynascene_cli.pipeline.layers import check_layers
from dynascene_cli.pipeline.look import cached_look
from dynascene_cli.pipeline.matte import (
    CachedMatte,
    cached_matte,
    check_matte_request,
    is_matte_cached,
    open_request_clip,
)
from dynascene_cli.pipeline.plan import Plan, move_names, plan_shot, tracks_of_clip
from dynascene_cli.pipeline.plate import CachedPlate, frame_bytes, most_kept, project_plate
from dynascene_cli.pipeline.report import Rendered, write_report
from dynascene_cli.pipeline.request import RenderRequest, RunRequest
from dynascene_cli.pipeline.run import Run, open_run
from dynascene_cli.pipeline.sampling import (
    ChosenSampling,
    SamplingPlan,
    plan_sampling,
    sample_plate,
)
from dynascene_cli.pipeline.scene import (
    Place,
    check_scene_request,
    describe_place,
    keep_place,
    read_place,
)
from dynascene_cli.pipeline.shadow import choose_sun
from dynascene_cli.reports.plotting import check_plotting
from dynascene_cli.shot import Clip, Image
from dynascene_cli.staging import check_scale
from dynascene_cli.video import (
    check_output,
    check_picture,
    check_spared,
    is_sequence,
    sound_warnings,
)

MATTE_BYTES = 0.05
"""What alpha and landmarks of an ordinary clip take at most, for each pixel of each frame."""

MUCH_KEPT = 1_000_000_000
"""Bytes in the project folder from which on a render says so."""


@dataclass(frozen=True)
class RenderResult:
    """What a render made, with the keys that scripts rely on."""

    output: Path | None
    frames: int
    fps: float
    renderer: str
    camera: dict[str, Any]
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    cached: tuple[str, ...] = ()
    report: Path | None = None
    layers: Path | None = None
    compare: Path | None = None
    would_run: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer under --json; paths as text."""
        answer = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in vars(self).items()
        }
        if self.would_run is None:
            del answer["would_run"]
        return answer

    def as_text(self) -> str:
        """The answer for people: where the video is, or what a dry run found."""
        if self.would_run is not None:
            return (
                f"would run: {', '.join(self.would_run)}; cached: {', '.join(self.cached) or '-'}"
            )
        made = [str(self.output)]
        made += [f"report: {self.report}"] if self.report else []
        made += [f"layers: {self.layers}"] if self.layers else []
        made += [f"comparison: {self.compare}"] if self.compare else []
        return "\n".join(made)


@dataclass(frozen=True)
class RenderJob:
    """A request whose inputs were opened and whose outputs were checked; nothing is made yet.

    ``size`` is the output's (width, height); without ``sampling`` the projection paints.
    """

    request: RenderRequest
    run: Run
    clip: Clip
    output: Path
    size: tuple[int, int]
    moves: tuple[Trajectory, ...]
    sampling: ChosenSampling | None

    @property
    def renderer(self) -> str:
        """The renderer's name."""
        return self.sampling.renderer if self.sampling else "projection"

    def result(self, confidence: str | None, **what: Any) -> RenderResult:
        """The answer of this job: what every render tells, and what this one made besides."""
        return RenderResult(
            output=self.output,
            frames=self.clip.frame_count,
            fps=float(self.clip.frame_rate),
            renderer=self.renderer,
            camera={"source": self.request.camera, "confidence": confidence},
            warnings=tuple(self.run.console.warnings),
            **what,
        )


@dataclass(frozen=True)
class FilmedPerson:
    """The matte of the clip, and the camera that filmed it (None: it stood still)."""

    matted: CachedMatte
    foreground: Foreground
    estimate: Estimate | None
    was_cached: tuple[str, ...]


def render(request: RenderRequest, asked: RunRequest, console: Console) -> RenderResult:
    """The finished video of a request, from what is cached and what has to be made.

    Raises:
        InputError, MissingError, StageError: as the exit codes 1, 3 and 4.
    """
    job, odd = _open_job(request, asked, console)
    run, project = job.run, job.run.project
    if run.dry_run:
        return _dry_run(job)
    _check_disk_space(job)
    announce_compiling(console)
    console.warn(*job.clip.warnings, *odd, *sound_warnings(job.clip, job.output))
    with console.busy("photo"):
        place = read_place(run, request.scene, job.size)
    console.warn(*place.warnings)
    clock = _Clock(job.run.console)
    with project.locked(), renderer_compiled_ahead() as wait_for_renderer:
        filmed = _film(job, clock)
        _give_back_memory()
        if run.force:
            project.forget("scene", place.key)
        keep_place(project, place)
        describe_place(project, place)
        with clock.measured("staging"), console.busy("staging"):
            wait_for_renderer()
            plan, projection = _plan(job, filmed, place)
        _give_back_memory()
        if run.force:
            project.forget("scene", plan.scene_key)
            project.forget("plate", plan.plate_key)
        cached = [name for name, key in plan.stages if project.has(name, key)]
        with clock.measured("scene"):
            plate = _plate(job, filmed, plan, projection)
        plan.place.surroundings.forget()
        _give_back_memory()
        with clock.measured("composite"):
            middle = _composite(job, filmed, plan, plate)
        report = None
        if middle is not None:
            with clock.measured("report"), console.busy("report"):
                report = _report(job, filmed, place, plan, middle)
    return job.result(
        _confidence(filmed.estimate),
        seconds=clock.seconds,
        cached=(*filmed.was_cached, *cached),
        report=report,
        layers=request.layers,
        compare=request.compare,
    )


def _open_job(
    request: RenderRequest, asked: RunRequest, console: Console
) -> tuple[RenderJob, tuple[str, ...]]:
    """The job of a request, and what is unusual about its matte.

    Raises:
        InputError, MissingError: as of ``render``.
    """
    run = open_run(asked, request.matte.clip, request.inputs, console)
    check_amount(request.move_strength)
    check_scale(request.scale)
    if request.smooth:
        # Here, because scipy takes a third of a second that other renders need not wait.
        from dynascene_cli.camera.stabilisation import check_strength

        check_strength(request.smooth)
    names = move_names(request.camera)
    moves = load_move("+".join(names)) if names else ()
    clip = open_request_clip(request.matte)
    moves = tuple(trim_move(move, clip) for move in moves)
    output = request.output_path(still=clip.kind == "image")
    _check_outputs(request, output, clip)
    numbered = is_sequence(output) or request.layers is not None
    odd = check_matte_request(request.matte, clip, numbered=numbered)
    check_scene_request(request.scene)
    if request.report:
        check_plotting()
    size = _output_size(request, clip)
    sampling = choose_sampling(request, size, console)
    return RenderJob(request, run, clip, output, size, moves, sampling), tuple(odd)


def _give_back_memory() -> None:
    """Give back what a stage took, networks included, since the peak of the next comes on top."""
    close_networks()
    release_freed_memory()


def _film(job: RenderJob, clock: "_Clock") -> FilmedPerson:
    run, request, clip = job.run, job.request, job.clip
    with clock.measured("matte"):
        matted = cached_matte(run, request.matte, clip)
    cached = ["matte"] if matted.cached else []
    foreground = foreground_from_matte(request.matte, matted)
    if is_estimate_cached(run, request.filmed, clip, foreground):
        cached.append("camera")
    with clock.measured("camera"):
        estimate = find_filmed_camera(run, request.filmed, clip, matted.matte, foreground)
    return FilmedPerson(matted, foreground, estimate, tuple(cached))


def _plan(job: RenderJob, filmed: FilmedPerson, place: Place) -> tuple[Plan, Plan]:
    """The shot's plan, and that of the projection (the same where the projection paints)."""
    tracks = tracks_of_clip(job.clip, filmed.matted.matte.tracks, filmed.estimate)
    projection = plan_shot(job.run, job.request, tracks, place, job.moves, job.size)
    if job.sampling is None:
        return projection, projection
    identity = filmed.foreground.identity
    return plan_sampling(job.sampling, job.clip, identity, projection), projection


def _plate(job: RenderJob, filmed: FilmedPerson, plan: Plan, projection: Plan) -> CachedPlate:
    if job.sampling is None:
        with job.run.console.busy("scene"):
            return project_plate(job.run.project, plan)
    person = job.clip, filmed.matted.matte
    return sample_plate(job.run, job.request, job.sampling, person, (plan, projection))


def _composite(
    job: RenderJob, filmed: FilmedPerson, plan: Plan, plate: CachedPlate
) -> tuple[Image, Image] | None:
    """Write what is asked for; the middle frame of clip and result where a report is due."""
    run, request = job.run, job.request
    with run.console.busy("composite"):
        look = cached_look(run.project, job.clip, filmed.matted, plan, plate)
    # The network draws the person's shadow itself.
    sun = None if job.sampling else choose_sun(request, plan.place, run.console)
    parts = CompositeParts(
        filmed.matted,
        plan,
        plate,
        look,
        with_shadow=request.shadow != "none" and not job.sampling,
        sun=sun,
        sampled=job.sampling is not None,
    )
    # Measuring the look leaves a hundred megabytes behind.
    release_freed_memory()
    return write_composite(run, request, job.clip, parts, job.output)


def _report(
    job: RenderJob, filmed: FilmedPerson, place: Place, plan: Plan, middle: tuple[Image, Image]
) -> Path:
    rendered = Rendered(job.output, job.renderer, middle)
    matte = filmed.matted.matte
    return write_report(job.run, job.request, job.clip, matte, place.photo, plan.staged, rendered)


def memory_plan(request: RenderRequest) -> SamplingPlan:
    """What memory the network takes for a request; nothing is loaded or made.

    Raises:
        InputError, MissingError: as of a render by the network.
    """
    clip = open_request_clip(request.matte)
    return plan_memory(request, clip, _output_size(request, clip))


def _check_outputs(request: RenderRequest, output: Path, clip: Clip) -> None:
    check_output(output, frame_count=clip.frame_count)
    check_spared(output, request.inputs)
    if request.scene.preview is not None:
        check_picture(request.scene.preview, request.inputs)
    if request.layers is not None:
        check_layers(request.layers, request.layers_format, request.inputs)
    if request.compare is not None:
        check_output(request.compare, frame_count=clip.frame_count)
        check_spared(request.compare, request.inputs)
        if request.compare.resolve() == output.resolve():
            raise InputError(f"{request.compare} is the finished video", "choose another name")


def _output_size(request: RenderRequest, clip: Clip) -> tuple[int, int]:
    width, height = request.size or (clip.width, clip.height)
    if request.draft:
        width, height = max(width // 4 * 2, 16), max(height // 4 * 2, 16)
    return width, height


def _check_disk_space(job: RenderJob) -> None:
    """Say what a long render keeps, before it starts.

    Raises:
        StageError: that is more than is free.
    """
    clip, project = job.clip, job.run.project
    needed = round(MATTE_BYTES * clip.frame_count * clip.width * clip.height)
    plate = clip.frame_count * frame_bytes(*job.size)
    if job.sampling:
        needed += plate
    there = sum(sum(project.results(stage).values()) for stage in ("matte", "plate"))
    free = project.free_bytes() + there
    if needed > free:
        raise StageError(
            f"{project.folder}: up to {needed / 1e9:.2g} GB would be kept there, "
            f"{free / 1e9:.2g} GB are free",
            "give --project a folder on another disk, or render a part with --start and --end",
        )
    if not job.sampling and plate <= most_kept(*job.size):
        needed += plate
    if needed > MUCH_KEPT:
        job.run.console.info(f"up to {needed / 1e9:.1f} GB are kept in {project.folder}")


def _dry_run(job: RenderJob) -> RenderResult:
    """What would run: where a stage is not cached, none after it can be."""
    run, request, clip = job.run, job.request, job.clip
    stages = ("matte", "camera", "scene", "plate")
    cached: list[str] = []
    confidence = None
    if is_matte_cached(run.project, request.matte, clip) and not run.force:
        cached = ["matte"]
        matted = cached_matte(run, request.matte, clip)
        foreground = foreground_from_matte(request.matte, matted)
        if is_estimate_cached(run, request.filmed, clip, foreground):
            cached.append("camera")
            estimate = find_filmed_camera(run, request.filmed, clip, matted.matte, foreground)
            confidence = _confidence(estimate)
            place = read_place(run, replace(request.scene, preview=None), job.size)
            plan, _ = _plan(job, FilmedPerson(matted, foreground, estimate, ()), place)
            cached += [name for name, key in plan.stages if run.project.has(name, key)]
    would_run = [name for name in stages if name not in cached]
    return job.result(confidence, cached=tuple(cached), would_run=(*would_run, "composite"))


def _confidence(estimate: Estimate | None) -> str:
    return "static" if estimate is None else estimate.confidence


class _Clock:
    def __init__(self, console: Console) -> None:
        self._console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measured(self, stage_name: str) -> Iterator[None]:
        started = time.monotonic()
        with self._console.stage(stage_name):
            yield
        self.seconds[stage_name] = round(time.monotonic() - started, 3)
