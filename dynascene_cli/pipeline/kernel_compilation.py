"""The first run's wait: loops are compiled once, and kept under the cache folder."""

import time

from dynascene_cli.console import Console

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
