"""All that a run needs to go on as if it had never stopped, in files that hold tensors only.

Chance needs none: what is drawn follows from the seed and an example's or a step's number.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file
from torch import Tensor, nn

from dynascene_cli.diffusion.tensor_files import write_tensors

WEIGHTS = "weights.safetensors"
AVERAGE = "average.safetensors"
OPTIMIZER = "optimizer.safetensors"
FACTS = "state.json"


def save_state(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: EMAModel | None,
    facts: Mapping[str, Any],
) -> None:
    """Write what is learned, its average and the optimiser's memory.

    The optimiser and the average are of the network's parameters that learn, in their order.
    """
    learned = learned_by_name(network)
    weights = {name: value.detach() for name, value in learned.items()}
    write_tensors(weights, folder / WEIGHTS)
    if average:
        write_tensors(dict(zip(learned, average.shadow_params, strict=True)), folder / AVERAGE)
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, parameter in learned.items():
        for key, value in optimizer.state[parameter].items():
            if isinstance(value, Tensor):
                tensors[f"{name}/{key}"] = value
            else:
                numbers[f"{name}/{key}"] = value
    write_tensors(tensors, folder / OPTIMIZER)
    updates = average.optimization_step if average else 0
    described = {**facts, "average_updates": updates, "optimizer_numbers": numbers}
    (folder / FACTS).write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def load_state(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: EMAModel | None,
) -> dict[str, Any]:
    """Put back what ``save_state`` wrote; the facts that were kept with it."""
    facts = dict(json.loads((folder / FACTS).read_text("utf-8")))
    learned = learned_by_name(network)
    weights = load_file(folder / WEIGHTS)
    with torch.no_grad():
        for name, parameter in learned.items():
            parameter.copy_(weights[name])
    if average:
        kept = load_file(folder / AVERAGE)
        for name, shadow in zip(learned, average.shadow_params, strict=True):
            shadow.copy_(kept[name])
        average.optimization_step = facts["average_updates"]
    memory: dict[str, dict[str, Any]] = {}
    for entry, value in {
        **load_file(folder / OPTIMIZER),
        **facts.get("optimizer_numbers", {}),
    }.items():
        name, _, key = entry.rpartition("/")
        memory.setdefault(name, {})[key] = value
    state = optimizer.state_dict()
    state["state"] = {index: memory[name] for index, name in enumerate(learned) if name in memory}
    optimizer.load_state_dict(state)
    return facts


def learned_by_name(network: nn.Module) -> dict[str, nn.Parameter]:
    """The network's parameters that learn."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}
