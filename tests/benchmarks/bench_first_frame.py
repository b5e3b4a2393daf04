"""Seconds from the start of a draft's process until its first frame is composited.

    python tests/benchmarks/bench_first_frame.py [--seconds 2] [--rounds 3] [--camera dolly-in]

Of bench_render.py's 1920 × 1080 clip, after a render has put all that is imported and compiled on
the disk. The moment is that of the first progress of the stage ``composite`` in ``--log-json``;
the process is ended then. Wall time, and what that process and its threads have cost until then;
the least of the rounds, since whatever else a machine does can only add.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_render import MEDIA, forget, made

CACHED = {
    "new clip, new place": (),
    "clip known, new place": ("scene", "plate"),
    "everything cached": (),
}
"""What a project that a render left forgets before a row is measured; the first row begins one."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_frame(*words: object) -> tuple[float, float, dict[str, float]]:
    """Wall and CPU-seconds until a render's first composited frame, and when each stage began."""
    began, stages = time.monotonic(), dict[str, float]()
    with subprocess.Popen([*map(str, words), "--log-json", "-"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for line in child.stdout:
            event = json.loads(line)
            now = time.monotonic() - began
            if event["event"] == "begin":
                stages.setdefault(event["stage"], round(now, 2))
            elif event["event"] == "progress" and event["stage"] == "composite":
                spent = cpu_seconds(child.pid)
                child.kill()
                return now, spent, stages
    sys.exit(f"failed: {words}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--camera", default="dolly-in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        clip, project = made(Path("clip.mp4"), arguments.seconds), Path("clip.dynascene")
        render = [sys.executable, "-m", "dynascene_cli", "render", "-q", "--draft", clip]
        render += ["--camera", arguments.camera, "--scene", MEDIA / "picos.jpg", "-o", "out.mp4"]
        subprocess.run([str(word) for word in render], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, list[tuple[float, float, dict[str, float]]]] = {}
        for _ in range(arguments.rounds):
            for row, forgotten in CACHED.items():
                if row == "new clip, new place":
                    found.setdefault(row, []).append(first_frame(*render, "--project", "new"))
                    shutil.rmtree("new")
                    continue
                forget(project, *forgotten)
                found.setdefault(row, []).append(first_frame(*render))
                subprocess.run(
                    [str(word) for word in render], check=True, stdout=subprocess.DEVNULL
                )
    print(f"draft of 1920x1080, {arguments.seconds:g} s; load {os.getloadavg()[0]:.1f}")
    print(f"{'':24} wall s   CPU-s   stages began at")
    for row, rounds in found.items():
        wall, spent = (min(each[part] for each in rounds) for part in range(2))
        print(f"{row:24} {wall:6.2f}  {spent:6.2f}   {min(rounds, key=lambda each: each[0])[2]}")


if __name__ == "__main__":
    main()
