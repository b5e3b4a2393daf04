"""A data set from raw videos: the seven steps, source by source, continued where they stopped."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dynascene_cli.console import Console
from dynascene_cli.dataset.filmed.clip_stages import FILES, ClipPlaces, build_clip, shrink
from dynascene_cli.dataset.filmed.cuts import content_changes, cut_frames, divide_shots
from dynascene_cli.dataset.filmed.records import (
    SOURCE,
    ClipRecord,
    SourceRecord,
    count_funnel,
    read_built,
    read_source,
    write_record,
)
from dynascene_cli.dataset.filmed.report import write_report
from dynascene_cli.dataset.filmed.reviews import MANIFEST, read_reviews, write_manifests
from dynascene_cli.dataset.filmed.settings import SPLITS, BuildSettings
from dynascene_cli.dataset.filmed.sources import Source, find_sources, source_name
from dynascene_cli.dataset.own_folder import take_folder
from dynascene_cli.dataset.statistics import statistics
from dynascene_cli.errors import InputError
from dynascene_cli.shot import Clip
from dynascene_cli.storage.atomic import disk_full_as_error
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.locks import lock_folder
from dynascene_cli.video import open_clip, read_frames, write_image


def build_dataset(
    videos: Iterable[Path], folder: Path, licence: str, settings: BuildSettings, console: Console
) -> dict[str, Any]:
    """Take videos through the steps and write the data set; the answer under --json.

    A video that cannot be read is told of and passed over; so is one whose content is there
    already. What an earlier run of the same settings finished in the folder is kept.

    Raises:
        InputError: there is no video, the settings or the folder are wrong; or, after all others
            were taken through, a video could not be read.
        MissingError: a matting model or an estimation method is not installed.
        StageError: the disk is full.
    """
    settings.check()
    sources = find_sources(videos, licence)
    take_folder(folder, settings.text)
    faults: dict[Path, str] = {}
    with (
        disk_full_as_error(folder),
        lock_folder(folder, "data set's folder", "another run is building it", "-o"),
    ):
        seen: dict[str, Path] = {}
        for number, source in enumerate(sources, start=1):
            console.info(f"video {number} of {len(sources)}: {source.path}")
            try:
                name = _name(source, seen, console)
                if name is not None:
                    _build_source(folder, source, name, settings, console)
            except InputError as error:
                faults[source.path] = error.message
                console.warn(f"{source.path} is passed over: {error.message}")
        data = _finish(folder, settings)
    if faults:
        told = "; ".join(faults.values())
        raise InputError(
            f"{len(faults)} of {len(sources)} videos could not be read: {told}",
            f"{folder / MANIFEST} has the clips of the others; mend these and run it again",
        )
    if not data["clips"]:
        console.warn(f"no clip passed all steps: {folder / 'report.html'} says where they fell")
    return {**data, "warnings": console.warnings}


def _name(source: Source, seen: dict[str, Path], console: Console) -> str | None:
    """What a source is called; None where its content was there under another path."""
    if not source.path.is_file():
        raise InputError(f"{source.path} is no video file", "check the path")
    checksum = file_fingerprint(source.path)
    if checksum in seen:
        console.warn(f"{source.path} has the content of {seen[checksum]}: it counts once")
        return None
    seen[checksum] = source.path
    return source_name(source.path, checksum)


def _build_source(
    folder: Path, source: Source, name: str, settings: BuildSettings, console: Console
) -> None:
    records = folder / "sources" / name
    records.mkdir(parents=True, exist_ok=True)
    if not (records / SOURCE).is_file():
        write_record(records / SOURCE, _cut_source(source, name, records, settings, console))
    record = read_source(records / SOURCE)
    missing = [n for n in range(len(record.clips)) if not (records / f"{n:04d}.json").is_file()]
    if not missing:
        return
    opened = open_clip(source.path)
    for number in missing:
        clip_name = f"{name}-{number:04d}"
        places = ClipPlaces(
            folder / "clips" / clip_name,
            folder / "work" / clip_name,
            records / f"{number:04d}.jpg",
        )
        made = build_clip(opened, record.clips[number], clip_name, places, settings)
        console.info(f"  {clip_name}: {made.fell or 'accepted'}{made.reason and ': '}{made.reason}")
        write_record(records / f"{number:04d}.json", made)


def _cut_source(
    source: Source, name: str, records: Path, settings: BuildSettings, console: Console
) -> SourceRecord:
    """Steps 2 and 3, of which the latter reads the video to its end."""
    opened = open_clip(source.path)
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
    return SourceRecord(
        name=name,
        path=str(source.path),
        sha256=file_fingerprint(source.path),
        licence=source.licence,
        width=opened.width,
        height=opened.height,
        frame_rate=str(opened.frame_rate),
        frames=opened.frame_count,
        small=small,
        cuts=tuple(cuts),
        clips=tuple(clips),
        too_short=too_short,
    )


def _counted(opened: Clip, advance: Callable[[int], None]) -> Iterable[Any]:
    for index, frame in enumerate(read_frames(opened)):
        advance(index + 1)
        yield frame


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
