"""Where sampling stands, kept on disk so that a killed render continues to the same result."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dynascene_cli.diffusion.tensor_files import read_checked_tensors, write_checked_tensors
from dynascene_cli.storage.atomic import publish_file

METADATA_KEY = "dynascene_sampling"


@dataclass(frozen=True, eq=False)
class SamplingState:
    """All that the remaining steps depend on.

    ``latents`` (B, 4, F, h, w) of the whole clip after ``step`` steps; ``random`` the state of
    the noise's generator; ``outputs`` what a multistep solver remembers, oldest first.
    """

    step: int
    latents: Tensor
    random: Tensor
    outputs: tuple[Tensor, ...] = ()


def save_state(state: SamplingState, made_by: Mapping[str, Any], path: Path) -> None:
    """Write a state, whole or not at all; ``made_by`` says what it is a state of.

    Raises:
        StageError: the disk is full.
    """
    tensors = {"latents": state.latents, "random": state.random}
    tensors |= {f"output.{index}": output for index, output in enumerate(state.outputs)}
    with publish_file(path) as temporary:
        facts = {METADATA_KEY: _describe_maker(made_by), "step": str(state.step)}
        write_checked_tensors(tensors, temporary, facts)


def load_state(made_by: Mapping[str, Any], path: Path) -> SamplingState | None:
    """The state in a file; None where there is none, or one of something else.

    Raises:
        InputError: it is damaged.
    """
    found = read_checked_tensors(path)
    if found is None or found[1].get(METADATA_KEY) != _describe_maker(made_by):
        return None
    tensors, facts = found
    outputs = sorted(name for name in tensors if name.startswith("output."))
    return SamplingState(
        int(facts["step"]),
        tensors["latents"],
        tensors["random"],
        tuple(tensors[name] for name in outputs),
    )


def _describe_maker(made_by: Mapping[str, Any]) -> str:
    return json.dumps(made_by, sort_keys=True, default=str)
