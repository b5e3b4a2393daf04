"""Folders of public video models in diffusers' layout: what is in them, without torch."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dynascene_cli import weights
from dynascene_cli.diffusion.requirements import require_packages
from dynascene_cli.errors import InputError, MissingError

INDEX = "model_index.json"
"""What diffusers begins such a folder with: the pipeline's class, and its parts'."""

WEIGHTS = "diffusion_pytorch_model.safetensors"
SHARDS = WEIGHTS + ".index.json"
SCHEDULERS = {
    "WanVACEPipeline": "UniPCMultistepScheduler",
    "SanaWMPipeline": "FlowMatchEulerDiscreteScheduler",
}
"""By pipeline, with what it is sampled."""

TEXT_ENCODER, TOKENIZER = "text_encoder", "tokenizer"

_READ_WHOLE = 1 << 20
"""Bytes up to which a file's content tells it apart; of larger ones size and time do."""


@dataclass(frozen=True)
class VideoCheckpoint:
    """A video model's folder: its pipeline's class, its parts, and what tells it from others.

    ``boundary_ratio``: of two transformers the second takes the timesteps below that share of all.
    """

    folder: Path
    pipeline: str
    parts: tuple[str, ...]
    boundary_ratio: float | None
    fingerprint: str

    def config(self, part: str) -> dict[str, Any]:
        """The configuration of a part, as diffusers wrote it.

        Raises:
            InputError: it cannot be read.
        """
        return _read_json(self.folder / part / "config.json")

    @property
    def transformers(self) -> tuple[str, ...]:
        """The parts that denoise: one, or one for the noisy steps and one for the others."""
        return tuple(part for part in self.parts if part.startswith("transformer"))

    @property
    def encodes_text(self) -> bool:
        """Whether a text encoder is among the parts."""
        return TEXT_ENCODER in self.parts and (self.folder / TEXT_ENCODER).is_dir()

    def require_text_encoder(self) -> None:
        """Make sure that a text encoder is among the parts.

        Raises:
            MissingError: there is none.
        """
        if not self.encodes_text:
            raise MissingError(
                f"{self.folder} has no text encoder",
                "fetch the whole folder: dynascene models pull NAME",
            )

    def facts_with(self, settings: Any) -> dict[str, Any]:
        """What tells apart the pictures of this model by resolved settings."""
        # Where weights lie while they are not used changes nothing.
        used = replace(settings, optimisations=replace(settings.optimisations, offload=False))
        return {"checkpoint": self.fingerprint, **vars(used)}


def pipeline_of(name_or_path: str) -> str | None:
    """The class of the pipeline in a folder that is here; None where it is no such folder.

    Raises:
        InputError: no weights are called that.
    """
    path = Path(name_or_path)
    if not path.exists():
        path = weights.find(name_or_path).path
    index = path / INDEX
    return str(_read_json(index).get("_class_name")) if index.is_file() else None


def open_video_checkpoint(name_or_path: str, pipeline: str) -> VideoCheckpoint:
    """A video model by its name or path, all of whose weights are there but a text encoder's.

    Raises:
        InputError: no weights are called that, or they are of another pipeline.
        MissingError: they, a part of them or a package are not on this machine.
    """
    require_packages()
    path = Path(name_or_path)
    if not path.is_dir():
        path = weights.path_of(name_or_path)
    return _open(path, pipeline, name_or_path)


def check_video_folder(path: Path) -> VideoCheckpoint:
    """Look at a folder that is to be kept.

    Raises:
        InputError: it is no video model that a renderer takes.
        MissingError: a part of it is missing.
    """
    pipeline = pipeline_of(str(path)) if path.is_dir() else None
    if pipeline not in SCHEDULERS:
        raise InputError(
            f"{path} holds {pipeline or 'no video model'}",
            f"a folder in diffusers' layout of {', '.join(SCHEDULERS)}",
        )
    return _open(path, pipeline, str(path))


def _open(path: Path, pipeline: str, name: str) -> VideoCheckpoint:
    if not (path / INDEX).is_file():
        raise InputError(
            f"{path} is no video model: it has no {INDEX}", "give a folder in diffusers' layout"
        )
    listed = _read_json(path / INDEX)
    if listed.get("_class_name") != pipeline:
        raise InputError(
            f"{path} holds a {listed.get('_class_name')}, not a {pipeline}",
            "give another --checkpoint, or another --renderer",
        )
    parts = tuple(
        name for name, of in listed.items() if isinstance(of, list) and any(map(bool, of))
    )
    for part in parts:
        if part not in (TEXT_ENCODER, TOKENIZER):
            _check_part(path / part, name)
    ratio = listed.get("boundary_ratio")
    _check_scheduler(path, listed)
    return VideoCheckpoint(path, pipeline, parts, ratio, _fingerprint(path, parts))


def _check_scheduler(path: Path, listed: dict[str, Any]) -> None:
    given = listed.get("scheduler", (None, None))[1]
    wanted = SCHEDULERS.get(str(listed["_class_name"]), given)
    if given != wanted:
        raise InputError(
            f"{path} is sampled with {given}", f"this version samples it with {wanted}"
        )


def _check_part(folder: Path, name: str) -> None:
    absent = next((file for file in _list_files(folder) if not (folder / file).is_file()), None)
    if absent is not None:
        known = name in weights.known_weights()
        raise MissingError(
            f"{folder / absent} is missing",
            weights.find(name).how_to_get if known else "copy the whole folder again",
        )


def _list_files(folder: Path) -> list[str]:
    if folder.name == "scheduler":
        return ["scheduler_config.json"]
    if (folder / SHARDS).is_file():
        return ["config.json", *sorted(set(_read_json(folder / SHARDS)["weight_map"].values()))]
    return ["config.json", WEIGHTS]


def _fingerprint(path: Path, parts: tuple[str, ...]) -> str:
    """Of all that a picture depends on, which the text encoder is through the prompt alone."""
    digest = hashlib.sha256()
    folders = [path / part for part in parts if part not in (TEXT_ENCODER, TOKENIZER)]
    for file in sorted(file for folder in folders for file in folder.iterdir() if file.is_file()):
        found = file.stat()
        told = (
            file.read_bytes()
            if found.st_size <= _READ_WHOLE
            else f"{found.st_size} {found.st_mtime_ns}".encode()
        )
        digest.update(f"{file.parent.name}/{file.name}".encode() + b"\0" + told)
    return digest.hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "copy the whole folder again") from None
