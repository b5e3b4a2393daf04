"""CPU-seconds and memory of whole renders beside a plain transcode, and the cost of --help.

    python tests/benchmarks/bench_render.py [--seconds 10] [--rounds 2] [--memory] [ROW ...]

Builds a grainy 1920 × 1080 clip from the shipped one (the gymnast covers about a tenth of it).
Figures are of whole processes (user + system time of a child), means over --rounds in turn; compare
them within one run only. The plain transcode decodes and encodes with the program's own codec
settings and touches no pixel; the transcode through RGB also converts every frame there and back,
as any picture work must. "Only matte and camera cached" has no place, scene, plate or look; the
row after it has the part of the look that is the clip's own, as a second place for a clip does.
The last column is wall time over half of the CPU time: 1 where two cores were busy throughout. It
means something on a machine that does nothing else.
ROW, by its name or the first words of it, measures only such rows beside the transcode.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from itertools import islice
from multiprocessing import Process
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.video import open_clip, open_sink, read_frames, read_photo, resize_to_cover

PLAIN = """
import sys, av
with av.open(sys.argv[1]) as reader, av.open(sys.argv[2], "w") as writer:
    picture = reader.streams.video[0]
    picture.thread_type = "AUTO"
    options = {"preset": "veryfast", "crf": "18"}
    stream = writer.add_stream("libx264", rate=picture.average_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
    stream.codec_context.thread_count = 4
    for frame in reader.decode(picture):
        writer.mux(stream.encode(frame))
    writer.mux(stream.encode(None))
"""

THROUGH_RGB = """
import sys
from pathlib import Path
from dynascene_cli.video import open_clip, open_sink, read_frames
clip, target = open_clip(sys.argv[1]), Path(sys.argv[2])
size = {"width": clip.width, "height": clip.height, "frame_rate": clip.frame_rate}
with open_sink(target, **size) as out:
    for frame in read_frames(clip):
        out.write(frame)
"""

FORGOTTEN = {
    "everything cached": (),
    "only matte and camera cached": ("scene", "plate", "matte/*/moments-*"),
    "the clip's part of the look too": ("scene", "plate"),
    "the scene too": ("plate",),
}
"""What is removed from a whole project before a row is measured."""

IMPORTS = "import typer, rich.progress, rich.console"
GRAIN = 2.0
"""Levels of 255, as a camera's; a clean synthetic wall would make the transcode too cheap."""


def full_hd_clip(path: Path, seconds: float) -> None:
    """The shipped gymnast, forth and back, in a 1920 × 1080 frame before a slowly panned photo."""
    clip = open_clip(MEDIA / "gym.mp4")
    once = [resize_to_cover(frame, 612, 1080) for frame in islice(read_frames(clip), 60)]
    turn = once + once[::-1]
    rng = np.random.default_rng(0)
    wide = resize_to_cover(read_photo(MEDIA / "picos.jpg").pixels, 2000, 1125)
    grains = [
        cv2.GaussianBlur(rng.normal(0, 2 * GRAIN, (1080, 1920, 3)).astype(np.float32), (0, 0), 0.6)
        for _ in range(12)
    ]
    with open_sink(path, width=1920, height=1080, frame_rate=Fraction(30)) as sink:
        for index in range(round(seconds * 30)):
            x = 40 + 38 * np.sin(index / 40)
            shift = np.array([[1.0, 0.0, -x], [0.0, 1.0, -20.0]])
            frame = cv2.warpAffine(wide, shift, (1920, 1080)) + grains[index % len(grains)]
            frame[:, 654:1266] = turn[index % len(turn)]
            sink.write(np.clip(frame, 0, 255).astype(np.uint8))


def made(path: Path, seconds: float) -> Path:
    """``full_hd_clip`` in a process of its own: a child's peak memory starts from its parent's."""
    maker = Process(target=full_hd_clip, args=(path, seconds))
    maker.start()
    maker.join()
    return path


def cost(*words: object) -> tuple[float, float, float]:
    """CPU-seconds, peak MiB and wall seconds of one child process that must succeed."""
    started = time.monotonic()
    child = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {words}")
    wall = time.monotonic() - started
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, wall


def forget(project: Path, *patterns: str) -> None:
    """Remove what the patterns name from a project that is known to be whole."""
    for pattern in patterns:
        found = list(project.glob(pattern))
        if not found:
            sys.exit(f"nothing cached at {project / pattern}")
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(FORGOTTEN))
    parser.add_argument("--memory", action="store_true", help="also a clip six times as long")
    arguments = parser.parse_args()
    python = sys.executable
    program = (python, "-m", "dynascene_cli")
    costs: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        clip, project = made(folder / "clip.mp4", arguments.seconds), folder / "clip.dynascene"
        render = [*program, "render", "-q", "--camera", "dolly-in"]
        render += ["--scene", MEDIA / "picos.jpg", "-o", "out.mp4"]

        def measure(row: str, *words: object) -> None:
            costs.setdefault(row, []).append(cost(*words))

        cost(*render, clip, "--end", 0.1, "--project", "warm")
        measure("from nothing", *render, clip)
        for _ in range(arguments.rounds):
            measure("plain transcode", python, "-c", PLAIN, clip, folder / "plain.mp4")
            for row, patterns in FORGOTTEN.items():
                if row.startswith(tuple(arguments.rows) or ""):
                    forget(project, *patterns)
                    measure(row, *render, clip)
        measure("transcode through RGB", python, "-c", THROUGH_RGB, clip, folder / "rgb.mp4")
        if arguments.memory:
            long_clip = made(folder / "long.mp4", 6 * arguments.seconds)
            measure("from nothing, six times as long", *render, long_clip)
        measure("--help", *program, "render", "--help")
        measure("import typer, rich", python, "-c", IMPORTS)
    plain = np.mean([seconds for seconds, *_ in costs["plain transcode"]])
    load = os.getloadavg()[2]
    print(
        f"1920x1080, {arguments.seconds:g} s at 30 fps; load {load:.1f} on {os.cpu_count()} cores"
    )
    print(f"{'':34} CPU-s   ×plain   peak MiB   wall/(CPU/2)")
    for row, measured in costs.items():
        seconds, _, wall = np.mean(measured, axis=0)
        memory = max(memory for _, memory, _ in measured)
        busy = 2 * wall / seconds
        print(f"{row:34} {seconds:6.2f}  {seconds / plain:6.2f}  {memory:9.0f}  {busy:13.2f}")


if __name__ == "__main__":
    main()
