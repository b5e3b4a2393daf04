"""What training leaves for use elsewhere: the network of a run's end, or of any state it keeps."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dynascene_cli.console import Console
from dynascene_cli.diffusion.checkpoint import save_tensors
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.network import Network
from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import disk_full_as_error
from dynascene_cli.training import lora
from dynascene_cli.training.run_folder import RunFolder, differences
from dynascene_cli.training.run_state import damaged_file, learned_weights, read_weights
from dynascene_cli.training.settings import Stage, TrainingSettings
from dynascene_cli.training.setup import describe_start, fill_defaults, make_network
from dynascene_cli.training.trainable import train_only

GEOMETRY = ".processor.geometry."
"""What the weights of the cameras in reference attention have in their names."""


def describe_result(
    start: CheckpointInfo, base: str, settings: TrainingSettings, stage: Stage, step: int
) -> CheckpointInfo:
    """What the network is after a step, of what it began as, with the base's fingerprint.

    Raises:
        InputError: in that step the cameras in reference attention are on their way out.
    """
    data = [Path(path).name for path in (*settings.manifests, *settings.realestate)]
    if settings.synthetic_share:
        data.append("synthetic shots")
    began = {} if settings.random_preset is not None else {Path(settings.base).name: base}
    config, (first, last) = start.config, settings.reference_anneal
    if last and step >= last:
        config = replace(config, reference_geometry="none")
    elif last and step > first:
        raise InputError(
            f"after step {step} the cameras in reference attention are neither whole nor gone",
            f"give a step up to {first}, or from {last} on",
        )
    return replace(
        start,
        config=config,
        stage=stage,
        steps=start.steps + step,
        data="; ".join(filter(None, [start.data, *data])),
        base={**start.base, **began},
        prediction=settings.prediction,
        zero_terminal_snr=settings.zero_terminal_snr,
        frames=settings.frames if stage != "image" else start.frames,
    )


def save_result(
    network: Network,
    weights: dict[str, Tensor],
    info: CheckpointInfo,
    path: Path,
    full_precision: bool,
) -> None:
    """Write the network's merged weights as a checkpoint, in 16 bits a weight unless all are asked.

    Raises:
        InputError: the place cannot be written.
        StageError: the disk is full.
    """
    dtype = torch.float32 if full_precision else torch.float16
    if info.config.reference_geometry == "none":
        weights = {name: value for name, value in weights.items() if GEOMETRY not in name}
    # Tables of positions are as exact as they can be.
    tables = {name for name, _ in network.named_buffers()}
    rounded = {
        name: value if name in tables else value.to(dtype) for name, value in weights.items()
    }
    save_tensors(rounded, info, path)


def export_state(
    folder: RunFolder,
    settings: TrainingSettings,
    stage: Stage,
    step: int | None,
    path: Path,
    full_precision: bool,
    console: Console,
) -> dict[str, Any]:
    """Write a state that a run keeps as a checkpoint: of a step, or the last; what was written.

    The run may be under way; nothing of it is changed.

    Raises:
        InputError: there is no such state, it is damaged, or of another network.
        StageError: the disk is full.
    """
    before, kept = folder.identity(), folder.steps()
    if before is None or not kept:
        raise InputError(f"{folder.folder} keeps no state of a run", "give the --out of one")
    step = kept[-1] if step is None else step
    if step not in kept:
        listed = ", ".join(map(str, kept))
        raise InputError(f"{folder.folder} keeps no state after step {step}", f"give {listed}")
    start, base = describe_start(settings)
    identity = {"stage": stage, "base": base, "network": asdict(start.config)}
    identity = json.loads(json.dumps(identity))
    whole = fill_defaults(before)
    if changed := differences({key: whole[key] for key in identity}, identity):
        raise InputError(
            f"{folder.folder} holds another run: {'; '.join(changed)}",
            f"give --config {folder.folder / 'config.toml'}",
        )
    if damaged := damaged_file(folder.state(step)):
        raise InputError(f"{damaged} is damaged", "give another step")
    info = describe_result(start, base, settings, stage, step)
    network = make_network(settings, start, console)
    trained = train_only(network, stage, settings.train_image_encoder)
    if settings.lora_rank:
        lora.add_adapters(network, trained, settings)
    weights = read_weights(folder.state(step))
    with torch.no_grad():
        for name, parameter in learned_weights(network).items():
            parameter.copy_(weights[name])
    with disk_full_as_error(path):
        save_result(network, lora.merge_weights(network), info, path, full_precision)
    return {"checkpoint": str(path), "step": step, "warnings": console.warnings}
