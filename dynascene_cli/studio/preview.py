"""The shot at preview size: planned anew as its settings change, and drawn frame by frame."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dynascene_cli.camera import load_move
from dynascene_cli.camera.estimation.estimate import Estimate
from dynascene_cli.compositing import CompositeSettings, Compositor
from dynascene_cli.console import Console
from dynascene_cli.errors import DynasceneError
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.matting import require_packages
from dynascene_cli.pipeline.camera import find_filmed_camera, foreground_from_matte
from dynascene_cli.pipeline.canvas import stays_at_photo
from dynascene_cli.pipeline.composite import usual_relight
from dynascene_cli.pipeline.look import measured_look
from dynascene_cli.pipeline.matte import CachedMatte, cached_matte, check_matte_request
from dynascene_cli.pipeline.matte_chunks import matting_model_of
from dynascene_cli.pipeline.plan import Plan, move_names, plan_shot, tracks_of_clip
from dynascene_cli.pipeline.plate import covering_scene
from dynascene_cli.pipeline.request import Click, RenderRequest, SceneRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import (
    Place,
    make_scene,
    read_place,
    scene_dependencies,
    scene_edits,
    scene_key,
)
from dynascene_cli.pipeline.shadow import ShadowCaster, choose_sun
from dynascene_cli.projection import TOLERATED_SPECKS, ProjectionRenderer
from dynascene_cli.scene import scene_text
from dynascene_cli.shot import Clip, Image, Margins, Scene
from dynascene_cli.staging import person_heights
from dynascene_cli.storage.recent import Recent
from dynascene_cli.studio.settings import ShotSettings
from dynascene_cli.video import read_frames_at

PREVIEW_PIXELS = 640 * 360
KEPT_FRAMES = 240
"""Frames of the clip that are kept decoded, at preview size."""

KEPT_SCENES = 8

MATTE_PIXELS = 1920 * 1080
"""The most of a matte's picture, which is looked at closely."""

SHOWN_FRAMES = 120
"""The most frames that the page plays; of a longer clip every so many."""


class QuietConsole(Console):
    """Keeps warnings for the page, and prints nothing; ``tell`` hears how far a stage is."""

    tell: Callable[[str], None] = staticmethod(lambda text: None)

    def warn(self, *messages: str) -> None:
        """Keep each warning once."""
        self.warnings += [each for each in messages if each not in self.warnings]

    def info(self, message: str) -> None:
        """Leave it unsaid."""

    @contextmanager
    def progress(self, task: str, total: int) -> Iterator[Callable[[int], None]]:
        """Tell how many of a task's frames are done."""
        yield lambda done: self.tell(f"{task}: {done} of {total}")

    @contextmanager
    def busy(self, task: str) -> Iterator[None]:
        """Tell what goes on."""
        self.tell(task)
        yield


@dataclass(frozen=True, eq=False)
class PlannedShot:
    """A shot whose frames can be drawn, and what the planner warned of.

    ``place`` is the photo as it was read, before the shot cropped it or painted people over.
    """

    place: Place
    plan: Plan
    plate: Callable[[int], Image]
    compositor: Compositor
    caster: ShadowCaster | None
    heights: Floats
    warnings: tuple[str, ...]

    def as_json(self, indices: range) -> dict[str, Any]:
        """What the page draws over the picture: cameras, ground, feet; of these frames."""
        staged = self.plan.staged
        path, placement = staged.path, staged.placement
        size = np.array([path.width, path.height])
        frames = list(indices)
        centres = centre(path.extrinsics)
        away = placement.contact[0, [0, 2]] - centres[0, [0, 2]]
        return {
            "width": path.width,
            "height": path.height,
            "intrinsics": path.intrinsics[frames].tolist(),
            "world_to_camera": path.extrinsics[frames].tolist(),
            "centres": centres[frames].tolist(),
            "feet": placement.contact[frames].tolist(),
            "feet_in_picture": (placement.contact_pixels[frames] / size).tolist(),
            "person_pixels": self.heights[frames].tolist(),
            "camera_height": staged.geometry.camera_height,
            "horizon": staged.geometry.horizon / staged.geometry.height,
            "subject_distance": float(np.hypot(*away)),
            "scene_depth": self.plan.median_depth,
            "used_strength": staged.amount,
            "warnings": list(self.warnings),
        }


class Preview:
    """Plans and draws one clip in one photo.

    The matte and the clip's own camera are made, or taken from the project, when it is created.
    ``fixes`` is the folder of corrected mattes, if there is one. ``working`` tells how far a matte
    is that is being made. The caller holds the project's lock.
    """

    def __init__(
        self, run: Run, request: RenderRequest, clip: Clip, fixes: Path | None = None
    ) -> None:
        self._run, self._request, self.clip = run, request, clip
        self.size = _within_pixels(clip, PREVIEW_PIXELS)
        self.working = ""
        self._frames = Recent[int, Image](KEPT_FRAMES)
        self._alphas: dict[int, Image] = {}
        self._places = Recent[SceneRequest, Place](KEPT_SCENES)
        self._scenes = Recent[str, Scene](KEPT_SCENES)
        self._canvases = Recent[str, Any](KEPT_SCENES)
        self._take_matte(run.console, request.matte.clicks, fixes)
        self._estimate = self._find_camera(run)

    @property
    def first_number(self) -> int:
        """The number of the clip's first frame, as --matte-fixes counts."""
        return self._request.matte.first_number(self.clip)

    def use_matte(self, clicks: tuple[Click, ...], fixes: Path | None) -> None:
        """Make the matte with these clicks and corrections, or take it from the project.

        Raises:
            InputError, MissingError, StageError: as of a render; the matte stays as it was.
        """
        console = QuietConsole()
        console.tell = lambda text: setattr(self, "working", text)
        try:
            self._take_matte(console, clicks, fixes)
        finally:
            self.working = ""

    def _take_matte(self, console: Console, clicks: tuple[Click, ...], fixes: Path | None) -> None:
        request = replace(self._request.matte, clicks=clicks, matte_fixes=fixes)
        console.warn(*check_matte_request(request, self.clip, numbered=True))
        self._matted: CachedMatte = cached_matte(
            replace(self._run, console=console), request, self.clip
        )
        self._filmed = replace(self._request.filmed, matte=request)
        self._is_camera_known = False
        self.matte_warnings = tuple(console.warnings)
        self._alphas.clear()

    def _find_camera(self, run: Run) -> Estimate | None:
        foreground = foreground_from_matte(self._filmed.matte, self._matted)
        self._is_camera_known = True
        return find_filmed_camera(run, self._filmed, self.clip, self._matted.matte, foreground)

    @property
    def why_no_clicks(self) -> str:
        """Why nothing can be pointed at; empty where it can."""
        request = self._request.matte
        if request.matte is not None:
            return "the matte was given (--matte)"
        try:
            name, _ = matting_model_of(replace(request, clicks=(Click(0, 0, 0),)))
            require_packages(name)
        except DynasceneError as error:
            return f"{error.message}: {error.hint}"
        return ""

    @property
    def shown(self) -> range:
        """The frames that the page plays."""
        step = -(-self.clip.frame_count // SHOWN_FRAMES)
        return range(0, self.clip.frame_count, step)

    def plan(self, settings: ShotSettings) -> PlannedShot:
        """The shot under these settings.

        Raises:
            InputError, StageError: as of a render.
        """
        console = QuietConsole()
        # What is planned while something is dragged would fill the project.
        run = replace(self._run, console=console, dry_run=True, kept=self._canvases)
        request = replace(settings.applied_to(self._request), size=self.size)
        names = move_names(request.camera)
        moves = load_move("+".join(names)) if names else ()
        place = self._place(run, request.scene)
        console.warn(*place.warnings)
        if not self._is_camera_known:
            self._estimate = self._find_camera(run)
        tracks = tracks_of_clip(self.clip, self._matted.matte.tracks, self._estimate)
        plan = plan_shot(run, request, tracks, place, moves, self.size)
        plate = self._plate(plan)
        look = measured_look(run.project, self.clip, self._matted, plan, plate)
        sun = choose_sun(request, plan.place, console)
        composite = CompositeSettings(
            relight=request.relight or usual_relight(look),
            shadow=request.shadow != "none",
            light_wrap=True,
            plate_blur=True,
            grain=False,
            seed=0,
        )
        staged = plan.staged
        return PlannedShot(
            place,
            plan,
            plate,
            Compositor(look, composite, *self.size),
            None if sun is None else ShadowCaster(sun, plan),
            person_heights(staged.placement, staged.path),
            tuple(console.warnings),
        )

    def _place(self, run: Run, scene: SceneRequest) -> Place:
        """What is read off the photo: one of the last that were, or read."""
        return self._places.get_or_make(scene, lambda: read_place(run, scene, self.size))

    def _plate(self, plan: Plan) -> Callable[[int], Image]:
        """What draws the background of a frame (H, W, 3)."""
        place, staged = plan.place, plan.staged
        if place.removed is None and stays_at_photo(staged.path, staged.geometry):
            return lambda index: place.photo
        return ProjectionRenderer(self._scene(plan), staged.path).frame

    def _scene(self, plan: Plan) -> Scene:
        """A plan's scene: one of the last that were built, or built."""

        def built(margins: Margins) -> Scene:
            geometry = plan.staged.geometry
            key = scene_key(scene_dependencies(plan.place, geometry, margins, plan.seed))
            return self._scenes.get_or_make(
                key, lambda: make_scene(plan.place, geometry, margins, plan.seed)
            )

        return covering_scene(built, plan, TOLERATED_SPECKS)

    def scene_text(self, shot: PlannedShot, settings: ShotSettings) -> str:
        """The scene.json with which ``render`` reads the photo as this shot does."""
        photo = shot.place.depends_on["photo"]
        edits = scene_edits(self._run.project, self._request.scene, photo)
        return scene_text(shot.place.guess, photo, {**edits, **settings.scene_edits})

    def frame(self, shot: PlannedShot, index: int) -> Image:
        """One finished frame of a planned shot, RGB (H, W, 3) at preview size."""
        frame = self._small_frame(index)
        if index not in self._alphas:
            self._alphas[index] = _resized(self.alpha(index), self.size)
        placement = shot.plan.staged.placement
        to_frame = placement.clip_to_frame[index].copy()
        to_frame[:, :2] *= self.clip.height / frame.shape[0]
        frame, alpha = self._matted.uncover(index, frame, self._alphas[index])
        return shot.compositor.frame(
            index,
            frame,
            alpha,
            shot.plate(index),
            to_frame,
            placement.contact_pixels[index],
            float(shot.heights[index]),
            None if shot.caster is None else shot.caster.of(index),
        ).picture

    def alpha(self, index: int) -> Image:
        """The matte of a frame (H, W) at the clip's size, its corrections in it."""
        return next(self._matted.matte.alpha.frames(index, index + 1))

    def matte_frame(self, index: int, *, dims: bool) -> Image:
        """The matte (H, W) of a frame, or the frame (H, W, 3) with what is no person dimmed."""
        size = _within_pixels(self.clip, MATTE_PIXELS)
        alpha = _resized(self.alpha(index), size)
        if not dims:
            return alpha
        frame = _resized(next(iter(read_frames_at(self.clip, [index]))), size)
        share = 0.25 + 0.75 * (alpha[..., None] / 255.0)
        return np.round(frame * share).astype(np.uint8)

    def _small_frame(self, index: int) -> Image:
        """A frame of the clip at preview size."""
        return self._frames.get_or_make(
            index, lambda: _resized(next(iter(read_frames_at(self.clip, [index]))), self.size)
        )


def _within_pixels(clip: Clip, pixels: int) -> tuple[int, int]:
    """The clip's size, made smaller where it has more pixels."""
    scale = min(1.0, math.sqrt(pixels / (clip.width * clip.height)))
    return max(16, round(clip.width * scale)), max(16, round(clip.height * scale))


def _resized(image: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
