"""What became of each shot of a batch, kept in its results so that a later run can go on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynascene_cli.batch.jobs import Job
from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.text_files import read_json

RECORDS = "batch.json"

Stamp = list[int] | None


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    ``answer`` is the JSON that ``render`` printed; ``seconds`` is wall time. ``was_done`` says
    that an earlier run of the batch had finished the shot.
    """

    job: Job
    exit_code: int
    answer: Mapping[str, Any]
    seconds: float
    was_done: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the shot is finished."""
        return self.exit_code == 0

    @property
    def warnings(self) -> list[str]:
        """What ``render`` warned of."""
        return list(self.answer.get("warnings") or [])

    def as_json(self) -> dict[str, Any]:
        """The outcome for ``--json`` and for the records."""
        failure = {} if self.is_done else {k: self.answer.get(k, "") for k in ("error", "hint")}
        return {
            "clip": self.job.clip,
            "scene": self.job.scene,
            "camera": self.job.camera,
            "output": str(self.job.output),
            "exit_code": self.exit_code,
            **failure,
            "warnings": self.warnings,
            "seconds": round(self.seconds, 1),
        }


class Records:
    """The outcomes of a batch by output file, written anew after each job.

    A job counts as done where the same words gave its output, and neither that nor the clip or
    the photo was touched since (by size and time of change).
    """

    def __init__(self, results: Path, source_folder: Path) -> None:
        self._path = results / RECORDS
        self._source_folder = source_folder
        self._kept = self._read()

    def finished(self, job: Job) -> Outcome | None:
        """The outcome of an earlier run whose output still holds."""
        record = self._kept.get(str(job.output), {})
        is_same = (
            record.get("exit_code") == 0
            and record.get("words") == list(job.words)
            and record.get("stamps") == self._stamps(job)
        )
        if not is_same:
            return None
        answer = {"warnings": record.get("warnings", [])}
        return Outcome(job, 0, answer, float(record.get("seconds", 0)), was_done=True)

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Write the outcomes, and what is known of other outputs."""
        for outcome in outcomes:
            job = outcome.job
            self._kept[str(job.output)] = {
                **outcome.as_json(),
                "words": list(job.words),
                "stamps": self._stamps(job),
            }
        publish_text(self._path, json.dumps({"jobs": list(self._kept.values())}, indent=1) + "\n")

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            document = read_json(self._path)
        except InputError:
            return {}
        jobs = document.get("jobs") if isinstance(document, dict) else None
        records = jobs if isinstance(jobs, list) else []
        return {str(each["output"]): each for each in records if "output" in each}

    def _stamps(self, job: Job) -> list[Stamp]:
        files = (job.output, self._source_folder / job.clip, self._source_folder / job.scene)
        return [_stamp(file) for file in files]


def _stamp(file: Path) -> Stamp:
    """A file's size and time of change; none of a pattern, or where nothing is."""
    try:
        found = file.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
