"""The story of a matte: the people of a clip looked for, one of them followed, chunks cached."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dynascene_cli.compositing import estimate_foreground
from dynascene_cli.console import Console
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.matting import (
    CorrectedAlphas,
    LetteringLine,
    NobodyError,
    assemble_tracks,
    cover_lettering,
    lines_of_array,
    matte_warnings,
    read_corrections,
    row_hiding_feet,
)
from dynascene_cli.pipeline.hidden_parts import (
    HiddenParts,
    read_hidden_parts,
    write_hidden_parts,
)
from dynascene_cli.pipeline.kernel_compilation import announce_compiling
from dynascene_cli.pipeline.matte_chunks import (
    NOTED,
    clicks_of,
    is_chunk_whole,
    landmark_path,
    make_chunk,
    make_model,
    matting_model_of,
)
from dynascene_cli.pipeline.request import MatteRequest, RunRequest, clip_name
from dynascene_cli.pipeline.run import Run, open_run
from dynascene_cli.reports.contact_sheet import checkerboard_sheet
from dynascene_cli.shot import Clip, FrameSource, Image, Matte
from dynascene_cli.storage.array_files import open_arrays
from dynascene_cli.storage.file_names import shorten_name
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.project import Project, stage_key
from dynascene_cli.video import (
    CHUNK_LENGTH,
    GREY_SUFFIX,
    ChunkedFrames,
    alpha_frames,
    check_output,
    check_picture,
    check_spared,
    is_sequence,
    open_clip,
    open_sink,
    prefetch,
    read_frames,
    read_frames_at,
    sound_warnings,
    write_image,
)

STAGE_VERSION = 17
SHEET_FRAMES = 12
HIDDEN_PARTS = "hidden.npz"
TRACKED = ("landmarks", "visibility", "boxes", "bases", "detections", "touched")


@dataclass(frozen=True, eq=False)
class CachedMatte:
    """A clip's matte, what made it, its cache key, and whether it was there already.

    ``corrections`` tells the frames that were corrected by hand and are not in the key; empty
    where there are none. ``props`` (F, MAX_PROPS, 4) are the boxes of what the person holds, NaN
    where there is less; ``lettering`` are the lines of it that lie on them; ``hidden`` completes
    frames in which something hides them.
    """

    matte: Matte
    props: Floats
    lettering: tuple[LetteringLine, ...]
    hidden: HiddenParts
    model: str
    key: str
    cached: bool
    corrections: str

    def is_covered(self, index: int) -> bool:
        """Whether a frame shows something else than the person: lettering, or what hides them."""
        return bool(self.lettering) or index in self.hidden.boxes

    def uncover(self, index: int, frame: Image, alpha: Image) -> tuple[Image, Image]:
        """A frame (H, W, 3) and its alpha (H, W) with what covers the person taken away."""
        frame, alpha = self.hidden.complete(index, frame, alpha)
        return cover_lettering(frame, alpha, self.lettering), alpha


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
        InputError: the given alpha or the kept ones do not fit the clip; there is no such model.
        MissingError: the model's weights are not installed.
    """
    warnings: tuple[str, ...] = ()
    if request.matte is not None:
        if request.clicks:
            raise InputError("--click cannot be used with --matte", "use one of them")
        warnings = alpha_frames(request.matte, clip).warnings
    else:
        make_model(request)
        clicks_of(request, clip)
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
        _write_matte(run, clip, made, output, alpha_only, request.first_number(clip))
        if preview is not None:
            write_image(preview, matte_sheet(clip, made.matte, made.props))
    return {
        "output": str(output),
        "preview": None if preview is None else str(preview),
        "frames": clip.frame_count,
        "fps": float(clip.frame_rate),
        "matting_model": made.model,
        # As scripts of earlier versions read it.
        "matter": made.model,
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
        MissingError: the model's weights are not installed.
    """
    project, console = run.project, run.console
    name = "given" if request.matte is not None else matting_model_of(request)[0]
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
    missing = [first for first in chunks if not is_chunk_whole(project, folder, first)]
    cached = not missing and project.has("matte", key)
    if not cached:
        if request.matte is None:
            console.info(f"matting model: {matting_model_of(request)[1]}")
        with console.progress("matte", clip.frame_count) as advance:
            for first in chunks:
                if first in missing:
                    make_chunk(run, folder, request, clip, first, advance)
                else:
                    advance(min(first + CHUNK_LENGTH, clip.frame_count))
        if request.matte is None:
            with project.publish(folder / HIDDEN_PARTS) as temporary:
                alphas = ChunkedFrames(folder, clip.frame_count, GREY_SUFFIX)
                write_hidden_parts(temporary, clip, alphas, _noted(folder, clip))
        project.mark_done("matte", key, depends_on)
    corrections = ""
    if request.matte_fixes is not None:
        corrections = f"{file_fingerprint(request.matte_fixes)}@{request.first_number(clip)}"
    made, props, lettering, hidden = _read_matte(folder, request, clip, console)
    return CachedMatte(made, props, lettering, hidden, name, key, cached, corrections)


def _depends_on(request: MatteRequest, clip: Clip) -> dict[str, Any]:
    return {
        "clip": file_fingerprint(clip.path),
        "frames": (clip.source_frames[0], clip.source_frames[-1], clip.frame_count),
        "fps": str(clip.frame_rate),
        "matter": make_model(request).identity
        if request.matte is None
        else file_fingerprint(request.matte),
        "person": request.person,
        **({"clicks": clicks_of(request, clip).tolist()} if request.clicks else {}),
    }


def _noted(folder: Path, clip: Clip) -> dict[str, Any]:
    """What was kept of every frame (F, …) beside its alpha, and the ``warnings`` of the chunks."""
    names = (*TRACKED, "props", "held", "lettering", "area", *NOTED, "warnings")
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for first in range(0, clip.frame_count, CHUNK_LENGTH):
        with open_arrays(landmark_path(folder, first)) as chunk:
            for name, values in parts.items():
                values.append(chunk[name])
    return {name: np.concatenate(values) for name, values in parts.items()}


def _read_matte(
    folder: Path, request: MatteRequest, clip: Clip, console: Console
) -> tuple[Matte, Floats, tuple[LetteringLine, ...], HiddenParts]:
    """The matte in a folder, the boxes (F, MAX_PROPS, 4) of things that are held, lettering, and
    what completes frames.
    """
    whole = _noted(folder, clip)
    console.warn(*whole["warnings"].tolist())
    if not whole["found"].any():
        raise NobodyError(
            f"{clip.path}: nobody was found in it", "give a clip of a person, or an alpha: --matte"
        )
    hidden = HiddenParts()
    if request.matte is None:
        hidden = read_hidden_parts(folder / HIDDEN_PARTS, clip)
        completed = np.isin(np.arange(clip.frame_count), list(hidden.hidden))
        console.warn(*matte_warnings({**whole, "completed": completed}, float(clip.frame_rate)))
    alpha: FrameSource = ChunkedFrames(folder, clip.frame_count, GREY_SUFFIX)
    if request.matte_fixes is not None:
        kept = read_corrections(request.matte_fixes, clip, request.first_number(clip))
        alpha = CorrectedAlphas(alpha, kept)
        hidden = hidden.without(kept)
    for index, box in hidden.boxes.items():
        whole["boxes"][index] = box
        if index in hidden.hidden:
            whole["bases"][index] = np.nan
    tracks = assemble_tracks(
        whole["landmarks"],
        whole["visibility"],
        whole["boxes"],
        float(clip.frame_rate),
        whole["detections"],
        whole["touched"],
    )
    lettering = lines_of_array(whole["lettering"].reshape(-1, 5))
    below = row_hiding_feet(lettering, whole["boxes"], clip.height)
    tracks = replace(tracks, hidden_below=below, bases=whole["bases"])
    return Matte(alpha, tracks), whole["props"], lettering, hidden


def _write_matte(
    run: Run, clip: Clip, made: CachedMatte, output: Path, alpha_only: bool, first_number: int
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
        prefetch(made.matte.alpha.frames() if alpha_only else _cut_outs(clip, made)) as pictures,
    ):
        for index, picture in enumerate(pictures):
            sink.write(picture)
            advance(index + 1)
        run.project.check_inputs()


def _cut_outs(clip: Clip, made: CachedMatte) -> Iterator[Image]:
    """Yield the person of each frame in their own colours: straight RGBA (H, W, 4)."""
    pairs = zip(read_frames(clip), made.matte.alpha.frames(), strict=True)
    for index, pair in enumerate(pairs):
        frame, alpha = made.uncover(index, *pair)
        clean = estimate_foreground(frame, alpha, clip.height).colours
        yield np.asarray(cv2.merge([clean, alpha]), np.uint8)
