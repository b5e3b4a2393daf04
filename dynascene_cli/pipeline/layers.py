"""The layers of a render, for other programs: films with alpha, the camera, the settings."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera.formats import write_camera
from dynascene_cli.compositing import Composite
from dynascene_cli.errors import InputError
from dynascene_cli.pipeline.request import LayersFormat
from dynascene_cli.shot import CameraPath, GroundContact, Image
from dynascene_cli.storage.atomic import disk_full_as_error, publish_together
from dynascene_cli.video import Sink, check_spared, check_writable, open_film, open_sink

FILMS = {
    "plate": False,
    "background": False,
    "foreground": True,
    "matte": False,
    "shadow": True,
}
"""The films, or pictures frame by frame, by name, and whether each has alpha."""


@dataclass(frozen=True)
class LayerSinks:
    """The open films of a render; ``folder`` is where they will lie."""

    folder: Path
    films: Mapping[str, Sink]

    form: LayersFormat

    def write(self, plate: Image, made: Composite) -> None:
        """Write one frame to each film.

        Raises:
            StageError: the disk is full.
        """
        frames = {
            "plate": plate,
            "background": made.background,
            "foreground": made.foreground,
            "matte": made.matte
            if self.form == "exr"
            else np.repeat(made.matte[..., None], 3, axis=2),
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
    for name in (*(film_name(film, form) for film in FILMS), "camera.json", "settings.json"):
        check_spared(folder / name, inputs)


@contextmanager
def open_layers(
    folder: Path,
    form: LayersFormat,
    path: CameraPath,
    contact: GroundContact,
    settings: Mapping[str, Any],
    timecode: str | None,
) -> Iterator[LayerSinks]:
    """Films that appear in ``folder`` together, with camera.json and settings.json, at the end.

    Raises:
        StageError: the disk is full.
    """
    with publish_together(folder, folder.resolve().parent) as temporary:
        with ExitStack() as stack:
            films = {
                name: _open_layer(temporary / film_name(name, form), path, alpha, timecode)
                for name, alpha in FILMS.items()
            }
            opened = {name: stack.enter_context(film) for name, film in films.items()}
            yield LayerSinks(folder, opened, form)
        write_camera(temporary / "camera.json", path, contact=contact)
        settings_file = temporary / "settings.json"
        settings_file.write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _open_layer(
    path: Path, camera: CameraPath, alpha: bool, timecode: str | None
) -> AbstractContextManager[Sink]:
    if path.suffix == ".mov":
        opening = partial(open_film, timecode=timecode)
    else:
        opening = partial(open_sink, first_number=camera.first_frame)
    return opening(
        path,
        width=camera.width,
        height=camera.height,
        frame_rate=camera.frame_rate,
        alpha=alpha,
    )
