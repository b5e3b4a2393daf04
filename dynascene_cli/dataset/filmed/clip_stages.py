"""Steps 4 to 7 of one clip: people, motion, matte and scene image, camera and its quality gate."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dynascene_cli.camera.estimation.estimate import Estimate
from dynascene_cli.camera.formats import write_camera
from dynascene_cli.console import Console
from dynascene_cli.dataset.clip_folder import write_film
from dynascene_cli.dataset.filmed.motion import STEP, motion_score
from dynascene_cli.dataset.filmed.people import check_people
from dynascene_cli.dataset.filmed.records import ClipRecord, Step
from dynascene_cli.dataset.filmed.settings import BuildSettings
from dynascene_cli.dataset.person_hole import Hidden, person_hole
from dynascene_cli.errors import InputError, StageError
from dynascene_cli.geometry import centre
from dynascene_cli.matting.person_detector import person_detector
from dynascene_cli.pipeline.camera import cached_estimate, camera_key, foreground_from_matte
from dynascene_cli.pipeline.matte import CachedMatte, cached_matte
from dynascene_cli.pipeline.request import CameraRequest, MatteRequest, RunRequest
from dynascene_cli.pipeline.run import Run, open_run
from dynascene_cli.scene.ade20k import NAMES
from dynascene_cli.scene.labels import scene_labels
from dynascene_cli.shot import Clip, Image
from dynascene_cli.storage.atomic import publish_folder
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.text_files import read_json
from dynascene_cli.video import open_clip, open_sink, read_frames, read_frames_at, write_image

FILES = {
    "clip": "clip.mp4",
    "matte": "matte.mkv",
    "camera": "camera.txt",
    "scene_image": "scene.png",
    "tracks": "tracks.npz",
}
"""A clip's files by their keys in the manifest."""

ABOUT = "about.json"
THUMBNAIL_WIDTH = 320
MOST_LOST = 0.1
"""Share of frames without the person beyond which a matte is none of a clip of one person."""

HOLE_DILATION = 16.0
"""Pixels of a 768 × 432 picture by which the person's hole in the scene image is widened."""

ELEMENTS, LEAST_ELEMENT = 3, 0.01
"""How many things of a scene are named (the paper's figure 11), and their least share of it."""

NO_ELEMENTS = ("background", "person", "apparel")


class FellError(Exception):
    """The clip fell out at a step."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step: Step = step
        self.reason = reason


class _Listener(Console):
    """Keeps what is warned about a clip to itself: only what becomes of the clip is told."""

    def warn(self, *messages: str) -> None:
        self.warnings += [message for message in messages if message not in self.warnings]


@dataclass(frozen=True)
class ClipPlaces:
    """Where a clip's parts lie: finished ones, those in the making, and its thumbnail."""

    finished: Path
    work: Path
    thumbnail: Path


def build_clip(
    opened: Clip,
    span: tuple[int, int],
    name: str,
    places: ClipPlaces,
    settings: BuildSettings,
) -> ClipRecord:
    """Take a clip through all steps; what lies in its places of an earlier run is used.

    Raises:
        InputError: the source cannot be read.
        MissingError: a matting model or an estimation method is not installed.
        StageError: the disk is full.
    """
    known: dict[str, Any] = {}
    try:
        _examine(opened, span, places.thumbnail, settings, known)
        if not places.finished.is_dir():
            _make_parts(opened, span, name, places, settings)
        known |= _describe_parts(places.finished)
    except FellError as fallen:
        shutil.rmtree(places.work, ignore_errors=True)
        return ClipRecord(name, *span, fallen.step, fallen.reason, known)
    shutil.rmtree(places.work, ignore_errors=True)
    return ClipRecord(name, *span, known=known)


def _examine(
    opened: Clip,
    span: tuple[int, int],
    thumbnail: Path,
    settings: BuildSettings,
    known: dict[str, Any],
) -> None:
    """Look at frames half a second apart, and keep what was seen in ``known``."""
    frames = list(read_frames_at(opened, sampled_frames(span, float(opened.frame_rate))))
    write_image(thumbnail, shrink(frames[len(frames) // 2]))
    people = check_people(frames, settings.person_share, person_detector(settings.detector))
    known["person_share"] = round(people.share, 4)
    if people.fault:
        raise FellError("people", people.fault)
    score = motion_score(frames)
    known["motion_score"] = round(score, 4)
    if score >= settings.max_score:
        raise FellError("motion", f"it moves too little: {score:.3f}")


def sampled_frames(span: tuple[int, int], rate: float) -> list[int]:
    """The frames of a clip that are STEP apart, by what lies at those times; one at least."""
    first, last = span
    count = int((last - first - 1) / rate / STEP + 1e-9) + 1
    indices = {min(first + round(number * STEP * rate), last - 1) for number in range(count)}
    return sorted(indices)


def shrink(frame: Image) -> Image:
    """A frame as an example for the report."""
    height, width = frame.shape[:2]
    size = THUMBNAIL_WIDTH, max(1, round(height * THUMBNAIL_WIDTH / width))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _make_parts(
    opened: Clip,
    span: tuple[int, int],
    name: str,
    places: ClipPlaces,
    settings: BuildSettings,
) -> None:
    places.work.mkdir(parents=True, exist_ok=True)
    video = places.work / "clip.mp4"
    if not video.is_file():
        with open_sink(
            video, width=opened.width, height=opened.height, frame_rate=opened.frame_rate
        ) as sink:
            for frame in read_frames(opened, *span):
                sink.write(frame)
    clip = open_clip(video)
    request = MatteRequest(str(video), matting_model=settings.matting_model)
    asked = RunRequest(places.work / "project")
    run = open_run(asked, request.clip, request.inputs, _Listener(quiet=True))
    with run.project.locked():
        matted = _matte(run, request, clip)
        estimate = _estimate(run, request, clip, matted, settings)
        with publish_folder(places.finished) as folder:
            _write_parts(folder, clip, matted, estimate, name)
            shutil.copyfile(
                _tracks_path(run, request, clip, matted, settings), folder / FILES["tracks"]
            )


def _matte(run: Run, request: MatteRequest, clip: Clip) -> CachedMatte:
    try:
        matted = cached_matte(run, request, clip)
    except InputError as error:
        raise FellError("matte", error.message) from error
    lost = float(np.isnan(matted.matte.tracks.boxes).any(axis=1).mean())
    if lost > MOST_LOST:
        raise FellError("matte", f"the person is lost in {lost:.0%} of the frames")
    return matted


def _estimate(
    run: Run, request: MatteRequest, clip: Clip, matted: CachedMatte, settings: BuildSettings
) -> Estimate:
    """The camera, if its quality is what the paper's fifty people would have passed."""
    asked = _camera_request(request, settings)
    try:
        estimate = cached_estimate(run, asked, clip, foreground_from_matte(request, matted))
    except InputError as error:
        raise FellError("camera", error.message) from error
    except StageError as error:
        if isinstance(error.__cause__, OSError):
            raise
        raise FellError("camera", error.message) from error
    if estimate.confidence == "low":
        raise FellError("camera", "; ".join(estimate.reasons))
    return estimate


def _tracks_path(
    run: Run, request: MatteRequest, clip: Clip, matted: CachedMatte, settings: BuildSettings
) -> Path:
    """Where the points of the background lie that the camera was estimated from."""
    key = camera_key(
        _camera_request(request, settings), clip, foreground_from_matte(request, matted)
    )
    return run.project.stage_folder("camera", key) / "tracks.npz"


def _camera_request(request: MatteRequest, settings: BuildSettings) -> CameraRequest:
    return CameraRequest(request, method=settings.method)  # type: ignore[arg-type]


def _write_parts(
    folder: Path, clip: Clip, matted: CachedMatte, estimate: Estimate, name: str
) -> None:
    shutil.copyfile(clip.path, folder / "clip.mp4")
    write_film(folder / "matte.mkv", matted.matte.alpha.frames(), clip.frame_rate)
    number = chosen_frame(name, clip.frame_count)
    alpha = next(matted.matte.alpha.frames(number, number + 1))
    frame = next(read_frames(clip, number, number + 1))
    hole = person_hole(alpha, HOLE_DILATION)
    scene = frame.copy()
    scene[hole] = 0
    write_image(folder / "scene.png", scene)
    write_camera(folder / "camera.txt", estimate.path, name=name)
    turns = np.trace(
        estimate.path.extrinsics[1:, :, :3]
        @ np.swapaxes(estimate.path.extrinsics[:-1, :, :3], 1, 2),
        axis1=1,
        axis2=2,
    )
    angles = np.degrees(np.arccos(np.clip((turns - 1) / 2, -1, 1)))
    way = np.linalg.norm(np.diff(centre(estimate.path.extrinsics), axis=0), axis=1)
    about = {
        "frames": clip.frame_count,
        "fps": round(float(clip.frame_rate), 6),
        "scene_frame": number,
        "scene_elements": scene_elements(frame, hole),
        "pose_confidence": estimate.confidence,
        "pose_inliers": round(estimate.inliers, 4),
        "pose_median_px": round(estimate.median_px, 4),
        "turned_deg": round(float(angles.sum()), 3),
        "travelled": round(float(way.sum()), 4),
        "median_depth": 1.0,
    }
    text = json.dumps(about, indent=1) + "\n"
    (folder / ABOUT).write_text(text, encoding="utf-8")


def _describe_parts(folder: Path) -> dict[str, Any]:
    """What a finished clip's folder says of itself, and the checksums of its files."""
    about: Any = read_json(folder / ABOUT)
    return about | {"sha256": {key: file_fingerprint(folder / file) for key, file in FILES.items()}}


def chosen_frame(name: str, frames: int) -> int:
    """The frame that the scene image is taken from: by chance, and the same every time."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % frames


def scene_elements(frame: Image, hidden: Hidden) -> list[str]:
    """What the background mainly shows: classes of ADE20K, the largest first."""
    classes = scene_labels(frame).classes[~hidden]
    if not classes.size:
        return []
    shares = np.bincount(classes, minlength=len(NAMES)) / classes.size
    order = [int(index) for index in np.argsort(-shares, kind="stable")]
    named = [i for i in order if NAMES[i] not in NO_ELEMENTS and shares[i] >= LEAST_ELEMENT]
    return [NAMES[index] for index in named[:ELEMENTS]]
