"""Runs commands one after another in this process, and writes down every connection it asks for.

    python quiet_run.py ASKED_FILE COMMANDS_FILE

COMMANDS_FILE holds a JSON array of arrays of words.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

asked: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        asked.append(f"{event} {arguments[0]}")
    elif event in ("socket.connect", "socket.sendto") and arguments[0].family != socket.AF_UNIX:
        asked.append(f"{event} {arguments[1]}")


def run() -> None:
    # Here, so that it is watched from its first import on.
    from dynascene_cli.app import main

    for words in json.loads(Path(sys.argv[2]).read_text()):
        if code := main(words):
            sys.exit(f"{words}: {code}")


if __name__ == "__main__":
    sys.addaudithook(watch)
    run()
    Path(sys.argv[1]).write_text("\n".join(asked))
