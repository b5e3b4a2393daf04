"""Renders as processes: on this machine, or on Ray's workers."""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from dynascene_cli.cluster import MOST_TRIES, RayUse, Workplace
from dynascene_cli.errors import DynasceneError, StageError, reason_of

INTERRUPTED = 130

SECONDS_TO_CLEAR_AWAY = 20
"""How long an interrupted render may take to remove what it had begun; then its worker is ended."""


@dataclass(frozen=True)
class Ended:
    """A render that has ended, with its exit code and what it printed; a signal's is negative."""

    code: int
    printed: str = ""
    messages: str = ""


class Renders(Protocol):
    """Runs renders, ``at_once`` at a time, each asked for by a thread of its own."""

    at_once: int

    def run(self, words: Sequence[str], folder: Path) -> Ended:
        """Run ``dynascene`` with these words in a folder, and wait for its end."""
        ...

    def end(self) -> None:
        """End what runs; each render clears away what it had begun. Nothing starts after this."""
        ...


class Processes:
    """Renders as processes of this machine."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._are_ended = False

    def run(self, words: Sequence[str], folder: Path) -> Ended:
        """Run ``dynascene`` with these words in a folder, and wait for its end."""
        command = [sys.executable, "-m", "dynascene_cli", *words]
        with self._lock:
            if self._are_ended:
                return Ended(INTERRUPTED)
            process = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            self._running.add(process)
        try:
            printed, messages = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return Ended(process.returncode, os.fsdecode(printed), os.fsdecode(messages))

    def end(self) -> None:
        """End what runs; each render clears away what it had begun. Nothing starts after this."""
        with self._lock:
            self._are_ended = True
            for process in self._running:
                process.terminate()


class RayRenders:
    """Renders on Ray's workers, each of which does one and ends: it is the render's process.

    So a worker that is killed takes its render along, and Ray begins that anew, which goes on from
    what its project caches. Ray must be connected to for as long as this is used.
    """

    def __init__(self, use: RayUse, results: Path) -> None:
        """``results`` is the batch's folder, by which a worker knows the disk that all share."""
        import ray

        self.at_once = use.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._ray: Any = ray
        self._results = results
        self._render: Any = ray.remote(num_cpus=1, max_calls=1, max_retries=MOST_TRIES - 1)(_render)
        self._lock = Lock()
        self._running: set[Any] = set()
        self._are_ended = False

    def run(self, words: Sequence[str], folder: Path) -> Ended:
        """Run ``dynascene`` with these words in a folder, and wait for its end."""
        place = Workplace(folder.resolve(), self._results)
        with self._lock:
            if self._are_ended:
                return Ended(INTERRUPTED)
            task = self._render.remote(tuple(words), place)
            self._running.add(task)
        errors = self._ray.exceptions
        try:
            ended: Ended = self._ray.get(task)
        except (errors.TaskCancelledError, KeyboardInterrupt):
            ended = Ended(INTERRUPTED)
        except errors.RayError as error:
            reason = reason_of(error)[:200]
            ended = Ended(StageError.exit_code, messages=f"Ray gave it up: {reason}")
        finally:
            with self._lock:
                self._running.discard(task)
        return ended

    def end(self) -> None:
        """End what runs; each render clears away what it had begun. Nothing starts after this."""
        with self._lock:
            self._are_ended = True
            tasks = list(self._running)
        for task in tasks:
            self._ray.cancel(task)
        if tasks:
            self._ray.wait(tasks, num_returns=len(tasks), timeout=SECONDS_TO_CLEAR_AWAY)


def _render(words: Sequence[str], place: Workplace) -> Ended:
    """What ``python -m dynascene_cli`` does, in a worker's own process."""
    printed, messages = io.StringIO(), io.StringIO()
    sys.argv[1:] = words
    try:
        with (
            place.entered(),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(messages),
        ):
            runpy.run_module("dynascene_cli", run_name="__main__")
    except DynasceneError as error:
        told = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
        return Ended(error.exit_code, json.dumps(told))
    except SystemExit as end:
        return Ended(int(end.code or 0), printed.getvalue(), messages.getvalue())
    raise AssertionError("the command line always ends by an exit code")
