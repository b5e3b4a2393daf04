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

        def plan(title: str, **changes: object) -> None:
            state = studio.json("/api/state")
            body = {"settings": {**state["settings"], **changes}, "version": state["version"]}
            measured(title, [("/api/settings", "PUT", body)])

        x, y = state["shot"]["feet_in_picture"][0]
        for camera in ("static", "dolly-in"):
            plan(f"{camera}: planning", camera=camera)
            measured(f"{camera}: a frame", pictures)
            measured(f"{camera}: a frame, again", pictures)
            plan(f"{camera}: the feet dragged", position=[x + 0.03, y])
            plan(f"{camera}: the horizon dragged", horizon=state["shot"]["horizon"] - 0.02)
            plan(f"{camera}: the head dragged", camera_height=state["shot"]["camera_height"] * 1.1)
            plan(f"{camera}: all back", position=None, horizon=None, camera_height=None)
        for strength in (0.5, 0.6):
            plan(f"dolly-in: strength {strength}", move_strength=strength)
        plan("orbit-left: planning", camera="orbit-left")
        studio.end()


if __name__ == "__main__":
    main()
