"""``evaluate clips`` from a request to its tables."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynascene_cli import weights
from dynascene_cli.camera.formats import is_camera_file, read_camera
from dynascene_cli.console import Console
from dynascene_cli.errors import InputError
from dynascene_cli.evaluation.clips.measure import choose_families, measure
from dynascene_cli.evaluation.clips.metric_names import Family
from dynascene_cli.evaluation.clips.page import evaluation_page
from dynascene_cli.evaluation.clips.pairs import ClipPair, find_pairs
from dynascene_cli.evaluation.clips.pictures import Protocol
from dynascene_cli.evaluation.clips.tables import cells, csv_text, latex_table, notes, title
from dynascene_cli.reports.tables import markdown_table
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.video.outputs import check_writable

SUFFIXES = (".json", ".csv", ".tex", ".md", ".html")


@dataclass(frozen=True)
class ClipsRequest:
    """What a user asks of ``evaluate clips``.

    ``made``: folders of clips by the methods' names; ``mattes`` and ``cameras``: folders of the
    truth's, by clip; ``metrics`` None: the default ones.
    """

    made: tuple[tuple[str, Path], ...]
    truth: Path
    mattes: Path | None = None
    cameras: Path | None = None
    size: tuple[int, int] | None = None
    protocol: Protocol = "standard"
    metrics: tuple[str, ...] | None = None
    outputs: tuple[Path, ...] = ()


def run_clips(request: ClipsRequest, console: Console) -> dict[str, Any]:
    """Measure, write what was asked for, and give the numbers as the command prints them.

    Raises:
        InputError: folders, clips or a setting are wrong, or a file cannot be written.
    """
    families = choose_families(request.metrics)
    check_outputs(request.outputs)
    pairs = {
        name: find_pairs(folder, request.truth, request.mattes, request.size)
        for name, folder in request.made
    }
    cameras = _cameras(request.cameras, next(iter(pairs.values())))
    data = measure_methods(pairs, families, request.protocol, cameras, console)
    data = {"truth": str(request.truth), **data}
    write_outputs(request.outputs, data, pairs)
    return {**data, "outputs": [str(path) for path in request.outputs]}


def measure_methods(
    pairs: Mapping[str, Sequence[ClipPair]],
    families: Sequence[Family],
    protocol: Protocol,
    cameras: Mapping[str, CameraPath],
    console: Console,
) -> dict[str, Any]:
    """The numbers of every method's clips, and how they were measured."""
    methods = {}
    for name, own in pairs.items():
        with console.progress(name, len(own)) as done:
            methods[name] = measure(own, families, protocol, cameras, done).summary()
    first = next(iter(pairs.values()))
    used = {
        weight
        for family in families
        if all(family.name not in found["skipped"] for found in methods.values())
        for weight in family.weights[protocol == "paper"]
    }
    return {
        "protocol": protocol,
        "clips": len(first),
        "frames": sum(pair.frame_count for pair in first),
        "sizes": sorted({f"{pair.size[0]}x{pair.size[1]}" for pair in first}),
        "lengths": sorted({pair.frame_count for pair in first}),
        "weights": {name: weights.sha256_of(weights.path_of(name)) for name in sorted(used)},
        "methods": methods,
    }


def check_outputs(outputs: Sequence[Path]) -> None:
    """Make sure that the tables can be written, before any work is done.

    Raises:
        InputError: a suffix is of no table, or a folder cannot be written to.
    """
    for path in outputs:
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path}: no table is written so", f"use {', '.join(SUFFIXES)}")
        check_writable(path)


def write_outputs(
    outputs: Sequence[Path], data: Mapping[str, Any], pairs: Mapping[str, Sequence[ClipPair]]
) -> None:
    """Write the tables, each by its suffix."""
    header, rows = cells(data["methods"])
    told = "".join(f"\n- {note}" for note in notes(data))
    texts: dict[str, Callable[[], str]] = {
        ".json": lambda: json.dumps(data, indent=1, ensure_ascii=False) + "\n",
        ".csv": lambda: csv_text(data),
        ".tex": lambda: latex_table(header, rows),
        ".md": lambda: f"{title(data)}\n\n{markdown_table(header, rows)}{told}\n",
        ".html": lambda: evaluation_page(data, pairs),
    }
    for path in outputs:
        publish_text(path, texts[path.suffix.lower()]())


def _cameras(folder: Path | None, pairs: Sequence[ClipPair]) -> dict[str, CameraPath]:
    """The true cameras by clip, of the camera files in a folder."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder of camera files")
    files = {path.stem: path for path in sorted(folder.iterdir()) if is_camera_file(path)}
    cameras = {}
    for pair in pairs:
        if pair.name not in files:
            raise InputError(f"{pair.name} has no camera in {folder}", "give one for each clip")
        camera = read_camera(files[pair.name], size=pair.size, frame_rate=pair.frame_rate)
        if camera.frame_count != pair.frame_count:
            raise InputError(
                f"{files[pair.name]} has {camera.frame_count} poses, the clip "
                f"{pair.frame_count} frames",
                "give one pose a frame",
            )
        cameras[pair.name] = camera
    return cameras
