"""The layers of a render, for other programs: films with alpha, the camera, the settings."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from dynascene_cli.camera.formats import write_camera
from dynascene_cli.compositing import Composite
from dynascene_cli.errors import InputError
from dynascene_cli.pipeline.otio import timeline_text
from dynascene_cli.pipeline.request import LayersFormat
from dynascene_cli.shot import CameraPath, Clip, DeepImage, GroundContact
from dynascene_cli.storage.atomic import disk_full_as_error, publish_together
from dynascene_cli.storage.text_files import read_json
from dynascene_cli.video import (
    ExrCompression,
    Sink,
    check_spared,
    check_writable,
    open_film,
    open_sink,
)

FILMS = {
    "plate": False,
    "background": False,
    "foreground": True,
    "matte": False,
    "shadow": True,
}
"""The films, or pictures frame by frame, by name, and whether each has alpha."""

FILES = ("camera.json", "settings.json", "timeline.otio")
"""What lies beside them."""

STACKED = ("matte", "plate", "background", "shadow", "foreground")
"""The films as they lie over each other on a timeline, the lowest first."""
SEEN = ("background", "shadow", "foreground")
"""Those of which the finished picture is made."""


@dataclass(frozen=True)
class LayerSinks:
    """The open films of a render; ``folder`` is where they will lie."""

    folder: Path
    films: Mapping[str, Sink]

    form: LayersFormat

    def write(self, plate: DeepImage, made: Composite) -> None:
        """Write one frame to each film.

        Raises:
            StageError: the disk is full.
        """
        matte = made.matte
        if self.form != "exr":
            matte = cast(DeepImage, np.repeat(matte[..., None], 3, axis=2))
        frames: dict[str, DeepImage] = {
            "plate": plate,
            "background": made.background,
            "foreground": made.foreground,
            "matte": matte,
            "shadow": made.shadow,
        }
        for name, frame in frames.items():
            with disk_full_as_error(self.folder / film_name(name, self.form)):
                self.films[name].write(frame)


def film_name(name: str, form: LayersFormat) -> str:
    """What a film's file is called, or its pictures are."""
    return f"{name}.mov" if form == "mov" else f"{name}.%05d.{form}"


def check_layers(folder: Path, form: LayersFormat, inputs: Iterable[Path]) -> None:
    """Make sure that the layers can be written, and leave the inputs be, before any work is done.

    Raises:
        InputError: the folder is a file, or the one it would be in is missing or not writable; a
            layer would be written over an input.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "give a folder for the layers")
    check_writable(folder / "x" if folder.is_dir() else folder)
    for name in (*(film_name(film, form) for film in FILMS), *FILES):
        check_spared(folder / name, inputs)


@contextmanager
def open_layers(
    folder: Path,
    form: LayersFormat,
    path: CameraPath,
    contact: GroundContact,
    settings: Mapping[str, Any],
    clip: Clip,
    exr_compression: ExrCompression,
) -> Iterator[LayerSinks]:
    """Films that appear in ``folder`` together, with camera, timeline and settings, at the end.

    What an earlier render of the same form wrote there, and this one does not, goes then.

    Raises:
        StageError: the disk is full.
    """
    before = _written_before(folder)
    with publish_together(folder, folder.resolve().parent) as temporary:
        with ExitStack() as stack:
            films = {
                name: _open_layer(
                    temporary / film_name(name, form), path, alpha, clip.timecode, exr_compression
                )
                for name, alpha in FILMS.items()
            }
            opened = {name: stack.enter_context(film) for name, film in films.items()}
            yield LayerSinks(folder, opened, form)
        write_camera(temporary / "camera.json", path, contact=contact)
        layers = {name: (film_name(name, form), name in SEEN) for name in STACKED}
        timeline = timeline_text(folder.name, clip, folder, layers, path.first_frame)
        (temporary / "timeline.otio").write_text(timeline, encoding="utf-8")
        written = {each.name: each.stat().st_size for each in sorted(temporary.iterdir())}
        stale = {name for name in before if name not in written and _is_of(name, form)}
        kept = {name: size for name, size in before.items() if name not in stale}
        document = {**settings, "written": {**kept, **written}}
        settings_file = temporary / "settings.json"
        settings_file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    for name in stale:
        # Not what somebody has put in its place since.
        if (folder / name).is_file() and (folder / name).stat().st_size == before[name]:
            (folder / name).unlink()


def _written_before(folder: Path) -> dict[str, int]:
    """What the settings.json of an earlier render lists: its files' names and their bytes."""
    try:
        document = read_json(folder / "settings.json")
    except InputError:
        return {}
    written = document.get("written") if isinstance(document, dict) else None
    return written if isinstance(written, dict) else {}


def _is_of(name: str, form: LayersFormat) -> bool:
    """Whether a file is a film of that form, or one of its pictures."""
    return re.fullmatch(rf"({'|'.join(FILMS)})(\.\d+)?\.{form}", name) is not None


def _open_layer(
    path: Path,
    camera: CameraPath,
    alpha: bool,
    timecode: str | None,
    exr_compression: ExrCompression,
) -> AbstractContextManager[Sink]:
    if path.suffix == ".mov":
        opening = partial(open_film, timecode=timecode)
    else:
        opening = partial(
            open_sink, first_number=camera.first_frame, exr_compression=exr_compression
        )
    return opening(
        path,
        width=camera.width,
        height=camera.height,
        frame_rate=camera.frame_rate,
        alpha=alpha,
    )
