"""Examples on their way to the network: drawn in workers, or found encoded on disk."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.errors import DynasceneError, InputError
from dynascene_cli.training.batches import Batch, load_batch
from dynascene_cli.training.clip_groups import open_index
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.loop import examples_per_step
from dynascene_cli.training.settings import Stage, TrainingSettings
from dynascene_cli.training.signals import defer_signals
from dynascene_cli.training.task_inputs import TaskInputs


@dataclass(frozen=True, eq=False)
class Numbered:
    """An example of a run by its number, drawn or found encoded; ``kept`` is where it is kept.

    ``damaged``: what was kept there could not be used. ``bad``: what could not be read of the clips
    that were drawn before.
    """

    number: int
    example: TaskInputs | Batch
    kept: Path | None
    damaged: bool = False
    bad: tuple[str, ...] = ()

    def pin_memory(self) -> "Numbered":
        """The same in memory that a GPU reads by itself; the loader asks for it if there is one."""
        if isinstance(self.example, Batch):
            return replace(self, example=self.example.map_tensors(Tensor.pin_memory))
        pinned: dict[str, Any] = {
            name: torch.from_numpy(np.ascontiguousarray(value)).pin_memory().numpy()
            for name, value in vars(self.example).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, example=replace(self.example, **pinned))


class StepExamples(Dataset[list[Numbered] | DynasceneError]):
    """The examples of every step by the step's number.

    ``part`` is (processes, this process) of those that train together. With the settings'
    ``cache_draws`` so many are drawn and repeated, and kept encoded in ``folder``. ``index`` has
    the clips, where there are any.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        stage: Stage,
        network: NetworkConfig,
        part: tuple[int, int],
        folder: Path,
        index: Path,
    ) -> None:
        self.settings = settings
        self.stage = stage
        self.network = network
        self.part = part
        self.folder = folder
        self.index = index

    def __getitem__(self, step: int) -> list[Numbered] | DynasceneError:
        """A step's examples, or what is wrong with one: workers would bury it in a traceback."""
        numbers = examples_per_step(self.settings, step, *self.part)
        try:
            return [self._draw(number) for number in numbers]
        except DynasceneError as error:
            return error

    @cached_property
    def draws(self) -> ExampleDraws:
        """Made in the process that draws."""
        return ExampleDraws(self.settings, self.stage, self.network, open_index(self.index))

    def _draw(self, number: int) -> Numbered:
        if not self.settings.cache_draws:
            example, bad = self.draws.draw_readable(number, self.settings.bad_clips)
            return Numbered(number, example, None, bad=tuple(bad))
        drawn = number % self.settings.cache_draws
        path = self.folder / f"{drawn:08d}.safetensors"
        try:
            found, damaged = load_batch(path), False
        except InputError:
            found, damaged = None, True
        if found is not None:
            return Numbered(number, found, path)
        example, bad = self.draws.draw_readable(drawn, self.settings.bad_clips)
        return Numbered(number, example, path, damaged, tuple(bad))


def load_examples(
    examples: StepExamples, steps: range, workers: int
) -> Generator[list[Numbered], None, None]:
    """The examples of some steps in their order, made by so many processes; 0 makes them here.

    The processes end when it is closed. Signals to the whole process group do not end them: a
    run that is asked to stop still needs what they make for its step.

    Raises:
        InputError: a file of a clip cannot be read; the message names it.
    """
    loader: DataLoader[Any] = DataLoader(
        examples,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        collate_fn=_identity,
        worker_init_fn=_limit_threads,
        # Threads that this process has started do not live on in one that is forked from it.
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    with defer_signals():
        waiting = iter(loader)
    try:
        for made in waiting:
            if isinstance(made, DynasceneError):
                raise made
            yield made
    finally:
        # What ends the workers; at Python's own end it would wait for ever, as SIGTERM is held.
        del waiting


def _identity(examples: object) -> object:
    return examples


def _limit_threads(worker: int) -> None:
    cv2.setNumThreads(1)
