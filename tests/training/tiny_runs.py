"""Runs small enough for tests, of the settings in ``tiny.toml``."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import torch
from accelerate import Accelerator

from dynascene_cli.console import Console
from dynascene_cli.diffusion.network import Network
from dynascene_cli.training.batches import Batch, encode_example
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.loop import Trainer
from dynascene_cli.training.settings import Stage, TrainingSettings, parse_settings, settings_text
from dynascene_cli.training.setup import describe_start, make_network, make_optimizer
from dynascene_cli.training.trainable import train_only

torch.set_num_threads(1)

TINY_FILE = Path(__file__).with_name("tiny.toml")
TINY = tomllib.loads(TINY_FILE.read_text(encoding="utf-8"))


def tiny_settings(**changes: object) -> TrainingSettings:
    return parse_settings({**TINY, **changes})


def tiny_file(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.toml"
    path.write_text(settings_text(tiny_settings(**changes)), encoding="utf-8")
    return path


def tiny_network(settings: TrainingSettings, stage: Stage) -> Network:
    info, _ = describe_start(settings)
    network = make_network(settings, info, Console(quiet=True))
    train_only(network, stage, settings.train_image_encoder)
    return network


def tiny_trainer(network: Network, settings: TrainingSettings, stage: Stage) -> Trainer:
    learned = [value for value in network.parameters() if value.requires_grad]
    optimizer = make_optimizer(learned, settings)
    return Trainer(network, stage, settings, Accelerator(cpu=True), optimizer)


def examples(
    network: Network, settings: TrainingSettings, stage: Stage, numbers: Iterable[int] = (0, 1)
) -> list[tuple[int, Batch]]:
    draws = ExampleDraws(settings, stage, network.config)
    embed = not settings.train_image_encoder
    return [(number, encode_example(network, draws.draw(number), embed)) for number in numbers]
