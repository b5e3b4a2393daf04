"""What a run begins with: a network, its optimiser, and what makes the run this one."""

import json
from dataclasses import MISSING, asdict, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dynascene_cli.console import Console
from dynascene_cli.diffusion.checkpoint import fill_network
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import NetworkConfig, parse_config, preset
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.sampling_settings import checkpoint_facts
from dynascene_cli.diffusion.seeding import seed_torch
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.training.clip_groups import listing
from dynascene_cli.training.settings import Stage, TrainingSettings
from dynascene_cli.weights.registry import sha256_of

FREE_SETTINGS = frozenset(
    {
        *("steps", "workers", "threads", "gradient_checkpointing", "bad_clips"),
        *("compile", "fused"),
        *("checkpoint_every", "keep_last", "keep_every", "log_every"),
        *("validate_every", "validation_clips", "validation_steps"),
        *("validation_seed", "validation_manifests"),
    }
)
"""What may change from one part of a run to the next."""

_BY_CONTENT = frozenset(
    {"base", "network", "manifests", "realestate", "batch_size", "gradient_accumulation"}
)


def describe_start(settings: TrainingSettings) -> tuple[CheckpointInfo, str]:
    """What the network is before training, with a fingerprint of its weights.

    Raises:
        InputError: the base is no checkpoint, or a field of ``network`` is wrong.
        MissingError: the base is not on this machine; the hint is what gets it.
    """
    if settings.random_preset is not None:
        info = CheckpointInfo(preset(settings.random_preset), stage="random")
        fingerprint = settings.base
    else:
        info, fingerprint = checkpoint_facts(settings.base)
    config = _set_fields(info.config, settings)
    if settings.reference_anneal[1] and config.reference_geometry == "none":
        raise InputError(
            "reference_anneal: the network has no cameras in reference attention to take away",
            'set network.reference_geometry = "tied_rays", or leave reference_anneal out',
        )
    return replace(info, config=config), fingerprint


def make_network(settings: TrainingSettings, info: CheckpointInfo, console: Console) -> Network:
    """The network in 32 bits; what the base does not have starts at random, by the seed.

    Raises:
        InputError: the base's weights are of another architecture.
    """
    with seed_torch(settings.seed):
        network = Network(info.config)
    if settings.random_preset is not None:
        return network
    new, unread = fill_network(network, settings.base)
    if new:
        console.info(f"{len(new)} weights start at random, as {new[0]}: {settings.base} has none")
    if unread:
        console.info(f"{len(unread)} weights of {settings.base} have no use, as {unread[0]}")
    return network


def make_optimizer(
    parameters: list[nn.Parameter], settings: TrainingSettings
) -> torch.optim.Optimizer:
    """Adam, AdamW (Loshchilov & Hutter 2019) or Adam with 8-bit memory (Dettmers et al. 2022).

    Raises:
        MissingError: 8-bit Adam's package is not installed.
    """
    options: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": settings.betas,
        "weight_decay": settings.weight_decay,
    }
    if settings.fused and settings.optimizer != "adam8bit":
        options["fused"] = True
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, **options)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **options)
    if find_spec("bitsandbytes") is None:
        raise MissingError(
            "optimizer = adam8bit needs bitsandbytes, which is not installed",
            "pip install bitsandbytes (a GPU), or --set optimizer=adamw",
        )
    from bitsandbytes.optim import Adam8bit

    optimizer: torch.optim.Optimizer = Adam8bit(parameters, **options)
    return optimizer


def run_identity(
    stage: Stage,
    settings: TrainingSettings,
    info: CheckpointInfo,
    base: str,
    processes: int,
) -> dict[str, Any]:
    """All that the weights of a run depend on, as JSON: with another it is another run.

    Files count by their content. How a step's clips are divided among processes is no matter.
    """
    values = asdict(settings)
    left_out = FREE_SETTINGS | _BY_CONTENT
    identity = {
        "stage": stage,
        "clips_a_step": settings.batch_size * settings.gradient_accumulation * processes,
        "base": base,
        "network": asdict(info.config),
        "manifests": [sha256_of(Path(path)) for path in settings.manifests],
        "realestate": [listing(Path(path)) for path in settings.realestate],
        "settings": {key: value for key, value in values.items() if key not in left_out},
    }
    return dict(json.loads(json.dumps(identity)))


def fill_defaults(identity: dict[str, Any]) -> dict[str, Any]:
    """The identity of a run that was begun before some settings were there: they have defaults."""
    settings = _defaults(TrainingSettings)
    known = {key: settings[key] for key in settings.keys() - FREE_SETTINGS - _BY_CONTENT}
    filled = {
        **identity,
        "network": {**_defaults(NetworkConfig), **identity["network"]},
        "settings": {**known, **identity["settings"]},
    }
    return dict(json.loads(json.dumps(filled)))


def _defaults(kind: Any) -> dict[str, Any]:
    return {
        each.name: each.default if each.default_factory is MISSING else each.default_factory()
        for each in fields(kind)
    }


def _set_fields(config: NetworkConfig, settings: TrainingSettings) -> NetworkConfig:
    return parse_config({**asdict(config), **settings.network}) if settings.network else config
