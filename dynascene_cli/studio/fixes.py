"""The matte as it is painted by hand: a folder of corrected frames, as ``--matte-fixes`` reads."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.matting import correction_files, read_corrections
from dynascene_cli.shot import Clip, Image
from dynascene_cli.storage.atomic import publish_file, publish_text
from dynascene_cli.storage.text_files import read_json
from dynascene_cli.studio.settings import Pair
from dynascene_cli.video import encode_image

RECORD = "studio.json"
"""Says of which frames of the clip the folder's pictures are."""
MOST_POINTS = 5000
MOST_STEPS = 200
"""How many changes can be undone."""
SOFT = 0.4
"""A soft brush's blur (the Gaussian's standard deviation), as a share of its radius."""


@dataclass(frozen=True)
class Stroke:
    """A brush drawn along points, x and y in fractions of the picture.

    ``radius`` is a fraction of its width. It ``adds`` to the person, or takes away.
    """

    points: tuple[Pair, ...]
    radius: float
    adds: bool
    soft: bool = False

    def on(self, alpha: Image) -> Image:
        """An alpha (H, W) with the stroke painted on it."""
        height, width = alpha.shape
        places = np.array(self.points) * (width, height) - 0.5
        radius = max(self.radius * width, 0.5)
        covered = np.zeros_like(alpha)
        # OpenCV takes fixed-point coordinates: 4 bits after the point.
        fixed = np.round(places * 16).astype(np.int32)
        for place in fixed[[0, -1]]:
            cv2.circle(covered, tuple(place), round(radius * 16), 255, -1, cv2.LINE_AA, 4)
        cv2.polylines(
            covered, [fixed[:, None]], False, 255, max(round(2 * radius), 1), cv2.LINE_AA, 4
        )
        if self.soft:
            covered = np.asarray(cv2.GaussianBlur(covered, (0, 0), SOFT * radius), np.uint8)
        return np.maximum(alpha, covered) if self.adds else np.minimum(alpha, 255 - covered)


def stroke_from(document: object) -> Stroke:
    """The stroke in a JSON object.

    Raises:
        InputError: it is none.
    """
    hint = "points as [[x, y], …], radius, adds and soft"
    if not isinstance(document, Mapping) or not {*document} <= {"points", "radius", "adds", "soft"}:
        raise InputError("the stroke is no JSON object of its keys", hint)
    points: Any = document.get("points")
    radius: Any = document.get("radius")
    if not isinstance(points, list) or not 1 <= len(points) <= MOST_POINTS:
        raise InputError(f"the stroke has no list of 1 to {MOST_POINTS} points", hint)
    if not all(
        isinstance(point, list) and len(point) == 2 and all(_within(part, -1, 2) for part in point)
        for point in points
    ):
        raise InputError("a point of the stroke is not x and y from -1 to 2", hint)
    if not _within(radius, 0.0002, 0.5):
        raise InputError(f"the stroke's radius is {radius!r}", "a number from 0.0002 to 0.5")
    adds, soft = document.get("adds"), document.get("soft", False)
    if not isinstance(adds, bool) or not isinstance(soft, bool):
        raise InputError("the stroke does not say whether it adds and is soft", "true or false")
    return Stroke(tuple((float(x), float(y)) for x, y in points), float(radius), adds, soft)


def _within(value: Any, least: float, most: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= value <= most


class Fixes:
    """A folder of corrected alphas of a clip, and the way back.

    ``given`` is the folder that the user named; it is copied into ``folder`` before that is first
    painted in, and never changed itself unless both are one.

    Raises:
        InputError: ``folder`` is there and is no folder of fixes of these frames.
    """

    def __init__(self, folder: Path, given: Path | None, clip: Clip, first_number: int) -> None:
        self._folder, self._clip, self._first_number = folder, clip, first_number
        is_given = given is not None and folder.exists() and given.samefile(folder)
        self._given = None if is_given else given
        self._undone: list[tuple[int, bytes | None]] = []
        if not folder.exists():
            return
        if not is_given and not self._is_own:
            raise InputError(
                f"{folder} holds no fixes of these frames of the clip",
                "move it away, or give the --start, --end and --start-number that it was "
                "painted with",
            )
        if self.files and self._given is not None:
            raise InputError(
                f"{folder} holds fixes beside those of {given}",
                f"give --matte-fixes {folder}, or move it away",
            )
        for path in self.files.values():
            if path.suffix.lower() != ".png":
                raise InputError(f"{path} cannot be painted in", "save it as PNG")

    @property
    def _is_own(self) -> bool:
        """Whether the folder was painted by a studio on these frames."""
        try:
            return read_json(self._folder / RECORD) == self._record
        except InputError:
            return False

    @property
    def _record(self) -> dict[str, int]:
        frames = self._clip.source_frames
        return {"first": frames[0], "last": frames[-1], "first_number": self._first_number}

    @property
    def files(self) -> dict[int, Path]:
        """The folder's pictures by their frame's index."""
        if not self._folder.is_dir():
            return {}
        return correction_files(self._folder, self._clip, self._first_number)

    @property
    def in_use(self) -> Path | None:
        """What ``--matte-fixes`` is to be: the folder once there is something in it."""
        return self._folder if self.files else self._given

    @property
    def fixed(self) -> list[int]:
        """The indices of the frames that are corrected."""
        if self.in_use is None:
            return []
        return sorted(correction_files(self.in_use, self._clip, self._first_number))

    @property
    def can_undo(self) -> bool:
        """Whether there is a way back."""
        return bool(self._undone)

    def paint(self, index: int, alpha: Image, stroke: Stroke) -> None:
        """Keep a frame's alpha (H, W) with a stroke on it as its correction."""
        self._take_over()
        self._remember(index)
        content = encode_image(stroke.on(alpha), Path("matte.png"))
        self._put(index, content)

    def discard(self, index: int) -> None:
        """Leave a frame uncorrected.

        Raises:
            InputError: it is not corrected.
        """
        if index not in self.fixed:
            raise InputError("this frame is not corrected", "go to one that is")
        self._take_over()
        self._remember(index)
        self._put(index, None)

    def undo(self) -> None:
        """Take the last change back.

        Raises:
            InputError: there is none.
        """
        if not self._undone:
            raise InputError("nothing is left to undo", "paint something")
        self._put(*self._undone.pop())

    def _take_over(self) -> None:
        """Copy what was given, so that the user's own folder stays as it is."""
        if self._given is not None:
            given = read_corrections(self._given, self._clip, self._first_number)
            for index, alpha in given.items():
                self._put(index, encode_image(alpha, Path("matte.png")))
            self._given = None

    def _remember(self, index: int) -> None:
        path = self.files.get(index)
        self._undone.append((index, None if path is None else path.read_bytes()))
        del self._undone[:-MOST_STEPS]

    def _put(self, index: int, content: bytes | None) -> None:
        path = self.files.get(index)
        if content is not None:
            self._folder.mkdir(exist_ok=True)
            if not self._is_own:
                publish_text(self._folder / RECORD, json.dumps(self._record))
            name = f"matte.{index + self._first_number:05d}.png"
            with publish_file(path or self._folder / name) as temporary:
                temporary.write_bytes(content)
        elif path is not None:
            path.unlink()
        if self._folder.is_dir() and not self.files:
            (self._folder / RECORD).unlink(missing_ok=True)
            with suppress(OSError):
                self._folder.rmdir()
