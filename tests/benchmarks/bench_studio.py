"""CPU-milliseconds of the studio for a preview frame, as its page asks for it.

Run: python tests/benchmarks/bench_studio.py [CLIP PHOTO]

Of the first second of the clip (by default the demo's, in the demo's photo), and of the whole
process that serves the page, encoding as JPEG included. ``again`` is a pass over frames that were
looked at before.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "studio"))

from studio_process import Studio

MEDIA = Path(__file__).parents[2] / "dynascene_cli" / "demo_media"
MOST_FRAMES = 60


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    clip, photo = sys.argv[1:3] if len(sys.argv) > 2 else (MEDIA / "gym.mp4", MEDIA / "picos.jpg")
    with tempfile.TemporaryDirectory() as folder:
        words = (Path(clip).resolve(), "--scene", Path(photo).resolve(), "--end", "1")
        studio = Studio(Path(folder), *words)
        pid = studio.process.pid
        state = studio.json("/api/state")
        print(f"preview of {state['shot']['width']}x{state['shot']['height']}")
        frames = state["shown_frames"][:MOST_FRAMES]

        def measured(title: str, asked: list[tuple[str, str, object]]) -> None:
            before, began = cpu_seconds(pid), time.monotonic()
            for path, method, body in asked:
                assert studio.ask(path, method, body)[0] == 200, path
            spent, wall = cpu_seconds(pid) - before, time.monotonic() - began
            print(f"{title:40} {1000 * spent / len(asked):7.1f} {1000 * wall / len(asked):7.1f}")

        pictures = [(f"/api/frame/{index}.jpg", "GET", None) for index in frames]
        print(f"{'':40} {'CPU ms':>7} {'wall ms':>7}")
        for camera in ("static", "dolly-in"):
            state = studio.json("/api/state")
            settings = {**state["settings"], "camera": camera}
            body = {"settings": settings, "version": state["version"]}
            measured(f"{camera}: planning", [("/api/settings", "PUT", body)])
            measured(f"{camera}: a frame", pictures)
            measured(f"{camera}: a frame, again", pictures)
        studio.end()


if __name__ == "__main__":
    main()
