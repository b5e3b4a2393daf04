"""CPU-seconds and memory of whole renders beside a plain transcode, and the cost of --help.

    python tests/benchmarks/bench_render.py [--seconds 10] [--memory]

Builds a 1920 × 1080 clip from the shipped one, and its matte as a folder, in a temporary folder.
Figures are of whole processes (user + system time of a child); compare them within one run only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.video import cover, open_clip, open_sink, read_frames

TRANSCODE = """
import sys
from dynascene_cli.video import open_clip, open_sink, read_frames
clip = open_clip(sys.argv[1])
with open_sink(sys.argv[2], width=clip.width, height=clip.height, frame_rate=clip.frame_rate) as out:
    for frame in read_frames(clip):
        out.write(frame)
"""


def full_hd_clip(path: Path, seconds: float) -> None:
    """The shipped gymnast pasted into a 1920 × 1080 frame, played forth and back."""
    clip = open_clip(MEDIA / "gym.mp4")
    once = [cover(frame, 612, 1080) for frame in islice(read_frames(clip), 60)]
    turn = once + once[::-1]
    rng = np.random.default_rng(0)
    wall = cover(rng.integers(90, 120, (120, 240, 3), dtype=np.uint8), 1920, 1080)
    with open_sink(path, width=1920, height=1080, frame_rate=Fraction(30)) as sink:
        for index in range(round(seconds * 30)):
            frame = wall.copy()
            frame[:, 654:1266] = turn[index % len(turn)]
            sink.write(frame)


def cost(*words: object) -> tuple[float, float]:
    """CPU-seconds and peak MiB of one child process that must succeed."""
    child = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {words}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--memory", action="store_true", help="also a clip six times as long")
    arguments = parser.parse_args()
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        clip = folder / "clip.mp4"
        full_hd_clip(clip, arguments.seconds)
        render = [python, "-m", "dynascene_cli", "render", "-q", "--camera", "dolly-in"]
        render += ["--scene", MEDIA / "picos.jpg", "-o", "out.mp4"]
        cost(*render, clip, "--end", 0.1, "--project", "warm")
        plain, _ = cost(python, "-c", TRANSCODE, clip, folder / "plain.mp4")
        rows = {"plain transcode": (plain, 0.0)}
        rows["all from nothing"] = cost(*render, clip)
        rows["matte and plate cached"] = cost(*render, clip)
        subprocess.run(
            [
                python,
                "-m",
                "dynascene_cli",
                "project",
                "clean",
                "clip.dynascene",
                "--stage",
                "plate",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        rows["only the matte and scene cached"] = cost(*render, clip)
        if arguments.memory:
            long_clip = folder / "long.mp4"
            full_hd_clip(long_clip, 6 * arguments.seconds)
            rows["from nothing, six times as long"] = cost(*render, long_clip)
        rows["--help"] = cost(python, "-m", "dynascene_cli", "render", "--help")
        rows["import typer, rich"] = cost(python, "-c", "import typer, rich.progress, rich.console")
    print(f"{'1920x1080, ' + str(arguments.seconds) + ' s at 30 fps':34} CPU-s   ×plain   peak MiB")
    for row, (seconds, memory) in rows.items():
        print(f"{row:34} {seconds:6.2f}  {seconds / plain:6.2f}  {memory:9.0f}")


if __name__ == "__main__":
    main()
