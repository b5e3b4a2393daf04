"""One shot while it is directed: its settings, its plan, and the render that may run."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock, Thread
from typing import Any

from dynascene_cli.camera import load_move
from dynascene_cli.camera.moves.combine import join_moves, scale_move
from dynascene_cli.camera.moves.files import trajectory_text
from dynascene_cli.camera.moves.insertion import insert_keyframe
from dynascene_cli.camera.moves.keyframes import Trajectory
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


@dataclass(frozen=True)
class ShotFiles:
    """The files with which the command line makes the shot.

    ``move`` is the edited camera move, ``scene`` what was corrected of the photo, ``script`` the
    line that renders; ``settings``, inside the project, is what a later session begins with.
    """

    move: Path
    scene: Path
    script: Path
    settings: str


class Session:
    """What all open pages of a shot share.

    ``version`` counts the changes of the settings: a change must name the version that it was
    made from, so that two pages do not overwrite each other. ``words`` are the command line's
    words for the clip, the photo and what the page does not set; ``settings`` what it begins with.
    The ``files`` are written with every change.
    """

    def __init__(
        self,
        run: Run,
        preview: Preview,
        fixes: Fixes,
        words: Sequence[str],
        files: ShotFiles,
        settings: ShotSettings,
    ) -> None:
        self._run, self._preview, self._words = run, preview, list(words)
        self._fixes, self._files = fixes, files
        self._lock = RLock()
        self._process: subprocess.Popen[str] | None = None
        self._listener: Thread | None = None
        self._progress: dict[str, Any] = {}
        self._answer: dict[str, Any] | None = None
        self.version = 0
        self.settings = settings
        self._is_planned = True
        try:
            self._shot: PlannedShot = self._planned(settings)
        except DynasceneError as error:
            # What an earlier session was set to may not hold any more: its move may be gone.
            self.settings = ShotSettings(clicks=settings.clicks)
            if settings == self.settings:
                raise
            run.console.warn(f"the last settings are given up: {error.message}")
            self._shot = self._planned(self.settings)

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
                "script": str(self._files.script),
                "defaults": ShotSettings().as_json(),
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
            self._take(settings)

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
        self._write_files()

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
            StaleError: the shot was changed since ``version``.
            InputError: it is no trajectory; the file stays as it was.
        """
        with self._lock:
            self._check_version(version)
            self._film_by(trajectory_from_document(document, "the move"))

    def add_keyframe(self, index: int, version: int) -> None:
        """Put a keyframe into the move where the camera is at a frame of the clip.

        Raises:
            StaleError: the shot was changed since ``version``.
            InputError: the clip has no such frame, there is a keyframe, or there is no move.
        """
        with self._lock:
            self._check_version(version)
            self._check_frame(index)
            move = trajectory_from_document(self.move(), "the move")
            clip = self._preview.clip
            seconds = index / float(clip.frame_rate)
            share = index / max(clip.frame_count - 1, 1)
            time = seconds if move.time_unit == "seconds" else share
            self._film_by(insert_keyframe(move, time))

    def _film_by(self, trajectory: Trajectory) -> None:
        """Film the shot by a move, which is written to the session's move file."""
        file = self._files.move
        before = file.read_text("utf-8") if file.exists() else None
        publish_text(file, trajectory_text(trajectory))
        edited = replace(self.settings, camera=str(file), move_strength=1.0)
        try:
            self._shot = self._planned(edited)
        except DynasceneError:
            if before is None:
                file.unlink()
            else:
                publish_text(file, before)
            raise
        self._take(edited)

    def _take(self, settings: ShotSettings) -> None:
        """Go on from settings by which the shot was planned."""
        self._is_planned = True
        self.settings = settings
        self.version += 1
        self._write_files()

    def _write_files(self) -> None:
        """Write what the command line needs to make the shot as it is."""
        files = self._files
        if self.settings.scene_edits:
            publish_text(files.scene, self._preview.scene_text(self._shot, self.settings))
        line = f'#!/bin/sh\ncd -- "$(dirname -- "$0")" || exit\n{self.command()}\n'
        publish_text(files.script, line)
        files.script.chmod(0o755)
        with self._run.project.locked():
            kept = self._run.project.users_file(files.settings)
            publish_text(kept, json.dumps(self.settings.as_json()))

    def start_render(self) -> None:
        """Render the shot at full size, as the command line would.

        Raises:
            InputError: a render runs already.
        """
        with self._lock:
            if self.is_rendering:
                raise InputError("a render is running", "wait until it has ended")
            self._write_files()
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
        fixes, edits = self._fixes.in_use, self.settings.scene_edits
        return [
            head,
            *self.settings.words,
            *([f"--scene-json={self._files.scene}"] if edits else []),
            *([] if fixes is None else [f"--matte-fixes={fixes}"]),
            *rest,
        ]
