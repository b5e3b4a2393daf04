"""A disk that is full sooner or later: one line that names a file on it, and nothing half-made."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "diffusion")]

ROOMS = (0, 12_000)
"""Bytes that are free."""


@pytest.fixture
def disk(mount_disk):
    """A file system of 48 MB."""
    folder = mount_disk("48m")
    yield folder
    # What was open when the disk was full may still be, in this process.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def address(tmp_path):
    """A server that has a checkpoint."""
    pytest.importorskip("torch")
    from file_server import FileServer

    from dynascene_cli.diffusion.checkpoint import random_network, save_checkpoint

    save_checkpoint(*random_network(), tmp_path / "tiny.safetensors")
    with FileServer() as server:
        server.files["/tiny.safetensors"] = (tmp_path / "tiny.safetensors").read_bytes()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.address
        server.shutdown()


def leave_free(disk: Path, size: int) -> Path:
    """Fill the disk up to so many bytes."""
    filler = disk / "filler"
    left = os.statvfs(disk)
    filler.write_bytes(bytes(max(0, left.f_bavail * left.f_frsize - size)))
    return filler


def fills_up(dynascene, disk: Path, words: tuple[object, ...], rooms: tuple[int, ...]) -> None:
    """Run a command that writes into ``disk/w`` with so much room, and at last with enough.

    There is too little of the first.
    """
    made = disk / "w"
    made.mkdir()
    codes = []
    for room in rooms:
        filler = leave_free(disk, room)
        run = dynascene(*words)
        codes.append(run.code)
        if run.code:
            told = [line for line in run.err.splitlines() if line.startswith("error: ")]
            assert len(told) == 1, (room, run.err)
            assert told[0].startswith(f"error: {made}/"), (room, run.err)
            assert "no space is left on the disk" in told[0], (room, run.err)
        assert not list(made.rglob("*.part*")), room
        filler.unlink()
    assert codes[0] == 4 and set(codes) <= {0, 4}
    finished = dynascene(*words)
    assert finished.code == 0, finished.err


@pytest.fixture(scope="module")
def render(drawn_clip, photo, tmp_path_factory) -> tuple[object, ...]:
    """A short render without an output; its project is the same in all tests."""
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--matte", alphas, "--end", "0.2")
    return (*words, "--camera", "dolly-in", "--project", tmp_path_factory.mktemp("p") / "project")


@pytest.mark.parametrize("output", ["out.mp4", "out.%05d.png"])
def test_an_output(dynascene, disk, render, output):
    fills_up(dynascene, disk, (*render, "-o", disk / "w" / output), ROOMS)


def test_layers(dynascene, disk, render, tmp_path):
    layers = ("--layers", disk / "w" / "layers", "-o", tmp_path / "out.mp4")
    fills_up(dynascene, disk, (*render, *layers), ROOMS)


def test_a_matte(dynascene, disk, person_clip, tmp_path):
    words = ("matte", person_clip, "--end", "0.1", "--project", tmp_path / "project")
    fills_up(dynascene, disk, (*words, "-o", disk / "w" / "matte.mov"), ROOMS)


def test_a_trajectory(dynascene, disk, tmp_path):
    path = tmp_path / "path.json"
    make = ("trajectory", "make", "orbit-left", "-o", tmp_path / "move.json")
    assert dynascene(*make).code == 0
    convert = ("trajectory", "convert", tmp_path / "move.json")
    assert dynascene(*convert, path, "--size", "96x72").code == 0
    fills_up(dynascene, disk, ("trajectory", "convert", path, disk / "w" / "model"), ROOMS)


def test_synthetic_clips(dynascene, disk):
    clips = ("--count", "2", "--frames", "2", "--size", "64x36")
    fills_up(dynascene, disk, ("dataset", "synth", disk / "w" / "clips", *clips), ROOMS)


def test_a_data_set(dynascene, disk, person_clip):
    limits = ("--min-side", "100", "--min-seconds", "0.1", "--max-score", "1.01")
    words = ("dataset", "build", person_clip, "-o", disk / "w" / "set", *limits)
    fills_up(dynascene, disk, words, (0, 12_000, 1 << 18))


def test_a_training(dynascene, disk):
    config = TESTS / "training" / "tiny.toml"
    words = ("train", "single", "--config", config, "--steps", "2", "--set", "checkpoint_every=1")
    words += ("--set", "cache_draws=2")
    fills_up(dynascene, disk, (*words, "--out", disk / "w" / "run"), (0, 4 << 20))


def test_weights(dynascene, disk, address, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(disk / "w" / "weights"))
    words = ("models", "pull", "dynascene:tiny", "--accept-licence")
    fills_up(dynascene, disk, (*words, "--from", f"{address}/tiny.safetensors"), ROOMS)
