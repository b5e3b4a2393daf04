"""What a person or a script sees of a run: messages and progress on stderr, data on stdout."""

import json
import re
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
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


SURE_SHARE = 0.1
"""No time left is told before so much of a task is done."""


class TimeLeft:
    """How long a task will still take, once its pace tells.

    A task's first steps load and compile, so the pace is that of the second half of what is done.
    Where it is not within a factor of two of the whole's, it does not tell yet.
    """

    def __init__(self, total: int, now: Callable[[], float] = time.monotonic) -> None:
        self._total, self._now = total, now
        self._marks = [(0, now())]

    def after(self, done: int) -> float | None:
        """Seconds left after ``done`` of the total; None while that is not known."""
        now = self._now()
        if done > self._marks[-1][0]:
            self._marks.append((done, now))
        if done < max(2, SURE_SHARE * self._total):
            return None
        half, then = self._marks[bisect_right(self._marks, done / 2, key=itemgetter(0)) - 1]
        whole = (now - self._marks[0][1]) / done
        pace = (now - then) / (done - half)
        if not pace <= 2 * whole <= 4 * pace:
            return None
        return pace * (self._total - done)


@contextmanager
def _live_bar(task: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    time_left = TimeLeft(total)
    with Progress(*columns, console=RichConsole(stderr=True)) as bar:
        row = bar.add_task(task, total=total, left="")

        def advance(done: int) -> None:
            bar.update(row, completed=done, left=_left_text(time_left.after(done)))

        yield advance


def _plain_lines(task: str, total: int) -> Callable[[int], None]:
    last, time_left = time.monotonic(), TimeLeft(total)

    def advance(done: int) -> None:
        nonlocal last
        left, now = time_left.after(done), time.monotonic()
        if now - last >= PLAIN_PROGRESS_SECONDS and 0 < done < total:
            last = now
            told = filter(None, (f"{task}: {done} of {total}", _left_text(left)))
            print(", ".join(told), file=sys.stderr)

    return advance


def _left_text(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s left" if minutes else f"about {rest} s left"
