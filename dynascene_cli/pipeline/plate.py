"""The story of a plate: rendered chunk by chunk as it is looked at, and cached."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.pipeline.plan import Plan
from dynascene_cli.pipeline.scene import cached_scene
from dynascene_cli.projection import ProjectionRenderer, uncovered_share
from dynascene_cli.shot import Image, Margins, Scene
from dynascene_cli.storage.project import Project
from dynascene_cli.video import (
    CHUNK_LENGTH,
    LARGE_FRAME,
    chunk_path,
    chunk_sink,
    cover_deep_with_room,
    read_chunk,
    read_deep_picture,
    rgb_suffix,
    sixteen_bits,
)

MOST_KEPT = 2_000_000_000
"""Bytes of frames up to which a plate by geometry is kept: eleven seconds of full HD.

A longer one is drawn again, at some forty frames a second, rather than fill the disk. So are large
frames, which must be compressed to be read any faster.
"""

SAME = 257
"""How far a layer may be from the photo, of 65,535, where it shows that: a level of 8 bits."""

WIDENING = 64
"""Pixels by which margins grow when the scene's depth lets a frame see past the planned ones."""


class PlateRenderer(Protocol):
    """What paints a shot's background, frame by frame."""

    def frame(self, index: int) -> Image:
        """One frame, RGB (H, W, 3)."""
        ...

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield frames first ≤ i < last in order."""
        ...


class CachedPlate:
    """The shot's background: chunks from the project, or rendered into it as they are asked for.

    ``renderer`` is only made where a chunk of the plan's plate is not whole. Of a plate that
    ``rests`` one frame is drawn and kept; of one larger than ``most_kept`` bytes none is.
    ``unfinished`` is a file beside the chunks that is of no use once they are whole.
    """

    def __init__(
        self,
        project: Project,
        plan: Plan,
        renderer: Callable[[], PlateRenderer],
        *,
        rests: bool,
        most_kept: float = math.inf,
        unfinished: str = "",
    ) -> None:
        path = plan.staged.path
        self._project, self._plan = project, plan
        self._folder = project.stage_folder("plate", plan.plate_key)
        self._kept_count = 1 if rests else path.frame_count
        self._keeps = frame_bytes(path.width, path.height) * self._kept_count <= most_kept
        self._unfinished = self._folder / unfinished if unfinished else None
        self._whole = project.has("plate", plan.plate_key)
        self._make_renderer = renderer
        self._renderer = None if self._whole else renderer()

    def sampled(self, index: int) -> Image:
        """One frame, without keeping it."""
        number, offset = divmod(min(index, self._kept_count - 1), CHUNK_LENGTH)
        path = self._chunk_path(number)
        if self._renderer is None and self._project.holds(path):
            return next(read_chunk(path, offset))
        return self._painter().frame(index)

    def frames(self) -> Iterator[Image]:
        """All frames in order; each chunk is published when its last frame has been taken.

        A camera that stands still has one frame, drawn and kept once: the same array each time.
        """
        if not self._keeps:
            yield from self._painter().frames()
        elif self._kept_count == 1:
            (frame,) = self._read_kept_frames()
            yield from repeat(frame, self._plan.staged.path.frame_count)
        else:
            yield from self._read_kept_frames()

    def _read_kept_frames(self) -> Iterator[Image]:
        count = self._kept_count
        for number, first in enumerate(range(0, count, CHUNK_LENGTH)):
            path = self._chunk_path(number)
            last = min(first + CHUNK_LENGTH, count)
            if self._project.holds(path):
                yield from islice(read_chunk(path), last - first)
            else:
                self._whole = False
                with (
                    self._project.publish(path) as temporary,
                    chunk_sink(temporary, self._plan.staged.path.frame_rate) as sink,
                ):
                    for frame in self._painter().frames(first, last):
                        sink.write(frame)
                        yield frame
        if not self._whole:
            self._project.mark_done("plate", self._plan.plate_key, {"scene": self._plan.scene_key})
            if self._unfinished is not None:
                self._project.remove(self._unfinished)

    def _chunk_path(self, number: int) -> Path:
        path = self._plan.staged.path
        return chunk_path(self._folder, number, rgb_suffix(path.width, path.height))

    def _painter(self) -> PlateRenderer:
        if self._renderer is None:
            self._renderer = self._make_renderer()
        return self._renderer


def frame_bytes(width: int, height: int) -> int:
    """What one frame takes at most."""
    return 3 * width * height


def most_kept(width: int, height: int) -> int:
    """How many bytes of frames of a size are kept of a plate by geometry: one of large frames."""
    return frame_bytes(width, height) if width * height > LARGE_FRAME else MOST_KEPT


def project_plate(project: Project, plan: Plan) -> CachedPlate:
    """The plate by the photo's geometry alone."""
    path = plan.staged.path
    return CachedPlate(
        project,
        plan,
        lambda: projection_renderer(project, plan),
        rests=path.is_still,
        most_kept=min(most_kept(path.width, path.height), project.free_bytes() / 2),
    )


def deep_plate(project: Project, plan: Plan, photo: Path) -> Iterator[NDArray[np.uint16]]:
    """Yield the frames of ``project_plate`` drawn in 16 bits, with all that the photo's file has.

    What is painted in has 8.
    """
    scene = _covering_scene(project, plan)
    place, margins, geometry = plan.place, scene.margins, scene.geometry
    room, stored = place.surroundings.within(margins), read_deep_picture(photo)
    size = geometry.width, geometry.height
    shown = cover_deep_with_room(stored, size, place.window, room)
    left, top = margins.left - room.left, margins.top - room.top
    window = np.s_[top : top + shown.shape[0], left : left + shown.shape[1]]
    layers = []
    for layer in scene.layers:
        image = sixteen_bits(layer.image)
        near = np.abs(shown.astype(np.int32) - image[window]).max(axis=2, keepdims=True) <= SAME
        np.copyto(image[window], shown, where=near)
        layers.append(replace(layer, image=image))
    path = plan.staged.path
    renderer = ProjectionRenderer(replace(scene, layers=tuple(layers)), path)
    if path.is_still:
        (frame,) = renderer.deep_frames(0, 1)
        yield from repeat(frame, path.frame_count)
    else:
        yield from renderer.deep_frames()


def projection_renderer(project: Project, plan: Plan) -> ProjectionRenderer:
    """The renderer of a plan's projected plate, its scene from the project or built into it."""
    return ProjectionRenderer(_covering_scene(project, plan), plan.staged.path)


def seen_renderer(project: Project, plan: Plan) -> ProjectionRenderer:
    """The renderer of what a plan's plate shows of the photo itself: that in white, else black.

    What is painted in past the photo's edges, behind its things and over its people is black.
    """
    scene = _covering_scene(project, plan)
    room = plan.place.surroundings.within(scene.margins)
    margins, geometry = scene.margins, scene.geometry
    layers = []
    for number, layer in enumerate(scene.layers):
        image = np.zeros_like(layer.image)
        if number == 0:
            frame = image[
                margins.top : margins.top + geometry.height,
                margins.left : margins.left + geometry.width,
            ]
            image[
                margins.top - room.top : margins.top + geometry.height + room.bottom,
                margins.left - room.left : margins.left + geometry.width + room.right,
            ] = 255
            if plan.place.removed is not None:
                frame[plan.place.removed] = 0
        layers.append(replace(layer, image=image))
    return ProjectionRenderer(replace(scene, layers=tuple(layers)), plan.staged.path)


def _covering_scene(project: Project, plan: Plan) -> Scene:
    """The plan's scene, from the project or built into it."""

    def cached(margins: Margins) -> Scene:
        return cached_scene(project, plan.place, plan.staged.geometry, margins, plan.seed)

    return covering_scene(cached, plan, 0.0)


def covering_scene(scene_on: Callable[[Margins], Scene], plan: Plan, tolerated: float) -> Scene:
    """The plan's scene, on a wider canvas where its depth lets a frame see past the planned one.

    ``tolerated`` is the share of a frame up to which that is borne.
    """
    for wider in (0, WIDENING, 4 * WIDENING):
        sides = (side + wider if side else 0 for side in vars(plan.margins).values())
        scene = scene_on(Margins(*sides))
        if not (uncovered_share(scene, plan.staged.path) > tolerated).any():
            break
    return scene
