"""Checkpoints by name: the one that nobody trained, those that ship, those that were added."""

from pathlib import Path

from dynascene_cli import weights

UNTRAINED = "tests-tiny"
"""Random weights, made and not read: for trying the way through."""


def locate_checkpoint(name_or_path: str) -> tuple[Path, str]:
    """Where the checkpoint of a name or path lies, and its SHA-256 where that is recorded.

    Raises:
        InputError: no weights are called that.
        MissingError: it is not on this machine; the hint is what gets it.
    """
    shipped = name_or_path in weights.known_weights() and weights.find(name_or_path).shipped
    path = Path(name_or_path)
    if path.exists() and not shipped:
        return path, ""
    return weights.path_of(name_or_path), weights.find(name_or_path).expected_sha256
