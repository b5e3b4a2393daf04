"""``dataset review``: a page on this machine on which a person accepts and rejects clips."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, get_args

import numpy as np

from dynascene_cli.camera.estimation.estimate_files import read_tracks
from dynascene_cli.dataset.filmed.review_page import review_page
from dynascene_cli.dataset.filmed.reviews import (
    MANIFEST,
    Reviews,
    read_reviews,
    write_manifests,
)
from dynascene_cli.dataset.filmed.settings import Decision
from dynascene_cli.dataset.manifest import read_lines
from dynascene_cli.errors import InputError
from dynascene_cli.reports.contact_sheet import PAPER
from dynascene_cli.reports.page_server import Answer, Handler, PageServer, json_answer
from dynascene_cli.reports.track_sheet import TILE_WIDTH, draw_tracks
from dynascene_cli.shot import Image
from dynascene_cli.storage.locks import lock_folder
from dynascene_cli.video import alpha_frames, open_clip, open_sink, read_frames, resize_to_cover

PREVIEWS = "previews"
SHOWN = (
    "name", "motion_score", "person_share", "pose_confidence", "pose_median_px", "turned_deg",
    "travelled", "split", "source", "licence",
)  # fmt: skip
"""What the page tells of a clip."""


@dataclass(frozen=True)
class Reviewed:
    """How many clips there are, and how many were decided."""

    clips: int
    accepted: int
    rejected: int


def review_dataset(folder: Path, port: int, ready: Callable[[str], None]) -> Reviewed:
    """Serve the page until it is closed; ``ready`` is told its address once it is there.

    Decisions are kept at once, in the folder and in its manifests.

    Raises:
        InputError: the folder is no data set that was built, another run holds it, or the port is
            taken.
    """
    if not (folder / MANIFEST).is_file() or not (folder / "clips").is_dir():
        raise InputError(f"{folder} is no data set", "dynascene dataset build makes one")
    with lock_folder(folder, "data set's folder", "it is being built or reviewed", "another DIR"):
        session = _Session(folder)
        routes: dict[str, Handler] = {
            "GET /": lambda asked: Answer(review_page().encode(), "text/html; charset=utf-8"),
            "GET /state": lambda asked: json_answer(session.state()),
            "GET /preview/{name:path}": lambda asked: session.preview(asked.values[0]),
            "POST /act": lambda asked: json_answer(session.act(asked.document())),
        }
        no_icon: dict[str, Handler] = {
            "GET /favicon.ico": lambda asked: Answer(b"", "image/x-icon")
        }
        server = PageServer(routes, port, no_icon, inline=True)
        ready(server.url)
        server.serve(lambda: session.is_finished)
        return session.count()


class _Session:
    """The data set's lines, the decisions so far, and one lock around both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = [line for line, _ in read_lines(folder / MANIFEST)]
        self.by_name = {line["name"]: line for line in self.lines}
        self.reviews: Reviews = read_reviews(folder)
        self.lock = Lock()
        self.is_finished = False

    def state(self) -> dict[str, Any]:
        """The clips as the page shows them."""
        return {
            "clips": [
                {key: line[key] for key in SHOWN if key in line}
                | {"decision": self.reviews.decisions.get(line["name"], "")}
                for line in self.lines
            ],
            "can_undo": bool(self.reviews.history),
        }

    def act(self, asked: Any) -> dict[str, Any]:
        """Decide, undo or finish; the state afterwards.

        Raises:
            InputError: nothing of that kind can be asked for.
        """
        with self.lock:
            match asked:
                case {"decide": str(decision), "name": str(name)} if (
                    name in self.by_name and decision in get_args(Decision)
                ):
                    self.reviews.decide(name, decision)  # type: ignore[arg-type]
                    last: str | None = name
                case {"undo": True}:
                    last = self.reviews.undo()
                case {"finish": True}:
                    self.is_finished = True
                    return {"finished": True}
                case _:
                    raise InputError("no such thing can be asked for", "decide, undo or finish")
            write_manifests(self.folder, self.lines, self.reviews.decisions)
            return self.state() | {"last": last}

    def preview(self, name: str) -> Answer:
        """A film of a clip, its matte and its tracks side by side; made where it is not there.

        Raises:
            InputError: no clip is called that.
        """
        if name not in self.by_name:
            raise InputError(f"no clip is called {name}", "reload the page")
        with self.lock:
            path = self.folder / PREVIEWS / f"{name}.mp4"
            if not path.is_file():
                path.parent.mkdir(exist_ok=True)
                _write_preview(self.folder / "clips" / name, path)
            return Answer(path.read_bytes(), "video/mp4")

    def count(self) -> Reviewed:
        """The decisions so far."""
        decided = [self.reviews.decisions.get(name) for name in self.by_name]
        return Reviewed(len(self.lines), decided.count("accepted"), decided.count("rejected"))


def _write_preview(folder: Path, path: Path) -> None:
    clip = open_clip(folder / "clip.mp4")
    height = max(2, round(clip.height * TILE_WIDTH / clip.width))
    with open_sink(path, width=3 * TILE_WIDTH, height=height, frame_rate=clip.frame_rate) as sink:
        for panels in _panels(folder, height):
            sink.write(np.concatenate(panels, axis=1))


def _panels(folder: Path, height: int) -> Iterator[list[Image]]:
    """The frame, the person alone, and the background's points of every frame."""
    clip = open_clip(folder / "clip.mp4")
    tracks = read_tracks(folder / "tracks.npz")
    fitting = np.zeros(len(tracks.track), bool)
    tail = round(float(clip.frame_rate) / 4)
    alphas = alpha_frames(folder / "matte.mkv", clip).frames()
    for number, (frame, alpha) in enumerate(zip(read_frames(clip), alphas, strict=True)):
        small = resize_to_cover(frame, TILE_WIDTH, height)
        opacity = resize_to_cover(alpha, TILE_WIDTH, height)[..., None] / 255
        person = np.round(small * opacity + np.array(PAPER) * (1 - opacity)).astype(np.uint8)
        points = draw_tracks(frame, number, tracks, fitting, tail)
        yield [small, person, resize_to_cover(points, TILE_WIDTH, height)]
