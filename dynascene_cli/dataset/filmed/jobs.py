"""What is done for one video or one clip, on this machine or on another that shares its disk."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from dynascene_cli.console import Console
from dynascene_cli.dataset.filmed.clip_stages import ClipPlaces, build_clip, shrink
from dynascene_cli.dataset.filmed.cuts import content_changes, cut_frames, divide_shots
from dynascene_cli.dataset.filmed.records import (
    SOURCE,
    ClipRecord,
    SourceRecord,
    read_source,
    write_record,
)
from dynascene_cli.dataset.filmed.settings import BuildSettings
from dynascene_cli.dataset.filmed.sources import Source, source_name
from dynascene_cli.errors import InputError
from dynascene_cli.shot import Clip, Image
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.video import open_clip, read_frames, write_image


@dataclass(frozen=True)
class SourceJob:
    """A video of a data set's folder; its checksum is empty as long as nobody read it."""

    folder: Path
    source: Source
    sha256: str = ""

    @property
    def title(self) -> str:
        """What messages call it."""
        return str(self.source.path)

    @property
    def name(self) -> str:
        """What the data set calls it."""
        return source_name(self.source.path, self.sha256)


@dataclass(frozen=True)
class ClipJob:
    """Clip ``number`` of a video: the frames of ``span``, first and past the last."""

    video: SourceJob
    number: int
    span: tuple[int, int]

    @property
    def title(self) -> str:
        """What it is called in messages and in the data set."""
        return f"{self.video.name}-{self.number:04d}"

    @property
    def record(self) -> Path:
        """The file that says what became of it."""
        return self.video.folder / "sources" / self.video.name / f"{self.number:04d}.json"


Job = TypeVar("Job", SourceJob, ClipJob)
Made = TypeVar("Made")


@dataclass(frozen=True)
class Outcome(Generic[Job, Made]):
    """What a job gave: ``made``, or None where its video could not be read, as ``fault`` tells."""

    job: Job
    made: Made | None
    fault: str = ""
    core_seconds: float = 0.0


class Workers(Protocol):
    """Does jobs of one kind, and gives their outcomes in the order of the jobs."""

    def __call__(
        self, kind: str, do: Callable[[Job], Made], jobs: Iterable[Job]
    ) -> Iterator[Outcome[Job, Made]]:
        """The outcomes; ``kind`` is what the jobs are called together."""
        ...


def work_here(
    kind: str, do: Callable[[Job], Made], jobs: Iterable[Job]
) -> Iterator[Outcome[Job, Made]]:
    """Do jobs in this process, each when it is asked for."""
    return (attempt(do, job) for job in jobs)


def attempt(do: Callable[[Job], Made], job: Job) -> Outcome[Job, Made]:
    """Do a job, and measure the processor time of this process and of those that it waited for."""
    before = sum(os.times()[:4])
    made, fault = None, ""
    try:
        made = do(job)
    except InputError as error:
        fault = error.message
    return Outcome(job, made, fault, sum(os.times()[:4]) - before)


def check_source(job: SourceJob) -> str:
    """Step 1: the checksum of the video.

    Raises:
        InputError: there is no such file.
    """
    if not job.source.path.is_file():
        raise InputError(f"{job.source.path} is no video file", "check the path")
    return file_fingerprint(job.source.path)


def cut_source(job: SourceJob, settings: BuildSettings, console: Console) -> SourceRecord:
    """Steps 2 and 3, unless an earlier run did them; the latter reads the video to its end.

    Raises:
        InputError: the video cannot be read.
        StageError: the disk is full.
    """
    records = job.folder / "sources" / job.name
    if (records / SOURCE).is_file():
        return read_source(records / SOURCE)
    records.mkdir(parents=True, exist_ok=True)
    opened = open_clip(job.source.path)
    cuts: list[int] = []
    clips: list[tuple[int, int]] = []
    too_short = 0
    small = min(opened.width, opened.height) < settings.min_side
    if small:
        write_image(records / "source.jpg", shrink(next(read_frames(opened, 0, 1))))
    else:
        with console.progress("cuts", opened.frame_count) as advance:
            changes = content_changes(_counted(opened, advance))
        cuts = cut_frames(changes, settings.cut_threshold)
        clips, too_short = divide_shots(
            opened.frame_count,
            cuts,
            opened.frame_rate,
            settings.min_seconds,
            settings.max_seconds,
        )
    record = SourceRecord(
        name=job.name,
        path=str(job.source.path),
        sha256=job.sha256,
        licence=job.source.licence,
        width=opened.width,
        height=opened.height,
        frame_rate=str(opened.frame_rate),
        frames=opened.frame_count,
        small=small,
        cuts=tuple(cuts),
        clips=tuple(clips),
        too_short=too_short,
    )
    write_record(records / SOURCE, record)
    return record


def _counted(opened: Clip, advance: Callable[[int], None]) -> Iterable[Image]:
    for index, frame in enumerate(read_frames(opened)):
        advance(index + 1)
        yield frame


def make_clip(job: ClipJob, settings: BuildSettings) -> ClipRecord:
    """Steps 4 to 7.

    Raises:
        InputError: the video cannot be read.
        MissingError: a matting model or an estimation method is not installed.
        StageError: the disk is full.
    """
    folder = job.video.folder
    places = ClipPlaces(
        folder / "clips" / job.title, folder / "work" / job.title, job.record.with_suffix(".jpg")
    )
    made = build_clip(_opened(job.video.source.path), job.span, job.title, places, settings)
    write_record(job.record, made)
    return made


@lru_cache(maxsize=1)
def _opened(path: Path) -> Clip:
    """A video, opened once for the clips that follow each other."""
    return open_clip(path)
