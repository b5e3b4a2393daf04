"""The paper's ablation in miniature: rows trained alike, measured on the same held-out shots."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.console import Console
from dynascene_cli.diffusion.checkpoint import load_checkpoint
from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.evaluation.ablation_rows import Row, part_settings
from dynascene_cli.evaluation.ablation_table import ablation_text
from dynascene_cli.evaluation.conditions import CORRECT, OPPOSITE, TRIALS, network_answers
from dynascene_cli.evaluation.held_out import BASELINES, Scores, scores
from dynascene_cli.evaluation.held_out_shots import HeldOutShot, held_out_shots
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.training.run import TrainingRequest, train
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.video.outputs import check_writable

MEASURES = "measures.json"
VERSION = 1
"""Grows with every change of what the same weights measure."""

WRONG_SCENE = next(trial for trial in TRIALS if trial.name == "wrong_scene")
SAMPLED_STEPS = 8
TABLE_BASELINES = ("static_copy", "mean_colour", "homography", "fixed_depth")


@dataclass(frozen=True)
class AblationRequest:
    """What a user asks of ``evaluate ablation``.

    ``steps`` of the optimiser a run; ``seeds`` runs a row; ``work``: the folder of the runs.
    """

    rows: tuple[Row, ...]
    steps: int
    seeds: int
    shots: int
    work: Path
    output: Path | None = None


def run_ablation(request: AblationRequest, console: Console) -> dict[str, Any]:
    """Train and measure what is not yet, and give the numbers as the command prints them.

    A run that was finished is not repeated, and one that was interrupted goes on.

    Raises:
        InputError: the folder holds runs of other settings, or a file cannot be written.
        MissingError: a package that training needs is not installed.
    """
    if request.output is not None:
        check_writable(request.output)
    plain, relit = _shots(request.shots)
    found: dict[str, list[dict[str, float]]] = {}
    runs = [(row, seed) for row in request.rows for seed in range(request.seeds)]
    for number, (row, seed) in enumerate(runs):
        console.info(f"run {number + 1} of {len(runs)}: {row.name}, seed {seed}")
        measured = _measure(request, row, seed, plain, relit)
        console.info(f"  {measured['correct']:.2f} dB, opposite {measured['opposite']:.2f} dB")
        found.setdefault(row.name, []).append(measured)
    baselines = {
        name: scores((BASELINES[name](shot.photo, shot.path) for shot in plain), plain)
        for name in TABLE_BASELINES
    }
    data = {
        "steps": request.steps,
        "seeds": request.seeds,
        "shots": request.shots,
        "rows": {
            row.name: {"told": row.told, "seeds": found[row.name], "mean": _mean(found[row.name])}
            for row in request.rows
        },
        "baselines": {name: _decibels(each) for name, each in baselines.items()},
        "output": request.output and str(request.output),
    }
    if request.output is not None:
        publish_text(request.output, ablation_text(data))
    return data


def _shots(count: int) -> tuple[list[HeldOutShot], list[HeldOutShot]]:
    """Shots of the small network's size, and the same with the scene picture in another light."""
    settings = TrainingSettings(synthetic_share=1.0)
    size, frames, stride = (64, 36), 8, 4
    plain = list(held_out_shots(count, size, frames, stride))
    return plain, list(held_out_shots(count, size, frames, stride, lights=settings))


def _measure(
    request: AblationRequest,
    row: Row,
    seed: int,
    plain: Sequence[HeldOutShot],
    relit: Sequence[HeldOutShot],
) -> dict[str, float]:
    """One run's numbers, from its folder where they were measured before."""
    folder = request.work / f"{row.name}-{seed}"
    identity = [VERSION, request.steps, len(plain), [str(part) for part in row.parts], row.changes]
    kept = folder / MEASURES
    told = json.loads(json.dumps(identity))
    if kept.is_file():
        before = json.loads(kept.read_text(encoding="utf-8"))
        if before["identity"] == told:
            return dict(before["measures"])
    measures = _measures(_train(request, row, seed, folder), plain, relit)
    publish_text(kept, json.dumps({"identity": told, "measures": measures}, indent=1))
    return measures


def _train(request: AblationRequest, row: Row, seed: int, folder: Path) -> Path:
    """The checkpoint of a row's last stage."""
    checkpoint: Path | None = None
    for part in row.parts:
        base = None if checkpoint is None else str(checkpoint.absolute())
        settings = part_settings(row, part, request.steps, seed, base)
        run = TrainingRequest(part.stage, settings, folder / part.stage, full_precision=True)
        trained = train(run, Console(quiet=True))
        assert trained is not None, "no other process takes part"
        checkpoint = Path(trained["checkpoint"])
    assert checkpoint is not None
    return checkpoint


def _measures(
    checkpoint: Path, plain: Sequence[HeldOutShot], relit: Sequence[HeldOutShot]
) -> dict[str, float]:
    """Mean PSNR of backgrounds, in one step but for ``sampled``; ``share`` is of the shots."""
    network, info = load_checkpoint(checkpoint)
    network.to(choose_device(None))

    def found(shots: Sequence[HeldOutShot], trial: Any, steps: int = 1) -> Scores:
        return scores(network_answers(network, info, shots, trial, steps), shots)

    correct, opposite = found(plain, CORRECT), found(plain, OPPOSITE)
    return {
        "correct": _decibels(correct),
        "ssim": round(float(correct.ssim.mean()), 4),
        "opposite": _decibels(opposite),
        "share": round(float((correct.psnr > opposite.psnr).mean()), 4),
        "wrong_scene": _decibels(found(plain, WRONG_SCENE)),
        "relit": _decibels(found(relit, CORRECT)),
        "sampled": _decibels(found(plain, CORRECT, SAMPLED_STEPS)),
    }


def _decibels(found: Scores) -> float:
    return round(float(found.psnr.mean()), 4)


def _mean(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([run[name] for run in runs])), 4) for name in runs[0]}
