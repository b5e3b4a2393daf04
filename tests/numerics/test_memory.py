"""What is freed goes back to the system, so that one stage's peak is not added to another's."""

import subprocess
import sys

import pytest

PICTURES = """
import numpy as np
from pathlib import Path
from dynascene_cli.numerics.memory import release_freed_memory

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20

pieces = [np.ones(100_000, np.uint8) for _ in range(2000)]
kept = pieces[::100]
del pieces
before = resident()
release_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_freed_memory_is_released_though_some_around_it_is_kept():
    run = subprocess.run(
        [sys.executable, "-c", PICTURES], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) > 100
