"""What a run would do, as ``--dry-run`` tells it."""

from typing import Any

import torch

from dynascene_cli.console import Console
from dynascene_cli.diffusion.network import Network
from dynascene_cli.training import lora
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.loop import examples_per_step
from dynascene_cli.training.run import TrainingRequest
from dynascene_cli.training.run_folder import RunFolder
from dynascene_cli.training.run_state import learned_weights
from dynascene_cli.training.setup import describe_start
from dynascene_cli.training.trainable import train_only


def plan_run(request: TrainingRequest, console: Console) -> dict[str, Any]:
    """What ``train`` would do, without a network in memory.

    Raises:
        InputError: a setting or an input is wrong.
        MissingError: the base weights are not on this machine.
    """
    settings = request.settings
    info, _ = describe_start(settings)
    ExampleDraws(settings, request.stage, info.config)
    with torch.device("meta"):
        network = Network(info.config, empty=True)
    trained = train_only(network, request.stage, settings.train_image_encoder)
    if settings.lora_rank:
        lora.add_adapters(network, trained, settings)
    learned = [value.numel() for value in learned_weights(network).values()]
    done = RunFolder(request.folder).steps()
    return {
        "run": str(request.folder),
        "base": settings.base,
        "stage": request.stage,
        "first": done[-1] if done and not request.force else 0,
        "steps": settings.steps,
        "clips_a_step": len(examples_per_step(settings, 0)),
        "parameters": sum(learned),
        "warnings": console.warnings,
    }
