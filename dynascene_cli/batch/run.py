"""Runs the shots of a batch, each as a process of its own, several clips at a time."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from threading import Event, Lock
from typing import Any

from dynascene_cli.batch.jobs import Job
from dynascene_cli.batch.records import Outcome
from dynascene_cli.batch.renders import Ended, Renders
from dynascene_cli.errors import DynasceneError, InputError, MissingError, StageError


def run_jobs(
    jobs: Sequence[Job],
    folder: Path,
    renders: Renders,
    started: Callable[[Job], None],
    ended: Callable[[Outcome], None],
) -> None:
    """Render every job; the shots of one clip follow each other, since they share its project.

    Args:
        jobs: what to render.
        folder: where their relative paths count from.
        renders: where they run, and how many clips at a time.
        started: called before each job, one call at a time.
        ended: called after each job, one call at a time; a failure does not stop the others.
    """
    telling, is_interrupted = Lock(), Event()

    def render_clip(group: Sequence[Job]) -> None:
        for job in group:
            if is_interrupted.is_set():
                return
            with telling:
                started(job)
            outcome = _render(job, folder, renders)
            if is_interrupted.is_set():
                return
            with telling:
                ended(outcome)

    by_project = groupby(sorted(jobs, key=lambda job: job.project), key=lambda job: job.project)
    groups = [list(group) for _, group in by_project]
    groups.sort(key=lambda group: jobs.index(group[0]))
    with ThreadPoolExecutor(renders.at_once) as pool:
        try:
            for done in [pool.submit(render_clip, group) for group in groups]:
                done.result()
        except BaseException:
            is_interrupted.set()
            renders.end()
            raise


def _render(job: Job, folder: Path, renders: Renders) -> Outcome:
    began = time.monotonic()
    head, *rest = job.words
    ended = renders.run((head, "--json", "--quiet", *rest), folder)
    return Outcome(job, ended.code, _answer(ended), time.monotonic() - began)


def _answer(ended: Ended) -> Mapping[str, Any]:
    """The JSON that a render printed; where a signal or the system ended it, that as its error."""
    try:
        answer = json.loads(ended.printed)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    lines = ended.messages.strip().splitlines()
    told = lines[-1] if lines else f"it printed nothing and ended with code {ended.code}"
    error = f"killed by signal {-ended.code}" if ended.code < 0 else told
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
