"""The shot at preview size: planned anew as its settings change, and drawn frame by frame."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from dynascene_cli.camera import load_move
from dynascene_cli.camera.estimation.estimate import Estimate
from dynascene_cli.compositing import CompositeSettings, Compositor
from dynascene_cli.console import Console
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.pipeline.camera import find_filmed_camera, foreground_from_matte
from dynascene_cli.pipeline.composite import usual_relight
from dynascene_cli.pipeline.look import cached_look
from dynascene_cli.pipeline.matte import CachedMatte, cached_matte, frames_and_alphas
from dynascene_cli.pipeline.plan import Plan, move_names, plan_shot, tracks_of_clip
from dynascene_cli.pipeline.plate import CachedPlate, project_plate
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.pipeline.scene import keep_place, read_place
from dynascene_cli.pipeline.shadow import ShadowCaster, choose_sun
from dynascene_cli.shot import Clip, Image
from dynascene_cli.staging import person_heights
from dynascene_cli.studio.settings import ShotSettings

PREVIEW_PIXELS = 640 * 360
KEPT_FRAMES = 240
"""Frames of the clip that are kept decoded, at preview size."""

SHOWN_FRAMES = 120
"""The most frames that the page plays; of a longer clip every so many."""


class QuietConsole(Console):
    """Keeps warnings for the page, and prints nothing."""

    def warn(self, *messages: str) -> None:
        """Keep each warning once."""
        self.warnings += [each for each in messages if each not in self.warnings]

    def info(self, message: str) -> None:
        """Leave it unsaid."""


@dataclass(frozen=True, eq=False)
class PlannedShot:
    """A shot whose frames can be drawn, and what the planner warned of."""

    plan: Plan
    plate: CachedPlate
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
            "used_strength": staged.amount,
            "warnings": list(self.warnings),
        }


class Preview:
    """Plans and draws one clip in one photo.

    The matte and the clip's own camera are made, or taken from the project, when it is created.
    The caller holds the project's lock.
    """

    def __init__(self, run: Run, request: RenderRequest, clip: Clip) -> None:
        self._run, self._request, self.clip = run, request, clip
        scale = min(1.0, math.sqrt(PREVIEW_PIXELS / (clip.width * clip.height)))
        self.size = max(16, round(clip.width * scale)), max(16, round(clip.height * scale))
        self._matted: CachedMatte = cached_matte(run, request.matte, clip)
        foreground = foreground_from_matte(request.matte, self._matted)
        self._estimate: Estimate | None = find_filmed_camera(
            run, request.filmed, clip, self._matted.matte, foreground
        )
        self._decoded: OrderedDict[int, tuple[Image, Image]] = OrderedDict()

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
        run = replace(self._run, console=console)
        request = replace(settings.applied_to(self._request), size=self.size)
        names = move_names(request.camera)
        moves = load_move("+".join(names)) if names else ()
        place = read_place(run, request.scene, self.size)
        console.warn(*place.warnings)
        keep_place(run.project, place)
        tracks = tracks_of_clip(self.clip, self._matted.matte.tracks, self._estimate)
        plan = plan_shot(run, request, tracks, place, moves, self.size)
        plate = project_plate(run.project, plan)
        look = cached_look(run.project, self.clip, self._matted, plan, plate)
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
            plan,
            plate,
            Compositor(look, composite, *self.size),
            None if sun is None else ShadowCaster(sun, plan),
            person_heights(staged.placement, staged.path),
            tuple(console.warnings),
        )

    def frame(self, shot: PlannedShot, index: int) -> Image:
        """One finished frame of a planned shot, RGB (H, W, 3) at preview size."""
        frame, alpha = self._filmed(index)
        placement = shot.plan.staged.placement
        to_frame = placement.clip_to_frame[index].copy()
        to_frame[:, :2] *= self.clip.height / frame.shape[0]
        return shot.compositor.frame(
            index,
            frame,
            alpha,
            shot.plate.sampled(index),
            to_frame,
            placement.contact_pixels[index],
            float(shot.heights[index]),
            None if shot.caster is None else shot.caster.of(index),
        ).picture

    def matte_frame(self, index: int) -> Image:
        """A frame of the clip with what is no person dimmed, RGB at preview size."""
        frame, alpha = self._filmed(index)
        share = 0.25 + 0.75 * (alpha[..., None] / 255.0)
        return np.round(frame * share).astype(np.uint8)

    def _filmed(self, index: int) -> tuple[Image, Image]:
        """A frame of the clip and its alpha, at preview size."""
        if index not in self._decoded:
            matte = self._matted.matte
            pair = next(iter(frames_and_alphas(self.clip, matte, [index])))
            small = tuple(
                np.asarray(cv2.resize(each, self.size, interpolation=cv2.INTER_AREA), np.uint8)
                for each in pair
            )
            self._decoded[index] = small[0], small[1]
            while len(self._decoded) > KEPT_FRAMES:
                self._decoded.popitem(last=False)
        return self._decoded[index]
