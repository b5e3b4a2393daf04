"""The page's server: on this machine only, for those who have its token."""

import asyncio
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dynascene_cli.camera.moves.files import preset_names
from dynascene_cli.errors import DynasceneError, InputError
from dynascene_cli.studio.fixes import stroke_from
from dynascene_cli.studio.session import Session, StaleError
from dynascene_cli.studio.settings import settings_from
from dynascene_cli.video import encode_image

HOST = "127.0.0.1"
TOKEN_HEADER = "x-studio-token"
PAGE = {
    "": "text/html",
    "studio.css": "text/css",
    "studio.js": "text/javascript",
    "camera.js": "text/javascript",
    "matte.js": "text/javascript",
}

FORGOTTEN_SECONDS = 90.0
"""After so long without a sign of life from any page the server ends.

A page that is closed says so, and the timers of one in the background run once a minute.
"""

RELOAD_SECONDS = 3.0
"""A page that is loaded anew is away for less than this."""

LARGEST_BODY = 1_000_000
"""Bytes of a request's body."""

_POLICY = "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; frame-ancestors 'none'"

Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Serves one session until its last page is closed."""

    def __init__(self, session: Session, port: int = 0) -> None:
        self._session = session
        self.token = secrets.token_urlsafe(24)
        self._socket = socket.socket()
        self._socket.bind((HOST, port))
        # The address is printed before the server runs: who comes at once waits.
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]
        self._heard: float | None = None
        self._left: float | None = None
        self._pages: set[str] = set()

    @property
    def url(self) -> str:
        """Where the page is, token and all."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def serve(self) -> None:
        """Serve until every page is closed, or an interruption."""
        config = uvicorn.Config(self._app(), log_level="error", lifespan="off")
        server = uvicorn.Server(config)

        async def run() -> None:
            watch = asyncio.create_task(self._end_when_forgotten(server))
            await server.serve(sockets=[self._socket])
            watch.cancel()

        try:
            asyncio.run(run())
        finally:
            self._session.end()
            self._socket.close()

    async def _end_when_forgotten(self, server: uvicorn.Server) -> None:
        while not server.should_exit:
            await asyncio.sleep(0.2)
            now = time.monotonic()
            silent = self._heard is not None and now - self._heard > FORGOTTEN_SECONDS
            if silent or (self._left is not None and now - self._left > RELOAD_SECONDS):
                server.should_exit = True

    def _app(self) -> Starlette:
        routes = [
            *(Route(f"/{name}", self._page) for name in PAGE),
            Route("/api/state", _answering(self._state)),
            Route("/api/settings", _answering(self._change), methods=["PUT"]),
            Route("/api/move", _answering(self._move)),
            Route("/api/move", _answering(self._edit_move), methods=["PUT"]),
            Route("/api/frame/{index:int}.jpg", _answering(self._frame)),
            Route("/api/matte/{index:int}.jpg", _answering(self._matte)),
            Route("/api/alpha/{index:int}.jpg", _answering(self._alpha)),
            Route("/api/fixes/{index:int}", _answering(self._paint), methods=["POST"]),
            Route("/api/fixes/{index:int}", _answering(self._discard_fix), methods=["DELETE"]),
            Route("/api/fixes/undo", _answering(self._undo_fix), methods=["POST"]),
            Route("/api/render", _answering(self._render_state)),
            Route("/api/render", _answering(self._start_render), methods=["POST"]),
            Route("/api/alive", _answering(self._alive), methods=["POST"]),
            Route("/api/closed", _answering(self._closed), methods=["POST"]),
        ]
        guard = Middleware(BaseHTTPMiddleware, dispatch=self._guarded)
        return Starlette(routes=routes, middleware=[guard])

    async def _guarded(self, request: Request, answer: Handler) -> Response:
        """Let through what comes from this page: its host, its origin, its token."""
        own = (f"{HOST}:{self.port}", f"localhost:{self.port}")
        origin = request.headers.get("origin")
        given = request.headers.get(TOKEN_HEADER) or request.query_params.get("token", "")
        needs_token = request.url.path == "/" or request.url.path.startswith("/api/")
        if request.headers.get("host") not in own or (
            origin is not None and origin not in [f"http://{each}" for each in own]
        ):
            return JSONResponse({"error": "not from this page"}, 403)
        if needs_token and not secrets.compare_digest(given.encode(), self.token.encode()):
            return JSONResponse({"error": "the token is missing or wrong"}, 403)
        if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
            return JSONResponse({"error": "too much at once"}, 413)
        if self._heard is not None:
            self._heard = time.monotonic()
        response = await answer(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _page(self, request: Request) -> Response:
        name = request.url.path.strip("/")
        file = files("dynascene_cli.studio") / "page" / (name or "index.html")
        return Response(file.read_bytes(), media_type=PAGE[name])

    async def _state(self, request: Request) -> Response:
        state = await run_in_threadpool(self._session.state)
        return JSONResponse({**state, "presets": preset_names()})

    async def _change(self, request: Request) -> Response:
        body = await _json_body(request)
        settings = settings_from(body.get("settings"))
        await run_in_threadpool(self._session.change, settings, _version(body))
        return await self._state(request)

    async def _move(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._session.move))

    async def _edit_move(self, request: Request) -> Response:
        body = await _json_body(request)
        await run_in_threadpool(self._session.edit_move, body.get("move"), _version(body))
        return await self._state(request)

    async def _frame(self, request: Request) -> Response:
        return await _picture(self._session.frame, request)

    async def _matte(self, request: Request) -> Response:
        return await _picture(partial(self._session.matte_frame, dims=True), request)

    async def _alpha(self, request: Request) -> Response:
        return await _picture(partial(self._session.matte_frame, dims=False), request)

    async def _paint(self, request: Request) -> Response:
        body = await _json_body(request)
        stroke, index = stroke_from(body.get("stroke")), request.path_params["index"]
        await run_in_threadpool(self._session.paint, index, stroke, _version(body))
        return await self._state(request)

    async def _discard_fix(self, request: Request) -> Response:
        body, index = await _json_body(request), request.path_params["index"]
        await run_in_threadpool(self._session.discard_fix, index, _version(body))
        return await self._state(request)

    async def _undo_fix(self, request: Request) -> Response:
        body = await _json_body(request)
        await run_in_threadpool(self._session.undo_fix, _version(body))
        return await self._state(request)

    async def _render_state(self, request: Request) -> Response:
        return JSONResponse(self._session.render_state())

    async def _start_render(self, request: Request) -> Response:
        await run_in_threadpool(self._session.start_render)
        return JSONResponse(self._session.render_state())

    async def _alive(self, request: Request) -> Response:
        self._heard, self._left = time.monotonic(), None
        self._pages.add(request.query_params.get("page", ""))
        return JSONResponse({"version": self._session.version, "working": self._session.working})

    async def _closed(self, request: Request) -> Response:
        self._pages.discard(request.query_params.get("page", ""))
        self._left = None if self._pages else time.monotonic()
        return JSONResponse({})


def _answering(handler: Handler) -> Handler:
    """The handler, its failures told as JSON with the status that fits them."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except StaleError as error:
            return JSONResponse({"error": error.message, "hint": error.hint}, 409)
        except DynasceneError as error:
            return JSONResponse({"error": error.message, "hint": error.hint}, 422)

    return answer


async def _picture(draw: Callable[[int], Any], request: Request) -> Response:
    image = await run_in_threadpool(draw, request.path_params["index"])
    return Response(encode_image(image, Path("frame.jpg")), media_type="image/jpeg")


async def _json_body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise InputError("the request is not JSON", "reload the page") from error
    if not isinstance(body, dict):
        raise InputError("the request is no JSON object", "reload the page")
    return body


def _version(body: dict[str, Any]) -> int:
    version = body.get("version")
    return version if isinstance(version, int) else -1
