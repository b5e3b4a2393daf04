"""The held-out measures from a request to its table."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from dynascene_cli.console import Console
from dynascene_cli.diffusion.checkpoint import open_checkpoint
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.sampling_settings import checkpoint_facts
from dynascene_cli.diffusion.sampling_size import check_sampling_size, sampling_size
from dynascene_cli.errors import InputError
from dynascene_cli.evaluation.conditions import CORRECT, OPPOSITE, network_answers
from dynascene_cli.evaluation.held_out import (
    Scores,
    baseline_scores,
    comparison,
    condition_scores,
    conditions_for,
)
from dynascene_cli.evaluation.held_out_shots import HeldOutShot, Hole, held_out_shots
from dynascene_cli.evaluation.held_out_table import held_out_sheet, held_out_text
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.video import write_image
from dynascene_cli.video.outputs import check_writable

SHEET_SHOTS = 6

SHAPE = 16, 9
"""Of the shots' pictures, whose area is the network's."""


@dataclass(frozen=True)
class HeldOutRequest:
    """What a user asks of ``evaluate held-out``.

    ``size`` (width, height) and ``frames`` of the shots are, where None, those that the network
    learned from.
    """

    checkpoint: str
    shots: int = 100
    seed: int = 0
    steps: tuple[int, ...] = (1, 8, 25)
    size: tuple[int, int] | None = None
    frames: int | None = None
    hole: str = "mean"
    output: Path | None = None
    sheet: Path | None = None


def run_held_out(request: HeldOutRequest, console: Console) -> dict[str, Any]:
    """Measure, write what was asked for, and give the numbers as the command prints them.

    Raises:
        InputError: a setting or the checkpoint is wrong, or a file cannot be written.
        MissingError: the checkpoint is not on this machine.
    """
    hole = next((known for known in get_args(Hole) if known == request.hole), None)
    if hole is None:
        raise InputError(f"no hole is {request.hole!r}", "mean, black or none")
    for path in filter(None, (request.output, request.sheet)):
        check_writable(path)
    _, fingerprint = checkpoint_facts(request.checkpoint)
    network, info = open_checkpoint(request.checkpoint)
    network.to(choose_device(None))
    network = network.float()
    size = request.size or sampling_size(*SHAPE, info.config)
    check_sampling_size(size, info.config)
    frames = request.frames or min(info.frames, info.config.motion_frames)
    if frames > info.config.motion_frames:
        raise InputError(
            f"a shot of {frames} frames is longer than the network's clips",
            f"at most {info.config.motion_frames}",
        )
    started = time.process_time()
    stride = info.config.latent_stride
    shots = list(held_out_shots(request.shots, size, frames, stride, seed=request.seed, hole=hole))
    console.info(f"{len(shots)} shots; now the baselines")
    baselines = baseline_scores(shots)
    trials = _run_trials(request, console, network, info, shots)
    data = {
        "checkpoint": request.checkpoint,
        "fingerprint": fingerprint,
        "shots": len(shots),
        "frames": frames,
        "size": list(size),
        "seed": request.seed,
        "hole": hole,
        "baselines": {name: found.summary() for name, found in baselines.items()},
        "trials": {
            str(steps): {name: found.summary() for name, found in rows.items()}
            for steps, rows in trials.items()
        },
        "compared": {str(steps): comparison(rows, baselines) for steps, rows in trials.items()},
        "output": request.output and str(request.output),
        "sheet": request.sheet and str(request.sheet),
        "seconds": round(time.process_time() - started, 2),
    }
    if request.output:
        publish_text(request.output, held_out_text(data))
    if request.sheet:
        few, most = shots[:SHEET_SHOTS], max(request.steps)
        pictures = [
            list(network_answers(network, info, few, trial, most, request.seed))
            for trial in (CORRECT, OPPOSITE)
        ]
        write_image(request.sheet, held_out_sheet(few, *pictures))
    return data


def _run_trials(
    request: HeldOutRequest,
    console: Console,
    network: Network,
    info: CheckpointInfo,
    shots: Sequence[HeldOutShot],
) -> dict[int, dict[str, Scores]]:
    """The scores of each condition, by its name, for each number of steps."""
    total = sum(len(conditions_for(info.config, steps)) for steps in request.steps)
    started, finished = time.process_time(), 0

    def done() -> None:
        nonlocal finished
        finished += 1
        console.info(f"{finished} of {total} trials, {time.process_time() - started:.0f} CPU-s")

    return {
        steps: condition_scores(network, info, shots, steps, request.seed, done)
        for steps in request.steps
    }
