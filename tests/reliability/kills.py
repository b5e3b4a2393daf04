"""Commands killed at random instants, and run again until they end.

    python tests/reliability/kills.py [--kills 50] [NAME ...]

Prints a line a command: kills, how many runs ended, how many outputs differed from an undisturbed
run's, how many left something behind.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from trials import Trial, begun, digest, emptied, ended, killed, make_inputs, names, trials


def tried(trial: Trial, folder: Path, kills: int, chance: random.Random) -> str:
    whole = folder / "whole"
    emptied(whole)
    began = time.monotonic()
    code = ended(begun(trial.words, whole))
    lasts = time.monotonic() - began
    if code:
        return f"failed by itself with {code}: {(folder / 'errors.txt').read_text()[-300:]}"
    right, left = digest(whole, trial.output), names(whole)
    work = folder / "work"
    emptied(work)
    done = runs = wrong = strays = torn = 0
    while done < kills or runs == 0:
        process = begun(trial.words, work)
        ending = ended(process, chance.uniform(0, lasts) if done < kills else None)
        if ending is None:
            killed(process)
            done += 1
            torn += digest(work, trial.output) not in (None, right) and trial.whole
            continue
        runs += 1
        wrong += ending != 0 or digest(work, trial.output) != right
        strays += names(work) != left
        emptied(work)
    return (
        f"{trial.name:20} {done:5} kills {runs:4} runs ended {torn:4} half-written "
        f"{wrong:4} other bytes {strays:4} strays"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("name", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name) / "inputs"
        make_inputs(inputs)
        for trial in trials(inputs):
            if not given.name or trial.name in given.name:
                line = tried(trial, Path(name), given.kills, random.Random(given.seed))
                print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
