"""``python -m dynascene_cli`` is ``dynascene``."""

import signal
import sys
from typing import NoReturn

from dynascene_cli.standard_streams import open_standard_streams


def main() -> int:
    """Run the command line; being interrupted while it is still loaded is told like later on.

    Being asked to end (SIGTERM) is an interruption too, so that nothing half-made is left.
    """
    signal.signal(signal.SIGTERM, _interrupted)
    open_standard_streams()
    try:
        from dynascene_cli import app

        return app.main()
    except KeyboardInterrupt:
        print("error: interrupted (the same command continues)", file=sys.stderr)
        return 130


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
