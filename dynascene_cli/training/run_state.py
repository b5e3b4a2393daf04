"""All that a run needs to go on as if it had never stopped, in files that hold tensors only.

Chance needs none: what is drawn follows from the seed and an example's or a step's number.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from dynascene_cli.diffusion.tensor_files import write_tensors
from dynascene_cli.training.sharding import gather, shard_like
from dynascene_cli.weights.download import file_sha256

WEIGHTS = "weights.safetensors"
AVERAGE = "average.safetensors"
OPTIMIZER = "optimizer.safetensors"
FACTS = "state.json"
CHECKSUMS = "checksums.json"


@dataclass(frozen=True, eq=False)
class State:
    """Whole tensors of what learns, of its average and of the optimiser's memory, by name.

    ``numbers``: the rest of the optimiser's memory. ``updates`` of the average.
    """

    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    numbers: dict[str, Any]
    updates: int


def gather_state(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: EMAModel | None,
    kept: bool = True,
) -> State:
    """The state in this moment; where weights are divided, all processes ask for it together.

    The optimiser and the average are of the network's parameters that learn, in their order.
    Tensors are empty in a process that does not keep the state.
    """
    learned = learned_weights(network)
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, parameter in learned.items():
        for key, value in optimizer.state[parameter].items():
            if isinstance(value, Tensor):
                tensors[f"{name}/{key}"] = gather(value, kept)
            else:
                numbers[f"{name}/{key}"] = value
    means = dict(zip(learned, average.shadow_params, strict=True)) if average else {}
    return State(
        weights={name: gather(value, kept) for name, value in learned.items()},
        average={name: gather(value, kept) for name, value in means.items()},
        optimizer=tensors,
        numbers=numbers,
        updates=average.optimization_step if average else 0,
    )


def save_state(folder: Path, state: State, facts: Mapping[str, Any]) -> None:
    """Write a state, with facts about it that are JSON."""
    write_tensors(state.weights, folder / WEIGHTS)
    if state.average:
        write_tensors(state.average, folder / AVERAGE)
    write_tensors(state.optimizer, folder / OPTIMIZER)
    described = {**facts, "average_updates": state.updates, "optimizer_numbers": state.numbers}
    (folder / FACTS).write_text(json.dumps(described, indent=1) + "\n", "utf-8")
    sums = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    (folder / CHECKSUMS).write_text(json.dumps(sums, indent=1) + "\n", "utf-8")


def damaged_file(folder: Path) -> Path | None:
    """A file of a state that is not as ``save_state`` wrote it; None where all are.

    Of a state without checksums, as earlier versions wrote them, the files need only be readable.
    """
    checksums = folder / CHECKSUMS
    try:
        if checksums.exists():
            sums: dict[str, str] = json.loads(checksums.read_text("utf-8"))
            wrong = [name for name, sha256 in sums.items() if _sha256(folder / name) != sha256]
            return folder / wrong[0] if wrong else None
        json.loads((folder / FACTS).read_text("utf-8"))
    except (OSError, ValueError, AttributeError):
        return checksums if checksums.exists() else folder / FACTS
    for name in (WEIGHTS, OPTIMIZER):
        try:
            with safe_open(folder / name, framework="pt"):
                pass
        except (OSError, SafetensorError):
            return folder / name
    return None


def _sha256(path: Path) -> str:
    return file_sha256(path) if path.is_file() else ""


def load_state(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: EMAModel | None,
) -> dict[str, Any]:
    """Put back what ``save_state`` wrote; the facts that were kept with it."""
    facts = dict(json.loads((folder / FACTS).read_text("utf-8")))
    learned = learned_weights(network)
    weights = load_file(folder / WEIGHTS)
    with torch.no_grad():
        for name, parameter in learned.items():
            parameter.copy_(shard_like(weights[name], parameter))
    if average:
        kept = load_file(folder / AVERAGE)
        for name, shadow in zip(learned, average.shadow_params, strict=True):
            shadow.copy_(shard_like(kept[name], shadow))
        average.optimization_step = facts["average_updates"]
    memory: dict[str, dict[str, Any]] = {}
    for entry, value in {
        **load_file(folder / OPTIMIZER),
        **facts.get("optimizer_numbers", {}),
    }.items():
        name, _, key = entry.rpartition("/")
        own = shard_like(value, learned[name]) if isinstance(value, Tensor) else value
        memory.setdefault(name, {})[key] = own
    state = optimizer.state_dict()
    state["state"] = {index: memory[name] for index, name in enumerate(learned) if name in memory}
    optimizer.load_state_dict(state)
    return facts


def read_weights(folder: Path) -> dict[str, Tensor]:
    """What was learned in a state, by name: the average where one was kept, as in a checkpoint."""
    return load_file(folder / (AVERAGE if (folder / AVERAGE).exists() else WEIGHTS))


def learned_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """The network's parameters that learn."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}
