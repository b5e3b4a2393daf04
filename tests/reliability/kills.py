"""Commands killed at random instants, and run again until they end.

    python tests/reliability/kills.py [--kills 50] [NAME ...]

Prints a line a command: kills, how many runs ended, how many outputs differed from an undisturbed
run's, how many left something behind.
"""

import argparse
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from media import make_media
from trials import (
    FRAMES,
    Trial,
    begun,
    digest,
    emptied,
    ended,
    killed,
    names,
    prepare_process,
    trials,
)

RUNS_REMEMBERED = 5

KILLS_TOGETHER = 5
"""After so many kills a run is left alone, so that its output is looked at."""


def tried(trial: Trial, folder: Path, kills: int, chance: random.Random) -> str:
    whole, work = folder / "whole", folder / "work"
    lasts: list[float] = []
    # The first compiles what the others find compiled.
    for _ in range(2):
        emptied(whole)
        began = time.monotonic()
        if code := ended(begun(trial.words, whole)):
            return f"{trial.name} failed by itself with {code}: {_said(folder)}"
        lasts = [time.monotonic() - began]
    right, left = digest(whole, trial.output), names(whole)
    if right is None:
        return f"{trial.name} made no {trial.output}"
    emptied(work)
    done = runs = wrong = strays = torn = since = 0
    while done < kills or since:
        usual = statistics.median(lasts[-RUNS_REMEMBERED:])
        began = time.monotonic()
        process = begun(trial.words, work)
        spared = since == KILLS_TOGETHER or done == kills
        ending = ended(process, None if spared else chance.uniform(0, usual))
        if ending is None:
            killed(process)
            done, since = done + 1, since + 1
            torn += digest(work, trial.output) not in (None, right) and trial.whole
            continue
        lasts.append(time.monotonic() - began)
        runs, since = runs + 1, 0
        if ending or digest(work, trial.output) != right:
            wrong += 1
            print(f"{trial.name} ended with {ending}: {_said(folder)}", file=sys.stderr)
        if names(work) != left:
            strays += 1
            print(f"{trial.name}: {sorted(names(work) ^ left)}", file=sys.stderr)
        emptied(work)
    return f"| `{trial.name}` | {done} | {runs} | {torn} | {wrong} | {strays} |"


def _said(folder: Path) -> str:
    return (folder / "errors.txt").read_text()[-300:].strip()


def _serve(folder: Path) -> tuple[str, multiprocessing.Process]:
    """A server, slow enough to be interrupted, of the folder's files."""
    from file_server import FileServer

    server = FileServer()
    server.pause = 0.02
    server.files = {f"/{path.name}": path.read_bytes() for path in folder.glob("*.safetensors")}
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    return server.address, process


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("name", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        media = Path(name) / "media"
        make_media(media, FRAMES)
        address, server = _serve(media)
        prepare_process()
        for trial in trials(media, address):
            if not given.name or trial.name in given.name:
                line = tried(trial, Path(name), given.kills, random.Random(given.seed))
                print(line, flush=True)
        server.terminate()


if __name__ == "__main__":
    main()
