"""``python -m dynascene_cli`` is ``dynascene``."""

import sys


def main() -> int:
    """Run the command line; being interrupted while it is still loaded is told like later on."""
    try:
        from dynascene_cli import app

        return app.main()
    except KeyboardInterrupt:
        print("error: interrupted (the same command continues)", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
