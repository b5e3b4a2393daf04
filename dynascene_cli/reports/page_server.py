"""Pages for this machine's own browser: on 127.0.0.1, for those who have the printed address."""

import asyncio
import json
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dynascene_cli.errors import DynasceneError, InputError, MissingError

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise MissingError(
        "the page needs starlette and uvicorn", "pip install 'dynascene-cli[studio]'"
    ) from error

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Page-Token"

LARGEST_BODY = 1_000_000
"""Bytes of a request's body."""

SECONDS_BETWEEN_LOOKS = 0.2
"""After so long the server looks again whether it has ended."""


class StaleError(InputError):
    """What was asked for was made from a state that has changed since."""


@dataclass(frozen=True)
class Asked:
    """A request: the values in its address, in their order, its query and its body."""

    values: tuple[Any, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def document(self) -> dict[str, Any]:
        """The body's JSON object.

        Raises:
            InputError: it is none.
        """
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError) as error:
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

    ``routes`` are handlers by method and address, such as ``GET /frame/{index:int}``, which run in
    threads; they need the token, ``assets`` (of the same form) do not. ``inline``: the page's
    script and style stand in the page itself.

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
        try:
            # It listens from now on: who comes before it serves waits.
            self._socket = socket.create_server((HOST, port))
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used ({error.strerror})",
                "give another, or 0 for a free one",
            ) from error
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where the page is, token and all."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def serve(self, has_ended: Callable[[], bool]) -> None:
        """Answer until it has ended, and whoever asked before that has the answer."""
        routes = [
            Route(address, partial(_respond, handler), methods=[method])
            for name, handler in {**self._assets, **self._routes}.items()
            for method, address in [name.split(" ")]
        ]
        guard = Middleware(BaseHTTPMiddleware, dispatch=self._guard)
        application = Starlette(routes=routes, middleware=[guard])
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))

        async def end() -> None:
            while not has_ended():
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            server.should_exit = True

        async def run() -> None:
            watch = asyncio.create_task(end())
            await server.serve(sockets=[self._socket])
            watch.cancel()

        with self._socket:
            asyncio.run(run())

    async def _guard(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        """Let through what comes from this page: its host, its origin, its token."""
        own = (f"{HOST}:{self.port}", f"localhost:{self.port}")
        origin = request.headers.get("origin")
        given = request.headers.get(TOKEN_HEADER) or request.query_params.get("token", "")
        needs_token = f"{request.method} {request.url.path}" not in self._assets
        # Another site's page may have its own name point here.
        if request.headers.get("host") not in own or (
            origin is not None and origin not in [f"http://{each}" for each in own]
        ):
            return JSONResponse({"error": "not from this page"}, 403)
        if needs_token and not secrets.compare_digest(given.encode(), self.token.encode()):
            return JSONResponse({"error": "the token is missing or wrong"}, 403)
        # What does not say how much it is could be without end.
        if "transfer-encoding" in request.headers:
            return JSONResponse({"error": "the request does not say its length"}, 411)
        if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
            return JSONResponse({"error": "too much at once"}, 413)
        response = await answer(request)
        response.headers["Content-Security-Policy"] = self._policy
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


async def _respond(handler: Handler, request: Request) -> Response:
    """The handler's answer, its failures told as JSON with the status that fits them."""
    asked = Asked(
        tuple(request.path_params.values()), dict(request.query_params), await request.body()
    )
    try:
        answer = await run_in_threadpool(handler, asked)
    except StaleError as error:
        answer = json_answer({"error": error.message, "hint": error.hint}, 409)
    except DynasceneError as error:
        answer = json_answer({"error": error.message, "hint": error.hint}, 422)
    except OSError as error:
        # A file that was there when the page was begun may be gone.
        told = f"{error.filename or 'a file'}: {error.strerror or error}"
        answer = json_answer({"error": told, "hint": "put it back, or begin again"}, 422)
    return Response(answer.content, answer.status, media_type=answer.media_type)
