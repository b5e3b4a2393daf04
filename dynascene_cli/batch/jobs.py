"""The shots of a batch, from a TOML file, a table, or a folder of clips and photos."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from dynascene_cli.errors import InputError
from dynascene_cli.storage.file_names import shorten_name
from dynascene_cli.storage.text_files import read_text, read_toml
from dynascene_cli.video.sequences import PICTURE_SUFFIXES

CLIP_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mxf", ".gif", ".wmv", ".flv"),
    *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp"),
)
"""What is taken for a clip in a folder; a job names any other kind itself."""

_VARIED = ("clip", "scene", "camera")
_YES, _NO = ("yes", "true", "1", "x"), ("no", "false", "0", "")


@dataclass(frozen=True)
class Job:
    """One shot: what ``dynascene render`` is given, and where the job was read.

    Relative paths of ``clip``, ``scene``, ``camera`` and ``options`` count from the folder of the
    jobs file; ``output`` and ``project`` are absolute. ``where`` begins messages.
    """

    clip: str
    scene: str
    camera: str
    where: str
    output: Path = Path()
    project: Path = Path()
    options: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words after ``dynascene`` that render the shot."""
        places = ("--project", str(self.project), "--output", str(self.output))
        shot = ("--scene", self.scene, "--camera", self.camera)
        return ("render", *shot, *self.options, *places, "--", self.clip)

    @property
    def name(self) -> str:
        """The name of its output without suffix."""
        return self.output.stem


def read_jobs(
    source: Path, *, cameras: Sequence[str], flags: frozenset[str], results: Path
) -> list[Job]:
    """The shots that ``source`` asks for, each with its output and its clip's project.

    Args:
        source: a TOML file of ``[[jobs]]``, a table (CSV) of one shot a row, or a folder, which
            means each of its clips in each of its photos.
        cameras: the moves of jobs that name none.
        flags: the options of ``render`` that take no value, such as ``draft``.
        results: the absolute folder of outputs and projects.

    Raises:
        InputError: it is none of these or asks for nothing, a job lacks its clip or scene, or two
            jobs have the same output.
    """
    if source.is_dir():
        jobs = _of_folder(source, cameras)
    elif source.suffix.lower() == ".toml":
        jobs = list(_of_toml(source, cameras))
    elif source.suffix.lower() in (".csv", ".tsv"):
        jobs = list(_of_table(source, cameras, flags))
    elif source.exists():
        raise InputError(f"{source} is no list of jobs", "give a .toml or .csv file, or a folder")
    else:
        raise InputError(f"{source}: no such file", "check the path")
    if not jobs:
        raise InputError(f"{source} asks for no shot", "see docs/batches.md for an example")
    placed = [_with_places(job, results, _projects(jobs, results)) for job in jobs]
    _refuse_same_outputs(placed)
    return placed


def _of_folder(folder: Path, cameras: Sequence[str]) -> list[Job]:
    files = sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    clips = [file.name for file in files if file.suffix.lower() in CLIP_SUFFIXES]
    photos = [file.name for file in files if file.suffix.lower() in PICTURE_SUFFIXES]
    for kind, found in (("clip", clips), ("photo", photos)):
        if not found:
            raise InputError(
                f"there is no {kind} in {folder}",
                "give a folder with clips and photos, or a .toml or .csv file that names them",
            )
    shots = product(clips, photos, cameras)
    return [Job(clip, scene, camera, where=str(folder)) for clip, scene, camera in shots]


def _of_toml(source: Path, cameras: Sequence[str]) -> Iterator[Job]:
    document = read_toml(source)
    unknown = [key for key in document if key not in ("defaults", "jobs")]
    if unknown:
        raise InputError(f"{source}: unknown table {unknown[0]!r}", "use [defaults] and [[jobs]]")
    defaults, tables = document.get("defaults", {}), document.get("jobs", [])
    if not isinstance(defaults, dict) or not isinstance(tables, list):
        raise InputError(f"{source}: not a list of jobs", "use [defaults] and [[jobs]]")
    for number, table in enumerate(tables, 1):
        where = f"{source}: job {number}"
        if not isinstance(table, dict):
            raise InputError(f"{where} is no table", "begin each job with [[jobs]]")
        yield from _combinations({"camera": list(cameras), **defaults, **table}, where)


def _of_table(source: Path, cameras: Sequence[str], flags: frozenset[str]) -> Iterator[Job]:
    text = read_text(source, "CSV")
    header = text.partition("\n")[0]
    # Spreadsheets write what their country separates numbers by.
    delimiter = max(",;\t", key=header.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = [name.strip() for name in next(rows, [])]
    for row in rows:
        cells = [cell.strip() for cell in row]
        where = f"{source}: line {rows.line_num}"
        if not any(cells):
            continue
        if len(cells) > len(names):
            raise InputError(f"{where} has more cells than the header", "quote cells with commas")
        given: dict[str, str | bool] = {
            name: cell for name, cell in zip(names, cells, strict=False) if cell
        }
        for name in flags.intersection(given):
            given[name] = _as_flag(str(given[name]), f"{where}: {name}")
        yield from _combinations({"camera": list(cameras), **given}, where)


def _as_flag(cell: str, where: str) -> bool:
    if cell.lower() not in (*_YES, *_NO):
        raise InputError(f"{where}: {cell!r} is neither yes nor no", "write yes, or leave it empty")
    return cell.lower() in _YES


def _combinations(values: Mapping[str, Any], where: str) -> list[Job]:
    """The jobs of one table: every clip in every scene under every camera."""
    for key in ("clip", "scene"):
        if not values.get(key):
            raise InputError(f"{where} names no {key}", f"add {key} = FILE")
    shots = product(*(_as_list(values[key], f"{where}: {key}") for key in _VARIED))
    options = _as_options({k: v for k, v in values.items() if k not in (*_VARIED, "output")}, where)
    output = Path(str(values.get("output", "")))
    jobs = [
        Job(clip, scene, camera, where, output, options=options) for clip, scene, camera in shots
    ]
    if output.name and len(jobs) > 1:
        raise InputError(
            f"{where} gives one output to {len(jobs)} shots", "leave the output to its default"
        )
    return jobs


def _as_list(value: Any, where: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str) and each for each in values):
        raise InputError(f"{where} is not a text or a list of texts", 'write "FILE" or ["A", "B"]')
    return values


def _as_options(values: Mapping[str, Any], where: str) -> tuple[str, ...]:
    words: list[str] = []
    for key, value in values.items():
        option = "--" + key.replace("_", "-")
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, bool):
                words += [option] if each else []
            elif isinstance(each, str | int | float):
                words.append(f"{option}={each}")
            else:
                raise InputError(f"{where}: {key} has no value", f"write {key} = VALUE")
    return tuple(words)


def _projects(jobs: Sequence[Job], results: Path) -> dict[str, Path]:
    """A project folder for each clip; clips of the same name get a number."""
    folders: dict[str, Path] = {}
    for clip in dict.fromkeys(job.clip for job in jobs):
        folder, number = results / shorten_name(Path(clip).stem, ".dynascene"), 2
        while folder in folders.values():
            folder = results / shorten_name(f"{Path(clip).stem}-{number}", ".dynascene")
            number += 1
        folders[clip] = folder
    return folders


def _with_places(job: Job, results: Path, projects: Mapping[str, Path]) -> Job:
    camera = "+".join(Path(part).stem for part in job.camera.split("+"))
    name = f"{Path(job.clip).stem}-{Path(job.scene).stem}-{camera}"
    output = job.output if job.output.name else Path(shorten_name(name, ".mp4"))
    return replace(job, output=results / output, project=projects[job.clip])


def _refuse_same_outputs(jobs: Sequence[Job]) -> None:
    taken: dict[Path, Job] = {}
    for job in jobs:
        other = taken.setdefault(job.output, job)
        if other is not job:
            raise InputError(
                f"{job.where} writes {job.output.name}, as does {other.where}",
                "give one of them another output",
            )
