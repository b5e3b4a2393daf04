"""Memory and CPU-seconds of ``dataset build`` by the number of its clips, with Ray and without.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_dataset_build.py 10 200

Each video is one clip of five frames, 272 × 480, of the man who ships with the package. Linux only.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.video import open_clip, open_sink, read_frames, resize_to_cover

LENIENT = ("--min-side", "200", "--max-score", "1.01", "--person-share", "0.01,0.9")
SIZE = (272, 480)


def main() -> None:
    for count in map(int, sys.argv[1:] or ("10", "200")):
        for more in ((), ("--ray", "local", "--workers", "2")):
            measure(count, more)


def measure(count: int, more: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as place:
        raw = Path(place) / "raw"
        write_videos(raw, count)
        words = ["dataset", "build", raw, "-o", Path(place) / "set", *LENIENT, *more]
        running = subprocess.Popen(
            [sys.executable, "-m", "dynascene_cli", *map(str, words), "--json", "--quiet"],
            stdout=subprocess.PIPE,
            text=True,
        )
        peaks: dict[tuple[str, int], int] = {}
        while running.poll() is None:
            for pid, name in processes(running.pid):
                with suppress(OSError, StopIteration):
                    peaks[name, pid] = peak_megabytes(pid)
            time.sleep(0.2)
        answer = json.loads(running.communicate()[0])
        spent = answer["throughput"]
        workers = [peak for (name, _), peak in peaks.items() if name == "worker"]
        print(
            f"{count} clips {' '.join(more) or 'in one process'}: "
            f"{sum(spent['core_seconds'].values()) / spent['clips']:.2f} CPU-seconds a clip, "
            f"peak of the command {peaks['command', running.pid]} MB, "
            f"of the largest of {len(workers)} workers {max(workers, default=0)} MB",
            flush=True,
        )


def write_videos(folder: Path, count: int) -> None:
    folder.mkdir()
    clip = open_clip(MEDIA / "gym.mp4")
    frames = [resize_to_cover(frame, *SIZE) for frame in read_frames(clip, 0, 5)]
    for number in range(count):
        path = folder / f"{number:04d}.mp4"
        with open_sink(path, width=SIZE[0], height=SIZE[1], frame_rate=Fraction(4)) as sink:
            for frame in frames:
                marked = frame.copy()
                marked[:8, :8], marked[:8, 8:16] = number % 16 * 16, number // 16 * 16
                sink.write(marked)


def processes(command: int) -> Iterator[tuple[int, str]]:
    """The command and Ray's workers, which have jobs where it has begun to hand them out."""
    yield command, "command"
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            title = (process / "cmdline").read_bytes()
            if title.startswith(b"ray::") and parent(parent(int(process.name))) == command:
                yield int(process.name), "worker"


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def peak_megabytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


if __name__ == "__main__":
    main()
