"""The commands that are tried by kills, and how one is run, killed and looked at.

Each runs in a process that is forked from one in which everything is imported already, so that a
trial costs what the command does and not what its imports do.
"""

import contextlib
import hashlib
import importlib
import os
import pkgutil
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import dynascene_cli
from dynascene_cli.app import main
from dynascene_cli.video import ChunkedFrames

CHUNK = 8
"""Frames of a chunk here; users' have 64, and would take eight times as long to fill."""

FRAMES = 20
"""Frames of a clip: three chunks."""


@dataclass(frozen=True)
class Trial:
    """A command, its words, and the output that has to have the same bytes.

    ``whole``: it is there whole or not at all; several files may be there in part.
    """

    name: str
    words: tuple[str, ...]
    output: str
    whole: bool = True


def trials(media: Path, server: str) -> tuple[Trial, ...]:
    """The commands that write; ``make_media`` has made the folder, ``server`` is its address."""
    given = ("--matte", f"{media}/alphas")
    render = ("render", f"{media}/drawn.mp4", "--scene", f"{media}/place.jpg", *given)
    render += ("--camera", "dolly-in")
    train = ("train", "single", "--config", f"{media}/tiny.toml", "--out", "run")
    for setting in ("steps=6", "checkpoint_every=1", "batch_size=1", "cache_draws=2"):
        train += ("--set", setting)
    pull = ("models", "pull", "dynascene:tiny", "--accept-licence")
    base = f"{media}/base"
    assemble = ("models", "assemble", "--preset", "tests-tiny", "--inpainting", f"{base}/sd")
    assemble += ("--clip", f"{base}/clip", "--motion", f"{base}/motion")
    return (
        Trial("render .mp4", (*render, "-o", "out.mp4"), "out.mp4"),
        Trial("render .mov", (*render, "-o", "out.mov"), "out.mov"),
        Trial("render .webm", (*render, "-o", "out.webm"), "out.webm"),
        Trial("render .png", (*render, "-o", "out.%05d.png"), "out.*.png", whole=False),
        Trial("render .exr", (*render, "-o", "out.%05d.exr"), "out.*.exr", whole=False),
        Trial("render --layers", (*render, "--layers", "layers", "-o", "o.mov"), "layers", False),
        Trial("matte", ("matte", f"{media}/person.mp4", "-o", "matte.mov"), "matte.mov"),
        Trial(
            "estimate-camera",
            ("estimate-camera", f"{media}/panned.mp4", *given),
            "panned-camera.json",
        ),
        Trial("train", train, "run/checkpoint.safetensors"),
        Trial(
            "trajectory convert",
            ("trajectory", "convert", f"{media}/path.json", "model"),
            "model",
            whole=False,
        ),
        Trial(
            "dataset synth",
            ("dataset", "synth", "clips", "--count", "3", "--frames", "3"),
            "clips",
            whole=False,
        ),
        Trial(
            "models pull",
            (*pull, "--from", f"{server}/tiny.safetensors"),
            "weights/checkpoints/*.safetensors",
        ),
        Trial("models assemble", assemble, "weights/checkpoints/*.safetensors"),
        Trial("models assemble -o", (*assemble, "-o", "base.safetensors"), "base.safetensors"),
    )


def prepare_process() -> None:
    """Import what the commands import, and let a chunk be short."""
    for module in pkgutil.walk_packages(dynascene_cli.__path__, "dynascene_cli."):
        if not module.name.endswith("__main__"):
            loaded = importlib.import_module(module.name)
            if hasattr(loaded, "CHUNK_LENGTH"):
                loaded.CHUNK_LENGTH = CHUNK
    ChunkedFrames.__init__.__defaults__ = (CHUNK,)
    os.environ["DYNASCENE_WEIGHTS"] = "weights"
    os.environ["ACCELERATE_USE_CPU"] = "true"


def begun(words: tuple[str, ...], folder: Path) -> int:
    """Begin a command in a folder; the process, whose exit code is the command's."""
    process = os.fork()
    if process:
        return process
    os.chdir(folder)
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    errors = os.open(folder.parent / "errors.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    os._exit(main(words))


def ended(process: int, within: float | None = None) -> int | None:
    """The exit code of a process that ended in so many seconds; None of one that still runs."""
    until = None if within is None else time.monotonic() + within
    while until is None or time.monotonic() < until:
        done, status = os.waitpid(process, 0 if until is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    return None


def killed(process: int) -> None:
    """Kill a process, and its children with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)


def digest(folder: Path, output: str) -> str | None:
    """The SHA-256 of an output's names and bytes; None where there is none.

    A temporary file, whose name begins with a dot, is no output yet.
    """
    matched = sorted(each for each in folder.glob(output) if not each.name.startswith("."))
    files = [path for each in matched for path in ([each] if each.is_file() else each.rglob("*"))]
    total = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file()):
        total.update(f"{path.relative_to(folder)}".encode() + path.read_bytes())
    return total.hexdigest() if files else None


def names(folder: Path) -> set[str]:
    """Every file and folder, by its path; TensorBoard's name their files by the time."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return {path for path in found if "/events/" not in path}


def emptied(folder: Path) -> None:
    """An empty folder of that name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
