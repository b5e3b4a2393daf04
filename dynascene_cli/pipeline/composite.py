"""The finished picture, frame by frame: the person over the plate, into the video and layers."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing import (
    Composite,
    CompositeSettings,
    Compositor,
    Look,
    WideFrame,
    complete_beyond_edges,
)
from dynascene_cli.console import Console
from dynascene_cli.pipeline.comparison import open_comparison
from dynascene_cli.pipeline.layers import open_layers
from dynascene_cli.pipeline.matte import CachedMatte
from dynascene_cli.pipeline.plan import Plan
from dynascene_cli.pipeline.plate import CachedPlate, deep_plate
from dynascene_cli.pipeline.report import settings_of
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.shadow import ShadowCaster
from dynascene_cli.shot import Clip, DeepImage, GroundContact, Image, Relight, Sunlight
from dynascene_cli.staging import person_heights
from dynascene_cli.video import (
    LARGE_FRAME,
    DecodedFrame,
    decode_frames,
    deepen_frame,
    is_deep,
    open_sink,
    picture_bits,
    prefetch,
)


@dataclass(frozen=True)
class CompositeParts:
    """What a shot is put together from.

    ``with_shadow``: the person throws one; ``sun``: where from, besides the contact shadow.
    ``sampled``: the plate is a network's, whose frames take so long that an interruption must not
    wait for one.
    """

    matted: CachedMatte
    plan: Plan
    plate: CachedPlate
    look: Look
    with_shadow: bool
    sun: Sunlight | None
    sampled: bool


def write_composite(
    run: Run, request: RenderRequest, clip: Clip, parts: CompositeParts, output: Path
) -> tuple[Image, Image] | None:
    """Write the video and the layers; the middle frame of clip and result where a report is due."""
    compositor = Compositor(
        parts.look,
        CompositeSettings(
            relight=_choose_relight(request, parts.look, run.console),
            shadow=parts.with_shadow,
            light_wrap=request.light_wrap,
            plate_blur=request.plate_blur,
            grain=request.grain,
            seed=request.seed or 0,
        ),
        parts.plan.staged.path.width,
        parts.plan.staged.path.height,
    )
    middle = None
    pixels = compositor.width * compositor.height
    ahead = nullcontext if parts.sampled else partial(prefetch, pixels=pixels)
    # Large frames are put together where they are written: the encoder has threads of its own.
    made_ahead = ahead if pixels <= LARGE_FRAME else nullcontext
    deep = _is_deep(request, clip, output)
    plates = _plates(run, request, parts, deep)
    with (
        run.console.progress("composite", clip.frame_count) as advance,
        _open_outputs(request, clip, parts.plan, output, deep) as write,
        ahead(_pieces(clip, parts, plates)) as pieces,
        made_ahead(_composites(clip, parts, compositor, pieces, deep)) as composites,
    ):
        for index, (frame, plate, made) in enumerate(composites):
            write(frame, plate, made)
            if request.report and index == clip.frame_count // 2:
                middle = np.asarray(frame), made.picture
            advance(index + 1)
        run.project.check_inputs()
    return middle


def _is_deep(request: RenderRequest, clip: Clip, output: Path) -> bool:
    """Whether frames are made in 16 bits too: where more than 8 come in or EXR is written."""
    in_exr = output.suffix.lower() == ".exr"
    if request.layers is not None:
        in_exr = in_exr or request.layers_format == "exr"
    elif not is_deep(output):
        return False
    return in_exr or clip.bit_depth > 8 or picture_bits(request.scene.photo) > 8


def _plates(
    run: Run, request: RenderRequest, parts: CompositeParts, deep: bool
) -> Iterator[tuple[Image, DeepImage]]:
    """Yield each frame's plate in 8 bits, and as the layers have it."""
    if deep and not parts.sampled:
        fine = deep_plate(run.project, parts.plan, request.scene.photo)
        yield from zip(parts.plate.frames(), fine, strict=True)
    else:
        for plate in parts.plate.frames():
            yield plate, plate


def _pieces(
    clip: Clip, parts: CompositeParts, plates: Iterator[tuple[Image, DeepImage]]
) -> Iterator[tuple[Image | DecodedFrame, WideFrame, tuple[Image, DeepImage]]]:
    """Yield the clip's frames, each with the person as laid over the plate, and its plates."""
    # Not by tee, which keeps the last fifty frames.
    taken: deque[Image | DecodedFrame] = deque()

    def filmed() -> Iterator[tuple[Image | DecodedFrame, NDArray[np.uint8]]]:
        for frame, alpha in zip(
            decode_frames(clip), parts.matted.matte.alpha.frames(), strict=True
        ):
            taken.append(frame)
            yield frame, alpha

    persons = _completed(filmed(), parts)
    for person, plate in zip(persons, plates, strict=True):
        yield taken.popleft(), person, plate


def _composites(
    clip: Clip,
    parts: CompositeParts,
    compositor: Compositor,
    pieces: Iterator[tuple[Image | DecodedFrame, WideFrame, tuple[Image, DeepImage]]],
    deep: bool,
) -> Iterator[tuple[Image | DecodedFrame, DeepImage, Composite]]:
    """Yield each frame of the clip, its plate and its composite, ``deep`` or of 8 bits."""
    placement, path = parts.plan.staged.placement, parts.plan.staged.path
    heights = person_heights(placement, path)
    caster = None if parts.sun is None else ShadowCaster(parts.sun, parts.plan)
    for index, (frame, person, (plate, fine_plate)) in enumerate(pieces):
        similarity = person.similarity(placement.clip_to_frame[index])
        made = compositor.frame(
            index,
            person.frame,
            person.alpha,
            plate,
            similarity,
            placement.contact_pixels[index],
            float(heights[index]),
            None if caster is None else caster.of(index),
        )
        if deep:
            own = person.deepened(deepen_frame(clip, index, frame))
            made = compositor.deepened(made, index, own, person.alpha, fine_plate, similarity)
        yield frame, fine_plate, made


def _completed(
    filmed: Iterator[tuple[Image | DecodedFrame, NDArray[np.uint8]]], parts: CompositeParts
) -> Iterator[WideFrame]:
    """The filmed frames and alphas without lettering, and with what is hidden or cut in passing."""
    matted, cut = parts.matted, parts.plan.staged.completed
    if cut is None:
        cut = np.zeros((len(parts.plan.staged.placement.contact), 4), np.bool_)
    # What is not uncovered is not converted to RGB beyond the person's box either.
    uncovered = (
        matted.uncover(index, np.asarray(frame), alpha)
        if matted.is_covered(index)
        else (frame, alpha)
        for index, (frame, alpha) in enumerate(filmed)
    )
    return complete_beyond_edges(uncovered, cut)


@contextmanager
def _open_outputs(
    request: RenderRequest, clip: Clip, plan: Plan, output: Path, deep: bool
) -> Iterator[Callable[[Image | DecodedFrame, DeepImage, Composite], None]]:
    """Write a frame to the video, and to the layers and the comparison that are asked for.

    It takes the frame as filmed, its plate and its composite.
    """
    path, first = plan.staged.path, request.matte.first_number(clip)
    with ExitStack() as stack:
        layers = None
        if request.layers is not None:
            numbered = replace(path, first_frame=first)
            placement = plan.staged.placement
            contact = GroundContact(
                plan.staged.geometry.camera_height, placement.contact, placement.height
            )
            layers = stack.enter_context(
                open_layers(
                    request.layers,
                    request.layers_format,
                    numbered,
                    contact,
                    {**settings_of(request), "bits": 16 if deep else 8},
                    clip,
                    request.exr_compression,
                )
            )
        comparison = None
        if request.compare is not None:
            size = path.width, path.height
            comparison = stack.enter_context(
                open_comparison(request.compare, request.compare_as, clip, size)
            )
        video = stack.enter_context(
            open_sink(
                output,
                width=path.width,
                height=path.height,
                frame_rate=clip.frame_rate,
                audio_from=clip if clip.has_audio else None,
                first_number=first,
                timecode=clip.timecode,
                exr_compression=request.exr_compression,
            )
        )

        def write(filmed: Image | DecodedFrame, plate: DeepImage, made: Composite) -> None:
            video.write(made.deep_picture if is_deep(output) else made.picture)
            if comparison is not None:
                comparison(np.asarray(filmed), made.picture)
            if layers is not None:
                layers.write(plate, made)

        yield write


def usual_relight(look: Look) -> Relight:
    """Whose light is moved where nothing is asked: the person's where the two are far apart."""
    return "person" if look.is_mismatched or look.silhouette else "scene"


def _choose_relight(request: RenderRequest, look: Look, console: Console) -> Relight:
    """Whose light is moved: what is asked for, else the person's where the two are far apart."""
    chosen = request.relight or usual_relight(look)
    if look.is_mismatched and not look.silhouette:
        brighter = "brighter" if look.exposure_gap > 0 else "darker"
        graded = f"is graded towards it by {look.grade_stops:+.1f} stops"
        done = graded if chosen == "person" else "will look pasted in"
        console.warn(
            f"the clip is about {abs(look.exposure_gap):.1f} stops {brighter} than the photo: the "
            f"person {done}; --relight off, scene or person changes that"
        )
    if look.silhouette:
        done = (
            f"their dark side is lifted by {look.person_lift:.1f} stops (--relight off leaves it)"
            if chosen == "person"
            else "they stay a silhouette (--relight person lifts them)"
        )
        console.warn(
            f"the person was filmed against the light and is about {look.silhouette:.0f} stops "
            f"darker than the photo's ground: {done}; a photo taken against the light, or a clip "
            "lit from the front, would fit better"
        )
    return chosen
