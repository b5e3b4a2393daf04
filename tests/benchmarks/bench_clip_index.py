"""CPU-seconds and memory of a large manifest: read by every process, or once into an index.

python tests/benchmarks/bench_clip_index.py [--lines 200000]
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

from dynascene_cli.training.clip_groups import made_of, open_index, read_groups, write_index
from dynascene_cli.training.settings import TrainingSettings, parse_settings


def spent() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(name: str, work: Callable[[TrainingSettings, Path], object], *given: object) -> None:
    before = spent()
    work(*given)
    cpu, peak = (now - then for now, then in zip(spent(), before, strict=True))
    print(f"{name}: {cpu:.2f} CPU-s, {peak:.0f} MiB", flush=True)


def index_once(settings: TrainingSettings, path: Path) -> None:
    write_index(read_groups(settings), made_of(settings), path)


def draw_some(settings: TrainingSettings, path: Path) -> None:
    groups = open_index(path)
    assert groups is not None
    for number in range(0, len(groups["people"]), len(groups["people"]) // 1000 or 1):
        groups["people"][number]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("clip.mkv", "matte.mkv", "camera.json"):
            (folder / file).touch()
        line = {"clip": "clip.mkv", "matte": "matte.mkv", "camera": "camera.json"}
        manifest = folder / "clips.jsonl"
        with manifest.open("w") as stream:
            for number in range(options.lines):
                about = {"name": f"clip-{number}", "frames": 48, "fps": 24, "source": "made up"}
                stream.write(json.dumps(line | about) + "\n")
        settings = parse_settings({"manifests": [str(manifest)]})
        path = folder / "clips.sqlite"
        for title, work in (
            ("every line read, as every process did", lambda settings, path: read_groups(settings)),
            ("read and indexed, once a run", index_once),
            ("index checked, at a run's next start", lambda *g: open_index(g[1], made_of(g[0]))),
            ("index opened and 1000 clips read, in a worker", draw_some),
        ):
            fork = multiprocessing.get_context("fork")
            process = fork.Process(target=measure, args=(title, work, settings, path))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
