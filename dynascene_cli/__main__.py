"""``python -m dynascene_cli`` is ``dynascene``."""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from dynascene_cli.standard_streams import open_standard_streams

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = "error: interrupted (the same command continues)"


def main() -> int:
    """Run the command line; being interrupted while it is still loaded is told like later on.

    Being asked to end (SIGTERM) is an interruption too, so that nothing half-made is left.
    """
    signal.signal(signal.SIGTERM, _interrupted)
    open_standard_streams()
    try:
        from dynascene_cli import app

        code = app.main()
        _end_when_interrupted()
    except KeyboardInterrupt:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        print(INTERRUPTED, file=sys.stderr)
        code = 130
    return code


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _end_when_interrupted() -> None:
    """From now on an interruption ends the process at once: there is nothing left to clear away.

    While Python ends, an exception would become a traceback, and not always exit code 130.
    """
    with suppress(OSError):
        sys.stdout.flush()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(*_: object) -> NoReturn:
    with suppress(OSError):
        os.write(2, f"{INTERRUPTED}\n".encode())
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
