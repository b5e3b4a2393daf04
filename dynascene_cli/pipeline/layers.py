"""The layers of a render, for other programs: films with alpha, the camera, the settings."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera.formats import write_camera
from dynascene_cli.compositing import Composite
from dynascene_cli.errors import InputError
from dynascene_cli.shot import CameraPath, GroundContact, Image
from dynascene_cli.storage.atomic import disk_full_as_error, publish_together
from dynascene_cli.video import Sink, check_spared, check_writable, open_film

FILMS = {
    "plate": False,
    "background": False,
    "foreground": True,
    "matte": False,
    "shadow": True,
}
"""The films by name, and whether each has alpha."""


@dataclass(frozen=True)
class LayerSinks:
    """The open films of a render; ``folder`` is where they will lie."""

    folder: Path
    films: Mapping[str, Sink]

    def write(self, plate: Image, made: Composite) -> None:
        """Write one frame to each film.

        Raises:
            StageError: the disk is full.
        """
        frames = {
            "plate": plate,
            "background": made.background,
            "foreground": made.foreground,
            "matte": np.repeat(made.matte[..., None], 3, axis=2),
            "shadow": made.shadow,
        }
        for name, frame in frames.items():
            with disk_full_as_error(self.folder / f"{name}.mov"):
                self.films[name].write(frame)


def check_layers(folder: Path, inputs: Iterable[Path]) -> None:
    """Make sure that the layers can be written, and leave the inputs be, before any work is done.

    Raises:
        InputError: the folder is a file, or the one it would be in is missing or not writable; a
            layer would be written over an input.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "give a folder for the layers")
    check_writable(folder / "x" if folder.is_dir() else folder)
    for name in (*(f"{film}.mov" for film in FILMS), "camera.json", "settings.json"):
        check_spared(folder / name, inputs)


@contextmanager
def open_layers(
    folder: Path,
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
                name: open_film(
                    temporary / f"{name}.mov",
                    width=path.width,
                    height=path.height,
                    frame_rate=path.frame_rate,
                    alpha=alpha,
                    timecode=timecode,
                )
                for name, alpha in FILMS.items()
            }
            opened = {name: stack.enter_context(film) for name, film in films.items()}
            yield LayerSinks(folder, opened)
        write_camera(temporary / "camera.json", path, contact=contact)
        settings_file = temporary / "settings.json"
        settings_file.write_text(json.dumps(settings, indent=1), encoding="utf-8")
