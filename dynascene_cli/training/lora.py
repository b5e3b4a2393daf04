"""Low-rank additions to attention (Hu et al. 2021), by peft: learned, kept, merged."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.seeding import seed_torch
from dynascene_cli.diffusion.tensor_files import write_tensors
from dynascene_cli.errors import MissingError
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.training.settings import TrainingSettings

LAYERS = ("to_q", "to_k", "to_v", "to_out.0")
_BASE = ".base_layer."
_ADDED = ".lora_"


def add_adapters(
    network: Network, trained: Mapping[str, nn.Parameter], settings: TrainingSettings
) -> None:
    """Put adapters on the attention layers among ``trained``; they alone learn from now on.

    What they add starts at zero, so the network does what it did: of their two factors one is
    zero, the other random by the seed.

    Raises:
        MissingError: peft is not installed.
    """
    if find_spec("peft") is None:
        raise MissingError("LoRA needs peft, which is not installed", INSTALL)
    from peft import LoraConfig, inject_adapter_in_model

    layers = [name.removesuffix(".weight") for name in trained if name.endswith(".weight")]
    wanted = [name for name in layers if name.endswith(LAYERS)]
    for parameter in trained.values():
        parameter.requires_grad_(False)
    config = LoraConfig(r=settings.lora_rank, lora_alpha=settings.lora_alpha, target_modules=wanted)
    with seed_torch(settings.seed):
        inject_adapter_in_model(config, network)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_ADDED in name)


INSTALL = 'pip install "dynascene-cli[train]"'


def merge_weights(network: Network) -> dict[str, Tensor]:
    """The network's weights by their plain names, with what adapters add to them added."""
    added = {
        f"{name}.weight": layer.get_delta_weight("default")
        for name, layer in network.named_modules()
        if hasattr(layer, "get_delta_weight")
    }
    plain = {
        name.replace(_BASE, "."): value
        for name, value in network.state_dict().items()
        if _ADDED not in name
    }
    with torch.no_grad():
        return {
            name: (value + added[name].to(value.dtype)) if name in added else value
            for name, value in plain.items()
        }


def save_adapters(network: Network, path: Path) -> None:
    """Write the adapters alone, by the names that peft gives them in files.

    Raises:
        StageError: the disk is full.
    """
    from peft import get_peft_model_state_dict

    with publish_file(path) as temporary:
        write_tensors(get_peft_model_state_dict(network), temporary)
