"""A server of files for the tests of downloads."""

import hashlib
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 16


class FileServer(ThreadingHTTPServer):
    """A server of files by path; it can break off, refuse ranges, redirect as hubs do.

    ``pause``: seconds between pieces of 64 kB.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, tuple[str, str]] = {}
        self.break_after: int | None = None
        self.ranges = True
        self.etags = True
        self.pause = 0.0
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that is killed ends its connection; nothing has to be said of it."""


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        server: FileServer = self.server
        server.asked.append((self.path, self.headers.get("Range", "")))
        if self.path in server.redirects:
            target, checksum = server.redirects[self.path]
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("X-Linked-ETag", f'"{checksum}"')
            self.end_headers()
            return
        if self.path not in server.files:
            self.send_error(404)
            return
        content = server.files[self.path]
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = 0
        if asked and server.ranges and self.headers.get("If-Range") == etag:
            start = int(asked[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if server.etags:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if server.break_after is None else start + server.break_after
        for first in range(start, end, PIECE):
            self.wfile.write(content[first : min(first + PIECE, end)])
            time.sleep(server.pause)
