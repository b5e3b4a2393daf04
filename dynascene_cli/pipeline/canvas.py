"""The canvas around a photo's frame: how far a camera sees over it, and what of it is made up."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.projection import (
    STRETCH_WARNING,
    Invention,
    MarginsPlan,
    invention,
    needed_margins,
)
from dynascene_cli.scene import (
    GeometryGuess,
    PopUp,
    align_depth,
    outlines,
    plan_popup,
    relief_depth,
    rim,
    scene_popup,
)
from dynascene_cli.shot import CameraPath, Image, Margins, Outlines, SceneGeometry
from dynascene_cli.storage.project import stage_key

MARGINS_VERSION = 10

PLANNING_STEP = 8
SHRINKING, SMALLEST_STEP = 0.85, 0.4

WIDEST_MARGIN = 0.6
"""How far above and below the frame may be painted in, as a share of it."""

WIDEST_ROOM = 2
"""How far past each side of the frame the photo itself is used, as a share of the frame."""

MOST_BEHIND, MOST_PAST = 0.012, 0.018
"""Weighed shares of a frame that may be made up behind outlines and past the photo's edges."""

CLEAN = 0.002
"""The weighed share past the photo's edges up to which nobody sees what is made up."""

TORN = 0.02
"""The weighed share behind outlines from which it is told that edges may look torn."""

TOLD_PAST = 0.01
"""The weighed share past one side of the photo from which it is told."""

SIDES = "left of", "above", "right of", "below"


@dataclass(frozen=True)
class Limit:
    """Why a move is made smaller, and the share of it to try next."""

    reason: str
    share: float


@dataclass(frozen=True, eq=False)
class CanvasPlan:
    """What a path needs of the canvas, and what of it is made up; ``frame_rate`` is the path's.

    ``room`` is how far the photo itself goes on around the frame.
    """

    margins_plan: MarginsPlan
    invention: Invention
    room: Margins
    frame_rate: float

    @property
    def margins(self) -> Margins:
        """How far beyond the frame any picture sees."""
        return self.margins_plan.margins

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to tell of a shot that shows this."""
        return (*self.margins_plan.warnings, *self._measure_invention())

    def _measure_invention(self) -> Iterator[str]:
        made_up = self.invention
        noticed = made_up.past > TOLD_PAST
        shown = [
            f"{SIDES[side]} it ({self._times(noticed[:, side])})"
            for side in range(4)
            if noticed[:, side].any()
        ]
        if shown:
            yield (
                f"the camera sees past the photo, {' and '.join(shown)}: what it shows there is "
                "made up and may look smeared or doubled; a smaller --move-strength, another move, "
                "--position or --crop, or a wider photo shows less of it"
            )
        if made_up.worst_behind > TORN:
            frame = made_up.frames[made_up.behind.argmax()]
            yield (
                f"the move uncovers much that the photo hides behind things, most at "
                f"{frame / self.frame_rate:.1f} s: edges may look torn or doubled; a smaller "
                "--move-strength looks better"
            )

    def _times(self, noticed: NDArray[np.bool_]) -> str:
        first, last = self.invention.frames[noticed][[0, -1]] / self.frame_rate
        return f"{first:.1f}–{last:.1f} s"


def limit_of(plan: CanvasPlan, unmoved: Invention | None, allow_stretch: bool) -> Limit | None:
    """What makes a move smaller, None where nothing does.

    ``unmoved`` is what is made up without it.
    """
    if plan.margins_plan.uncovered > 0:
        return Limit("see past what can be painted in around the photo", SHRINKING)
    if allow_stretch:
        return None
    if plan.margins_plan.is_stretched:
        # What a move stretches grows about as it does: one step comes near to the limit.
        fitting = (STRETCH_WARNING - 1) / (plan.margins_plan.anisotropy - 1)
        return Limit(
            "stretch parts of it visibly (--allow-stretch draws it as asked)",
            float(np.clip(fitting, SMALLEST_STEP, SHRINKING)),
        )
    anyway = unmoved or Invention.nothing()
    behind = plan.invention.worst_behind / max(MOST_BEHIND, 1.1 * anyway.worst_behind)
    past = plan.invention.worst_past / max(MOST_PAST, 1.1 * anyway.worst_past)
    if max(behind, past) <= 1:
        return None
    hidden = "what things in the photo hide"
    if past > behind:
        hidden = f"what lies {SIDES[int(plan.invention.past.max(axis=0).argmax())]} the photo"
    return Limit(
        f"show too much of {hidden}, which has to be made up "
        "(--allow-stretch draws the move as asked)",
        float(np.clip(1 / max(behind, past), SMALLEST_STEP, 0.95)),
    )


def holds_turned(plan: CanvasPlan, unmoved: Invention | None, most_past: float = MOST_PAST) -> bool:
    """Whether what a path shows that was turned and zoomed after it was limited still holds.

    A longer lens enlarges what came out behind things; as much as is told of is borne.
    ``most_past`` is the weighed share past the photo's edges that is.
    """
    anyway = unmoved or Invention.nothing()
    return (
        plan.margins_plan.uncovered == 0
        and not plan.margins_plan.is_stretched
        and plan.invention.worst_past <= max(most_past, 1.1 * anyway.worst_past)
        and plan.invention.worst_behind <= max(TORN, 1.1 * anyway.worst_behind)
    )


class Canvas:
    """The widest canvas of a place, and what camera paths see of it.

    Plans are kept in the project beside what was read off the photo, but for a dry run: they take
    seconds for a long path.
    """

    def __init__(
        self,
        run: Run,
        place: Place,
        geometry: SceneGeometry,
        size: tuple[int, int],
        widest_margin: float,
    ) -> None:
        self._project, self._place, self._geometry = run.project, place, geometry
        self._size, self._dry_run = size, run.dry_run
        self._widest = _widest_canvas(place, size, widest_margin)
        self._room = place.surroundings.within(self._widest)
        self._depends_on = {
            "place": place.key,
            "ground_around": place.depends_on.get("ground_around"),
            "geometry": asdict(geometry),
            "size": size,
            "widest": asdict(self._widest),
            "depth": place.depends_on["depth"],
        }

    @classmethod
    def of(
        cls,
        run: Run,
        place: Place,
        geometry: SceneGeometry,
        size: tuple[int, int],
        widest_margin: float,
    ) -> "Canvas":
        """A canvas: one of those that the run keeps, or a new one."""
        canvas = cls(run, place, geometry, size, widest_margin)
        if run.kept is None:
            return canvas
        key = stage_key("canvas", MARGINS_VERSION, canvas._depends_on)
        kept: Canvas = run.kept.get_or_make(key, lambda: canvas)
        return kept

    def plan(self, path: CameraPath) -> CanvasPlan:
        """What a path needs of the canvas."""
        if stays_at_photo(path, self._geometry):
            nothing = MarginsPlan(Margins(), (0.0,) * 4, 0.0, 0.0, 0.0, 1.0, ())
            return CanvasPlan(nothing, Invention.nothing(), self._room, float(path.frame_rate))
        depends_on = {**self._depends_on, "path": path_digest(path)}
        key = stage_key("margins", MARGINS_VERSION, depends_on)
        folder = self._project.folder / "scene" / self._place.key
        kept = folder / f"margins-{key}.json"
        if self._project.holds(kept):
            return _read(json.loads(kept.read_text(encoding="utf-8")))
        depths, steady = self._planned
        plan = CanvasPlan(
            needed_margins(depths, self._widest, self._geometry, path, steady=steady),
            self.invention(path),
            self._room,
            float(path.frame_rate),
        )
        if folder.is_dir() and not self._dry_run:
            self._project.publish_text(kept, json.dumps(_written(plan)))
        return plan

    def invention(self, path: CameraPath) -> Invention:
        """What of a path's frames is made up."""
        return invention(self._outlines, self._rim, self._room, self._geometry, path)

    @cached_property
    def _guess(self) -> GeometryGuess:
        return replace(self._place.guess, geometry=self._geometry)

    @cached_property
    def _wide(self) -> tuple[Image, GeometryGuess]:
        """The photo and its guess with all of its room around."""
        place = self._place
        return place.surroundings.widen(place.photo, self._guess, self._room)

    @cached_property
    def _popup(self) -> PopUp | None:
        return None if self._place.depth is not None else scene_popup(*self._wide)

    @cached_property
    def _outlines(self) -> Outlines:
        return outlines(self._popup, self._room)

    @cached_property
    def _rim(self) -> Floats:
        photo, guess = self._wide
        return rim(guess, photo)

    @cached_property
    def _planned(self) -> tuple[list[NDArray[np.float32]], NDArray[np.bool_] | None]:
        """Depths that the canvas may have once it is painted in, and where they are steady."""
        widest, size, depth = self._widest, self._size, self._place.depth
        if self._popup is not None:
            planned = plan_popup(self._popup, widest.beyond(self._room), PLANNING_STEP)
            return list(planned.depths), planned.steady
        # Whether the margins will be sky is decided when they are painted in: plan for either.
        shape = size[1] + widest.top + widest.bottom, size[0] + widest.left + widest.right
        skies = (None, np.zeros(shape, bool), np.ones(shape, bool))
        reliefs = [relief_depth(self._guess, widest, sky=sky, step=PLANNING_STEP) for sky in skies]
        if depth is not None:
            sides = ((widest.top, widest.bottom), (widest.left, widest.right))
            whole = np.pad(align_depth(depth, self._guess)[0], sides, "edge")
            reliefs.append(whole[::PLANNING_STEP, ::PLANNING_STEP])
        return reliefs, None


def _widest_canvas(place: Place, size: tuple[int, int], widest_margin: float) -> Margins:
    """The widest margins: what the photo shows around the frame and what may be painted in."""
    room = place.surroundings.room
    side, above = round(widest_margin * size[0]), round(WIDEST_MARGIN * size[1])
    return Margins(
        max(side, min(room.left, WIDEST_ROOM * size[0])),
        max(above, min(room.top, WIDEST_ROOM * size[1])),
        max(side, min(room.right, WIDEST_ROOM * size[0])),
        max(above, min(room.bottom, WIDEST_ROOM * size[1])),
    )


def _written(plan: CanvasPlan) -> dict[str, Any]:
    made_up = {name: values.tolist() for name, values in vars(plan.invention).items()}
    return {
        "margins_plan": asdict(plan.margins_plan),
        "invention": made_up,
        "room": asdict(plan.room),
        "frame_rate": plan.frame_rate,
    }


def _read(fields: dict[str, Any]) -> CanvasPlan:
    plan = fields["margins_plan"]
    margins, warnings = Margins(**plan["margins"]), tuple(plan["warnings"])
    return CanvasPlan(
        MarginsPlan(
            **{**plan, "margins": margins, "reach": tuple(plan["reach"]), "warnings": warnings}
        ),
        Invention(**{name: np.array(values) for name, values in fields["invention"].items()}),
        Margins(**fields["room"]),
        fields["frame_rate"],
    )


def stays_at_photo(path: CameraPath, geometry: SceneGeometry) -> bool:
    """Whether a path's camera is the photo's own throughout: it sees the photo, and only that."""
    return (
        (path.width, path.height) == (geometry.width, geometry.height)
        and bool(np.abs(path.extrinsics - geometry.extrinsics).max() < 1e-9)
        and bool(np.abs(path.intrinsics - geometry.intrinsics).max() < 1e-6)
    )


def path_digest(path: CameraPath) -> str:
    """What tells a camera path from others."""
    return hashlib.sha256(path.intrinsics.tobytes() + path.extrinsics.tobytes()).hexdigest()
