"""Network weights: where they come from, their licences and checksums, and their download."""

from dynascene_cli.weights.registry import (
    CHECKPOINT_PREFIX,
    CHECKPOINTS,
    FOLDER_VARIABLE,
    REMBG_PREFIX,
    Weights,
    add,
    find,
    known_weights,
    on_this_machine,
    path_of,
    place,
    rembg_folder,
    sha256_of,
    verify,
    weights_folder,
)

__all__ = [
    "CHECKPOINTS",
    "CHECKPOINT_PREFIX",
    "FOLDER_VARIABLE",
    "REMBG_PREFIX",
    "Weights",
    "add",
    "find",
    "known_weights",
    "on_this_machine",
    "path_of",
    "place",
    "rembg_folder",
    "sha256_of",
    "verify",
    "weights_folder",
]
