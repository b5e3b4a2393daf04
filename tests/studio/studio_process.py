"""A studio in a process of its own, and what a page asks of it."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Studio:
    """``dynascene studio`` as it is typed; talked to as the page does."""

    def __init__(self, folder: Path, *words: object) -> None:
        command = [sys.executable, "-m", "dynascene_cli", "studio", *map(str, words), "--no-open"]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.stderr.read()
        self.address = self.url.partition("/?")[0]
        self.token = parse_qs(urlsplit(self.url).query)["token"][0]

    def ask(self, path: str, method: str = "GET", body: object = None, **headers: str):
        """The status and the bytes of an answer."""
        data = None if body is None else json.dumps(body).encode()
        own = {"x-page-token": self.token, **{k.replace("_", "-"): v for k, v in headers.items()}}
        request = urllib.request.Request(self.address + path, data, own, method=method)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, path: str, method: str = "GET", body: object = None) -> dict[str, Any]:
        """A good answer's document."""
        status, content = self.ask(path, method, body)
        assert status == 200, content
        return json.loads(content)

    def end(self) -> None:
        """End the process if it has not ended itself."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)
