"""One shot while it is directed: its settings, its plan, and the render that may run."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock, Thread
from typing import Any

from dynascene_cli.camera import load_move
from dynascene_cli.camera.moves.combine import join_moves, scale_move
from dynascene_cli.camera.moves.files import trajectory_text
from dynascene_cli.camera.moves.validation import trajectory_from_document
from dynascene_cli.errors import DynasceneError, InputError
from dynascene_cli.pipeline.plan import move_names
from dynascene_cli.pipeline.request import Click
from dynascene_cli.pipeline.run import Run
from dynascene_cli.reports.page_server import StaleError
from dynascene_cli.shot import Image
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.studio.fixes import Fixes, Stroke
from dynascene_cli.studio.preview import PlannedShot, Preview
from dynascene_cli.studio.settings import ShotSettings


class Session:
    """What all open pages of a shot share.

    ``version`` counts the changes of the settings: a change must name the version that it was
    made from, so that two pages do not overwrite each other. ``words`` are the command line's
    words for the clip, the photo and what the page does not set; ``settings`` what it begins with.
    """

    def __init__(
        self,
        run: Run,
        preview: Preview,
        fixes: Fixes,
        words: Sequence[str],
        move_file: Path,
        settings: ShotSettings,
    ) -> None:
        self._run, self._preview, self._words = run, preview, list(words)
        self._fixes, self._move_file = fixes, move_file
        self._lock = RLock()
        self._process: subprocess.Popen[str] | None = None
        self._listener: Thread | None = None
        self._progress: dict[str, Any] = {}
        self._answer: dict[str, Any] | None = None
        self.version = 0
        self.settings = settings
        self._is_planned = True
        self._shot: PlannedShot = self._planned(self.settings)

    def state(self) -> dict[str, Any]:
        """All that the page shows."""
        with self._lock:
            shown = self._preview.shown
            return {
                "version": self.version,
                "settings": self.settings.as_json(),
                "shown_frames": list(shown),
                "frame_count": self._preview.clip.frame_count,
                "first_number": self._preview.first_number,
                "frame_rate": float(self._preview.clip.frame_rate),
                "shot": self._shot.as_json(shown),
                "matte": {
                    "fixed": self._fixes.fixed,
                    "can_undo": self._fixes.can_undo,
                    "why_no_clicks": self._preview.why_no_clicks,
                    "warnings": list(self._preview.matte_warnings),
                },
                "command": self.command(),
            }

    @property
    def working(self) -> str:
        """How far a matte is that is being made; empty while none is."""
        return self._preview.working

    def command(self) -> str:
        """The shell line that renders the shot as it is set."""
        return shlex.join(["dynascene", *self._render_words()])

    def change(self, settings: ShotSettings, version: int) -> None:
        """Plan the shot anew.

        Raises:
            StaleError: the settings are of another version than ``version``.
            InputError, StageError: the shot cannot be planned so; the settings stay as they are.
        """
        with self._lock:
            self._check_version(version)
            if settings == self.settings:
                return
            before = self.settings.clicks
            if settings.clicks != before:
                self._use_matte(settings.clicks)
            try:
                self._shot = self._planned(settings)
            except DynasceneError:
                if settings.clicks != before:
                    self._use_matte(before)
                raise
            self._is_planned = True
            self.settings = settings
            self.version += 1

    def frame(self, index: int) -> Image:
        """One finished frame at preview size.

        Raises:
            InputError: the clip has no such frame, or a render holds the project.
        """
        with self._lock:
            self._check_frame(index)
            if not self._is_planned:
                self._shot = self._planned(self.settings)
                self._is_planned = True
            with self._run.project.locked():
                return self._preview.frame(self._shot, index)

    def matte_frame(self, index: int, *, dims: bool) -> Image:
        """The matte of a frame of the clip, or the frame with what is no person dimmed.

        Raises:
            InputError: the clip has no such frame.
        """
        with self._lock:
            self._check_frame(index)
            return self._preview.matte_frame(index, dims=dims)

    def paint(self, index: int, stroke: Stroke, version: int) -> None:
        """Paint in the matte of a frame, and keep it among the fixes.

        Raises:
            StaleError: the shot was changed since ``version``.
            InputError: the clip has no such frame, or a render holds the project.
        """
        with self._lock:
            self._check_frame(index)
            self._fix(version, lambda: self._fixes.paint(index, self._preview.alpha(index), stroke))

    def discard_fix(self, index: int, version: int) -> None:
        """Leave a frame's matte as it was made.

        Raises:
            StaleError: the shot was changed since ``version``.
            InputError: the frame is not fixed, or a render holds the project.
        """
        with self._lock:
            self._check_frame(index)
            self._fix(version, lambda: self._fixes.discard(index))

    def undo_fix(self, version: int) -> None:
        """Take back what was last done to the matte by hand.

        Raises:
            StaleError: the shot was changed since ``version``.
            InputError: nothing was, or a render holds the project.
        """
        with self._lock:
            self._fix(version, self._fixes.undo)

    def _fix(self, version: int, change: Callable[[], None]) -> None:
        """Change the fixes and read the matte anew; the shot is planned when it is looked at."""
        self._check_version(version)
        with self._run.project.locked():
            change()
            self._is_planned = False
            self.version += 1
            self._preview.use_matte(self.settings.clicks, self._fixes.in_use)

    def move(self) -> dict[str, Any]:
        """The camera move as a trajectory document, its strength worked in.

        Raises:
            InputError: the shot is filmed by the clip's own camera.
        """
        with self._lock:
            names = move_names(self.settings.camera)
            if not names:
                raise InputError("the clip's own camera has no keyframes", "choose a move")
            moves = [
                scale_move(each, self.settings.move_strength) for each in load_move("+".join(names))
            ]
            document: dict[str, Any] = json.loads(trajectory_text(join_moves(moves, "studio")))
            return document

    def edit_move(self, document: object, version: int) -> None:
        """Write a trajectory document to the session's move file, and film the shot by it.

        Raises:
            InputError: it is no trajectory; the file stays as it was.
        """
        with self._lock:
            trajectory = trajectory_from_document(document, "the move")
            self._check_version(version)
            before = self._move_file.read_text("utf-8") if self._move_file.exists() else None
            publish_text(self._move_file, trajectory_text(trajectory))
            edited = replace(self.settings, camera=str(self._move_file), move_strength=1.0)
            try:
                self._shot = self._planned(edited)
            except DynasceneError:
                if before is None:
                    self._move_file.unlink()
                else:
                    publish_text(self._move_file, before)
                raise
            self._is_planned = True
            self.settings = edited
            self.version += 1

    def start_render(self) -> None:
        """Render the shot at full size, as the command line would.

        Raises:
            InputError: a render runs already.
        """
        with self._lock:
            if self.is_rendering:
                raise InputError("a render is running", "wait until it has ended")
            self._progress, self._answer = {}, None
            head, *rest = self._render_words()
            words = (head, "--log-json", "-", "--quiet", *rest)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dynascene_cli", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._listener = Thread(target=self._listen, args=(self._process,), daemon=True)
            self._listener.start()

    @property
    def is_rendering(self) -> bool:
        """Whether a render runs, or its answer is not read yet."""
        return self._listener is not None and self._listener.is_alive()

    def render_state(self) -> dict[str, Any]:
        """Whether a render runs, how far its stage is, and its answer once it has ended."""
        return {
            "running": self.is_rendering,
            "progress": self._progress,
            "answer": None if self.is_rendering else self._answer,
        }

    def end(self) -> None:
        """End a render that runs; it clears away what it had begun."""
        if self._process is not None and self.is_rendering:
            self._process.terminate()
            self._process.wait()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        """Follow the events of a render; what else it prints tells of an end that has no event."""
        assert process.stdout is not None
        last, answer = "", None
        for line in process.stdout:
            if not line.startswith('{"event": '):
                last = line.strip() or last
                continue
            event = json.loads(line)
            kind = event.pop("event")
            if kind in ("begin", "progress"):
                self._progress = event
            elif kind == "result":
                answer = event
            elif kind == "error":
                answer = {"error": event["message"], "hint": event["hint"]}
        process.wait()
        self._answer = answer or {"error": last or "the render was ended", "hint": ""}

    def _planned(self, settings: ShotSettings) -> PlannedShot:
        with self._run.project.locked():
            return self._preview.plan(settings)

    def _use_matte(self, clicks: tuple[Click, ...]) -> None:
        with self._run.project.locked():
            self._preview.use_matte(clicks, self._fixes.in_use)

    def _check_version(self, version: int) -> None:
        if version != self.version:
            raise StaleError("the shot was changed on another page", "look at it, then go on")

    def _check_frame(self, index: int) -> None:
        if not 0 <= index < self._preview.clip.frame_count:
            raise InputError(
                f"the clip has no frame {index}", f"0 to {self._preview.clip.frame_count - 1}"
            )

    def _render_words(self) -> list[str]:
        head, *rest = self._words
        fixes = self._fixes.in_use
        return [
            head,
            *self.settings.words,
            *([] if fixes is None else [f"--matte-fixes={fixes}"]),
            *rest,
        ]
