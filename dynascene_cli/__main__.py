"""``python -m dynascene_cli`` is ``dynascene``."""

import io
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from dynascene_cli.errors import asked_to_end

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = "error: interrupted\nhint: the same command continues"


def main() -> int:
    """Run the command line; being interrupted while it is still loaded is told like later on.

    Being asked to end (SIGTERM) is an interruption too, so that nothing half-made is left.
    """
    signal.signal(signal.SIGTERM, _interrupted)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    _open_standard_streams()
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


def _open_standard_streams() -> None:
    """Make standard output and error take whatever is printed, also where they are closed.

    What a stream's encoding lacks (and what of a file name is no text) is told by escapes such as
    ``\\u65e5``. A closed stream is replaced by one that swallows everything, at its own descriptor
    too: else the next file that is opened would get that number, and a library's warning with it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given: this one, since those below are open by now.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _interrupted(*_: object) -> NoReturn:
    asked_to_end.set()
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
