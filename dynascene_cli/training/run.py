"""One training run from its command to its checkpoint, and from any interruption onwards."""

import os
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import (
    DistributedType,
    broadcast_object_list,
    gather_object,
    parse_flag_from_env,
)

from dynascene_cli.console import Console
from dynascene_cli.diffusion.apply_optimisations import compile_layers
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.storage.atomic import disk_full_as_error
from dynascene_cli.training import lora, sharding
from dynascene_cli.training.batches import Batch, ExampleEncoder, save_batch
from dynascene_cli.training.clip_groups import made_of, open_index, read_groups, write_index
from dynascene_cli.training.data_loading import Numbered, StepExamples, load_examples
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.latent_store import LatentStore
from dynascene_cli.training.loop import StepResult, Trainer, examples_per_step
from dynascene_cli.training.progress import Progress, peak_mib
from dynascene_cli.training.result import describe_result, save_result
from dynascene_cli.training.run_folder import RunFolder, differences
from dynascene_cli.training.run_state import (
    damaged_file,
    gather_state,
    learned_weights,
    load_state,
    save_state,
)
from dynascene_cli.training.settings import Stage, TrainingSettings, settings_text
from dynascene_cli.training.setup import (
    describe_start,
    fill_defaults,
    make_network,
    make_optimizer,
    run_identity,
)
from dynascene_cli.training.signals import stop_on_signals
from dynascene_cli.training.trainable import train_only
from dynascene_cli.training.validation import (
    learns_from_validated,
    sheet,
    validation_clips,
    validation_draws,
)
from dynascene_cli.video import write_image

_SUPPORTED = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)


@dataclass(frozen=True)
class TrainingRequest:
    """What a user asks of ``train``.

    ``force`` begins anew where a run lies in the folder; ``full_precision`` writes the finished
    checkpoint in 32 bits a weight, 16 otherwise.
    """

    stage: Stage
    settings: TrainingSettings
    folder: Path
    force: bool = False
    full_precision: bool = False


def train(request: TrainingRequest, console: Console) -> dict[str, Any] | None:
    """Train, or go on training; what came of it, as the command prints it.

    Of several processes one tells; the others' answer is None.

    Raises:
        InputError: a setting or an input is wrong, or another run lies in the folder.
        MissingError: a package or the base weights are not on this machine.
        StageError: the loss or its gradients are not finite, or the disk is full; the last good
            state is kept.
        KeyboardInterrupt: it was asked to stop; the state after its last step is kept.
    """
    if find_spec("tensorboardX") is None:
        raise MissingError("training needs tensorboardX, which is not installed", lora.INSTALL)
    settings = request.settings
    if settings.threads:
        torch.set_num_threads(settings.threads)
    divides = parse_flag_from_env("ACCELERATE_USE_FSDP")
    if divides and (settings.precision == "fp16" or settings.lora_rank):
        raise InputError(
            "FSDP goes neither with precision fp16 nor with lora_rank",
            "give --set precision=bf16; a LoRA learns so little that DDP (--multi_gpu) serves",
        )
    # ``sharding`` does it, on CPUs too, where accelerate would leave it out without a word.
    os.environ["ACCELERATE_USE_FSDP"] = "false"
    accelerator = Accelerator(
        mixed_precision=settings.precision,
        # Examples without the scene leave ReferenceNet out.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    if accelerator.distributed_type not in _SUPPORTED:
        raise InputError(
            f"accelerate is set to {accelerator.distributed_type.value}, which is not supported",
            "train on several GPUs with: accelerate launch --multi_gpu -m dynascene_cli train …",
        )
    if not accelerator.is_main_process:
        console = Console(quiet=True)
    run = RunFolder(request.folder)
    held = run.lock() if accelerator.is_main_process else nullcontext()
    with held, disk_full_as_error(run.folder):
        divides = divides and accelerator.num_processes > 1
        result = Run(request, run, accelerator, console, divides).finish()
    return result if accelerator.is_main_process else None


class Run:
    """A run that is under way: network, optimiser and folder."""

    def __init__(
        self,
        request: TrainingRequest,
        folder: RunFolder,
        accelerator: Accelerator,
        console: Console,
        divides: bool,
    ) -> None:
        settings, stage = request.settings, request.stage
        self.request, self.settings = request, settings
        self.folder, self.accelerator, self.console = folder, accelerator, console
        self._bad: set[str] = set()
        base_info, base = describe_start(settings)
        self.info = describe_result(base_info, base, settings, stage, settings.steps)
        self._claim(run_identity(stage, settings, base_info, base, accelerator.num_processes))
        network = make_network(settings, base_info, console)
        trained = train_only(network, stage, settings.train_image_encoder)
        if settings.lora_rank:
            lora.add_adapters(network, trained, settings)
        if settings.gradient_checkpointing:
            network.enable_gradient_checkpointing()
        if settings.compile:
            compile_layers(network)
        self.network = network
        if divides:
            sharding.shard(network, accelerator.device)
            console.info(
                f"the training state is divided among {accelerator.num_processes} processes"
            )
        parameters = list(learned_weights(network).values())
        count = sum(value.numel() for value in parameters)
        console.info(f"stage {stage}: {count / 1e6:.2f} M parameters learn")
        optimizer = make_optimizer(parameters, settings)
        self.trainer = Trainer(network, stage, settings, accelerator, optimizer)

    def finish(self) -> dict[str, Any]:
        """Go through the steps that are left, and write the checkpoint."""
        first = self._resume()
        total = self.settings.steps
        clips = len(examples_per_step(self.settings, 0)) * self.accelerator.num_processes
        progress = Progress(self.console, first, total, clips)
        loss = self._steps(first, progress) if first < total else self.folder.last_loss()
        self._write_checkpoint()
        self.accelerator.wait_for_everyone()
        return {
            "run": str(self.folder.folder),
            "checkpoint": str(self.folder.checkpoint),
            "steps": total,
            "loss": loss,
            "samples_per_second": progress.samples_per_second,
            "data_share": progress.data_share,
            "peak_mib": peak_mib(),
            "warnings": self.console.warnings,
        }

    def _claim(self, identity: dict[str, Any]) -> None:
        """Make the folder this run's, or find that it is, once there is something to draw.

        Raises:
            InputError: another run lies there, or a clip or a setting is wrong.
        """
        if not self.accelerator.is_main_process:
            self.accelerator.wait_for_everyone()
            return
        settings, index = self.settings, self.folder.index
        known = made_of(settings)
        indexed = None if self.request.force else open_index(index, known)
        groups = read_groups(settings) if indexed is None else indexed
        stage, network = self.request.stage, self.info.config
        ExampleDraws(settings, stage, network, groups)
        if settings.validate_every:
            validation_draws(settings, stage, network, groups)
        before = self.folder.identity()
        if self.request.force:
            self.folder.clear()
        elif before is not None and (changed := differences(fill_defaults(before), identity)):
            raise InputError(
                f"{self.folder.folder} holds another run: {'; '.join(changed)}",
                "give what it was begun with, another --out, or --force to start over",
            )
        self.folder.write_identity(identity, settings_text(settings))
        if indexed is None and (settings.manifests or settings.realestate):
            write_index(groups, known, index)
        self.accelerator.wait_for_everyone()

    def _resume(self) -> int:
        """Put the last state back; after which step it is, in all processes alike.

        Raises:
            InputError: a process does not see it.
        """
        found = [self._last_whole_state() if self.accelerator.is_main_process else 0]
        step = int(broadcast_object_list(found)[0])
        if step:
            if not self.folder.state(step).is_dir():
                raise InputError(
                    f"process {self.accelerator.process_index} does not find "
                    f"{self.folder.state(step)}, from which the others go on",
                    "keep the run folder where all machines see it",
                )
            optimizer = self.trainer.optimizer.optimizer
            facts = load_state(
                self.folder.state(step), self.network, optimizer, self.trainer.average
            )
            if self.accelerator.scaler is not None and facts["scaler"]:
                self.accelerator.scaler.load_state_dict(facts["scaler"])
            self.console.info(f"continuing after step {step}")
        if self.accelerator.is_main_process:
            self.folder.rewind_losses(step)
        return step

    def _last_whole_state(self) -> int:
        """After which step the newest state is that is not damaged; 0 where there is none."""
        for step in reversed(self.folder.steps()):
            damaged = damaged_file(self.folder.state(step))
            if damaged is None:
                return step
            self.console.warn(f"{damaged} is damaged: the state before it is taken")
        return 0

    def _steps(self, first: int, progress: Progress) -> float:
        """The steps from ``first`` on; the mean loss of the last that were told of."""
        from tensorboardX import SummaryWriter

        settings, accelerator = self.settings, self.accelerator
        examples = StepExamples(
            settings,
            self.request.stage,
            self.info.config,
            (accelerator.num_processes, accelerator.process_index),
            self.folder.cache,
            self.folder.index,
        )
        steps = range(first, settings.steps)
        writes = accelerator.is_main_process
        events = SummaryWriter(str(self.folder.events), purge_step=first + 1) if writes else None
        recent: list[float] = []
        with (
            stop_on_signals() as stop,
            closing(load_examples(examples, steps, settings.workers)) as waiting,
        ):
            for step in steps:
                began = time.monotonic()
                drawn = next(waiting)
                waited = time.monotonic() - began
                batches = [(each.number, self._encode(each)) for each in drawn]
                result = self.trainer.step(step, batches, stop.asked)
                done = step + 1
                recent.append(result.loss)
                progress.count_step(waited)
                if events is not None:
                    self._record(events, done, result)
                if done % settings.log_every == 0 or done == settings.steps:
                    progress.tell(sum(recent) / len(recent))
                    recent = recent[-1:] if done == settings.steps else []
                saves = done % settings.checkpoint_every == 0 or done == settings.steps
                if saves or result.stop:
                    self._save(done)
                if settings.validate_every and done % settings.validate_every == 0:
                    self._validate(done, events)
                if result.stop:
                    raise KeyboardInterrupt
        if events is not None:
            events.close()
        return result.loss

    @cached_property
    def _encoder(self) -> ExampleEncoder:
        store = None
        if self.settings.keep_latents:
            store = LatentStore(self.folder.latents(self.accelerator.process_index))
        return ExampleEncoder(self.network, not self.settings.train_image_encoder, store)

    def _encode(self, numbered: Numbered) -> Batch:
        if isinstance(numbered.example, Batch):
            return numbered.example.to(self.accelerator.device)
        if numbered.damaged:
            self.console.warn(f"{numbered.kept} is damaged: it is made again")
        for fault in numbered.bad:
            self._pass_over(fault)
        with self.accelerator.autocast():
            batch = self._encoder.encode(numbered.example)
        if numbered.kept is not None:
            numbered.kept.parent.mkdir(parents=True, exist_ok=True)
            save_batch(batch, numbered.kept)
        return batch

    def _pass_over(self, fault: str) -> None:
        """Name what cannot be read of a clip, once.

        Raises:
            InputError: there are more such clips than the settings allow.
        """
        if fault in self._bad:
            return
        self._bad.add(fault)
        if len(self._bad) > self.settings.bad_clips:
            raise InputError(
                f"{len(self._bad)} clips cannot be read, the last: {fault}",
                f"bad_clips = {self.settings.bad_clips} are left out; --check names them all",
            )
        self.console.warn(f"left out: {fault}")

    def _record(self, events: Any, step: int, result: StepResult) -> None:
        self.folder.add_loss(step, result.loss, result.learning_rate, result.gradient_norm)
        events.add_scalar("loss", result.loss, step)
        events.add_scalar("learning_rate", result.learning_rate, step)
        events.add_scalar("gradient_norm", result.gradient_norm, step)

    def _save(self, step: int) -> None:
        """By one process; where weights are divided, all of them give it their parts."""
        writes, scaler = self.accelerator.is_main_process, self.accelerator.scaler
        if not writes and not sharding.is_sharded(self.network):
            return
        optimizer = self.trainer.optimizer.optimizer
        state = gather_state(self.network, optimizer, self.trainer.average, writes)
        if not writes:
            return
        facts = {"step": step, "scaler": scaler.state_dict() if scaler is not None else None}
        with self.folder.save_state(step) as place:
            save_state(place, state, facts)
        self.folder.prune(self.settings.keep_last, self.settings.keep_every)

    @cached_property
    def _validation_draws(self) -> ExampleDraws:
        groups = open_index(self.folder.index)
        return validation_draws(self.settings, self.request.stage, self.info.config, groups)

    def _validate(self, step: int, events: Any) -> None:
        """By all processes, each its part of the clips."""
        accelerator, settings = self.accelerator, self.settings
        part = accelerator.num_processes, accelerator.process_index
        draws = self._validation_draws
        whole = sharding.gather_weights(self.network)
        with self.trainer.use_average(), whole, accelerator.autocast():
            own = validation_clips(self.network, self.info, settings, draws, part)
        made = sorted(gather_object(own), key=lambda clip: clip.number)
        if not accelerator.is_main_process:
            return
        psnr = sum(clip.psnr for clip in made) / len(made)
        path = self.folder.validation / f"step-{step:06d}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, sheet(made))
        events.add_scalar("validation/psnr", psnr, step)
        which = " that are learned from" if learns_from_validated(settings) else ""
        self.console.info(f"validation: {psnr:.2f} dB of {len(made)} clips{which}, {path}")

    def _write_checkpoint(self) -> None:
        writes = self.accelerator.is_main_process
        with self.trainer.use_average():
            weights = {
                name: sharding.gather(value, writes)
                for name, value in lora.merge_weights(self.network).items()
            }
            if not writes:
                return
            if self.settings.lora_rank:
                lora.save_adapters(self.network, self.folder.adapters)
            save_result(
                self.network,
                weights,
                self.info,
                self.folder.checkpoint,
                self.request.full_precision,
            )
