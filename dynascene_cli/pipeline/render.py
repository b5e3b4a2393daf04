"""The story of a shot on one page: matte, camera, place, staging, plate, composite, write."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera import Trajectory, check_amount, load_move, trim_move
from dynascene_cli.camera.estimation.estimate import Estimate
from dynascene_cli.compositing import CompositeSettings, Compositor, Look
from dynascene_cli.console import Console
from dynascene_cli.pipeline.camera import filmed_camera, foreground_of, is_estimate_cached
from dynascene_cli.pipeline.diffusion_plate import (
    ChosenSampling,
    SamplingPlan,
    chosen_sampling,
    planned_memory,
    sampled_plan,
    sampled_plate,
)
from dynascene_cli.pipeline.kernel_compilation import announce_compiling
from dynascene_cli.pipeline.layers import check_layers, open_layers
from dynascene_cli.pipeline.look import cached_look
from dynascene_cli.pipeline.matte import (
    cached_matte,
    check_matte_request,
    is_matte_cached,
    open_request_clip,
)
from dynascene_cli.pipeline.plan import Plan, move_names, planned
from dynascene_cli.pipeline.plate import CachedPlate, projected_plate
from dynascene_cli.pipeline.report import settings_of, write_report
from dynascene_cli.pipeline.request import Relight, RenderRequest
from dynascene_cli.pipeline.scene import check_scene_request, keep_place, read_place, tell_place
from dynascene_cli.pipeline.shadow import ShadowCaster, chosen_sun
from dynascene_cli.reports.plotting import check_plotting
from dynascene_cli.shot import Clip, Image, Matte, Sunlight
from dynascene_cli.staging import check_scale, person_heights
from dynascene_cli.storage.project import Project
from dynascene_cli.video import (
    check_output,
    check_picture,
    check_spared,
    decoded_frames,
    is_sequence,
    open_sink,
    sound_warnings,
)


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
        return "\n".join(made)


def render(request: RenderRequest, console: Console) -> RenderResult:
    """The finished video of a request, from what is cached and what has to be made.

    Raises:
        InputError, MissingError, StageError: as the exit codes 1, 3 and 4.
    """
    project = Project(request.matte.project_folder, console.warn, request.inputs)
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
    sampling = chosen_sampling(request, size, console)
    if request.matte.dry_run:
        return _dry_run(request, project, clip, size, moves, output, sampling, console)
    announce_compiling(console)
    console.warn(*clip.warnings, *odd, *sound_warnings(clip, output))
    place = read_place(request.scene, size, project, console, force=request.matte.force)
    console.warn(*place.warnings)
    clock = _Clock()
    with project.locked():
        with clock.measured("matte"):
            matted = cached_matte(project, request.matte, clip, console)
        cached = ["matte"] if matted.cached else []
        foreground = foreground_of(request.matte, matted)
        if is_estimate_cached(project, request.filmed, clip, foreground):
            cached.append("camera")
        with clock.measured("camera"):
            estimate = filmed_camera(
                project, request.filmed, clip, matted.matte, foreground, console
            )
        if request.matte.force:
            project.forget("scene", place.key)
        keep_place(project, place)
        tell_place(project, place)
        with clock.measured("staging"):
            plan = projection = planned(
                request, project, clip, matted.matte, estimate, place, moves, size, console
            )
            if sampling:
                plan = sampled_plan(request, sampling, clip, foreground.identity, plan)
        if request.matte.force:
            project.forget("scene", plan.scene_key)
            project.forget("plate", plan.plate_key)
        cached += [name for name, key in plan.stages if project.has(name, key)]
        with clock.measured("scene"):
            if sampling:
                plate = sampled_plate(
                    project, request, clip, matted.matte, plan, projection, console
                )
            else:
                plate = projected_plate(project, plan)
        with clock.measured("composite"):
            look = cached_look(project, clip, matted, plan, plate)
            middle = _composited(
                request,
                project,
                clip,
                matted.matte,
                plan,
                plate,
                look,
                output,
                console,
                # The network draws the person's shadow itself.
                shadow=request.shadow != "none" and not sampling,
                sun=None if sampling else chosen_sun(request, plan.place, console),
            )
        report = None
        if request.report:
            with clock.measured("report"):
                report = write_report(
                    project,
                    request,
                    clip,
                    matted.matte,
                    place.photo,
                    plan.staged,
                    output,
                    middle,
                    _renderer_name(sampling),
                    console,
                )
    return RenderResult(
        output=output,
        frames=clip.frame_count,
        fps=float(clip.frame_rate),
        renderer=_renderer_name(sampling),
        camera={"source": request.camera, "confidence": _confidence(estimate)},
        warnings=tuple(console.warnings),
        seconds=clock.seconds,
        cached=tuple(cached),
        report=report,
        layers=request.layers,
    )


def memory_plan(request: RenderRequest) -> SamplingPlan:
    """What memory the network takes for a request; nothing is loaded or made.

    Raises:
        InputError, MissingError: as of a render by the network.
    """
    clip = open_request_clip(request.matte)
    return planned_memory(request, clip, _output_size(request, clip))


def _renderer_name(sampling: ChosenSampling | None) -> str:
    return "dynascene" if sampling else "projection"


def _check_outputs(request: RenderRequest, output: Path, clip: Clip) -> None:
    check_output(output, frame_count=clip.frame_count)
    check_spared(output, request.inputs)
    if request.scene.preview is not None:
        check_picture(request.scene.preview, request.inputs)
    if request.layers is not None:
        check_layers(request.layers, request.inputs)


def _output_size(request: RenderRequest, clip: Clip) -> tuple[int, int]:
    width, height = request.size or (clip.width, clip.height)
    if request.draft:
        width, height = max(width // 4 * 2, 16), max(height // 4 * 2, 16)
    return width, height


def _dry_run(
    request: RenderRequest,
    project: Project,
    clip: Clip,
    size: tuple[int, int],
    moves: tuple[Trajectory, ...],
    output: Path,
    sampling: ChosenSampling | None,
    console: Console,
) -> RenderResult:
    """What would run: where a stage is not cached, none after it can be."""
    would_run, cached, confidence = ["matte", "camera", "scene", "plate"], [], None
    if is_matte_cached(project, request.matte, clip) and not request.matte.force:
        cached = ["matte"]
        matted = cached_matte(project, request.matte, clip, console)
        foreground = foreground_of(request.matte, matted)
        if is_estimate_cached(project, request.filmed, clip, foreground):
            cached.append("camera")
            estimate = filmed_camera(
                project, request.filmed, clip, matted.matte, foreground, console
            )
            confidence = _confidence(estimate)
            place = read_place(replace(request.scene, preview=None), size, project, console)
            plan = planned(
                request, project, clip, matted.matte, estimate, place, moves, size, console
            )
            if sampling:
                plan = sampled_plan(request, sampling, clip, foreground.identity, plan)
            cached += [name for name, key in plan.stages if project.has(name, key)]
        would_run = [name for name in would_run if name not in cached]
    return RenderResult(
        output=output,
        frames=clip.frame_count,
        fps=float(clip.frame_rate),
        renderer=_renderer_name(sampling),
        camera={"source": request.camera, "confidence": confidence},
        warnings=tuple(console.warnings),
        cached=tuple(cached),
        would_run=(*would_run, "composite"),
    )


def _confidence(estimate: Estimate | None) -> str:
    return "static" if estimate is None else estimate.confidence


def _relight(request: RenderRequest, look: Look, console: Console) -> Relight:
    """Whose light is moved: what is asked for, else the person's where the two are far apart."""
    chosen = request.relight or ("person" if look.is_mismatched else "scene")
    if look.is_mismatched:
        brighter = "brighter" if look.exposure_gap > 0 else "darker"
        done = "is graded towards it" if chosen == "person" else "will look pasted in"
        console.warn(
            f"the clip is about {abs(look.exposure_gap):.1f} stops {brighter} than the photo: the "
            f"person {done}; --relight off, scene or person changes that"
        )
    return chosen


def _composited(
    request: RenderRequest,
    project: Project,
    clip: Clip,
    matte: Matte,
    plan: Plan,
    plate: CachedPlate,
    look: Look,
    output: Path,
    console: Console,
    *,
    shadow: bool,
    sun: Sunlight | None,
) -> tuple[Image, Image]:
    """Write the video and the layers; the middle frame of the clip and of the result."""
    placement, path = plan.staged.placement, plan.staged.path
    heights = person_heights(placement, path)
    compositor = Compositor(
        look,
        CompositeSettings(
            relight=_relight(request, look, console),
            shadow=shadow,
            light_wrap=request.light_wrap,
            plate_blur=request.plate_blur,
            grain=request.grain,
            seed=request.seed or 0,
        ),
        path.width,
        path.height,
    )
    caster = None if sun is None else ShadowCaster(sun, plan)
    before_after = None
    streams = zip(decoded_frames(clip), matte.alpha.frames(), plate.frames(), strict=True)
    with ExitStack() as stack:
        advance = stack.enter_context(console.progress("composite", clip.frame_count))
        layers = None
        if request.layers is not None:
            layers = stack.enter_context(
                open_layers(
                    request.layers,
                    replace(path, first_frame=request.matte.first_number(clip)),
                    settings_of(request),
                    clip.timecode,
                )
            )
        video = stack.enter_context(
            open_sink(
                output,
                width=path.width,
                height=path.height,
                frame_rate=clip.frame_rate,
                audio_from=clip if clip.has_audio else None,
                first_number=request.matte.first_number(clip),
                timecode=clip.timecode,
            )
        )
        for index, (frame, alpha, background) in enumerate(streams):
            made = compositor.frame(
                index,
                frame,
                alpha,
                background,
                placement.clip_to_frame[index],
                placement.contact_pixels[index],
                float(heights[index]),
                None if caster is None else caster.of(index),
            )
            video.write(made.picture)
            if layers is not None:
                layers.write(background, made)
            if index == clip.frame_count // 2:
                before_after = np.asarray(frame), made.picture
            advance(index + 1)
        project.check_inputs()
    assert before_after is not None
    return before_after


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measured(self, stage_name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[stage_name] = round(time.monotonic() - started, 3)
