"""The story of a matte: the people of a clip looked for, one of them followed, chunks cached."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.compositing import estimate_foreground
from dynascene_cli.console import Console
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.matting import (
    CLICKS,
    MAX_PROPS,
    PROMPTED,
    CorrectedAlphas,
    MatteFrame,
    MattingModel,
    MattingState,
    NobodyError,
    alpha_box,
    assemble_tracks,
    choose_matting_model,
    choose_prompted,
    edges_touched,
    following_state,
    frame_times,
    lost_ranges,
    make_matting_model,
    matte_of_given_alpha,
    read_corrections,
    select_person,
)
from dynascene_cli.pipeline.kernel_compilation import announce_compiling
from dynascene_cli.pipeline.request import MatteRequest, RunRequest, clip_name
from dynascene_cli.pipeline.run import Run, open_run
from dynascene_cli.reports.contact_sheet import checkerboard_sheet
from dynascene_cli.shot import Clip, FrameSource, Image, Matte
from dynascene_cli.storage.file_names import shorten_name
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.kept_arrays import kept_arrays
from dynascene_cli.storage.project import Project, stage_key
from dynascene_cli.video import (
    CHUNK_LENGTH,
    ChunkedFrames,
    alpha_frames,
    check_output,
    check_picture,
    check_spared,
    chunk_path,
    chunk_sink,
    is_sequence,
    open_clip,
    open_sink,
    read_frames,
    read_frames_at,
    sound_warnings,
    write_image,
)

STAGE_VERSION = 7
SHEET_FRAMES = 12


@dataclass(frozen=True, eq=False)
class CachedMatte:
    """A clip's matte, the matter that made it, its cache key, and whether it was there already.

    ``corrections`` tells the frames that were corrected by hand and are not in the key; empty
    where there are none. ``props`` (F, MAX_PROPS, 4) are the boxes of what the person holds, NaN
    where there is less.
    """

    matte: Matte
    props: Floats
    matter: str
    key: str
    cached: bool
    corrections: str


def open_request_clip(request: MatteRequest) -> Clip:
    """The clip of a request.

    Raises:
        InputError: it cannot be read, or its trim lies outside it.
    """
    return open_clip(
        request.clip,
        fps=request.fps,
        start=request.start,
        end=request.end,
        fill_gaps=request.fill_gaps,
    )


def check_matte_request(request: MatteRequest, clip: Clip, *, numbered: bool) -> tuple[str, ...]:
    """Make sure that a matte can be made as asked for, before any work is done; what is odd of it.

    ``numbered`` tells whether what is written numbers its frames.

    Raises:
        InputError: the given alpha or the kept ones do not fit the clip; no matter has that name.
        MissingError: the matter's weights are not installed.
    """
    warnings: tuple[str, ...] = ()
    if request.matte is not None:
        if request.clicks:
            raise InputError("--click cannot be used with --matte", "use one of them")
        warnings = alpha_frames(request.matte, clip).warnings
    else:
        _matter(request)
        _clicks_of(request, clip)
    if request.matte_fixes is not None:
        read_corrections(request.matte_fixes, clip, request.first_number(clip))
    elif request.start_number is not None and not numbered:
        warnings += ("--start-number changes nothing: nothing that is written is numbered",)
    return warnings


def matte(
    request: MatteRequest,
    asked: RunRequest,
    output: Path | None,
    preview: Path | None,
    console: Console,
) -> dict[str, Any]:
    """Make a clip's matte and write it; the answer under --json."""
    run = open_run(asked, request.clip, request.inputs, console)
    clip = open_request_clip(request)
    if output is None:
        suffix = ".png" if clip.kind == "image" else ".mov"
        output = Path(shorten_name(clip_name(request.clip), f"-matte{suffix}"))
    alpha_only = is_sequence(output)
    check_output(output, alpha=not alpha_only, frame_count=clip.frame_count)
    check_spared(output, request.inputs)
    if preview is not None:
        check_picture(preview, request.inputs)
    odd = check_matte_request(request, clip, numbered=alpha_only)
    if run.dry_run:
        cached = is_matte_cached(run.project, request, clip) and not run.force
        answer = {"would_run": [] if cached else ["matte"], "cached": ["matte"] if cached else []}
        return {"output": None, **answer}
    announce_compiling(console)
    console.warn(*clip.warnings, *odd, *([] if alpha_only else sound_warnings(clip, output)))
    with run.project.locked():
        made = cached_matte(run, request, clip)
        _write_matte(run, clip, made.matte, output, alpha_only, request.first_number(clip))
        if preview is not None:
            write_image(preview, matte_sheet(clip, made.matte, made.props))
    return {
        "output": str(output),
        "preview": None if preview is None else str(preview),
        "frames": clip.frame_count,
        "fps": float(clip.frame_rate),
        "matter": made.matter,
        "cached": ["matte"] if made.cached else [],
        "warnings": console.warnings,
    }


def matte_sheet(clip: Clip, matte: Matte, props: Floats | None = None) -> Image:
    """A contact sheet of a dozen frames of the person over a checkerboard.

    ``props`` (F, n, 4) are boxes of what they hold, drawn around it.
    """
    indices = spread_indices(clip, SHEET_FRAMES)
    times = [float(index / clip.frame_rate) for index in indices]
    boxes = None if props is None else [props[index] for index in indices]
    return checkerboard_sheet(frames_and_alphas(clip, matte, indices), times, boxes)


def spread_indices(clip: Clip, count: int) -> list[int]:
    """Up to ``count`` frame numbers from the clip's first to its last, evenly apart."""
    return np.unique(np.linspace(0, clip.frame_count - 1, count).astype(int)).tolist()


def frames_and_alphas(
    clip: Clip, matte: Matte, indices: Sequence[int]
) -> Iterator[tuple[Image, Image]]:
    """The clip's frames of rising numbers, decoded in one pass, each with its alpha."""
    for index, frame in zip(indices, read_frames_at(clip, indices), strict=True):
        yield frame, next(matte.alpha.frames(index, index + 1))


def is_matte_cached(project: Project, request: MatteRequest, clip: Clip) -> bool:
    """Whether the matte that a request asks for is whole in the project."""
    return project.is_whole("matte", stage_key("matte", STAGE_VERSION, _depends_on(request, clip)))


def cached_matte(run: Run, request: MatteRequest, clip: Clip) -> CachedMatte:
    """The clip's matte: from the project, or made into it; hand-corrected frames blended in.

    Raises:
        InputError: nobody, or several people alike, are in the clip; ``--matte-fixes`` does not
            fit it.
        MissingError: the matter's weights are not installed.
    """
    project, console = run.project, run.console
    name = "given" if request.matte is not None else _matter_name(request)[0]
    depends_on = _depends_on(request, clip)
    key = stage_key("matte", STAGE_VERSION, depends_on)
    if run.force and not run.dry_run:
        project.forget("matte", key)
    if request.person is not None and name not in ("bundled", "given"):
        console.warn(
            f"{name} keeps whoever touches the chosen person too; "
            "--matting-model bundled keeps them alone"
        )
    folder = project.stage_folder("matte", key)
    chunks = range(0, clip.frame_count, CHUNK_LENGTH)
    missing = [first for first in chunks if not _is_chunk_whole(project, folder, first)]
    cached = not missing and project.has("matte", key)
    if not cached:
        if request.matte is None:
            console.info(f"matting model: {_matter_name(request)[1]}")
        with console.progress("matte", clip.frame_count) as advance:
            for first in chunks:
                if first in missing:
                    _make_chunk(run, folder, request, clip, first)
                advance(min(first + CHUNK_LENGTH, clip.frame_count))
        project.mark_done("matte", key, depends_on)
    corrections = ""
    if request.matte_fixes is not None:
        corrections = f"{file_fingerprint(request.matte_fixes)}@{request.first_number(clip)}"
    made, props = _read_matte(folder, request, clip, console)
    return CachedMatte(made, props, name, key, cached, corrections)


def _matter_name(request: MatteRequest) -> tuple[str, str]:
    """The request's matter and why it is taken.

    Raises:
        InputError: there is no such matter, or it does not take clicks.
        MissingError: none that takes clicks is on this machine.
    """
    if request.clicks and request.matting_model == "auto":
        name = choose_prompted()
        return name, f"{name}: it follows what is clicked"
    if request.clicks and request.matting_model not in PROMPTED:
        raise InputError(
            f"{request.matting_model} takes no --click", "use --matting-model sam2 or sam3"
        )
    if request.matting_model == "auto" and request.person is not None:
        return "bundled", "bundled: the one that keeps a chosen person alone"
    return choose_matting_model(request.matting_model)


def _matter(request: MatteRequest) -> MattingModel:
    return make_matting_model(
        _matter_name(request)[0], request.matting_quality, request.props == "auto"
    )


def _depends_on(request: MatteRequest, clip: Clip) -> dict[str, Any]:
    return {
        "clip": file_fingerprint(clip.path),
        "frames": (clip.source_frames[0], clip.source_frames[-1], clip.frame_count),
        "fps": str(clip.frame_rate),
        "matter": _matter(request).identity
        if request.matte is None
        else file_fingerprint(request.matte),
        "person": request.person,
        **({"clicks": _clicks_of(request, clip).tolist()} if request.clicks else {}),
    }


def _clicks_of(request: MatteRequest, clip: Clip) -> Floats:
    """The request's clicks as CLICKS (N, 4) of a state.

    Raises:
        InputError: one lies after the clip's end.
    """
    table = np.zeros((len(request.clicks), 4))
    for row, click in zip(table, request.clicks, strict=True):
        frame = int(click.time * float(clip.frame_rate) + 0.5)
        if frame >= clip.frame_count:
            raise InputError(
                f"--click at {click.time:g} s is after the end of {clip.path}",
                f"it lasts {float(clip.frame_count / clip.frame_rate):.2f} s",
            )
        row[:] = frame, click.x, click.y, 1 if click.adds else -1
    return table


def _landmark_path(folder: Path, first: int) -> Path:
    return folder / f"landmarks_{first // CHUNK_LENGTH:05d}.npz"


def _alpha_path(folder: Path, first: int) -> Path:
    return chunk_path(folder, first // CHUNK_LENGTH, grey=True)


def _is_chunk_whole(project: Project, folder: Path, first: int) -> bool:
    paths = _alpha_path(folder, first), _landmark_path(folder, first)
    return all(project.holds(path) for path in paths)


def _make_chunk(run: Run, folder: Path, request: MatteRequest, clip: Clip, first: int) -> None:
    """One chunk of alphas, and beside it the landmarks and the state that the next starts from.

    The first chunk also keeps what was warned about the cast, to be told whenever it is read.
    """
    last = min(first + CHUNK_LENGTH, clip.frame_count)
    state, warnings = _state_before(folder, request, clip, first)
    run.console.warn(*warnings)
    made: list[MatteFrame] = []
    with (
        run.project.publish(_alpha_path(folder, first)) as temporary,
        chunk_sink(temporary, clip.frame_rate) as sink,
    ):
        for frame, remembered in _mattes(request, clip, first, last, state):
            sink.write(frame.alpha)
            made.append(frame)
            state = remembered
    arrays: dict[str, Any] = {
        "landmarks": np.stack([frame.landmarks for frame in made]),
        "visibility": np.stack([frame.visibility for frame in made]),
        "boxes": np.stack([alpha_box(frame.alpha) for frame in made]),
        "detections": np.stack([frame.detection for frame in made]),
        "touched": np.stack([edges_touched(frame.alpha) for frame in made]),
        "props": np.stack([_pad_boxes(frame.props) for frame in made]),
        "filled": np.array([frame.filled for frame in made]),
        "found": np.array([frame.found for frame in made]),
        "warnings": np.array(warnings, dtype=str),
        **{f"state/{name}": array for name, array in state.items()},
    }
    with run.project.publish(_landmark_path(folder, first)) as temporary:
        np.savez(temporary, **arrays)


def _pad_boxes(props: Floats) -> Floats:
    """Boxes (MAX_PROPS, 4) of things, NaN where there are fewer."""
    padded = np.full((MAX_PROPS, 4), np.nan)
    padded[: len(props)] = props
    return padded


def _mattes(
    request: MatteRequest, clip: Clip, first: int, last: int, state: MattingState
) -> Iterator[tuple[MatteFrame, MattingState]]:
    frames = read_frames(clip, first, last)
    if request.matte is not None:
        alphas = alpha_frames(request.matte, clip).frames(first, last)
        for frame, alpha in zip(frames, alphas, strict=True):
            made, state = matte_of_given_alpha(frame, alpha, state)
            yield made, state
    else:
        matter = _matter(request)
        for frame in frames:
            made, state = matter.step(frame, state)
            yield made, state


def _state_before(
    folder: Path, request: MatteRequest, clip: Clip, first: int
) -> tuple[MattingState, tuple[str, ...]]:
    """The state that a chunk starts from, and what there is to warn about before the first."""
    if first > 0:
        with kept_arrays(_landmark_path(folder, first - CHUNK_LENGTH)) as before:
            names = [name for name in before.files if name.startswith("state/")]
            return {name.removeprefix("state/"): before[name] for name in names}, ()
    if request.matte is not None:
        return following_state(np.full(4, np.nan)), ()
    casting = select_person(clip, lambda i: next(read_frames(clip, i, i + 1)), request.person)
    state = _matter(request).initial_state(casting.box)
    if request.clicks:
        state[CLICKS] = _clicks_of(request, clip)
    return state, casting.warnings


def _read_matte(
    folder: Path, request: MatteRequest, clip: Clip, console: Console
) -> tuple[Matte, Floats]:
    """The matte that lies in a folder, and the boxes (F, MAX_PROPS, 4) of things that are held."""
    names = (
        "landmarks",
        "visibility",
        "boxes",
        "detections",
        "touched",
        "props",
        "filled",
        "found",
    )
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for first in range(0, clip.frame_count, CHUNK_LENGTH):
        with kept_arrays(_landmark_path(folder, first)) as chunk:
            for name, values in parts.items():
                values.append(chunk[name])
            console.warn(*chunk["warnings"].tolist())
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    if not whole["found"].any():
        raise NobodyError(
            f"{clip.path}: nobody was found in it", "give a clip of a person, or an alpha: --matte"
        )
    for start, end in lost_ranges(whole["found"].tolist(), float(clip.frame_rate)):
        console.warn(f"the person is lost from {start:.2f} s to {end:.2f} s")
    if failed := frame_times(whole["filled"].tolist(), float(clip.frame_rate)):
        console.warn(f"the matte fails at {failed} and is filled from the frames before: check it")
    alpha: FrameSource = ChunkedFrames(folder, clip.frame_count, grey=True)
    if request.matte_fixes is not None:
        alpha = CorrectedAlphas(
            alpha, read_corrections(request.matte_fixes, clip, request.first_number(clip))
        )
    tracks = assemble_tracks(
        whole["landmarks"],
        whole["visibility"],
        whole["boxes"],
        float(clip.frame_rate),
        whole["detections"],
        whole["touched"],
    )
    return Matte(alpha, tracks), whole["props"]


def _write_matte(
    run: Run, clip: Clip, matte: Matte, output: Path, alpha_only: bool, first_number: int
) -> None:
    with (
        run.console.progress("write", clip.frame_count) as advance,
        open_sink(
            output,
            width=clip.width,
            height=clip.height,
            frame_rate=clip.frame_rate,
            alpha=not alpha_only,
            audio_from=clip if clip.has_audio and not alpha_only else None,
            first_number=first_number,
            timecode=clip.timecode,
        ) as sink,
    ):
        frames = zip(read_frames(clip), matte.alpha.frames(), strict=True)
        for index, (frame, alpha) in enumerate(frames):
            if alpha_only:
                sink.write(alpha)
            else:
                clean = estimate_foreground(frame, alpha, clip.height)
                sink.write(np.dstack([clean, alpha]))
            advance(index + 1)
        run.project.check_inputs()
