"""Mutate inputs of every reader for a given time: python tests/fuzz/run.py SECONDS [SEED [FIRST]].

Input N is the same for the same SEED, so that a fault is seen again by SEED N and one second. A
fault is an exception other than ``DynasceneError``, more than 10 s of work, more than 1 GB, or an
end of the process. Prints one line for each distinct one, then the figures as JSON; exits 1 if
there was any.
"""

import collections
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

MOST_SECONDS = 10.0
MOST_MIB = 1024
_WALL_SECONDS = 120.0
"""After which a process that tells nothing is ended; a busy machine is slow."""


def work(folder: Path, seed: int, first: int, seconds: float, log: Path) -> None:
    """Read mutated inputs from number ``first`` on, and log each fault as it is found."""
    from mutation import mutated
    from readers import readers

    from dynascene_cli.errors import DynasceneError

    all_readers = readers(folder)
    whole = [reader.path.read_bytes() for reader in all_readers]
    until = time.monotonic() + seconds
    number = first
    with log.open("a", encoding="utf-8") as told:

        def tell(**facts: object) -> None:
            told.write(json.dumps(facts) + "\n")
            told.flush()

        while time.monotonic() < until:
            index = number % len(all_readers)
            reader = all_readers[index]
            rng = random.Random(f"{seed}/{number}")
            other = whole[rng.randrange(len(whole))]
            reader.path.write_bytes(mutated(whole[index], other, rng))
            tell(began=number, reader=reader.name, file=reader.path.name)
            begun = time.process_time()
            try:
                reader.read(reader.given)
                outcome = "read"
            except DynasceneError as error:
                outcome = "refused" if "\n" not in error.message else "several lines"
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                outcome = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
            finally:
                reader.path.write_bytes(whole[index])
            took = time.process_time() - begun
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            outcome = f"took {took:.0f} s" if took > MOST_SECONDS else outcome
            outcome = f"took {peak} MiB" if peak > MOST_MIB else outcome
            tell(number=number, outcome=outcome, seconds=round(took, 3), MiB=peak)
            if peak > MOST_MIB:
                return
            number += 1


def main(seconds: float, seed: int, first: int) -> int:
    """Run workers one after another, since an input may end one."""
    started = time.monotonic()
    outcomes: collections.Counter[str] = collections.Counter()
    by_reader: collections.Counter[str] = collections.Counter()
    faults: dict[str, str] = {}
    slowest, largest = 0.0, 0
    number = first
    while (left := seconds - (time.monotonic() - started)) > 0:
        with tempfile.TemporaryDirectory() as name:
            log = Path(name) / "log"
            log.touch()
            code = _worker(Path(name), seed, number, left, log)
            began: dict[str, object] = {}
            for line in log.read_text(encoding="utf-8").splitlines():
                facts = json.loads(line)
                if "began" in facts:
                    began = facts
                    continue
                number = facts["number"] + 1
                outcome, reader = facts["outcome"], str(began["reader"])
                by_reader[reader] += 1
                slowest, largest = max(slowest, facts["seconds"]), max(largest, facts["MiB"])
                kind = outcome if outcome in ("read", "refused") else "fault"
                outcomes[kind] += 1
                if kind == "fault" and f"{reader}: {outcome}" not in faults:
                    faults[f"{reader}: {outcome}"] = f"seed {seed}, input {facts['number']}"
            if code != 0 and began:
                outcomes["fault"] += 1
                fault = f"{began['reader']} ({began['file']}): process ended with {code}"
                faults.setdefault(fault, f"seed {seed}, input {began['began']}")
                number = int(str(began["began"])) + 1
    for fault, where in faults.items():
        print(f"fault: {fault} ({where})")
    figures = {
        "seconds": round(time.monotonic() - started),
        "seed": seed,
        "inputs": sum(outcomes.values()),
        **outcomes,
        "distinct_faults": len(faults),
        "slowest_seconds": slowest,
        "largest_MiB": largest,
        "readers": dict(by_reader),
    }
    print(json.dumps(figures))
    return 1 if faults else 0


def _worker(folder: Path, seed: int, first: int, seconds: float, log: Path) -> int:
    command = [sys.executable, __file__, "--worker", str(folder), str(seed), str(first)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, str(seconds), str(log)], env=environment, stderr=subprocess.DEVNULL
    )
    seen, changed = 0, time.monotonic()
    while process.poll() is None:
        time.sleep(0.2)
        size = log.stat().st_size
        if size != seen:
            seen, changed = size, time.monotonic()
        elif time.monotonic() - changed > _WALL_SECONDS:
            process.kill()
    return process.wait()


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        _, _, folder, seed, first, seconds, log = sys.argv
        work(Path(folder), int(seed), int(first), float(seconds), Path(log))
        sys.exit()
    numbers = [int(word) for word in sys.argv[2:]]
    sys.exit(main(float(sys.argv[1]), *(numbers + [1, 0][len(numbers) :])))
