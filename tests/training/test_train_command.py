import json
import multiprocessing
import os
import re
import resource
import signal
import socket
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import TINY, tiny_file

from dynascene_cli.app import main
from dynascene_cli.diffusion.checkpoint import load_checkpoint

# Processes of their own that find the network's packages imported.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tiny_runs", "dynascene_cli.training.run"])


def _run(folder: Path, name: str, words: list[str], environment: dict[str, str]) -> None:
    os.setpgrp()
    os.chdir(folder)
    os.environ |= {"ACCELERATE_USE_CPU": "true", **environment}
    sys.stdout = (folder / f"{name}.out").open("w")
    sys.stderr = (folder / f"{name}.err").open("w", buffering=1)
    code = main(["train", *words])
    sys.stdout.close()
    sys.exit(code)


def started(folder: Path, name: str, *words: object, **environment: str) -> BaseProcess:
    """The command in a process group of its own; it prints to ``name.out`` and ``name.err``."""
    given = (folder, name, [str(word) for word in words], environment)
    process = PROCESSES.Process(target=_run, args=given)
    process.start()
    return process


def wait_for(path: Path, process: BaseProcess) -> None:
    while not path.exists():
        assert process.is_alive(), process.exitcode
        time.sleep(0.05)


def test_killed_or_told_to_stop_it_goes_on_to_the_same_digits(dynascene, tmp_path) -> None:
    config = tiny_file(tmp_path, steps=5000, checkpoint_every=2)
    killed = started(tmp_path, "killed", "video", "--config", config, "--out", "run")
    wait_for(tmp_path / "run/checkpoints/step-000002", killed)
    killed.kill()
    killed.join()
    words = ("video", "--config", config, "--out", "run", "--json")
    before = int(sorted((tmp_path / "run/checkpoints").glob("step-*"))[-1].name[5:])
    stopped = started(tmp_path, "stopped", *words, "--set", "workers=1")
    wait_for(tmp_path / f"run/checkpoints/step-{before + 2:06d}", stopped)
    # As a shell's Ctrl-C and a batch system do: to the workers too.
    os.killpg(stopped.pid, signal.SIGTERM)
    stopped.join()
    assert stopped.exitcode == 130, (tmp_path / "stopped.err").read_text()
    assert f"continuing after step {before}" in (tmp_path / "stopped.err").read_text()
    assert json.loads((tmp_path / "stopped.out").read_text())["error"] == "interrupted"

    told = (tmp_path / "run/losses.csv").read_text().splitlines()
    reached = int(told[-1].split(",")[0])
    # It stopped after a whole step and kept that step's state.
    assert (tmp_path / f"run/checkpoints/step-{reached:06d}").is_dir()
    assert [int(line.split(",")[0]) for line in told[1:]] == list(range(1, reached + 1))
    steps = f"--steps={reached + 1}"
    assert dynascene("train", "video", "--config", config, "--out", "run", steps).code == 0
    assert dynascene("train", "video", "--config", config, "--out", "whole", steps).code == 0
    assert (tmp_path / "run/losses.csv").read_text() == (tmp_path / "whole/losses.csv").read_text()
    finished = [tmp_path / name / "checkpoint.safetensors" for name in ("run", "whole")]
    assert finished[0].read_bytes() == finished[1].read_bytes()


def run_as_two(folder: Path, *words: object, **environment: str) -> None:
    """The command in two processes that work together, to its good end.

    The variables are torchrun's, and those that `accelerate launch` sets for several GPUs; of
    several CPU processes it starts only one where there is no MPI.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **environment}
    both = [
        started(folder, rank, *words, RANK=rank, LOCAL_RANK=rank, **shared) for rank in ("0", "1")
    ]
    for process in both:
        process.join()
        assert process.exitcode == 0, [each.read_text() for each in folder.glob("*.err")]


def losses(folder: Path) -> list[float]:
    lines = (folder / "losses.csv").read_text().splitlines()[1:]
    return [float(line.split(",")[1]) for line in lines]


@pytest.mark.parametrize("divided", ["false", "true"])
def test_two_processes_learn_as_one_does(dynascene, tmp_path, divided) -> None:
    config = tiny_file(
        tmp_path, conditioning_dropout=0.5, steps=3, validate_every=2, validation_clips=3
    )
    words = ("video", "--config", config)
    run_as_two(tmp_path, *words, "--out", "two", "--steps=2", ACCELERATE_USE_FSDP=divided)
    validated = re.findall(r"validation: (\S+) dB of 3 clips", (tmp_path / "0.err").read_text())
    run_as_two(tmp_path, *words, "--out", "two", ACCELERATE_USE_FSDP=divided)
    told = (tmp_path / "0.err").read_text()
    assert "continuing after step 2" in told
    assert ("divided among 2 processes" in told) is (divided == "true")
    alone = dynascene("train", *words, "--out", "one", "--set", "batch_size=4")
    assert alone.code == 0
    one = re.findall(r"validation: (\S+) dB of 3 clips", alone.err)
    assert float(validated[0]) == pytest.approx(float(one[0]), abs=0.02)
    assert len(losses(tmp_path / "two")) == 3
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=2e-3)
    assert (tmp_path / "two/validation/step-000002.png").is_file()


def test_what_does_not_go_with_divided_weights_is_told(dynascene, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    words = ("train", "video", "--config", tiny_file(tmp_path), "--out", "run")
    for change in ("precision=fp16", "lora_rank=2"):
        run = dynascene(*words, "--set", change)
        assert run.code == 1
        assert "error: FSDP goes neither with precision fp16 nor with lora_rank" in run.err
    assert not (tmp_path / "run").exists()


def test_a_run_folder_holds_a_checkpoint_that_renders_and_says_what_it_is(dynascene, tmp_path):
    config = tiny_file(
        tmp_path, validate_every=2, keep_last=1, keep_every=2, zero_terminal_snr=True
    )
    run = dynascene("train", "single", "--config", config, "--out", "run", "--json")
    assert run.code == 0, run.err
    assert set(run.json) == {
        *("run", "checkpoint", "steps", "loss", "samples_per_second", "data_share"),
        *("peak_mib", "warnings"),
    }
    folder = tmp_path / "run"
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "step-000002",
        "step-000004",
    ]
    assert sorted(path.name for path in (folder / "validation").iterdir()) == [
        "step-000002.png",
        "step-000004.png",
    ]
    assert list((folder / "events").iterdir())
    assert "4 of 4: loss" in run.err and "waiting for data" in run.err
    _, info = load_checkpoint(folder / "checkpoint.safetensors")
    assert (info.stage, info.steps, info.prediction) == ("single", 4, "v_prediction")
    assert info.zero_terminal_snr and info.data == "synthetic shots" and info.frames == 2

    again = dynascene("train", "single", "--config", config, "--out", "run", "--json")
    assert again.code == 0 and again.json["loss"] == run.json["loss"]
    for change, told in (
        ("seed=1", "settings.seed was 0 and is 1"),
        ("network.channels=[16,48]", "network.channels was [16, 32] and is [16, 48]"),
    ):
        words = ("train", "single", "--config", config, "--out", "run", "--set", change)
        other = dynascene(*words)
        assert other.code == 1
        assert other.err.endswith(
            f"error: run holds another run: {told}\n"
            "hint: give what it was begun with, another --out, or --force to start over\n"
        )
    # The second stage begins with what the first one made.
    base = ("--base", "run/checkpoint.safetensors")
    second = dynascene("train", "image", "--config", config, *base, "--out", "next", "--steps=2")
    assert second.code == 0, second.err
    _, info = load_checkpoint(tmp_path / "next/checkpoint.safetensors")
    assert (info.stage, info.steps) == ("image", 6) and "checkpoint.safetensors" in info.base


def test_weaned_of_its_rays_it_is_a_network_of_the_papers_kind(dynascene, tmp_path):
    words = ("train", "single", "--config", tiny_file(tmp_path, reference_anneal=[1, 3]))
    assert dynascene(*words, "--out", "weaned", "--full-precision").code == 0
    network, info = load_checkpoint(tmp_path / "weaned/checkpoint.safetensors")
    assert (info.config.reference_geometry, info.steps) == ("none", 4)
    assert not [name for name, _ in network.named_parameters() if "geometry" in name]
    state = load_file(tmp_path / "weaned/checkpoints/step-000004/average.safetensors")
    name = "camera_encoder.conv_in.weight"
    assert torch.equal(network.state_dict()[name], state[name])
    again = dynascene(*words, "--out", "more", "--set", 'network.reference_geometry="none"')
    assert again.code == 1
    assert "no cameras in reference attention to take away" in again.err


def test_a_broken_clip_stops_the_run_and_the_last_good_state_stays(dynascene, tmp_path):
    config = tiny_file(tmp_path, learning_rate=1e30, gradient_clip=0, checkpoint_every=1)
    run = dynascene("train", "video", "--config", config, "--out", "run", "--json")
    assert run.code == 4 and "not finite" in run.json["error"] and "synthetic" in run.json["error"]
    kept = sorted((tmp_path / "run/checkpoints").iterdir())
    assert kept
    for state in kept:
        weights = load_file(state / "weights.safetensors")
        assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_beginning_anew_removes_only_what_a_run_wrote(dynascene, tmp_path):
    config = tiny_file(tmp_path)
    words = ("train", "video", "--config", config, "--out", "run", "--steps=2")
    assert dynascene(*words).code == 0
    run, outside = tmp_path / "run", tmp_path / "outside"
    foreign = [run / name / "notes.txt" for name in ("checkpoints", "events", "cache")]
    foreign.append(outside / "step-000002.png")
    (run / "validation").symlink_to(outside)
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("kept")
    inside = run / "checkpoints/step-000002/notes.txt"
    inside.write_text("kept")
    refused = dynascene(*words, "--force")
    assert refused.code == 1 and "step-000002 holds files that no run wrote" in refused.err
    assert inside.read_text() == "kept"
    inside.unlink()
    again = dynascene(*words, "--force")
    assert again.code == 0, again.err
    assert all(path.read_text() == "kept" for path in foreign)
    assert (run / "validation").is_symlink()


def test_a_full_disk_ends_it_and_the_last_good_state_stays(dynascene, tmp_path):
    config = tiny_file(tmp_path)
    assert dynascene("train", "video", "--config", config, "--out", "run", "--steps=2").code == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        full = dynascene("train", "video", "--config", config, "--out", "run", "--json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert full.code == 4
    assert full.json["error"].endswith("step-000004: no space is left on the disk")
    assert full.json["hint"] == "free some space and run the same command: finished work is kept"
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["step-000002"]
    assert dynascene("train", "video", "--config", config, "--out", "run").code == 0


def test_encoded_draws_are_kept_and_repeated(dynascene, tmp_path):
    config = tiny_file(tmp_path, cache_draws=3)
    assert dynascene("train", "video", "--config", config, "--out", "run").code == 0
    kept = sorted((tmp_path / "run/cache").iterdir())
    assert [path.name for path in kept] == [f"{index:08d}.safetensors" for index in range(3)]
    words = ("train", "video", "--config", config, "--out", "parts")
    assert dynascene(*words, "--steps=2").code == 0
    # The second part finds them, and makes the damaged one again.
    damaged = Path("parts/cache/00000001.safetensors")
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    second = dynascene(*words, "--steps=4")
    assert second.code == 0
    assert second.err.count("is damaged: it is made again") == 1 and str(damaged) in second.err
    assert damaged.read_bytes() == content
    assert (tmp_path / "run/losses.csv").read_text() == (tmp_path / "parts/losses.csv").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--set", "learning_rat=1"],
            "--set: there is no setting 'learning_rat'\nhint: did you mean learning_rate?",
        ),
        (["--config", "nothing"], "no such settings"),
        (["--base", "nothing.safetensors"], "nothing.safetensors"),
        (["--data", "nothing.jsonl"], "nothing.jsonl"),
        (["--set", "frames=99"], "frames = 99"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(dynascene, tmp_path, words, told):
    run = dynascene("train", "video", "--config", tiny_file(tmp_path), *words)
    assert run.code == 1 and told in run.err
    assert [line.split(":")[0] for line in run.err.splitlines()] in (["error"], ["error", "hint"])
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


def test_a_dry_run_trains_nothing(dynascene, tmp_path):
    config = tiny_file(tmp_path)
    run = dynascene("train", "video", "--config", config, "--dry-run", "--json")
    assert run.code == 0 and run.json["first"] == 0 and run.json["steps"] == TINY["steps"]
    assert run.json["parameters"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("weights.safetensors", "cut"),
        ("optimizer.safetensors", "flipped"),
        ("state.json", "gone"),
    ],
)
def test_the_state_before_a_damaged_one_is_taken(dynascene, tmp_path, file, damage) -> None:
    words = ("train", "single", "--config", tiny_file(tmp_path, steps=2, checkpoint_every=1))
    assert dynascene(*words, "--out", "run").code == 0
    states = tmp_path / "run" / "checkpoints"
    path = states / "step-000002" / file
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    else:
        path.unlink()
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    run = dynascene(*words, "--out", "run", "--json")
    assert run.code == 0, run.err
    assert "step-000002" in run.err and "continuing after step 1" in run.err
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before
    assert path.read_bytes() == content
