"""Checkpoints: a network with its weights, written and read whole or not at all."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from dynascene_cli import weights
from dynascene_cli.diffusion.checkpoint_file import (
    FOLDER_INFO,
    METADATA_KEY,
    CheckpointInfo,
    read_info,
)
from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.diffusion.named_checkpoints import UNTRAINED, locate_checkpoint
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.seeding import seed_torch
from dynascene_cli.diffusion.tensor_files import write_tensors
from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import publish_file, publish_folder

NAMES_SHOWN = 4


def load_checkpoint(path: Path, dtype: torch.dtype | None = None) -> tuple[Network, CheckpointInfo]:
    """The network of a checkpoint, in its own precision or ``dtype``, on the CPU.

    Raises:
        InputError: it is no checkpoint, is cut short, or its weights are not those of the
            architecture that it names; the message names them.
    """
    info = read_info(path)
    network = Network(info.config, empty=True)
    if path.is_dir():
        for name in info.networks:
            file = path / f"{name}.safetensors"
            assign(getattr(network, name), _tensors(file, dtype), file)
    else:
        assign(network, _tensors(path, dtype), path)
    return network.eval(), info


def open_checkpoint(
    name_or_path: str, dtype: torch.dtype | None = None
) -> tuple[Network, CheckpointInfo]:
    """``load_checkpoint`` of a path or a name; ``tests-tiny`` is an untrained network.

    Raises:
        InputError: no weights are called that, or they are no checkpoint.
        MissingError: it is not on this machine; the hint is what gets it.
    """
    if name_or_path == UNTRAINED:
        network, info = random_network()
        return network.to(dtype), info
    path, _ = locate_checkpoint(name_or_path)
    return load_checkpoint(path, dtype)


def fill_network(network: Network, name_or_path: str) -> tuple[list[str], list[str]]:
    """Put a checkpoint's weights into a network, in its precision; what it lacks stays as it is.

    One tensor after the other, so that no second copy of the weights is ever in memory. The names
    of the network's weights that it lacks, and of its own that have no use.

    Raises:
        InputError: no weights are called that, or they are no checkpoint or of other shapes.
        MissingError: it is not on this machine; the hint is what gets it.
    """
    own = network.state_dict()
    with ExitStack() as opened:
        given = _stored_tensors(name_or_path, opened)
        shapes = {name: torch.empty(each.shape, device="meta") for name, each in given.items()}
        both = own.keys() & given.keys()
        check_names(
            {name: own[name] for name in both},
            {name: shapes[name] for name in both},
            Path(name_or_path),
        )
        with torch.no_grad():
            for name in sorted(both):
                own[name].copy_(given[name].read())
    return sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())


@dataclass(frozen=True)
class _Stored:
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


def _stored_tensors(name_or_path: str, opened: ExitStack) -> dict[str, _Stored]:
    """The tensors of a checkpoint by name, none of them read yet."""
    if name_or_path == UNTRAINED:
        tensors = random_network()[0].state_dict()
        return {k: _Stored(tuple(v.shape), partial(lambda v: v, v)) for k, v in tensors.items()}
    path, _ = locate_checkpoint(name_or_path)
    info = read_info(path)
    files = {"": path}
    if path.is_dir():
        files = {f"{name}.": path / f"{name}.safetensors" for name in info.networks}
    stored = {}
    for prefix, file in files.items():
        source = opened.enter_context(safe_open(file, framework="pt"))
        for name in source.keys():  # noqa: SIM118
            shape = tuple(source.get_slice(name).get_shape())
            stored[prefix + name] = _Stored(shape, partial(source.get_tensor, name))
    return stored


def random_network(name: str = UNTRAINED, seed: int = 0) -> tuple[Network, CheckpointInfo]:
    """An untrained network of that preset, the same for the same seed.

    Raises:
        InputError: there is no such preset.
    """
    config = preset(name)
    with seed_torch(seed):
        return Network(config).eval(), CheckpointInfo(config, stage="random")


def save_checkpoint(network: Network, info: CheckpointInfo, path: Path) -> None:
    """Write a checkpoint: one file where the path ends in ``.safetensors``, else a folder.

    Raises:
        InputError: the place cannot be written, or is a folder that is no checkpoint.
        StageError: the disk is full.
    """
    save_tensors(network.state_dict(), info, path)


def save_tensors(tensors: Mapping[str, Tensor], info: CheckpointInfo, path: Path) -> None:
    """``save_checkpoint`` of a network's state by name.

    Raises:
        InputError: the place cannot be written, or is a folder that is no checkpoint.
        StageError: the disk is full.
    """
    if path.is_dir() and any(path.iterdir()) and not (path / FOLDER_INFO).is_file():
        raise InputError(f"{path} is a folder of something else", "give a name of its own")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".safetensors":
            with publish_file(path) as temporary:
                write_tensors(tensors, temporary, {METADATA_KEY: info.to_json()})
        else:
            with publish_folder(path) as temporary:
                _write_folder(tensors, info, temporary)
                if path.is_dir():
                    shutil.rmtree(path)
    except PermissionError as error:
        raise InputError(
            f"{path}: its folder cannot be written ({error.strerror})", "choose another place"
        ) from error


def _write_folder(tensors: Mapping[str, Tensor], info: CheckpointInfo, folder: Path) -> None:
    for name in info.networks:
        start = f"{name}."
        part = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
        write_tensors(part, folder / f"{name}.safetensors")
    hashes = {file.name: weights.sha256_of(file) for file in sorted(folder.iterdir())}
    described = json.loads(info.to_json()) | {"files": hashes}
    (folder / FOLDER_INFO).write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def assign(module: nn.Module, tensors: Mapping[str, Tensor], where: Path) -> None:
    """Put tensors in place of a module's own, which may hold no memory.

    Raises:
        InputError: weights are missing, unexpected or of another shape; the message names them.
    """
    check_names(module.state_dict(), tensors, where)
    module.load_state_dict(tensors, assign=True)


def check_names(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], where: Path) -> None:
    """Compare the names and shapes of weights.

    Raises:
        InputError: some are missing, unexpected or of another shape; the message names them.
    """
    missing = wanted.keys() - given.keys()
    unexpected = given.keys() - wanted.keys()
    shapes = [
        f"{name} {tuple(given[name].shape)}, not {tuple(wanted[name].shape)}"
        for name in wanted.keys() & given.keys()
        if given[name].shape != wanted[name].shape
    ]
    wrong = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    told = "; ".join(f"{what}: {_some(names)}" for what, names in wrong.items() if names)
    if told:
        raise InputError(
            f"{where} holds weights of another architecture: {told}",
            "compare its configuration with the network's",
        )


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - NAMES_SHOWN} more" if len(listed) > NAMES_SHOWN else ""
    return ", ".join(listed[:NAMES_SHOWN]) + more


def _tensors(path: Path, dtype: torch.dtype | None) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if dtype is None:
        return tensors
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}
