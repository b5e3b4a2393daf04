"""Step 1, sourcing: the raw videos that a data set is built of, each with its licence note."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dynascene_cli.errors import InputError
from dynascene_cli.storage.text_files import read_text

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".gif")
LIST_SUFFIX = ".txt"


@dataclass(frozen=True)
class Source:
    """A raw video, and under what terms it may be used, in words; empty where nobody said."""

    path: Path
    licence: str


def find_sources(given: Iterable[Path], licence: str) -> list[Source]:
    """The videos of files, folders (with the folders in them) and lists, each path once.

    A list is a ``.txt`` of one path a line, relative to it, a tab and a licence note after the
    path where one is known; ``licence`` is that of all others.

    Raises:
        InputError: a path does not exist, a folder or list names no video.
    """
    found: dict[Path, Source] = {}
    for path in given:
        for source in _sources_of(path, licence):
            found.setdefault(source.path.resolve(), source)
    return list(found.values())


def source_name(path: Path, checksum: str) -> str:
    """What a source is called in the data set: its file's name and eight digits of its content."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-")[:40] or "video"
    return f"{stem}-{checksum[:8]}"


def _sources_of(path: Path, licence: str) -> list[Source]:
    if path.is_dir():
        videos = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
        )
        if not videos:
            raise InputError(f"{path} holds no video", f"files of {', '.join(SUFFIXES)}")
        return [Source(video, licence) for video in videos]
    if path.suffix.lower() != LIST_SUFFIX:
        if not path.exists():
            raise InputError(f"{path} does not exist", "check the path of the video")
        return [Source(path, licence)]
    lines = [line for line in read_text(path, "list of videos").split("\n") if line.strip()]
    if not lines:
        raise InputError(f"{path} names no video", "one path a line")
    sources = []
    for line in lines:
        name, _, note = line.partition("\t")
        sources.append(Source(path.parent / name.strip(), note.strip() or licence))
    return sources
