"""The plate: one photo's relief seen by another camera, frame by frame, with nothing remembered."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.errors import StageError
from dynascene_cli.geometry import Floats
from dynascene_cli.projection.cut_fill import Cuts, lay_fringe
from dynascene_cli.projection.fast_path import SMALLEST_SIDE, continuous_frame
from dynascene_cli.projection.mesh import Mesh, default_step, relief_mesh
from dynascene_cli.projection.rasteriser import Canvas, draw_layer, screen_vertices
from dynascene_cli.projection.texture import SampledTexture, Texture, texture
from dynascene_cli.shot import CameraPath, DeepImage, Image, Layer, Scene, SceneGeometry
from dynascene_cli.video import LARGE_FRAME
from dynascene_cli.video.deep_pictures import STEP, eight_bits, sixteen_bits

TOLERATED_SPECKS = 2e-3
"""Share of a frame that may lie uncovered and is filled from around it; more is an error.

Specks between the mesh's triangles, and the corner that a canvas misses whose size was planned on a
coarser mesh.
"""


@dataclass(frozen=True, eq=False)
class Relief:
    """A layer ready to be drawn: its mesh and its texture."""

    mesh: Mesh
    texture: Texture


def effective_path(
    path: CameraPath, geometry: SceneGeometry, *, measured_depth: bool = False
) -> CameraPath:
    """The path that the scene can carry: without ground (or a depth map), rotation and zoom only.

    Where less than a tenth of the photo is ground, the photo is a single distant card, and the
    camera's translation is left out.
    """
    if measured_depth or not geometry.is_card:
        return path
    extrinsics = path.extrinsics.copy()
    extrinsics[:, :, 3] = 0.0
    return replace(path, extrinsics=extrinsics)


def camera_reach(path: CameraPath) -> float:
    """The largest focal length × distance from the photo's camera, pixels × metres."""
    distance = np.linalg.norm(maths.centre(path.extrinsics), axis=-1)
    return float(np.max(path.intrinsics[:, 0, 0] * distance, initial=0.0))


def minifications(mesh: Mesh, path: CameraPath) -> Floats:
    """Canvas pixels to one pixel of the output, (F,): the median over what each frame sees."""
    rows = np.unique(np.append(np.arange(0, len(mesh.ys), 3), len(mesh.ys) - 1))
    columns = np.unique(np.append(np.arange(0, len(mesh.xs), 3), len(mesh.xs) - 1))
    grid = len(mesh.xs) * len(mesh.ys)
    points = mesh.points[:grid].reshape(len(mesh.ys), len(mesh.xs), 3)[np.ix_(rows, columns)]
    source_areas = np.outer(np.diff(mesh.ys[rows]), np.diff(mesh.xs[columns]))
    return np.array(
        [
            _minification(maths.project(K, E, points), source_areas, path.width, path.height)
            for K, E in zip(path.intrinsics, path.extrinsics, strict=True)
        ]
    )


def _minification(pixels: Floats, source_areas: Floats, width: int, height: int) -> float:
    a = pixels[1:, 1:] - pixels[:-1, :-1]
    b = pixels[1:, :-1] - pixels[:-1, 1:]
    areas = np.abs(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]) / 2
    middle = (pixels[1:, 1:] + pixels[:-1, :-1]) / 2
    seen = (middle > 0).all(axis=-1) & (middle < [width, height]).all(axis=-1) & (areas > 1e-6)
    return float(np.median(np.sqrt(source_areas[seen] / areas[seen]))) if seen.any() else 1.0


def plate_frame(
    reliefs: tuple[Relief, ...],
    intrinsics: Floats,
    extrinsics: Floats,
    width: int,
    height: int,
    *,
    minification: float = 1.0,
    canvas: Canvas | None = None,
) -> DeepImage:
    """The reliefs, front to back, as a camera sees them: RGB (height, width, 3).

    Of 16 bits where their textures have them. At the photo's own pose the result is the photo, bit
    by bit. ``minification`` chooses how soft a texture is sampled. ``canvas`` is what the reliefs
    are drawn on, a new one if left out.

    Raises:
        StageError: the camera sees past what the layers cover.
    """
    front = reliefs[0]
    if not front.mesh.is_cut and min(width, height) >= SMALLEST_SIDE:
        camera = np.asarray(intrinsics, dtype=float) @ np.asarray(extrinsics, dtype=float)
        whole = continuous_frame(front.mesh, front.texture, camera, width, height, minification)
        if whole is not None:
            return whole
    drawn_on = canvas or new_canvas(reliefs, width, height)
    texels = drawn_on.texels
    uncovered = draw_reliefs(reliefs, intrinsics, extrinsics, drawn_on, minification=minification)
    share = uncovered / texels.size
    if share > TOLERATED_SPECKS:
        raise StageError(
            f"the camera sees past the scene's edge in {share:.2%} of a frame",
            "choose a smaller move with --move-strength",
        )
    rgba = texels.view(np.uint8).reshape(height, width, 4)
    picture = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), np.uint8)
    is_deep = drawn_on.deep.size > 0
    if uncovered == 0:
        return drawn_on.deep.copy() if is_deep else picture
    gaps = texels == 0
    filled = cv2.inpaint(picture, gaps.astype(np.uint8), 2, cv2.INPAINT_TELEA)
    picture = np.asarray(filled, np.uint8)
    return np.where(gaps[..., None], sixteen_bits(picture), drawn_on.deep) if is_deep else picture


def new_canvas(reliefs: tuple[Relief, ...], width: int, height: int) -> Canvas:
    """What frames of these reliefs can be drawn on."""
    return Canvas.of(
        width,
        height,
        is_cut=any(relief.mesh.is_cut for relief in reliefs),
        is_deep=bool(reliefs[0].texture.deep_levels),
    )


def draw_reliefs(
    reliefs: tuple[Relief, ...],
    intrinsics: Floats,
    extrinsics: Floats,
    canvas: Canvas,
    *,
    minification: float = 1.0,
) -> int:
    """Draw on the canvas, whose texels are 0 where no layer is seen; how many those are."""
    camera = np.asarray(intrinsics, dtype=float) @ np.asarray(extrinsics, dtype=float)
    canvas.texels.fill(0)
    canvas.fringe.nearest.fill(0)
    uncovered = canvas.texels.size
    for relief in reliefs:
        mesh, scale = relief.mesh, relief.texture.texels_per_pixel
        vertices = screen_vertices(mesh.points, mesh.source, mesh.depth, camera, scale)
        cuts = Cuts(mesh.quads, mesh.sides, mesh.owners, 1.0 / scale)
        sampled = SampledTexture.at(relief.texture, minification)
        cells = mesh.bent, mesh.flats
        uncovered = draw_layer(vertices, cells, cuts, sampled, canvas)
        if uncovered == 0:
            break
    if canvas.inverse_depth.size:
        rgba = canvas.texels.view(np.uint8).reshape(*canvas.texels.shape, 4)
        lay_fringe(rgba, canvas.inverse_depth, canvas.fringe, 1)
        if canvas.deep.size:
            lay_fringe(canvas.deep, canvas.inverse_depth, canvas.fringe, STEP)
    return uncovered


def scene_path(scene: Scene, path: CameraPath) -> CameraPath:
    """The path as the scene can carry it: a cut layer means that its depth was measured."""
    measured = any(layer.is_cut for layer in scene.layers)
    return effective_path(path, scene.geometry, measured_depth=measured)


def layer_mesh(scene: Scene, layer: Layer, path: CameraPath, *, step: int | None = None) -> Mesh:
    """A layer's mesh, fine enough for the path; ``step`` None is 8 px, 16 from a megapixel on."""
    return relief_mesh(
        layer.depth,
        scene.geometry,
        scene.margins,
        step=step or default_step(scene.geometry.width, scene.geometry.height),
        cut=layer.cut,
        cards=layer.cards,
        reach=camera_reach(path),
    )


class ProjectionRenderer:
    """Plate frames of a scene along a camera path, any of them at any time.

    Of a scene whose layers have pictures of 16 bits they have them too.
    """

    def __init__(self, scene: Scene, path: CameraPath, *, step: int | None = None) -> None:
        self.path = scene_path(scene, path)
        meshes = [layer_mesh(scene, layer, self.path, step=step) for layer in scene.layers]
        self._minifications = minifications(meshes[0], self.path)
        smallest = float(self._minifications.max(initial=1.0))
        self.reliefs = tuple(
            Relief(mesh, texture(layer.image, mesh.alpha, minification=smallest, hidden=number > 0))
            for number, (mesh, layer) in enumerate(zip(meshes, scene.layers, strict=True))
        )

    @property
    def frame_count(self) -> int:
        """How many frames the path has."""
        return self.path.frame_count

    def frame(self, index: int) -> Image:
        """The plate of one frame, RGB (H, W, 3); the same bytes whenever it is asked for."""
        return eight_bits(self._frame(index, self._new_canvas()))

    def _new_canvas(self) -> Canvas:
        return new_canvas(self.reliefs, self.path.width, self.path.height)

    def _frame(self, index: int, canvas: Canvas) -> DeepImage:
        try:
            return plate_frame(
                self.reliefs,
                self.path.intrinsics[index],
                self.path.extrinsics[index],
                self.path.width,
                self.path.height,
                minification=float(self._minifications[index]),
                canvas=canvas,
            )
        except StageError as error:
            raise StageError(f"frame {index}: {error.message}", error.hint) from None

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield frames first ≤ i < last in order, drawn ahead by as many threads as cores.

        Large ones are drawn when they are asked for: each thread's canvas takes 20 bytes a pixel.
        """
        return map(eight_bits, self._frames(first, last))

    def deep_frames(self, first: int = 0, last: int | None = None) -> Iterator[NDArray[np.uint16]]:
        """Yield ``frames`` of 16 bits."""
        return map(sixteen_bits, self._frames(first, last))

    def _frames(self, first: int, last: int | None) -> Iterator[DeepImage]:
        end = self.frame_count if last is None else last
        if self.path.width * self.path.height > LARGE_FRAME:
            canvas = self._new_canvas()
            for index in range(first, end):
                yield self._frame(index, canvas)
            return
        threads = min(os.cpu_count() or 1, 4, max(end - first, 1))
        canvases: SimpleQueue[Canvas] = SimpleQueue()
        for _ in range(threads):
            canvases.put(self._new_canvas())

        def drawn(index: int) -> DeepImage:
            canvas = canvases.get()
            try:
                return self._frame(index, canvas)
            finally:
                canvases.put(canvas)

        with ThreadPoolExecutor(threads) as pool:
            pending: deque[Future[DeepImage]] = deque()
            try:
                for index in range(first, end):
                    pending.append(pool.submit(drawn, index))
                    if len(pending) > threads:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()
