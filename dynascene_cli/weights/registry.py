"""Where weights come from: the registry, their licences, their checksums, the folder."""

import hashlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import platformdirs

from dynascene_cli.errors import InputError, MissingError, suggest
from dynascene_cli.storage.atomic import publish_text, temporary_folder
from dynascene_cli.storage.presets import presets_folder
from dynascene_cli.weights.download import file_sha256, hub_url

FOLDER_VARIABLE = "DYNASCENE_WEIGHTS"
REMBG_PREFIX = "rembg:"
CHECKPOINT_PREFIX = "dynascene:"
CHECKPOINTS = "checkpoints"

VIDEO = "video"
"""The kind of public video models: folders in diffusers' layout."""

SCENE_KINDS = ("labels", "lines")
"""The kinds of weights that read a photo; all others that ship find people."""

State = Literal["shipped", "added", "found", "absent"]


@dataclass(frozen=True)
class RemoteFile:
    """One file to be fetched: where to inside the weights' folder, from where, and what it is."""

    path: str
    url: str
    sha256: str = ""


@dataclass(frozen=True)
class Weights:
    """One entry of the registry; ``file`` is relative to the weights folder or the package.

    ``file`` is a folder where several ``files`` make the weights or it is a video model, and may be
    one where a checkpoint is meant. ``url`` is a page for people; ``download`` the address of the
    one file; ``hub`` a hub's OWNER/NAME of ``files`` by their paths there, or of the one file
    ``hub_path``, whose ``hub_sha256`` binds that download alone: other copies of the weights may be
    added.
    """

    name: str
    kind: str
    description: str
    licence: str
    shipped: bool
    file: str
    sha256: str = ""
    url: str = ""
    download: str = ""
    hub: str = ""
    revision: str = "main"
    hub_path: str = ""
    hub_sha256: str = ""
    files: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> Path:
        """Where the weights lie, or would lie once they are added."""
        own = self.own_path
        if self.name.startswith(REMBG_PREFIX) and not own.exists():
            found = rembg_folder() / own.name
            return found if found.is_file() else own
        return own

    @property
    def own_path(self) -> Path:
        """The weights' place in the package or in the weights folder, whatever else has them."""
        if self.shipped:
            return shipped_folder(self.kind) / self.file
        path = weights_folder() / self.file
        as_file = path.with_name(path.name + ".safetensors")
        return as_file if self.kind == "checkpoint" and as_file.is_file() else path

    @property
    def state(self) -> State:
        """Whether it ships with the package, was added, is in rembg's folder, or is not here."""
        if not self.path.exists():
            return "absent"
        if self.path != self.own_path:
            return "found"
        return "shipped" if self.shipped else "added"

    @property
    def remote(self) -> tuple[RemoteFile, ...]:
        """What `dynascene models pull` fetches; nothing where the authors publish no files."""
        if self.download:
            return (RemoteFile(Path(self.file).name, self.download, self.sha256),)
        if not self.hub:
            return ()
        if self.hub_path:
            address = hub_url(self.hub, self.hub_path, self.revision)
            return (RemoteFile(Path(self.file).name, address, self.hub_sha256),)
        return tuple(
            RemoteFile(path, hub_url(self.hub, path, self.revision), sha256)
            for path, sha256 in self.files
        )

    @property
    def is_hub_folder(self) -> bool:
        """Whether all of a hub's folder is meant, whose files the hub lists."""
        return bool(self.hub) and not self.files and not self.hub_path

    @property
    def expected_sha256(self) -> str:
        """The checksum of the registry, else the one recorded on adding, else empty."""
        record = record_path(self.path)
        if self.sha256 or not record.is_file():
            return self.sha256
        return str(json.loads(record.read_text("utf-8"))["sha256"])

    @property
    def how_to_get(self) -> str:
        """The command, or commands, that bring the weights here."""
        if self.remote or self.is_hub_folder:
            return f"dynascene models pull {self.name} --accept-licence"
        if self.shipped:
            return "install a version of this package that has it"
        if self.kind != "checkpoint":
            return f"dynascene models add {self.name} {'FOLDER' if self.files else 'FILE'}"
        return (
            f"dynascene models add {self.name} PATH with one that you have, "
            "dynascene models assemble from base weights, or dynascene train"
        )


def weights_folder() -> Path:
    """The folder of added weights: $DYNASCENE_WEIGHTS, else the user's data folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("dynascene")) / "weights"


def rembg_folder() -> Path:
    """Where rembg itself keeps its models: $U2NET_HOME, else ``.u2net`` in $XDG_DATA_HOME or home.

    What lies there is read and never changed.
    """
    default = Path(os.environ.get("XDG_DATA_HOME", "~")) / ".u2net"
    return Path(os.environ.get("U2NET_HOME", default)).expanduser()


def shipped_folder(kind: str) -> Path:
    """The folder inside the package of the weights of a kind that ship with it."""
    if kind == "checkpoint":
        return presets_folder()
    package = Path(__file__).parents[1]
    return package / ("scene" if kind in SCENE_KINDS else "matting") / "weights"


@lru_cache
def known_weights() -> dict[str, Weights]:
    """Every registered set of weights by name, in the order of ``presets/models.toml``."""
    with (presets_folder() / "models.toml").open("rb") as file:
        entries = tomllib.load(file)["model"]
    return {entry["name"]: _entry(entry) for entry in entries}


def _entry(values: dict[str, Any]) -> Weights:
    files = tuple((file["path"], file.get("sha256", "")) for file in values.pop("files", ()))
    return Weights(**values, files=files)


def find(name: str) -> Weights:
    """The registered weights of that name; any ``rembg:MODEL`` or ``dynascene:NAME`` has an entry.

    Raises:
        InputError: no weights are called that.
    """
    known = known_weights()
    if name in known:
        return known[name]
    prefix, _, rest = name.rpartition(":")
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*", rest):
        if f"{prefix}:" == REMBG_PREFIX:
            return Weights(
                name=name,
                kind="matting",
                description=f"rembg's {rest}, frame by frame.",
                licence="see the model's own page",
                shipped=False,
                file=f"rembg/{rest}.onnx",
                url="https://github.com/danielgatis/rembg/releases/tag/v0.0.0",
            )
        if f"{prefix}:" == CHECKPOINT_PREFIX:
            return Weights(
                name=name,
                kind="checkpoint",
                description=f"A checkpoint of the diffusion network that was added as {rest}.",
                licence="as the checkpoint says",
                shipped=False,
                file=f"{CHECKPOINTS}/{rest}",
            )
    raise InputError(f"no weights are called {name!r}", suggest(name, known))


def path_of(name: str) -> Path:
    """The weights of that name: a file, or a folder.

    Raises:
        InputError: no weights are called that.
        MissingError: they are not on this machine; the hint gets them.
    """
    weights = find(name)
    if weights.state == "absent":
        where = f" (published at {weights.url})" if weights.url and not weights.remote else ""
        raise MissingError(
            f"the weights of {name} are not on this machine{where}", weights.how_to_get
        )
    return weights.path


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal; a folder's, over its files' names and contents."""
    if path.is_file():
        return file_sha256(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        named = file.relative_to(path).as_posix().encode()
        digest.update(named + b"\0" + bytes.fromhex(file_sha256(file)))
    return digest.hexdigest()


def add(name: str, source: Path, check: Callable[[Path], object] = lambda path: None) -> Weights:
    """Copy ``source`` into the weights folder as ``name``, whole or not at all.

    Its SHA-256 is checked where the registry has one, and recorded otherwise. ``check`` looks at
    the source first, and raises where it is no such weights.

    Raises:
        InputError: the name is not registered or ships with the package, the file is missing, or
            it is not the file that the registry means.
        StageError: the disk is full.
    """
    weights = find(name)
    if weights.shipped:
        raise InputError(f"{name} ships with the package", "nothing has to be added")
    wants_folder = bool(weights.files) or weights.kind == VIDEO
    if not (source.is_dir() if wants_folder else source.is_file()) and not (
        weights.kind == "checkpoint" and source.is_dir()
    ):
        kind = "folder" if wants_folder else "file"
        raise InputError(f"{source} is no {kind}", f"give the path of the {name} weights")
    check(source)
    for path, sha256 in weights.files:
        held = source / path
        if not held.is_file():
            raise InputError(f"{source} is not {name}: it lacks {path}", "give the whole folder")
        if sha256 and file_sha256(held) != sha256:
            raise InputError(f"{held} is not {name}'s", f"the registry has SHA-256 {sha256}")
    weights.own_path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(weights.own_path) as folder:
        copy = folder / source.name
        if weights.files:
            for path, _ in weights.files:
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / path, copy / path)
        elif source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copyfile(source, copy)
        digest = sha256_of(copy)
        if weights.sha256 and digest != weights.sha256:
            raise InputError(
                f"{source} is not {name}: its SHA-256 is {digest}",
                f"the registry has {weights.sha256}",
            )
        place(weights, copy, digest)
    return weights


def place(weights: Weights, made: Path, digest: str) -> None:
    """Move what was copied or fetched to where the weights lie, in place of what lay there."""
    before = weights.own_path
    if before.exists():
        record_path(before).unlink(missing_ok=True)
        shutil.rmtree(before) if before.is_dir() else before.unlink()
    target = weights_folder() / weights.file
    if weights.kind == "checkpoint" and made.is_file():
        target = target.with_name(target.name + ".safetensors")
    target.parent.mkdir(parents=True, exist_ok=True)
    record = {"name": weights.name, "sha256": digest, "licence": weights.licence}
    publish_text(record_path(target), json.dumps(record) + "\n")
    made.replace(target)


def verify(name: str) -> str:
    """The SHA-256 of the weights of that name, after comparing it with what it must be.

    Raises:
        InputError: the name is not registered, or the file changed.
        MissingError: the file is not on this machine.
    """
    digest = sha256_of(path_of(name))
    weights = find(name)
    if weights.expected_sha256 and digest != weights.expected_sha256:
        raise InputError(
            f"{weights.path} is damaged: its SHA-256 is {digest}, not {weights.expected_sha256}",
            "install the package again" if weights.shipped else weights.how_to_get,
        )
    return digest


def on_this_machine() -> tuple[Weights, ...]:
    """Every registered set of weights, then other models of rembg and checkpoints that are here."""
    known = known_weights()
    folder = weights_folder()
    rembg = {
        path.stem for place in (folder / "rembg", rembg_folder()) for path in place.glob("*.onnx")
    }
    added = [REMBG_PREFIX + model for model in sorted(rembg)]
    records = sorted((folder / CHECKPOINTS).glob("*.json"))
    added += [str(json.loads(record.read_text("utf-8"))["name"]) for record in records]
    return (*known.values(), *(find(name) for name in added if name not in known))


def record_path(path: Path) -> Path:
    """Where what is known of added weights is recorded."""
    return path.with_name(path.name + ".json")
