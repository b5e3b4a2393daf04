"""Weights of metric networks, read from the weights folder by their registered names."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from dynascene_cli import weights
from dynascene_cli.errors import InputError, reading


def load(network: nn.Module, name: str) -> nn.Module:
    """The network with the registered weights of that name, ready to be asked.

    Raises:
        MissingError: they are not on this machine.
        InputError: the file holds none of tensors, or those of another network.
    """
    return fill(network, weights.path_of(name), name)


def fill(network: nn.Module, path: Path, name: str) -> nn.Module:
    """The network with the weights in a file; what it does not have is passed over.

    The file is one of torch that holds tensors alone.

    Raises:
        InputError: as ``load``.
    """
    with reading(path, "weights", f"give the weights of {name}: see docs/evaluation.md"):
        loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        state = {
            key.removeprefix("module."): value
            for key, value in loaded.get("state_dict", loaded).items()
        }
    own = network.state_dict()
    for key, value in own.items():
        if key.endswith("num_batches_tracked"):
            continue
        if key not in state or state[key].shape != value.shape:
            raise InputError(
                f"{path} holds no weights of {name}: {key} is not as it must be",
                f"dynascene models list shows where {name} is published",
            )
    network.load_state_dict({key: state[key].float() for key in own if key in state}, strict=False)
    return network.eval().requires_grad_(False)
