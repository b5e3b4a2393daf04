"""Twenty seconds of mutated inputs, in the same order each time; ``DYNASCENE_FUZZ_SECONDS`` sets
another time, as CI does.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_no_reader_fails_in_a_way_of_its_own():
    seconds = os.environ.get("DYNASCENE_FUZZ_SECONDS", "20")
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("run.py"), seconds, "7"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    figures = json.loads(run.stdout.splitlines()[-1])
    assert figures["inputs"] > 50
    assert len(figures["readers"]) == 10
