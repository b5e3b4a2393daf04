"""The loop's one step: examples, noise, the network's answer, its error, the optimiser."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from diffusers.training_utils import EMAModel
from torch import Tensor

from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.sampling import signal_shares
from dynascene_cli.errors import StageError
from dynascene_cli.training.batches import Batch, join_batches
from dynascene_cli.training.noise import (
    Draw,
    add_noise,
    draw_noise,
    loss_weights,
    mix_seed,
    prediction_target,
)
from dynascene_cli.training.run_state import learned_weights
from dynascene_cli.training.settings import Stage, TrainingSettings
from dynascene_cli.training.sharding import await_gradients, gather, is_sharded


@dataclass(frozen=True, eq=False)
class Example:
    """One encoded example, as a batch of one, and what chance decided of it."""

    batch: Batch
    draw: Draw


@dataclass(frozen=True)
class StepResult:
    """What one step of the optimiser found: the mean loss, the gradients' norm, the rate.

    ``stop``: some process was asked to stop.
    """

    loss: float
    gradient_norm: float
    learning_rate: float
    stop: bool


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """The rate of step 0, 1, …: up in a line, then constant or down along half a cosine."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    if settings.schedule == "constant":
        return settings.learning_rate
    done = (step - settings.warm_up) / (settings.steps - settings.warm_up)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def reference_share(settings: TrainingSettings, step: int) -> float:
    """How much the cameras in reference attention count in step 0, 1, …: 1, then down in a line."""
    first, last = settings.reference_anneal
    if step < first or not last:
        return 1.0
    return max(last - step, 0) / max(last - first, 1)


def examples_per_step(
    settings: TrainingSettings, step: int, processes: int = 1, process: int = 0
) -> range:
    """The numbers of the examples that one process sees in a step."""
    own = settings.batch_size * settings.gradient_accumulation
    start = (step * processes + process) * own
    return range(start, start + own)


def group_alike(examples: Sequence[Example], most: int) -> Iterator[list[Example]]:
    """The examples in groups that can be denoised together, of at most so many."""
    groups: dict[Any, list[Example]] = {}
    for example in examples:
        kind = (*example.batch.kind, example.draw.without_scene)
        groups.setdefault(kind, []).append(example)
    for group in groups.values():
        for start in range(0, len(group), most):
            yield group[start : start + most]


class Trainer:
    """Steps of one stage on one network; what it holds is what changes from step to step."""

    def __init__(
        self,
        network: Network,
        stage: Stage,
        settings: TrainingSettings,
        accelerator: Accelerator,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.network = network
        self.still = stage == "image"
        self.settings = settings
        self.accelerator = accelerator
        self.model: Any = network.train()
        self.optimizer: Any = accelerator.prepare(optimizer)
        if not is_sharded(network):
            self.model = accelerator.prepare(self.model)
        learned = learned_weights(network).values()
        self.average = EMAModel(learned, decay=settings.ema) if settings.ema else None
        self.signal = signal_shares(settings.zero_terminal_snr)

    def step(
        self, step: int, batches: Sequence[tuple[int, Batch]], stop: bool = False
    ) -> StepResult:
        """One step on this process's numbered examples, each a batch of one.

        Raises:
            StageError: the loss or its gradients are not finite; no weight was changed.
        """
        # Layers that draw at random, as dropout does, draw alike in every run.
        torch.manual_seed(mix_seed(self.settings.seed, -step - 1))
        rate = learning_rate(self.settings, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.share_geometry(reference_share(self.settings, step))
        progress = step / max(self.settings.steps - 1, 1)
        examples = [
            Example(
                batch, draw_noise(self.settings, number, tuple(batch.target.shape[1:]), progress)
            )
            for number, batch in batches
        ]
        errors = self._backward(examples)
        names = [clip for group in self._groups(examples) for e in group for clip in e.batch.clips]
        told = torch.cat([errors, errors.new_tensor([float(stop)])])
        gathered = self.accelerator.gather(told).unflatten(0, (-1, len(told)))
        self._check(gathered[:, :-1].flatten(), names, step)
        norm = self._gradient_norm(names, step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.step(learned_weights(self.network).values())
        return StepResult(
            loss=float(gathered[:, :-1].double().mean()),
            gradient_norm=norm,
            learning_rate=rate,
            stop=bool(gathered[:, -1].any()),
        )

    @contextmanager
    def use_average(self) -> Iterator[None]:
        """Inside it the network has the average of its weights, and does not learn."""
        self._exchange()
        self.network.eval()
        try:
            yield
        finally:
            self.network.train()
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        """Give weights and their averages each other's values."""
        if self.average is None:
            return
        learned = learned_weights(self.network).values()
        for value, mean in zip(learned, self.average.shadow_params, strict=True):
            before = value.detach().clone()
            value.copy_(mean)
            mean.copy_(before)

    def _groups(self, examples: Sequence[Example]) -> list[list[Example]]:
        return list(group_alike(examples, self.settings.batch_size))

    def _backward(self, examples: Sequence[Example]) -> Tensor:
        """Gradients of the step; the weighted errors of its examples, group by group."""
        errors = []
        groups = self._groups(examples)
        for index, group in enumerate(groups):
            last = index == len(groups) - 1
            await_gradients(self.network, last)
            with ExitStack() as around:
                if not last:
                    around.enter_context(self.accelerator.no_sync(self.model))
                # A checkpointed layer runs again in the backward pass, and must do the same.
                around.enter_context(self.network.without_motion() if self.still else nullcontext())
                found = self._errors(group)
                self.accelerator.backward(found.sum() / len(examples))
            errors.append(found.detach())
        return torch.cat(errors)

    def _errors(self, group: Sequence[Example]) -> Tensor:
        """The weighted squared errors (B,) of examples that are alike."""
        batch = join_batches([example.batch for example in group])
        device = batch.target.device
        settings = self.settings
        timestep = torch.tensor([example.draw.timestep for example in group])
        noise = torch.stack([example.draw.noise for example in group]).to(device)
        signal = self.signal[timestep].to(device)
        with_scene = not group[0].draw.without_scene
        with self.accelerator.autocast():
            predicted = self.model(
                add_noise(batch.target, noise, signal),
                batch.generate_mask,
                batch.foreground,
                timestep.to(device),
                # Without the scene, its embedding is zeros, as in guidance.
                batch.scene
                if with_scene
                else batch.target.new_zeros(len(group), self.network.config.image_embedding),
                batch.reference if with_scene else None,
                batch.views,
                batch.scene_view,
            )
        wanted = prediction_target(settings.prediction, batch.target, noise, signal)
        error = (predicted.float() - wanted).square().mean(dim=(1, 2, 3, 4))
        gamma = settings.min_snr_gamma if settings.weighting == "min_snr" else None
        return error * loss_weights(settings.prediction, signal, gamma)

    def _gradient_norm(self, names: list[str], step: int) -> float:
        largest = self.settings.gradient_clip or math.inf
        learned = list(learned_weights(self.network).values())
        norm = self.accelerator.clip_grad_norm_(learned, largest)
        value = float(gather(norm)) if norm is not None else 0.0
        # Half precision overflows now and then: its scaler then leaves the step out.
        if not math.isfinite(value) and self.accelerator.mixed_precision != "fp16":
            self._stop("the gradients are not finite", self._all(names), step)
        return value

    def _check(self, errors: Tensor, names: list[str], step: int) -> None:
        if bool(errors.isfinite().all()):
            return
        everyone, good_ones = self._all(names), errors.isfinite().tolist()
        wrong = [name for name, good in zip(everyone, good_ones, strict=True) if not good]
        self._stop("the loss is not finite", wrong, step)

    def _all(self, names: list[str]) -> list[str]:
        return list(gather_object(names))

    def _stop(self, what: str, clips: list[str], step: int) -> None:
        raise StageError(
            f"{what} in step {step + 1}: {', '.join(clips)}",
            "the last good state is kept; look at these clips, or start over (--force) with a "
            "lower learning_rate or precision = no",
        )
