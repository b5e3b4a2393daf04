"""Embeddings of prompts in the weights folder, each in a file of its own."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from dynascene_cli.diffusion.tensor_files import read_checked_tensors, write_checked_tensors
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.weights import weights_folder

FOLDER = "prompts"


@dataclass(frozen=True)
class EncodedPrompt:
    """Where the embedding of a text lies, and of how many tokens it is."""

    text: str
    file: Path
    tokens: int


def prompt_folder() -> Path:
    """Where embeddings lie."""
    return weights_folder() / FOLDER


def absent_prompt_error(name: str) -> MissingError:
    """What a render ends with whose prompt is not here, and whose model ``name`` encodes none."""
    return MissingError(
        f"the prompt was not encoded, and {name} has no text encoder here",
        f"where there is one: dynascene models encode-prompt {name} --prompt TEXT, and "
        f"copy {prompt_folder()}",
    )


def prompt_file(encoder: str, width: int, text: str) -> Path:
    """Where a text's embedding by an encoder lies; the width tells encoders from tiny ones."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return prompt_folder() / f"{encoder}-{width}-{digest}.safetensors"


def read_prompt(file: Path) -> dict[str, Tensor] | None:
    """A kept embedding; None where there is none, or a damaged one to be made again."""
    try:
        found = read_checked_tensors(file)
    except InputError:
        return None
    return None if found is None else found[0]


def keep_prompt(file: Path, text: str, embedding: Mapping[str, Tensor]) -> None:
    """Keep an embedding, whole or not at all.

    Raises:
        StageError: the disk is full.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with publish_file(file) as temporary:
        write_checked_tensors(embedding, temporary, {"text": text})
