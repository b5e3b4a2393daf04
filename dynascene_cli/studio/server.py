"""The studio's page: what it may ask of its session, and when it has ended."""

import time
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from dynascene_cli.camera.moves.files import load_trajectory, preset_names
from dynascene_cli.reports.page_server import Answer, Asked, PageServer, json_answer
from dynascene_cli.shot import Image
from dynascene_cli.studio.fixes import stroke_from
from dynascene_cli.studio.session import Session
from dynascene_cli.studio.settings import settings_from
from dynascene_cli.video import encode_image

ASSETS = {
    "studio.css": "text/css",
    "studio.js": "text/javascript",
    "camera.js": "text/javascript",
    "keyframes.js": "text/javascript",
    "matte.js": "text/javascript",
}

FORGOTTEN_SECONDS = 90.0
"""After so long without a sign of life from any page the server ends.

A page that is closed says so, and the timers of one in the background run once a minute.
"""

RELOAD_SECONDS = 3.0
"""A page that is loaded anew is away for less than this."""


class Server:
    """Serves one session until its last page is closed.

    Raises:
        InputError: the port cannot be used.
    """

    def __init__(self, session: Session, port: int = 0) -> None:
        self._session = session
        self._heard: float | None = None
        self._left: float | None = None
        self._pages: set[str] = set()
        routes: dict[str, Callable[[Asked], Answer]] = {
            "GET /": partial(_file, "index.html", "text/html; charset=utf-8"),
            "GET /api/state": self._state,
            "PUT /api/settings": self._change,
            "GET /api/move": lambda asked: json_answer(session.move()),
            "PUT /api/move": self._edit_move,
            "POST /api/move/keyframes": self._add_keyframe,
            "GET /api/frame/{index:int}.jpg": partial(_picture, session.frame),
            "GET /api/matte/{index:int}.jpg": partial(
                _picture, partial(session.matte_frame, dims=True)
            ),
            "GET /api/alpha/{index:int}.jpg": partial(
                _picture, partial(session.matte_frame, dims=False)
            ),
            "POST /api/fixes/{index:int}": self._paint,
            "DELETE /api/fixes/{index:int}": self._discard_fix,
            "POST /api/fixes/undo": self._undo_fix,
            "GET /api/render": lambda asked: json_answer(session.render_state()),
            "POST /api/render": self._start_render,
            "POST /api/alive": self._alive,
            "POST /api/closed": self._closed,
        }
        assets = {f"GET /{name}": partial(_file, name, kind) for name, kind in ASSETS.items()}
        heard = {route: partial(self._hear, handler) for route, handler in routes.items()}
        self._pages_server = PageServer(heard, port, assets)

    @property
    def url(self) -> str:
        """Where the page is, token and all."""
        return self._pages_server.url

    def serve(self) -> None:
        """Serve until every page is closed, or an interruption."""
        try:
            self._pages_server.serve(self._is_forgotten)
        finally:
            self._session.end()

    def _is_forgotten(self) -> bool:
        now, heard, left = time.monotonic(), self._heard, self._left
        silent = heard is not None and now - heard > FORGOTTEN_SECONDS
        return silent or (left is not None and now - left > RELOAD_SECONDS)

    def _hear(self, handler: Callable[[Asked], Answer], asked: Asked) -> Answer:
        if self._heard is not None:
            self._heard = time.monotonic()
        return handler(asked)

    def _state(self, asked: Asked) -> Answer:
        notes = _preset_notes()
        return json_answer({**self._session.state(), "presets": [*notes], "preset_notes": notes})

    def _change(self, asked: Asked) -> Answer:
        body = asked.document()
        self._session.change(settings_from(body.get("settings")), _version(body))
        return self._state(asked)

    def _edit_move(self, asked: Asked) -> Answer:
        body = asked.document()
        self._session.edit_move(body.get("move"), _version(body))
        return self._state(asked)

    def _add_keyframe(self, asked: Asked) -> Answer:
        body = asked.document()
        self._session.add_keyframe(_integer(body, "frame"), _version(body))
        return self._state(asked)

    def _paint(self, asked: Asked) -> Answer:
        body = asked.document()
        self._session.paint(asked.values[0], stroke_from(body.get("stroke")), _version(body))
        return self._state(asked)

    def _discard_fix(self, asked: Asked) -> Answer:
        self._session.discard_fix(asked.values[0], _version(asked.document()))
        return self._state(asked)

    def _undo_fix(self, asked: Asked) -> Answer:
        self._session.undo_fix(_version(asked.document()))
        return self._state(asked)

    def _start_render(self, asked: Asked) -> Answer:
        self._session.start_render()
        return json_answer(self._session.render_state())

    def _alive(self, asked: Asked) -> Answer:
        self._heard, self._left = time.monotonic(), None
        self._pages.add(asked.query.get("page", ""))
        return json_answer({"version": self._session.version, "working": self._session.working})

    def _closed(self, asked: Asked) -> Answer:
        self._pages.discard(asked.query.get("page", ""))
        self._left = None if self._pages else time.monotonic()
        return json_answer({})


@cache
def _preset_notes() -> dict[str, str]:
    """What each preset does."""
    return {name: load_trajectory(name).description for name in preset_names()}


def _file(name: str, media_type: str, asked: Asked) -> Answer:
    return Answer((files("dynascene_cli.studio") / "page" / name).read_bytes(), media_type)


def _picture(draw: Callable[[int], Image], asked: Asked) -> Answer:
    image = draw(asked.values[0])
    return Answer(encode_image(image, Path("frame.jpg")), "image/jpeg")


def _version(body: dict[str, Any]) -> int:
    return _integer(body, "version")


def _integer(body: dict[str, Any], key: str) -> int:
    """An integer of a request; -1, which is none that is taken, where there is none."""
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
