"""CPU-seconds that a draw of a filmed clip takes, at its first time and later.

python tests/benchmarks/bench_draws.py [--size 1920x1080]
"""

import argparse
import json
import resource
import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.app import main as dynascene
from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.dataset.manifest import _open_once, load_clip, read_manifest
from dynascene_cli.video import open_sink, read_photo, resize_to_cover

FRAMES = 120


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def make_clip(folder: Path, width: int, height: int) -> Path:
    """A slow pan over a photo, as H.264, and its manifest."""
    photo = read_photo(MEDIA / "picos.jpg").pixels
    whole = resize_to_cover(photo, width + 2 * FRAMES, height + FRAMES)
    with open_sink(
        folder / "clip.mp4", width=width, height=height, frame_rate=Fraction(24)
    ) as sink:
        for i in range(FRAMES):
            sink.write(np.ascontiguousarray(whole[i : i + height, 2 * i : 2 * i + width]))
    camera = str(folder / "camera.json")
    size = ("--frames", str(FRAMES), "--fps", "24", "--size", f"{width}x{height}")
    assert dynascene(["trajectory", "convert", "dolly-in", camera, *size]) == 0
    line = {"clip": "clip.mp4", "camera": "camera.json", "frames": FRAMES, "fps": 24}
    (folder / "clips.jsonl").write_text(json.dumps(line) + "\n")
    return folder / "clips.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="1920x1080")
    width, height = map(int, parser.parse_args().size.split("x"))
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        (entry,) = read_manifest(make_clip(Path(folder), width, height))
        for frames, stride in ((2, 24), (24, 2)):
            for title, known in (("first", False), ("later", True)):
                load_clip(entry, 0, frames, (768, 432), stride)
                before = spent()
                for first in (3, 20, 37, 50):
                    if not known:
                        _open_once.cache_clear()
                    load_clip(entry, first, frames, (768, 432), stride)
                each = (spent() - before) / 4
                print(f"{frames} frames {stride} apart, {title}: {each:.2f} CPU-s", flush=True)


if __name__ == "__main__":
    main()
