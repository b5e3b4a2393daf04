"""Runs the shots of a batch, each as a process of its own, several clips at a time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

from dynascene_cli.batch.jobs import Job
from dynascene_cli.batch.records import Outcome
from dynascene_cli.errors import DynasceneError, InputError, MissingError, StageError

INTERRUPTED = 130


class _Processes:
    """The renders that run now, which an interruption ends all at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.are_ended = False

    def run(self, words: Sequence[str], folder: Path) -> tuple[int, bytes, bytes]:
        """Run ``dynascene`` with these words in a folder: its exit code and what it printed."""
        command = [sys.executable, "-m", "dynascene_cli", *words]
        with self._lock:
            if self.are_ended:
                return INTERRUPTED, b"", b""
            process = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            self._running.add(process)
        try:
            printed, messages = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return process.returncode, printed, messages

    def end(self) -> None:
        """End what runs; each render clears away what it had begun. Nothing starts after this."""
        with self._lock:
            self.are_ended = True
            for process in self._running:
                process.terminate()


def run_jobs(
    jobs: Sequence[Job],
    folder: Path,
    clips_at_once: int,
    started: Callable[[Job], None],
    ended: Callable[[Outcome], None],
) -> None:
    """Render every job; the shots of one clip follow each other, since they share its project.

    Args:
        jobs: what to render.
        folder: where their relative paths count from.
        clips_at_once: how many clips are rendered at a time.
        started: called before each job, one call at a time.
        ended: called after each job, one call at a time; a failure does not stop the others.
    """
    processes = _Processes()
    telling = Lock()

    def render_clip(group: Sequence[Job]) -> None:
        for job in group:
            if processes.are_ended:
                return
            with telling:
                started(job)
            outcome = _render(job, folder, processes)
            if processes.are_ended:
                return
            with telling:
                ended(outcome)

    by_project = groupby(sorted(jobs, key=lambda job: job.project), key=lambda job: job.project)
    groups = [list(group) for _, group in by_project]
    groups.sort(key=lambda group: jobs.index(group[0]))
    with ThreadPoolExecutor(clips_at_once) as pool:
        try:
            for done in [pool.submit(render_clip, group) for group in groups]:
                done.result()
        except BaseException:
            processes.end()
            raise


def _render(job: Job, folder: Path, processes: _Processes) -> Outcome:
    began = time.monotonic()
    head, *rest = job.words
    code, printed, messages = processes.run((head, "--json", "--quiet", *rest), folder)
    answer = _answer(printed, messages, code)
    return Outcome(job, code, answer, time.monotonic() - began)


def _answer(printed: bytes, messages: bytes, code: int) -> Mapping[str, Any]:
    """The JSON that a render printed; where a signal or the system ended it, that as its error."""
    try:
        answer = json.loads(printed)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    lines = os.fsdecode(messages).strip().splitlines()
    told = lines[-1] if lines else f"it printed nothing and ended with code {code}"
    error = f"killed by signal {-code}" if code < 0 else told
    return {"error": error, "hint": "run the shot by itself with --verbose"}


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """What ``--json`` prints of a batch."""
    done = sum(each.is_done for each in outcomes)
    jobs = [each.as_json() for each in outcomes]
    return {"jobs": jobs, "done": done, "failed": len(jobs) - done}


def failure(outcomes: Sequence[Outcome], details: Mapping[str, object]) -> DynasceneError | None:
    """What a batch ends with where shots failed: of the kind that all their failures share."""
    codes = [each.exit_code for each in outcomes if not each.is_done]
    if not codes:
        return None
    kinds = {each.exit_code: each for each in (InputError, MissingError)}
    kind = kinds.get(codes[0], StageError) if len(set(codes)) == 1 else StageError
    return kind(
        f"{len(codes)} of {len(outcomes)} shots failed",
        "mend what is said of each; the same command with --resume renders these alone",
        details,
    )
