"""What a person or a script sees of a run: messages and progress on stderr, data on stdout."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_SURROGATE = re.compile(r"[\ud800-\udfff]")
PLAIN_PROGRESS_SECONDS = 5.0


@dataclass
class Console:
    """One run's voice.

    With ``as_json`` stdout carries one JSON object and nothing else; ``quiet`` silences messages
    and progress but never warnings or errors.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    warnings: list[str] = field(default_factory=list)

    def info(self, message: str) -> None:
        """Say what is happening."""
        if not self.quiet:
            print(message, file=sys.stderr)

    def detail(self, message: str) -> None:
        """Say what only a curious user wants to know."""
        if self.verbose:
            print(message, file=sys.stderr)

    def warn(self, *messages: str) -> None:
        """Say each warning once, and keep it for the JSON and the report."""
        for message in messages:
            if message not in self.warnings:
                self.warnings.append(message)
                print(f"warning: {message}", file=sys.stderr)

    def result(self, data: Mapping[str, Any], text: str) -> None:
        """The run's answer: ``data`` as JSON under --json, else ``text``."""
        if self.as_json:
            print(json_text(data))
        elif text:
            print(text)

    @contextmanager
    def progress(self, task: str, total: int) -> Iterator[Callable[[int], None]]:
        """Count ``total`` frames of a task: call the yielded function with how many are done.

        A live bar with the time left on a terminal, a plain line every few seconds elsewhere.
        """
        if self.quiet:
            yield lambda done: None
        elif sys.stderr.isatty():
            with _live_bar(task, total) as advance:
                yield advance
        else:
            yield _plain_lines(task, total)


def json_text(data: Mapping[str, Any]) -> str:
    """One JSON object for stdout: readable where that is UTF-8, else all of it in ASCII.

    A file name that is no UTF-8 becomes an escape, which ``os.fsencode`` turns into its bytes.
    """
    readable = json.dumps(data, ensure_ascii=False)
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    is_text = encoding == "utf8" and not _SURROGATE.search(readable)
    return readable if is_text else json.dumps(data)


@contextmanager
def _live_bar(task: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=RichConsole(stderr=True)) as bar:
        row = bar.add_task(task, total=total)
        yield lambda done: bar.update(row, completed=done)


def _plain_lines(task: str, total: int) -> Callable[[int], None]:
    started = last = time.monotonic()

    def advance(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_PROGRESS_SECONDS and 0 < done < total:
            last = now
            left = (now - started) / done * (total - done)
            print(f"{task}: {done} of {total}, about {left:.0f} s left", file=sys.stderr)

    return advance
