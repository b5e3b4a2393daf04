"""What the trials' commands read: clips, mattes, a photo, a camera path, weights, settings."""

import os
import shutil
import sys
import traceback
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.app import main
from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.video import (
    open_clip,
    open_sink,
    read_frames,
    read_photo,
    resize_to_cover,
    write_image,
)

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "training"), str(TESTS / "diffusion")]

WIDTH, HEIGHT = 96, 72


def make_media(folder: Path, frames: int) -> None:
    """Make everything, in a process of its own.

    The libraries start threads for this, which would be missing in a process that is forked from
    one that had them.
    """
    process = os.fork()
    if process:
        if os.waitpid(process, 0)[1]:
            sys.exit("the trials' media could not be made")
        return
    code = 1
    try:
        folder.mkdir(parents=True)
        _draw_clips(folder, frames)
        _cut_person(folder, frames)
        write_image(
            folder / "place.jpg", resize_to_cover(read_photo(MEDIA / "picos.jpg").pixels, 160, 120)
        )
        shutil.copy(TESTS / "training" / "tiny.toml", folder)
        _make_weights(folder)
        code = _make_path(folder)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def _draw_clips(folder: Path, frames: int) -> None:
    """``drawn.mp4``, a person who sways; ``panned.mp4``, the same before a wall; ``alphas``."""
    (folder / "alphas").mkdir()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (HEIGHT + 48, WIDTH + 24 + frames, 3), dtype=np.uint8)
    wall = cv2.GaussianBlur(noise, (0, 0), 1.2)
    wall = cv2.normalize(wall, None, 0, 255, cv2.NORM_MINMAX)
    size = {"width": WIDTH, "height": HEIGHT, "frame_rate": Fraction(24)}
    with (
        open_sink(folder / "drawn.mp4", **size) as drawn,
        open_sink(folder / "panned.mp4", **size) as panned,
    ):
        for index in range(frames):
            alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
            x = round(48 + 4 * np.sin(index / 3))
            cv2.circle(alpha, (x, 21), 5, 255, -1, cv2.LINE_AA)
            cv2.rectangle(alpha, (x - 6, 27), (x + 6, 64), 255, -1)
            mix = (alpha / 255.0)[..., None]
            person = np.array([190.0, 120.0, 90.0]) * mix
            for sink, left in ((drawn, 0), (panned, index)):
                seen = wall[10 : 10 + HEIGHT, left : left + WIDTH]
                sink.write(np.round(seen * (1 - mix) + person).astype(np.uint8))
            write_image(folder / "alphas" / f"{index:05d}.png", alpha)


def _cut_person(folder: Path, frames: int) -> None:
    """``person.mp4``: a real person."""
    gym = open_clip(MEDIA / "gym.mp4")
    with open_sink(folder / "person.mp4", width=90, height=160, frame_rate=gym.frame_rate) as sink:
        for frame in read_frames(gym, 0, frames):
            sink.write(resize_to_cover(frame, 90, 160))


def _make_weights(folder: Path) -> None:
    """``tiny.safetensors``, a checkpoint; ``base``, what one is assembled from."""
    from published_layouts import save_base_weights
    from tiny_networks import tiny

    from dynascene_cli.diffusion.checkpoint import random_network, save_checkpoint

    save_checkpoint(*random_network(), folder / "tiny.safetensors")
    save_base_weights(folder / "base", tiny())


def _make_path(folder: Path) -> int:
    move, path = str(folder / "move.json"), str(folder / "path.json")
    size = f"{WIDTH}x{HEIGHT}"
    return main(["trajectory", "make", "orbit-left", "-o", move]) or main(
        ["trajectory", "convert", move, path, "--size", size]
    )
