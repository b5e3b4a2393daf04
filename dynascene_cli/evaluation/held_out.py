"""How well a network follows camera and scene on shots that no training drew."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.network import Network
from dynascene_cli.evaluation.baselines import (
    fixed_depth,
    homography,
    mean_colour,
    projection,
    static_copy,
)
from dynascene_cli.evaluation.conditions import (
    CORRECT,
    OPPOSITE,
    TRIALS,
    Condition,
    network_answers,
)
from dynascene_cli.evaluation.held_out_shots import HeldOutShot
from dynascene_cli.evaluation.metrics import Pictures, interval, psnr, squared_error, ssim
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath, Image

Baseline = Callable[[Image, CameraPath], Pictures]

BASELINES: dict[str, Baseline] = {
    "static_copy": static_copy,
    "mean_colour": mean_colour,
    "homography": homography,
    "fixed_depth": lambda photo, path: fixed_depth(photo, path, 1.0),
    "projection": projection,
}
"""Plates without a network, by name; ``fixed_depth`` is the median depth of the first frame."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The backgrounds of N shots against the truth: (N,) each.

    ``error``: mean squared difference of colours; ``seen_error`` and ``unseen_error``: where the
    photo shows the same place and where it does not, NaN where there is no such pixel.
    """

    error: Floats
    ssim: Floats
    seen_error: Floats
    unseen_error: Floats

    @property
    def psnr(self) -> Floats:
        """Decibels of each shot."""
        return psnr(self.error)

    def summary(self, seed: int = 0) -> dict[str, float | None]:
        """Means over shots with their intervals, None where no shot has such pixels.

        ``pooled_psnr`` is that of all shots' errors together.
        """
        low, high = interval(self.psnr, seed)
        ssim_low, ssim_high = interval(self.ssim, seed)
        numbers = {
            "psnr": self.psnr.mean(),
            "psnr_low": low,
            "psnr_high": high,
            "pooled_psnr": psnr(self.error.mean()),
            "ssim": self.ssim.mean(),
            "ssim_low": ssim_low,
            "ssim_high": ssim_high,
            "psnr_seen": _mean(psnr(self.seen_error)),
            "psnr_unseen": _mean(psnr(self.unseen_error)),
        }
        rounded = {name: round(float(value), 4) for name, value in numbers.items()}
        return {name: None if np.isnan(value) else value for name, value in rounded.items()}


def scores(made: Iterable[Pictures], shots: Sequence[HeldOutShot]) -> Scores:
    """What the frames that were made for each shot are worth."""
    rows = []
    for frames, shot in zip(made, shots, strict=True):
        truth, background = shot.inputs.target, shot.background
        rows.append(
            (
                squared_error(frames, truth, background),
                ssim(frames, truth, background),
                squared_error(frames, truth, shot.seen),
                squared_error(frames, truth, background & ~shot.seen),
            )
        )
    return Scores(*np.array(rows).T)


def baseline_scores(shots: Sequence[HeldOutShot]) -> dict[str, Scores]:
    """Every baseline's, by its name."""
    return {
        name: scores((plate(shot.photo, shot.path) for shot in shots), shots)
        for name, plate in BASELINES.items()
    }


def conditions_for(config: NetworkConfig, steps: int) -> tuple[Condition, ...]:
    """All trials that mean something for a network in one step; the two decisive ones in more."""
    if steps > 1:
        return CORRECT, OPPOSITE
    absent = set() if config.reference_net else {"no_reference"}
    if config.reference_geometry == "none":
        absent.add("rays_flipped")
    if not config.camera:
        absent.add("encoder_flipped")
    return tuple(trial for trial in TRIALS if trial.name not in absent)


def condition_scores(
    network: Network,
    info: CheckpointInfo,
    shots: Sequence[HeldOutShot],
    steps: int,
    seed: int = 0,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Scores]:
    """The trials' of the network in so many steps of DDIM, by their names.

    ``done`` is called after each.
    """
    found = {}
    for trial in conditions_for(info.config, steps):
        found[trial.name] = scores(network_answers(network, info, shots, trial, steps, seed), shots)
        done()
    return found


def comparison(trials: dict[str, Scores], baselines: dict[str, Scores]) -> dict[str, Any]:
    """By how much the correct camera is better than every other row, and on how many shots.

    By name: ``margin`` in dB, the mean of the shots' differences, and ``share`` of the shots.
    """
    correct = trials[CORRECT.name]
    others = {name: found for name, found in trials.items() if name != CORRECT.name} | baselines
    compared = {}
    for name, other in others.items():
        gained = correct.psnr - other.psnr
        low, high = interval(gained)
        compared[name] = {
            "margin": round(float(gained.mean()), 4),
            "margin_low": round(low, 4),
            "margin_high": round(high, 4),
            "share": round(float((gained > 0).mean()), 4),
        }
    return compared


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
