"""``evaluate`` as a user runs it, on an untrained network, and on what it cannot use."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dynascene_cli.diffusion.checkpoint import save_checkpoint
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import PRESETS, NetworkConfig
from dynascene_cli.diffusion.network import Network
from dynascene_cli.evaluation.conditions import CORRECT, OPPOSITE, network_answers
from dynascene_cli.evaluation.held_out import comparison, conditions_for, scores
from dynascene_cli.evaluation.held_out_shots import held_out_shots
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.video import read_photo

SMALL: NetworkConfig = replace(
    PRESETS["mini"],
    channels=(16, 32),
    motion_heads=2,
    attention_heads=2,
    norm_groups=8,
    image_embedding=16,
    clip_width=16,
    clip_layers=1,
    clip_heads=2,
    clip_pixels=16,
)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoints") / "small.safetensors"
    info = CheckpointInfo(SMALL, stage="random", prediction="v_prediction", frames=3)
    save_checkpoint(Network(SMALL), info, path)
    return path


def test_held_out_measures_every_trial_and_baseline(dynascene, untrained: Path) -> None:
    run = dynascene(
        "evaluate", "held-out", untrained, "--shots", 2, "--steps", "1,2", "--json",
        "-o", "table.md", "--sheet", "sheet.png",
    )  # fmt: skip
    assert run.code == 0, run.err
    data = run.json
    assert set(data) == {
        "checkpoint", "fingerprint", "shots", "frames", "size", "seed", "hole", "baselines",
        "trials", "compared", "output", "sheet", "seconds",
    }  # fmt: skip
    assert (data["shots"], data["frames"], data["size"]) == (2, 3, [64, 36])
    assert set(data["baselines"]) == {
        "static_copy", "mean_colour", "homography", "fixed_depth", "projection",
    }  # fmt: skip
    assert set(data["trials"]["1"]) == {
        "correct", "opposite", "static", "wrong_scene", "no_reference", "rays_flipped",
        "encoder_flipped",
    }  # fmt: skip
    assert set(data["trials"]["2"]) == {"correct", "opposite"}
    assert set(data["trials"]["1"]["correct"]) == {
        "psnr", "psnr_low", "psnr_high", "pooled_psnr", "ssim", "ssim_low", "ssim_high",
        "psnr_seen", "psnr_unseen",
    }  # fmt: skip
    gained = data["compared"]["1"]["static_copy"]
    difference = data["trials"]["1"]["correct"]["psnr"] - data["baselines"]["static_copy"]["psnr"]
    assert gained["margin"] == pytest.approx(difference, abs=1e-3)
    table = Path("table.md").read_text(encoding="utf-8")
    assert "**DDIM, 2 steps**" in table
    assert f"| static copy | {data['baselines']['static_copy']['psnr']:.2f} |" in table
    assert read_photo(Path("sheet.png")).pixels.shape[1] > 3 * 128


def test_the_same_seed_gives_the_same_numbers(untrained: Path) -> None:
    from dynascene_cli.diffusion.checkpoint import load_checkpoint

    network, info = load_checkpoint(untrained)
    shots = list(held_out_shots(2, (64, 36), 3, 4, seed=5))
    again = list(held_out_shots(2, (64, 36), 3, 4, seed=5))
    first = [list(network_answers(network, info, each, CORRECT, 1, 5)) for each in (shots, again)]
    assert all((a == b).all() for a, b in zip(*first, strict=True))
    other = list(network_answers(network, info, shots, CORRECT, 1, 6))
    assert (other[0] != first[0][0]).any()


def test_trials_that_mean_nothing_are_left_out() -> None:
    plain = replace(SMALL, reference_geometry="none", camera=False)
    assert {trial.name for trial in conditions_for(plain, 1)} == {
        "correct", "opposite", "static", "wrong_scene", "no_reference",
    }  # fmt: skip
    assert conditions_for(SMALL, 8) == (CORRECT, OPPOSITE)


def test_the_truth_beats_everything_else() -> None:
    shots = list(held_out_shots(3, (64, 36), 3, 4))
    truth = scores((shot.inputs.target for shot in shots), shots)
    noisy = scores((shot.inputs.target ^ np.uint8(4) for shot in shots), shots)
    assert (truth.ssim == 1).all()
    assert np.isinf(truth.psnr).all()
    assert noisy.error == pytest.approx(16.0)
    nothing_new = replace(noisy, unseen_error=np.full(3, np.nan)).summary()
    assert nothing_new["psnr_unseen"] is None
    assert nothing_new["pooled_psnr"] == pytest.approx(36.09, abs=0.01)
    found = comparison({"correct": noisy}, {"worse": replace(noisy, error=noisy.error * 10)})
    assert found["worse"]["margin"] == pytest.approx(10.0, abs=1e-3)
    assert found["worse"]["share"] == 1.0


def test_another_light_changes_the_scene_picture_alone() -> None:
    lights = TrainingSettings(synthetic_share=1.0)
    plain, relit = (
        next(iter(held_out_shots(1, (64, 36), 3, 4, lights=each))) for each in (None, lights)
    )
    assert (plain.inputs.scene != relit.inputs.scene).any()
    assert (plain.inputs.target == relit.inputs.target).all()
    assert (plain.inputs.foreground == relit.inputs.foreground).all()
    assert (plain.photo == relit.photo).all()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["no-such-checkpoint"], 1, "no-such-checkpoint"),
        (["CHECKPOINT", "--shots", "0"], 2, "--shots"),
        (["CHECKPOINT", "--steps", "1,x"], 2, "--steps"),
        (["CHECKPOINT", "--hole", "green"], 1, "green"),
        (["CHECKPOINT", "--size", "63x36"], 1, "64x36"),
        (["CHECKPOINT", "--frames", "99"], 1, "99"),
        (["CHECKPOINT", "-o", "nowhere/table.md"], 1, "nowhere"),
    ],
)
def test_what_cannot_be_measured_is_told(
    dynascene, untrained: Path, words: list[str], code: int, told: str
) -> None:
    given = [str(untrained) if word == "CHECKPOINT" else word for word in words]
    run = dynascene("evaluate", "held-out", *given, "--json")
    assert run.code == code
    error = json.loads(run.out)
    assert told in error["error"] + error["hint"]


def test_a_checkpoint_that_is_not_downloaded_is_missing(dynascene) -> None:
    run = dynascene("evaluate", "held-out", "sd15-inpainting")
    assert run.code == 3
    assert "models pull" in run.err
