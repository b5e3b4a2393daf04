"""The story of a filmed camera: the background followed, its motion solved, both cached."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera import measure_background_motion
from dynascene_cli.camera.estimation.estimate import ClipFacts, Estimate, FeatureTracks
from dynascene_cli.camera.estimation.estimate_files import (
    read_estimate,
    read_tracks,
    write_estimate,
    write_tracks,
)
from dynascene_cli.camera.formats import check_camera_output, write_camera
from dynascene_cli.console import Console
from dynascene_cli.errors import InputError, MissingError, StageError
from dynascene_cli.geometry import SENSOR_WIDTH_MM
from dynascene_cli.matting import NobodyError
from dynascene_cli.pipeline.matte import (
    CachedMatte,
    cached_matte,
    check_matte_request,
    frames_and_alphas,
    is_matte_cached,
    open_request_clip,
    spread_indices,
)
from dynascene_cli.pipeline.request import CameraRequest, MatteRequest, RunRequest, clip_name
from dynascene_cli.pipeline.run import Run, open_run
from dynascene_cli.reports.estimation_page import write_estimation_page
from dynascene_cli.reports.plotting import check_plotting
from dynascene_cli.shot import Clip, FrameSource, Image, Matte
from dynascene_cli.storage.file_names import shorten_name
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.project import stage_key
from dynascene_cli.video import (
    alpha_frames,
    check_spared,
    prefetch,
    read_frames,
    read_frames_at,
    read_tagged_focal,
)

STAGE_VERSION = 4
MOTION_SAMPLES = 8
REPORT_FRAMES = 12


@dataclass(frozen=True, eq=False)
class Foreground:
    """What hides the background: the person's alpha (None: nobody), and its fingerprint."""

    alpha: FrameSource | None
    identity: str

    def alphas(self, clip: Clip) -> Iterator[Image]:
        """One alpha (H, W) a frame."""
        if self.alpha is not None:
            return self.alpha.frames()
        nobody = np.zeros((clip.height, clip.width), np.uint8)
        return (nobody for _ in range(clip.frame_count))


def foreground_from_matte(request: MatteRequest, matted: CachedMatte) -> Foreground:
    """The foreground that a cached matte shows."""
    key = matted.key if request.matte is None else file_fingerprint(request.matte)
    return Foreground(matted.matte.alpha, key + matted.corrections)


def camera_key(request: CameraRequest, clip: Clip, foreground: Foreground) -> str:
    """The cache key of a clip's estimated camera."""
    depends_on = {
        "clip": file_fingerprint(clip.path),
        "frames": (clip.source_frames[0], clip.source_frames[-1], clip.frame_count),
        "fps": str(clip.frame_rate),
        "foreground": foreground.identity,
        "method": request.method,
        "focal_mm": request.focal_mm,
    }
    return stage_key("camera", STAGE_VERSION, depends_on)


def cached_estimate(
    run: Run, request: CameraRequest, clip: Clip, foreground: Foreground
) -> Estimate:
    """The clip's own camera: from the project, or estimated and kept there.

    Raises:
        InputError: there is one frame only, no background, or a cut in the clip.
        MissingError: the method that was asked for is not installed.
        StageError: too little can be followed.
    """
    project = run.project
    key = camera_key(request, clip, foreground)
    kept = project.stage_folder("camera", key) / "estimate.npz"

    def make(path: Path) -> None:
        write_estimate(path, _estimate(run, request, clip, foreground))

    estimate = project.cached(kept, make, read_estimate)
    if not project.has("camera", key):
        project.mark_done("camera", key, {"clip": str(clip.path), "method": request.method})
    return estimate


def is_estimate_cached(
    run: Run, request: CameraRequest, clip: Clip, foreground: Foreground
) -> bool:
    """Whether it is known how the clip's camera moves, or that it rests, and not asked anew."""
    key = camera_key(request, clip, foreground)
    known = [run.project.is_whole("camera", each) for each in (key, _glance_key(key))]
    return any(known) and not run.force


def find_filmed_camera(
    run: Run, request: CameraRequest, clip: Clip, matte: Matte, foreground: Foreground
) -> Estimate | None:
    """The clip's own camera for a render; None where a glance at the background shows it at rest.

    What cannot be told is taken to rest, with a warning.

    Raises:
        MissingError: the method that was asked for is not installed.
        StageError: the request is strict, and the camera cannot be told or is of low confidence.
    """
    project, console = run.project, run.console
    key = camera_key(request, clip, foreground)
    if run.force:
        project.forget("camera", key)
        project.forget("camera", _glance_key(key))
    if not project.has("camera", key):
        if project.has("camera", _glance_key(key)):
            return None
        if clip.frame_count < 2 or not _background_moves(clip, matte):
            project.mark_done("camera", _glance_key(key), {"clip": str(clip.path)})
            return None
    try:
        estimate = cached_estimate(run, request, clip, foreground)
    except (InputError, StageError) as error:
        if request.strict:
            raise
        console.warn(
            f"the clip's own camera could not be estimated ({error.message}): "
            "it is treated as static"
        )
        return None
    check_confidence(estimate, request, console)
    return estimate


def check_confidence(estimate: Estimate, request: CameraRequest, console: Console) -> None:
    """Warn of an estimate's weaknesses.

    Raises:
        StageError: the request is strict and the confidence low.
    """
    console.warn(*estimate.warnings)
    if estimate.confidence != "low":
        return
    doubt = f"the clip's camera is known with low confidence: {'; '.join(estimate.reasons)}"
    remedy = "try --method colmap, a better --matte, or the lens's focal length"
    if request.strict:
        raise StageError(doubt, remedy)
    console.warn(f"{doubt}; {remedy}")


def estimate_camera(
    request: CameraRequest,
    asked: RunRequest,
    output: Path | None,
    console: Console,
    *,
    report: bool,
) -> dict[str, Any]:
    """Estimate a clip's camera and write it; the answer under --json.

    Raises:
        InputError, MissingError, StageError: as the exit codes 1, 3 and 4.
    """
    run = open_run(asked, request.matte.clip, request.matte.inputs, console)
    project = run.project
    clip = open_request_clip(request.matte)
    output = output or Path(shorten_name(clip_name(request.matte.clip), "-camera.json"))
    check_camera_output(output)
    check_spared(output, request.matte.inputs)
    _check_folders_spared(output, request.matte.inputs)
    odd = check_matte_request(request.matte, clip, numbered=True)
    if report:
        check_plotting()
    if run.dry_run:
        return _dry_run(run, request, clip)
    console.warn(*clip.warnings, *odd)
    with project.locked():
        foreground = _foreground(run, request.matte, clip)
        key = camera_key(request, clip, foreground)
        if run.force:
            project.forget("camera", key)
        cached = project.is_whole("camera", key)
        estimate = cached_estimate(run, request, clip, foreground)
        check_confidence(estimate, request, console)
        page = None
        if report:
            page = _report(run, request, clip, foreground, estimate)
        project.check_inputs()
        write_camera(
            output,
            replace(estimate.path, first_frame=request.matte.first_number(clip)),
            name=clip_name(request.matte.clip),
            warn=console.warn,
            points=estimate.points,
            extra={"estimate": summary(estimate)},
        )
    return {
        "output": str(output),
        **summary(estimate),
        "frames": clip.frame_count,
        "fps": float(clip.frame_rate),
        "cached": ["camera"] if cached else [],
        "report": None if page is None else str(page),
        "warnings": console.warnings,
    }


def summary(estimate: Estimate) -> dict[str, Any]:
    """What an estimate says of itself, as plain JSON."""
    return {
        "method": estimate.method,
        "confidence": estimate.confidence,
        "reasons": list(estimate.reasons),
        "inliers": round(estimate.inliers, 4),
        "median_px": round(estimate.median_px, 4),
        "registered": round(float(estimate.registered.mean()), 4),
        "focal_px": round(estimate.focal_px, 3),
        "focal_observable": estimate.focal_observable,
        "focal_source": estimate.focal_source,
    }


def _check_folders_spared(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write a COLMAP model among the pictures of an input."""
    for given in inputs:
        if output.is_dir() and given.is_dir() and output.samefile(given):
            raise InputError(
                f"{output}: would change the input {given}", "choose another name for the output"
            )


def _dry_run(run: Run, request: CameraRequest, clip: Clip) -> dict[str, Any]:
    """What would run: where the matte is not cached, the camera cannot be."""
    given = request.matte.matte is not None
    matte_cached = given or is_matte_cached(run.project, request.matte, clip)
    would_run = ["camera"] if matte_cached else ["matte", "camera"]
    cached = ["matte"] if matte_cached else []
    if matte_cached and not run.force:
        foreground = _foreground(run, request.matte, clip)
        if run.project.is_whole("camera", camera_key(request, clip, foreground)):
            would_run, cached = [], [*cached, "camera"]
    return {"output": None, "would_run": would_run, "cached": cached}


def _foreground(run: Run, request: MatteRequest, clip: Clip) -> Foreground:
    if request.matte is not None:
        return Foreground(alpha_frames(request.matte, clip), file_fingerprint(request.matte))
    try:
        matted = cached_matte(replace(run, force=False), request, clip)
    except NobodyError:
        run.console.warn("nobody is in the clip: the whole picture counts as background")
        return Foreground(None, "nobody")
    return foreground_from_matte(request, matted)


def _glance_key(key: str) -> str:
    return f"{key}-rests"


def _background_moves(clip: Clip, matte: Matte) -> bool:
    pairs = frames_and_alphas(clip, matte, spread_indices(clip, MOTION_SAMPLES))
    first, second = tee(pairs)
    frames, alphas = (frame for frame, _ in first), (alpha for _, alpha in second)
    return measure_background_motion(frames, alphas).moves


def _estimate(run: Run, request: CameraRequest, clip: Clip, foreground: Foreground) -> Estimate:
    # The solvers' compiled kernels take a second to load, and a clip at rest needs none of them.
    from dynascene_cli.camera.estimation.colmap import estimate_by_colmap, may_improve
    from dynascene_cli.camera.estimation.solver import estimate_from_tracks
    from dynascene_cli.camera.estimation.vggsfm import estimate_by_vggsfm

    known = _known_facts(request, clip)
    tracks = _tracks(run, request, clip, foreground)
    if request.method == "vggsfm":
        return estimate_by_vggsfm(read_frames(clip), foreground.alphas(clip), tracks, known)
    if request.method == "colmap":
        return estimate_by_colmap(tracks, known)
    with run.console.busy("camera"):
        estimate = estimate_from_tracks(tracks, known)
    if request.method == "tracks" or not may_improve(estimate):
        return estimate
    run.console.info("camera: the tracks do not fit one camera, trying COLMAP too")
    try:
        with run.console.busy("camera"):
            other = estimate_by_colmap(tracks, known)
    except (MissingError, StageError) as error:
        run.console.detail(f"colmap: {error.message}")
        return estimate
    return other if other.confidence == "high" else estimate


def _known_facts(request: CameraRequest, clip: Clip) -> ClipFacts:
    size = clip.width, clip.height
    if request.focal_mm is not None:
        focal = request.focal_mm / SENSOR_WIDTH_MM * clip.width
        return ClipFacts(clip.frame_rate, size, focal, "given")
    return ClipFacts(clip.frame_rate, size, read_tagged_focal(clip), "exif")


def _tracks(run: Run, request: CameraRequest, clip: Clip, foreground: Foreground) -> FeatureTracks:
    """The clip's tracks, kept as soon as they are whole: solving them may be interrupted."""
    from dynascene_cli.camera.estimation.shot_cuts import check_one_shot
    from dynascene_cli.camera.estimation.tracking import track_features

    def make(path: Path) -> None:
        with (
            run.console.progress("camera", clip.frame_count) as advance,
            prefetch(read_frames(clip)) as frames,
        ):

            def counted() -> Iterator[Image]:
                for index, frame in enumerate(frames):
                    advance(index + 1)
                    yield frame

            tracks = track_features(counted(), foreground.alphas(clip))
        check_one_shot(tracks, clip.frame_rate)
        write_tracks(path, tracks)

    folder = run.project.stage_folder("camera", camera_key(request, clip, foreground))
    return run.project.cached(folder / "tracks.npz", make, read_tracks)


def _report(
    run: Run, request: CameraRequest, clip: Clip, foreground: Foreground, estimate: Estimate
) -> Path:
    """Write ``report/camera.html`` in the project."""
    indices = spread_indices(clip, REPORT_FRAMES)
    page = run.project.folder / "report" / "camera.html"
    with run.project.publish(page) as temporary:
        write_estimation_page(
            temporary,
            estimate,
            _tracks(run, request, clip, foreground),
            list(zip(indices, read_frames_at(clip, indices), strict=True)),
            title=f"The camera of {clip_name(request.matte.clip)}",
            settings={"clip": request.matte.clip, **summary(estimate)},
        )
    return page
