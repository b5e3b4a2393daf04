"""A data set from raw videos: the seven steps, continued where they stopped."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dynascene_cli.cluster import RayUse
from dynascene_cli.console import Console
from dynascene_cli.dataset.filmed.clip_stages import FILES
from dynascene_cli.dataset.filmed.jobs import (
    ClipJob,
    Outcome,
    SourceJob,
    Workers,
    check_source,
    cut_source,
    make_clip,
    work_here,
)
from dynascene_cli.dataset.filmed.ray_workers import ray_workers
from dynascene_cli.dataset.filmed.records import (
    ClipRecord,
    SourceRecord,
    count_funnel,
    read_built,
)
from dynascene_cli.dataset.filmed.report import write_report
from dynascene_cli.dataset.filmed.reviews import MANIFEST, read_reviews, write_manifests
from dynascene_cli.dataset.filmed.settings import SPLITS, BuildSettings
from dynascene_cli.dataset.filmed.sources import find_sources
from dynascene_cli.dataset.own_folder import take_folder
from dynascene_cli.dataset.statistics import statistics
from dynascene_cli.errors import InputError
from dynascene_cli.matting.person_detector import BUNDLED_DETECTOR, detector_path
from dynascene_cli.matting.weight_trial import try_detector
from dynascene_cli.storage.atomic import disk_full_as_error
from dynascene_cli.storage.locks import lock_folder


def build_dataset(
    videos: Iterable[Path],
    folder: Path,
    licence: str,
    settings: BuildSettings,
    console: Console,
    ray: RayUse | None = None,
) -> dict[str, Any]:
    """Take videos through the steps and write the data set; the answer under --json.

    A video that cannot be read is told of and passed over; so is one whose content is there
    already. What an earlier run of the same settings finished in the folder is kept. Where the
    work is done, here or by Ray's workers, changes nothing of what is written.

    Raises:
        InputError: there is no video, the settings or the folder are wrong, or Ray cannot be
            reached; or, after all others were taken through, a video could not be read.
        MissingError: a detector, a matting model, an estimation method or Ray is not installed.
        StageError: the disk is full.
    """
    settings.check()
    if settings.detector != BUNDLED_DETECTOR:
        try_detector(detector_path(settings.detector))
    sources = find_sources(videos, licence)
    building = _Building(settings, console)
    with ray_workers(ray, folder, console) if ray else nullcontext(work_here) as work:
        take_folder(folder, settings.text)
        with (
            disk_full_as_error(folder),
            lock_folder(folder, "data set's folder", "another run is building it", "-o"),
        ):
            building.run([SourceJob(folder, source) for source in sources], work)
            data = _finish(folder, settings) | {"throughput": building.throughput()}
    if building.faults:
        told = "; ".join(building.faults.values())
        raise InputError(
            f"{len(building.faults)} of {len(sources)} videos could not be read: {told}",
            f"{folder / MANIFEST} has the clips of the others; mend these and run it again",
        )
    if not data["clips"]:
        console.warn(f"no clip passed all steps: {folder / 'report.html'} says where they fell")
    return {**data, "warnings": console.warnings}


@dataclass
class _Building:
    """A run through the steps: what went wrong by video, and what it took by kind of job."""

    settings: BuildSettings
    console: Console
    faults: dict[Path, str] = field(default_factory=dict)
    core_seconds: dict[str, float] = field(default_factory=dict)
    clips: int = 0
    video_seconds: float = 0.0

    def run(self, videos: Sequence[SourceJob], work: Workers) -> None:
        """Do all that is missing."""
        checked = work("checksums", check_source, videos)
        cut = work(
            "cuts",
            partial(cut_source, settings=self.settings, console=self.console),
            self._found(checked, len(videos)),
        )
        made = work("clips", partial(make_clip, settings=self.settings), self._missing(cut))
        for outcome in made:
            clip = outcome.made
            if self._is_made("clips", outcome, outcome.job.video) and clip is not None:
                self.clips += 1
                told = f"{clip.fell}: {clip.reason}" if clip.fell else "accepted"
                self.console.info(f"  {clip.name}: {told}")

    def _found(self, checked: Iterable[Outcome[SourceJob, str]], count: int) -> Iterator[SourceJob]:
        """The videos that can be read, each content once."""
        seen: dict[str, Path] = {}
        for number, outcome in enumerate(checked, start=1):
            path, checksum = outcome.job.source.path, outcome.made
            self.console.info(f"video {number} of {count}: {path}")
            if not self._is_made("checksums", outcome, outcome.job) or checksum is None:
                continue
            if checksum in seen:
                self.console.warn(f"{path} has the content of {seen[checksum]}: it counts once")
                continue
            seen[checksum] = path
            yield replace(outcome.job, sha256=checksum)

    def _missing(self, cut: Iterable[Outcome[SourceJob, SourceRecord]]) -> Iterator[ClipJob]:
        """The clips of which no earlier run says what became of them."""
        for outcome in cut:
            record = outcome.made
            if not self._is_made("cuts", outcome, outcome.job) or record is None:
                continue
            for number, span in enumerate(record.clips):
                job = ClipJob(outcome.job, number, span)
                if not job.record.is_file():
                    self.video_seconds += float((span[1] - span[0]) / record.rate)
                    yield job

    def _is_made(self, kind: str, outcome: Outcome[Any, Any], video: SourceJob) -> bool:
        spent = self.core_seconds.get(kind, 0.0)
        self.core_seconds[kind] = spent + outcome.core_seconds
        path = video.source.path
        if outcome.fault and path not in self.faults:
            self.faults[path] = outcome.fault
            self.console.warn(f"{path} is passed over: {outcome.fault}")
        return not outcome.fault

    def throughput(self) -> dict[str, Any]:
        """The clips that this run looked at, and the processor time it took, by kind of job."""
        return {
            "clips": self.clips,
            "video_seconds": round(self.video_seconds, 3),
            "core_seconds": {kind: round(s, 2) for kind, s in self.core_seconds.items()},
        }


def _finish(folder: Path, settings: BuildSettings) -> dict[str, Any]:
    """Write manifests and report from all that is in the folder."""
    shutil.rmtree(folder / "work", ignore_errors=True)
    built = read_built(folder)
    lines = [
        _line(source.record, clip, settings)
        for source in built
        for clip in source.clips
        if not clip.fell
    ]
    write_manifests(folder, lines, read_reviews(folder).decisions)
    funnel = count_funnel(built)
    summary = statistics(lines)
    write_report(folder, built, funnel, summary)
    return {
        "manifest": str(folder / MANIFEST),
        "report": str(folder / "report.html"),
        "funnel": funnel,
        **summary,
    }


def _line(source: SourceRecord, clip: ClipRecord, settings: BuildSettings) -> dict[str, Any]:
    files = {key: f"clips/{clip.name}/{file}" for key, file in FILES.items()}
    return {
        "name": clip.name,
        **files,
        **clip.known,
        "licence": source.licence,
        "source": source.path,
        "source_sha256": source.sha256,
        "start": round(float(clip.first / source.rate), 6),
        "end": round(float(clip.last / source.rate), 6),
        "width": source.width,
        "height": source.height,
        "split": split_of(source.sha256, settings),
    }


def split_of(source_sha256: str, settings: BuildSettings) -> str:
    """The split of all clips of a source: by its content and the seed alone.

    So that a clip never meets one of its own video in another split, and a source that is added
    later moves no other.
    """
    digest = hashlib.sha256(json.dumps([settings.seed, source_sha256]).encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    for split, share in zip(SPLITS, settings.splits, strict=True):
        if place < share:
            return split
        place -= share
    return SPLITS[0]
