"""Clips and commands for the trials of kills, full disks, damage and two runs at once.

Each command runs in a process that is forked from one in which everything is imported already, so
that a trial costs what the command does and not what its imports do.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.app import main
from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.video import cover, open_clip, open_sink, read_frames, read_photo, write_image

CHUNKED = 130
"""Frames of a clip of three chunks."""

TINY_TRAINING = """
base = "random:mini"
synthetic_share = 1.0
size = [32, 32]
frames = 2
batch_size = 1
steps = 6
checkpoint_every = 1
validate_every = 0
threads = 1

[network]
channels = [16, 32]
motion_heads = 2
attention_heads = 2
norm_groups = 8
image_embedding = 16
clip_width = 16
clip_layers = 1
clip_heads = 2
clip_pixels = 16
"""


@dataclass(frozen=True)
class Trial:
    """A command, its words, and the output that has to have the same bytes.

    ``whole``: it is there whole or not at all; several files may be there in part.
    """

    name: str
    words: tuple[str, ...]
    output: str
    whole: bool = True


def trials(inputs: Path) -> tuple[Trial, ...]:
    """The commands that write; ``make_inputs`` has made the folder."""
    place = ("--scene", f"{inputs}/place.jpg", "--matte", f"{inputs}/alphas")
    drawn, person = f"{inputs}/drawn.mp4", f"{inputs}/person.mp4"
    render = ("render", drawn, *place, "--camera", "dolly-in")
    return (
        Trial("render .mp4", (*render, "-o", "out.mp4"), "out.mp4"),
        Trial("render .mov", (*render, "-o", "out.mov"), "out.mov"),
        Trial("render .png", (*render, "-o", "out.%05d.png"), "out.*.png", whole=False),
        Trial(
            "render --layers", (*render, "--layers", "layers", "-o", "o.mov"), "layers", whole=False
        ),
        Trial("matte", ("matte", person, "-o", "matte.mov"), "matte.mov"),
        Trial(
            "estimate-camera",
            ("estimate-camera", f"{inputs}/panned.mp4", "--matte", f"{inputs}/alphas"),
            "panned-camera.json",
        ),
        Trial(
            "train",
            ("train", "single", "--config", f"{inputs}/tiny.toml", "--out", "run"),
            "run/checkpoint.safetensors",
        ),
        Trial(
            "trajectory convert",
            ("trajectory", "convert", f"{inputs}/path.json", "model"),
            "model",
            whole=False,
        ),
        Trial(
            "dataset synth",
            ("dataset", "synth", "clips", "--count", "4", "--frames", "4"),
            "clips",
            whole=False,
        ),
    )


def make_inputs(folder: Path) -> None:
    """A drawn person with alphas, a panned wall, a real person, a photo; three chunks each."""
    alphas = folder / "alphas"
    alphas.mkdir(parents=True)
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.integers(0, 255, (120, 320, 3), dtype=np.uint8), (0, 0), 1.2)
    wall = cv2.normalize(wall, None, 0, 255, cv2.NORM_MINMAX)
    rate = Fraction(24)
    with (
        open_sink(folder / "drawn.mp4", width=96, height=72, frame_rate=rate) as drawn,
        open_sink(folder / "panned.mp4", width=96, height=72, frame_rate=rate) as panned,
    ):
        for index in range(CHUNKED):
            alpha = np.zeros((72, 96), np.uint8)
            x = round(48 + 4 * np.sin(index / 12))
            cv2.circle(alpha, (x, 21), 5, 255, -1, cv2.LINE_AA)
            cv2.rectangle(alpha, (x - 6, 27), (x + 6, 64), 255, -1)
            mix = (alpha / 255.0)[..., None]
            person = np.array([190.0, 120.0, 90.0]) * mix
            drawn.write(np.round(wall[:72, :96] * (1 - mix) + person).astype(np.uint8))
            seen = wall[10:82, index : index + 96]
            panned.write(np.round(seen * (1 - mix) + person).astype(np.uint8))
            write_image(alphas / f"{index:05d}.png", alpha)
    gym = open_clip(MEDIA / "gym.mp4")
    count = min(CHUNKED, gym.frame_count)
    with open_sink(folder / "person.mp4", width=90, height=160, frame_rate=gym.frame_rate) as sink:
        for frame in read_frames(gym, 0, count):
            sink.write(cover(frame, 90, 160))
    write_image(folder / "place.jpg", cover(read_photo(MEDIA / "picos.jpg").pixels, 160, 120))
    (folder / "tiny.toml").write_text(TINY_TRAINING)
    words = ["trajectory", "make", "orbit-left", "-o", str(folder / "move.json")]
    if main(words) or main(
        ["trajectory", "convert", words[-1], str(folder / "path.json"), "--size", "96x72"]
    ):
        sys.exit("the camera path could not be made")


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
        time.sleep(0.002)
    return None


def killed(process: int) -> None:
    """Kill a process, and its children with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)


def digest(folder: Path, output: str) -> str | None:
    """The SHA-256 of an output's names and bytes; None where there is none."""
    matched = sorted(folder.glob(output))
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
