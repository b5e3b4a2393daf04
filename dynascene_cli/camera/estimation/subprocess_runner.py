"""Other programs run apart, under a time limit, and ended whole with all that they started."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LAST_WORDS = 3
"""Lines of a program's output that tell why it failed."""


@dataclass(frozen=True)
class Outcome:
    """How a program ended: its exit code, None when its time ran out, and the last that it said."""

    code: int | None
    last_words: str


def run_isolated(
    command: Sequence[str],
    log: Path,
    *,
    timeout_seconds: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a program in ``folder`` with its output in ``log``.

    It and its children are ended when time runs out, when it fails, and when this process is
    interrupted. Its standard input stays open as long as this process lives, and is empty.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code = None
        try:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout_seconds)
        finally:
            if code != 0:
                _end(process)
            if process.stdin:
                process.stdin.close()
    lines = log.read_text(errors="replace").strip().splitlines()
    return Outcome(code, " | ".join(line.strip() for line in lines[-LAST_WORDS:]))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it started, at once."""
    if sys.platform == "win32":
        tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(tree, capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
