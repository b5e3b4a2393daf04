"""Checkpoints by name: the one that nobody trained, those that ship, those that were added."""

from pathlib import Path

from dynascene_cli import weights
from dynascene_cli.errors import MissingError
from dynascene_cli.presets_folder import presets_folder

UNTRAINED = "tests-tiny"
"""Random weights, made and not read: for trying the way through."""

SHIPPED = ("mini",)


def located(name_or_path: str) -> tuple[Path, str]:
    """Where the checkpoint of a name or path lies, and its SHA-256 where that is recorded.

    Raises:
        InputError: no weights are called that.
        MissingError: it is not on this machine; the hint is what gets it.
    """
    if name_or_path in SHIPPED:
        path = presets_folder() / weights.CHECKPOINTS / f"{name_or_path}.safetensors"
        if not path.is_file():
            raise MissingError(
                f"the checkpoint {name_or_path} is not part of this installation: {path} is absent",
                "make one with dynascene train and give its path, or install a version that has it",
            )
        return path, ""
    path = Path(name_or_path)
    if path.exists():
        return path, ""
    return weights.path_of(name_or_path), weights.find(name_or_path).expected_sha256
