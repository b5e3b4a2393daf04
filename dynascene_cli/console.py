"""What a person or a script sees of a run: messages and progress on stderr, data on stdout."""

import json
import math
import re
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO, Any, ClassVar

from dynascene_cli.errors import InputError, StageError

_SURROGATE = re.compile(r"[\ud800-\udfff]")
PLAIN_PROGRESS_SECONDS = 5.0
LOGGED_SECONDS = 0.5
BUSY_SECONDS = 2.0
"""How often the log hears that a task goes on whose steps are not counted."""
_LONGEST_EVENT = 2**20


class EventLog:
    """Events for a program that watches a run: one JSON object a line, each written at once.

    ``current`` is this process's, by which a failure is told that no console hears.
    """

    current: "ClassVar[EventLog | None]" = None

    def __init__(self, place: str) -> None:
        """``place`` is a file, which is written anew, or ``-``: stdout.

        Raises:
            InputError: it cannot be written, or is a file that is no log.
        """
        self.on_stdout = place == "-"
        self._place, self._began, self._telling = place, time.monotonic(), Lock()
        self._stream = sys.stdout if self.on_stdout else _open_log(Path(place))
        EventLog.current = self

    def tell(self, event: str, **content: Any) -> None:
        """Write an event; ``time`` is the seconds since the run began.

        Raises:
            StageError: the disk is full.
        """
        with self._telling:
            since = round(time.monotonic() - self._began, 3)
            line = json.dumps({"event": event, "time": since, **content}, default=str)
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                EventLog.current = None
                raise StageError(
                    f"the log {self._place} cannot be written: {error.strerror}",
                    "give --log-json a file on another disk",
                ) from error


def _open_log(path: Path) -> IO[str]:
    try:
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as earlier:
                first = earlier.readline(_LONGEST_EVENT)
            if not first.startswith(b'{"event": '):
                raise InputError(f"{path} is no log of events", "name a new file for --log-json")
        return path.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", "name another") from error


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
    log: EventLog | None = None
    _stages: list[str] = field(default_factory=list)

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
                self._log("warning", message=message)

    def result(self, data: Mapping[str, Any], text: str) -> None:
        """The run's answer: ``data`` as JSON under --json, else ``text``."""
        self._log("result", **data)
        if self.as_json:
            print(json_text(data))
        elif text and not (self.log and self.log.on_stdout):
            print(text, flush=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell the log when a stage begins and ends; one within another of its name is untold."""
        if self.log is None or name in self._stages:
            yield
            return
        self._stages.append(name)
        began = time.monotonic()
        self._log("begin", stage=name)
        try:
            yield
            self._log("end", stage=name, seconds=round(time.monotonic() - began, 3))
        finally:
            self._stages.remove(name)

    def _log(self, event: str, **content: Any) -> None:
        if self.log is not None:
            self.log.tell(event, **content)

    @contextmanager
    def progress(self, task: str, total: int) -> Iterator[Callable[[int], None]]:
        """Count ``total`` frames of a task: call the yielded function with how many are done.

        A live bar with the time left on a terminal, a plain line every few seconds elsewhere.
        """
        with self.stage(task), self._shown_progress(task, total) as advance:
            yield advance if self.log is None else _logged(advance, self.log, task, total)

    @contextmanager
    def busy(self, task: str) -> Iterator[None]:
        """Show that a task goes on whose steps are not counted, and for how long already."""
        with self.stage(task), ExitStack() as shown:
            if self.log is not None:
                unknown = dict.fromkeys(("done", "total", "seconds_left"))
                still_busy = partial(self._log, "progress", stage=task, **unknown)
                shown.enter_context(_repeating(still_busy, BUSY_SECONDS))
            if not self.quiet:
                shown.enter_context(_live_time(task) if sys.stderr.isatty() else _plain_time(task))
            yield

    @contextmanager
    def _shown_progress(self, task: str, total: int) -> Iterator[Callable[[int], None]]:
        if self.quiet:
            yield lambda done: None
        elif sys.stderr.isatty():
            with _live_bar(task, total) as advance:
                yield advance
        else:
            yield _plain_lines(task, total)


def _logged(
    advance: Callable[[int], None], log: EventLog, task: str, total: int
) -> Callable[[int], None]:
    """``advance`` that the log hears twice a second at most, and when the task is done."""
    last, time_left = -math.inf, TimeLeft(total)

    def tell(done: int) -> None:
        nonlocal last
        advance(done)
        left, now = time_left.after(done), time.monotonic()
        if now - last >= LOGGED_SECONDS or done >= total:
            last = now
            told = None if left is None else round(left, 1)
            log.tell("progress", stage=task, done=done, total=total, seconds_left=told)

    return tell


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


@contextmanager
def _live_time(task: str) -> Iterator[None]:
    from rich.console import Console as RichConsole
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), SpinnerColumn(), TimeElapsedColumn())
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as shown:
        shown.add_task(task, total=None)
        yield


def _plain_time(task: str) -> AbstractContextManager[None]:
    began = time.monotonic()

    def tell() -> None:
        print(f"{task}: {time.monotonic() - began:.0f} s so far", file=sys.stderr)

    return _repeating(tell, PLAIN_PROGRESS_SECONDS)


@contextmanager
def _repeating(tell: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call ``tell`` every so many seconds, on a thread of its own."""
    is_over = Event()

    def go_on() -> None:
        # A log that is full is told by the next event of the run itself.
        with suppress(StageError):
            while not is_over.wait(seconds):
                tell()

    teller = Thread(target=go_on, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


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
