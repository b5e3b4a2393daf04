"""Pages for this machine's own browser: on 127.0.0.1, for those who have the printed address."""

import json
import re
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dynascene_cli.errors import DynasceneError, InputError

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Page-Token"

LARGEST_BODY = 1_000_000
"""Bytes of a request's body."""

SECONDS_BETWEEN_LOOKS = 0.2
"""After so long without a request the server looks whether it has ended."""

SECONDS_OF_SILENCE = 30.0
"""A connection on which nothing comes is closed: browsers open some in advance."""


class StaleError(InputError):
    """What was asked for was made from a state that has changed since."""


@dataclass(frozen=True)
class Asked:
    """A request: what its address says where the route has groups, its query and its body."""

    groups: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def document(self) -> dict[str, Any]:
        """The body's JSON object.

        Raises:
            InputError: it is none.
        """
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise InputError("the request is not JSON", "reload the page") from error
        if not isinstance(document, dict):
            raise InputError("the request is no JSON object", "reload the page")
        return document


@dataclass(frozen=True)
class Answer:
    """What a browser is sent."""

    content: bytes
    media_type: str
    status: int = 200


def json_answer(data: Mapping[str, Any], status: int = 200) -> Answer:
    """An answer for the page's script."""
    return Answer(json.dumps(data).encode(), "application/json", status)


Handler = Callable[[Asked], Answer]


class PageServer:
    """Answers requests that come from its own page.

    ``routes`` are handlers by method and address, a regular expression such as
    ``GET /frame/(\\d+)``; they need the token, ``assets`` (of the same form) do not. ``inline``:
    the page's script and style stand in the page itself.

    Raises:
        InputError: the port cannot be used.
    """

    def __init__(
        self,
        routes: Mapping[str, Handler],
        port: int,
        assets: Mapping[str, Handler] | None = None,
        inline: bool = False,
    ) -> None:
        self._routes, self._assets = routes, assets or {}
        own = "'self' 'unsafe-inline'" if inline else "'self'"
        self._policy = (
            f"default-src 'self'; script-src {own}; style-src {own}; "
            "img-src 'self' blob: data:; frame-ancestors 'none'"
        )
        self.token = secrets.token_urlsafe(24)
        self._answering: set[int] = set()
        try:
            # It listens from now on: who comes before it serves waits.
            self._server = _Server((HOST, port), self._handler())
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used ({error.strerror})",
                "give another, or 0 for a free one",
            ) from error
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Where the page is, token and all."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def serve(self, has_ended: Callable[[], bool]) -> None:
        """Answer until it has ended, and whoever asked before that has the answer."""
        self._server.timeout = SECONDS_BETWEEN_LOOKS
        with self._server:
            while self._answering or not has_ended():
                self._server.handle_request()

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> Answer:
        """The answer to a request, also to one that is refused."""
        address = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        own = (f"{HOST}:{self.port}", f"localhost:{self.port}")
        origin = headers.get("Origin")
        # Another site's page may have its own name point here.
        if headers.get("Host") not in own or (
            origin is not None and origin not in [f"http://{each}" for each in own]
        ):
            return json_answer({"error": "not from this page"}, 403)
        asked = f"{method} {unquote(address.path)}"
        given = headers.get(TOKEN_HEADER) or query.get("token", "")
        has_token = secrets.compare_digest(given.encode(), self.token.encode())
        for route, handler in {**self._assets, **self._routes}.items():
            if found := re.fullmatch(route, asked):
                if route not in self._assets and not has_token:
                    break
                return _told(handler, Asked(found.groups(), query, body))
        if not has_token:
            return json_answer({"error": "the token is missing or wrong"}, 403)
        return json_answer({"error": "there is no such page"}, 404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class RequestHandler(BaseHTTPRequestHandler):
            """Hands requests to the page's server."""

            timeout = SECONDS_OF_SILENCE

            def respond(self) -> None:
                page._answering.add(threading.get_ident())
                try:
                    length = int(self.headers.get("Content-Length") or 0)
                    if length > LARGEST_BODY:
                        self.send(json_answer({"error": "too much at once"}, 413))
                        return
                    body = self.rfile.read(length)
                    self.send(page.answer(self.command, self.path, self.headers, body))
                finally:
                    page._answering.discard(threading.get_ident())

            do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815

            def send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.media_type)
                self.send_header("Content-Length", str(len(answer.content)))
                self.send_header("Content-Security-Policy", page._policy)
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *values: object) -> None:
                """Requests are not told of, nor are refusals."""

        return RequestHandler


class _Server(ThreadingMixIn, TCPServer):
    # Not http.server's own, which asks the network for this machine's name.
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what went wrong, but not that a page was closed while it was answered."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _told(handler: Handler, asked: Asked) -> Answer:
    """The handler's answer, its failures told as JSON with the status that fits them."""
    try:
        return handler(asked)
    except StaleError as error:
        return json_answer({"error": error.message, "hint": error.hint}, 409)
    except DynasceneError as error:
        return json_answer({"error": error.message, "hint": error.hint}, 422)
