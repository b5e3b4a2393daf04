"""The folder of one training run: what it was told, what it made, where it stands."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import (
    disk_full_as_error,
    is_unused,
    publish_folder,
    publish_text,
)
from dynascene_cli.storage.locks import lock_folder

IDENTITY = "run.json"
LOSSES = "losses.csv"
LOSSES_HEADER = "step,loss,learning_rate,gradient_norm\n"
STEP_FOLDER = re.compile(r"step-(\d{6,})")


@dataclass(frozen=True)
class RunFolder:
    """``config.toml``, ``run.json``, ``losses.csv``, ``events/``, ``checkpoints/step-000123/``,
    ``validation/`` and, in the end, ``checkpoint.safetensors``.
    """

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """What is used elsewhere: the network with what was learned."""
        return self.folder / "checkpoint.safetensors"

    @property
    def adapters(self) -> Path:
        """What LoRA learned, alone."""
        return self.folder / "adapters.safetensors"

    @property
    def validation(self) -> Path:
        """Where the pictures of validation clips lie."""
        return self.folder / "validation"

    @property
    def cache(self) -> Path:
        """Where encoded examples are kept."""
        return self.folder / "cache"

    def latents(self, process: int) -> Path:
        """Where a process keeps the latents of pictures that come again."""
        return self.folder / "cache" / f"latents-{process}.sqlite"

    @property
    def index(self) -> Path:
        """Where the clips of the manifests are listed."""
        return self.folder / "clips.sqlite"

    @property
    def events(self) -> Path:
        """Where TensorBoard's files lie."""
        return self.folder / "events"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process; the lock is the system's and dies with it.

        A folder that was made for a run that could not begin goes with it.

        Raises:
            InputError: the folder cannot be made, holds something else, or another run has it.
        """
        if self.folder.is_file() or (self.folder.is_dir() and not self._is_ours()):
            raise InputError(
                f"{self.folder} is no run folder", "give --out a new or an empty folder"
            )
        in_use = "another process trains in this run folder"
        with lock_folder(self.folder, "run folder", in_use, "--out"):
            yield

    def clear(self) -> None:
        """Remove what a run left, so that one can start anew; files of others stay.

        Raises:
            InputError: they lie where a state will be kept.
        """
        if not self._states().is_symlink():
            for state in self._states().glob("step-*"):
                if STEP_FOLDER.fullmatch(state.name):
                    _remove_files(state, "*.safetensors", "*.json")
                    if state.exists():
                        raise InputError(
                            f"{state} holds files that no run wrote",
                            "move them elsewhere, or give another --out",
                        )
        _remove_files(self._states())
        _remove_files(self.events, "events.out.tfevents.*")
        _remove_files(self.validation, "step-*.png")
        _remove_files(self.cache, "[0-9]" * 8 + ".safetensors", "latents-*.sqlite*")
        # What marks the folder as a run's goes last: being stopped here leaves one.
        for name in (
            LOSSES,
            "config.toml",
            self.index.name,
            self.checkpoint.name,
            self.adapters.name,
            IDENTITY,
        ):
            (self.folder / name).unlink(missing_ok=True)

    def _is_ours(self) -> bool:
        """Whether the folder is a run's, or has nothing in it but what was killed at once left."""
        if "clips_a_step" in (self.identity() or {}):
            return True
        return is_unused(self.folder)

    def steps(self) -> list[int]:
        """After which steps a whole state lies here, in order."""
        found = (STEP_FOLDER.fullmatch(path.name) for path in self._states().glob("step-*"))
        return sorted(int(match[1]) for match in found if match)

    def state(self, step: int) -> Path:
        """The folder of the state after a step."""
        return self._states() / f"step-{step:06d}"

    @contextmanager
    def save_state(self, step: int) -> Iterator[Path]:
        """A temporary folder for a state; it takes its name on a clean exit.

        Raises:
            StageError: the disk is full; the states that were here still are.
        """
        whole = self.state(step)
        with publish_folder(whole) as partial:
            yield partial
            _remove_files(whole, "*.safetensors", "*.json")

    def prune(self, keep_last: int, keep_every: int) -> None:
        """Remove states but the last few and, where above 0, those of every so many steps."""
        steps = self.steps()
        for step in steps[:-keep_last] if keep_last else steps:
            if not keep_every or step % keep_every:
                _remove_files(self.state(step), "*.safetensors", "*.json")

    def identity(self) -> dict[str, Any] | None:
        """What the run that lies here depends on; None where there is none."""
        path = self.folder / IDENTITY
        try:
            return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else None
        except ValueError:
            return None

    def write_identity(self, identity: Mapping[str, Any], config: str) -> None:
        """Keep what this run depends on, and its effective settings as TOML."""
        with disk_full_as_error(self.folder):
            publish_text(self.folder / IDENTITY, json.dumps(identity, indent=1) + "\n")
            publish_text(self.folder / "config.toml", config)

    def rewind_losses(self, step: int) -> None:
        """Forget the losses after a step, which will be computed again."""
        path = self.folder / LOSSES
        lines = path.read_text("utf-8").splitlines(keepends=True)[1:] if path.is_file() else []
        kept = [line for line in lines if line.endswith("\n") and int(line.split(",")[0]) <= step]
        with disk_full_as_error(path):
            publish_text(path, LOSSES_HEADER + "".join(kept))

    def add_loss(self, step: int, *numbers: float) -> None:
        """Append a step's line to the losses, with every digit."""
        path = self.folder / LOSSES
        with disk_full_as_error(path), path.open("a", encoding="utf-8") as stream:
            stream.write(",".join(map(repr, (step, *numbers))) + "\n")

    def last_loss(self) -> float | None:
        """The loss of the last step; None before the first."""
        lines = (self.folder / LOSSES).read_text("utf-8").splitlines()[1:]
        return float(lines[-1].split(",")[1]) if lines else None

    def _states(self) -> Path:
        return self.folder / "checkpoints"


def _remove_files(folder: Path, *patterns: str) -> None:
    """Remove the files of those names in a folder, and it where nothing else is in it.

    A folder that is a link belongs to somebody else, and so does a linked file.
    """
    if folder.is_symlink():
        return
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.is_file() and not path.is_symlink():
                path.unlink()
    with suppress(OSError):
        folder.rmdir()


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What differs between two identities, as ``section.key: old, now new``."""
    told = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            told += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            told.append(f"{prefix}{key} was {json.dumps(old)} and is {json.dumps(new)}")
    return told
