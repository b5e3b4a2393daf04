"""The first run's wait: loops are compiled once, and kept under the cache folder."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dynascene_cli.console import Console
from dynascene_cli.projection.compiling import is_compiled

EVERY_SECONDS = 5.0


def announce_compiling(console: Console) -> None:
    """Say when loops are being compiled, which the next run finds done, and how far that is."""
    # Here, since loading numba takes a while that other commands need not wait.
    from numba.core.event import Event, Listener, register

    class Announcer(Listener):  # type: ignore[misc]
        """What numba calls around the compilation of a function that was not kept."""

        count, last = 0, 0.0

        def on_start(self, event: Event) -> None:
            now = time.monotonic()
            if self.last == 0.0:
                console.info("compiling (only in the first run)")
            elif now - self.last >= EVERY_SECONDS:
                console.info(f"compiling: {self.count} loops are done")
            else:
                return
            self.last = now

        def on_end(self, event: Event) -> None:
            self.count += 1

    register("numba:compile", Announcer())


@contextmanager
def renderer_compiled_ahead() -> Iterator[Callable[[], object]]:
    """Let a process beside this one compile the renderer's loops, where that is yet to be done.

    Yields what waits for it. If the process fails, they are compiled when they are needed.
    """
    if is_compiled() or not sys.executable:
        yield lambda: None
        return
    # Without -P a module of the folder that the command is run in would be imported.
    command = [sys.executable, "-P", "-m", "dynascene_cli.projection.compiling"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            yield process.wait
        finally:
            process.terminate()
