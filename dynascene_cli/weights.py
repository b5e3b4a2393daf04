"""Where weights come from: the registry, their licences, their checksums, the folder."""

import difflib
import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import platformdirs

from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.presets_folder import presets_folder

FOLDER_VARIABLE = "DYNASCENE_WEIGHTS"
REMBG_PREFIX = "rembg:"

State = Literal["shipped", "added", "absent"]


@dataclass(frozen=True)
class Weights:
    """One entry of the registry; ``file`` is relative to the weights folder or the package."""

    name: str
    kind: str
    description: str
    licence: str
    shipped: bool
    file: str
    sha256: str = ""
    url: str = ""

    @property
    def path(self) -> Path:
        """Where the file lies, or would lie once it is added."""
        folder = shipped_folder() if self.shipped else weights_folder()
        return folder / self.file

    @property
    def state(self) -> State:
        """Whether it ships with the package, was added, or is not on this machine."""
        if self.shipped:
            return "shipped"
        return "added" if self.path.is_file() else "absent"

    @property
    def expected_sha256(self) -> str:
        """The checksum of the registry, else the one recorded on adding, else empty."""
        record = _record_path(self.path)
        if self.sha256 or not record.is_file():
            return self.sha256
        return str(json.loads(record.read_text("utf-8"))["sha256"])


def weights_folder() -> Path:
    """The folder of added weights: $DYNASCENE_WEIGHTS, else the user's data folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("dynascene")) / "weights"


def shipped_folder() -> Path:
    """The folder inside the package of the weights that ship with it."""
    return Path(__file__).parent / "matting" / "weights"


@lru_cache
def registry() -> dict[str, Weights]:
    """Every registered set of weights by name, in the order of ``presets/models.toml``."""
    with (presets_folder() / "models.toml").open("rb") as file:
        entries = tomllib.load(file)["model"]
    return {entry["name"]: Weights(**entry) for entry in entries}


def find(name: str) -> Weights:
    """The registered weights of that name; any ``rembg:MODEL`` has an entry.

    Raises:
        InputError: no weights are called that.
    """
    known = registry()
    if name in known:
        return known[name]
    model = name.removeprefix(REMBG_PREFIX)
    if name != model and model.replace("-", "").replace("_", "").isalnum():
        return Weights(
            name=name,
            kind="matting",
            description=f"rembg's {model}, frame by frame.",
            licence="see the model's own page",
            shipped=False,
            file=f"rembg/{model}.onnx",
            url="https://github.com/danielgatis/rembg/releases/tag/v0.0.0",
        )
    near = difflib.get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise InputError(f"no weights are called {name!r}", meant)


def path_of(name: str) -> Path:
    """The weights file of that name.

    Raises:
        InputError: no weights are called that.
        MissingError: the file is not on this machine.
    """
    weights = find(name)
    if not weights.path.is_file():
        where = f" (published at {weights.url})" if weights.url else ""
        raise MissingError(
            f"the weights of {name} are not on this machine{where}",
            f"dynascene models add {name} FILE",
        )
    return weights.path


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def add(name: str, source: Path) -> Weights:
    """Copy ``source`` into the weights folder as ``name``, whole or not at all.

    Its SHA-256 is checked where the registry has one, and recorded otherwise.

    Raises:
        InputError: the name is not registered or ships with the package, the file is missing, or
            it is not the file that the registry means.
    """
    weights = find(name)
    if weights.shipped:
        raise InputError(f"{name} ships with the package", "nothing has to be added")
    if not source.is_file():
        raise InputError(f"{source} is no file", f"give the path of the {name} weights")
    weights.path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary_name = tempfile.mkstemp(dir=weights.path.parent, suffix=".part")
    os.close(handle)
    temporary = Path(temporary_name)
    try:
        shutil.copyfile(source, temporary)
        digest = sha256_of(temporary)
        if weights.sha256 and digest != weights.sha256:
            raise InputError(
                f"{source} is not {name}: its SHA-256 is {digest}",
                f"the registry has {weights.sha256}",
            )
        _record_path(weights.path).write_text(
            json.dumps({"name": name, "sha256": digest, "licence": weights.licence}) + "\n", "utf-8"
        )
        temporary.replace(weights.path)
    finally:
        temporary.unlink(missing_ok=True)
    return weights


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
            "install the package again" if weights.shipped else f"dynascene models add {name} FILE",
        )
    return digest


def on_this_machine() -> tuple[Weights, ...]:
    """Every registered set of weights, then rembg models that were added beside them."""
    known = registry()
    added = sorted((weights_folder() / "rembg").glob("*.onnx"))
    extra = [find(REMBG_PREFIX + path.stem) for path in added]
    return (*known.values(), *(weights for weights in extra if weights.name not in known))


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")
