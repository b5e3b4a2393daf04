"""What the moving camera will see of the canvas: asked before outpainting, checked before drawing.

Both questions are answered on a small picture whose outermost samples are the frame's outermost
pixels, where the farthest source positions are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry as maths
from dynascene_cli.geometry import Floats
from dynascene_cli.projection.mesh import Mesh, relief_mesh
from dynascene_cli.projection.rasteriser import screen_vertices, source_map
from dynascene_cli.projection.renderer import (
    Relief,
    camera_reach,
    draw_reliefs,
    layer_mesh,
    new_canvas,
    scene_path,
)
from dynascene_cli.projection.texture import texture
from dynascene_cli.shot import CameraPath, Layer, Margins, Scene, SceneGeometry

SAMPLES_ACROSS = 128
CELLS_ACROSS = 64
MOST_FRAMES = 60
"""Longer paths are tested at this many frames and their extremes."""

SAFETY = 8.0
"""Pixels added to a margin for what the small picture cannot resolve."""

QUANTUM = 16
"""Margins are rounded up to multiples of this, so that small edits of a move reuse a scene."""

STRETCH_WARNING = 1.3
"""Anisotropy of the warp above which a smaller move is suggested."""

STRETCH_PERCENTILE = 95
"""What a twentieth of the picture may exceed unnoticed: narrow folds at the skyline do."""

SKY_HEIGHTS = 100.0
"""Camera heights beyond which nothing shows its stretching."""

GROUND_TOLERANCE = 0.03
"""Share of the camera's height up to which a point is the ground, which is sheared rightly."""

Depth = NDArray[np.float32]


@dataclass(frozen=True)
class MarginsPlan:
    """How much canvas a camera path needs around the frame, and how far it strains the photo.

    ``margins`` in frame pixels; ``reach`` is how far beyond the frame any frame sees left, above,
    right and below, likewise, without what is added to the margins; shares of the picture in 0..1:
    ``outpainted_largest`` and ``outpainted_mean`` lie outside the photo, ``uncovered`` (in the
    worst frame) beyond the widest canvas. ``anisotropy`` is the ratio of the local warp's two
    scales that a twentieth of the worst frame exceeds; flat ground, which is sheared rightly, and
    the far sky count as 1.
    """

    margins: Margins
    reach: tuple[float, float, float, float]
    outpainted_largest: float
    outpainted_mean: float
    uncovered: float
    anisotropy: float
    warnings: tuple[str, ...]

    @property
    def is_stretched(self) -> bool:
        """Whether the photo is strained so far that it shows."""
        return self.anisotropy > STRETCH_WARNING


def needed_margins(
    depth: Depth | Sequence[Depth],
    canvas: Margins,
    geometry: SceneGeometry,
    path: CameraPath,
    *,
    limit: Margins | None = None,
    steady: NDArray[np.bool_] | None = None,
) -> MarginsPlan:
    """The smallest margins within which every frame of the path stays.

    ``depth`` (h, w), at any resolution, is the relief over the frame and the wide ``canvas``
    around it. Where the margins' relief will only be known once they are painted, give several
    (with and without a sky, say): all of them will be covered; shares and stretching are told of
    the first. Margins are never larger than ``limit`` (the canvas itself where None): what a frame
    sees beyond it counts as uncovered. Stretching is judged where ``steady``, of the first depth's
    shape, is true: beside jumps of depth, where pictures are cut, it means nothing. Pass the
    ``effective_path`` of the scene.
    """
    widest = limit or canvas
    reliefs = [depth] if isinstance(depth, np.ndarray) else depth
    frames = _sampled_frames(path)
    step = (geometry.width + canvas.left + canvas.right) / CELLS_ACROSS
    reach = camera_reach(path)
    reached = np.empty((len(reliefs), len(frames), 4))
    uncovered = np.empty((len(reliefs), len(frames)))
    outpainted, stretching = np.empty((2, len(frames)))
    for r, relief in enumerate(reliefs):
        mesh = relief_mesh(relief, geometry, canvas, step=step, reach=reach)
        for n, frame in enumerate(frames):
            view = _view(mesh, canvas, geometry, path, frame)
            reached[r, n] = _reach_beyond(view, geometry)
            uncovered[r, n] = _share_outside(view, geometry, widest)
            if r == 0:
                outpainted[n] = _share_outside(view, geometry, Margins())
                stretching[n] = _anisotropy(_steady_part(view, steady, geometry, canvas))
    needed = reached.max(axis=(0, 1))
    if len(frames) < path.frame_count:
        needed += np.abs(np.diff(reached, axis=1)).max(axis=(0, 1), initial=0.0) / 2
    wanted = np.where(needed > -0.49, np.ceil((needed + SAFETY) / QUANTUM) * QUANTUM, 0.0)
    most = np.array([widest.left, widest.top, widest.right, widest.bottom])
    margins = Margins(*np.minimum(wanted, most).astype(int).tolist())
    worst, anisotropy = float(uncovered.max()), float(stretching.max())
    return MarginsPlan(
        margins=margins,
        reach=_four(np.maximum(reached[0].max(axis=0), 0.0)),
        outpainted_largest=float(outpainted.max()),
        outpainted_mean=float(outpainted.mean()),
        uncovered=worst,
        anisotropy=anisotropy,
        warnings=tuple(_warnings(worst, anisotropy)),
    )


def _four(values: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = values.tolist()
    return left, top, right, bottom


def _warnings(uncovered: float, anisotropy: float) -> Iterator[str]:
    if uncovered > 0:
        yield (
            f"the camera sees past the widest canvas in up to {uncovered:.1%} of a frame:"
            " choose a smaller move"
        )
    if anisotropy > STRETCH_WARNING:
        yield (
            f"the move stretches parts of the photo {anisotropy:.1f} times more one way than"
            " the other: a smaller move would look better"
        )


def uncovered_share(scene: Scene, path: CameraPath) -> Floats:
    """The share of the picture that no layer covers, in the frames that are tested (≤ F,).

    Those are all frames of a short path; a long one is tested as for its margins, and of one that
    stands still the first.
    """
    path = scene_path(scene, path)
    tested = _sampled_frames(path)
    width, height = _sample_counts(path)
    reliefs = tuple(_coverage_relief(scene, layer, path) for layer in scene.layers)
    small, canvas = _to_samples(path), new_canvas(reliefs, width, height)
    return np.array(
        [
            draw_reliefs(reliefs, small @ K, E, canvas) / (width * height)
            for K, E in zip(path.intrinsics[tested], path.extrinsics[tested], strict=True)
        ]
    )


def _coverage_relief(scene: Scene, layer: Layer, path: CameraPath) -> Relief:
    """A layer that covers what it will cover when drawn; its colours do not matter.

    What is not cut covers what its outline does, for which a coarse mesh will do.
    """
    if not layer.is_cut:
        step = layer.depth.shape[1] / CELLS_ACROSS
        mesh = relief_mesh(
            layer.depth, scene.geometry, scene.margins, step=step, reach=camera_reach(path)
        )
        return Relief(mesh, texture(np.zeros((2, 2, 3), np.uint8)))
    mesh = layer_mesh(scene, layer, path)
    return Relief(mesh, texture(layer.image, mesh.alpha))


@dataclass(frozen=True, eq=False)
class _View:
    """Where samples of one frame come from, (h, w, 2) in frame pixels, NaN where uncovered.

    ``solid`` (h, w) is true where they show neither the flat ground nor the far sky; ``spacing``
    is the output pixels between samples.
    """

    source: Floats
    solid: NDArray[np.bool_]
    spacing: tuple[float, float]


def _sample_counts(path: CameraPath) -> tuple[int, int]:
    width = min(SAMPLES_ACROSS, path.width)
    return width, max(round(width * path.height / path.width), 2)


def _to_samples(path: CameraPath) -> Floats:
    """(3, 3): output pixels to samples of which the outermost are the outermost pixels."""
    width, height = _sample_counts(path)
    x, y = (width - 1) / (path.width - 1), (height - 1) / (path.height - 1)
    return np.array([[x, 0.0, 0.5 - 0.5 * x], [0.0, y, 0.5 - 0.5 * y], [0.0, 0.0, 1.0]])


def _view(
    mesh: Mesh, canvas: Margins, geometry: SceneGeometry, path: CameraPath, frame: int
) -> _View:
    width, height = _sample_counts(path)
    small = _to_samples(path) @ path.intrinsics[frame]
    extrinsics = path.extrinsics[frame]
    screen, in_front = screen_vertices(mesh.points, mesh.source, mesh.depth, small @ extrinsics, 1)
    nearest, u, v = source_map(screen, in_front, mesh.bent, mesh.flats, width, height)
    source = np.stack([u, v], axis=-1) + 0.5 - [canvas.left, canvas.top]
    covered = nearest > 0
    depth = 1.0 / np.where(covered, nearest, np.inf)
    down = np.linalg.inv(small).T @ extrinsics[:, 1]
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    fall = maths.centre(extrinsics)[1] + depth * (down[0] * x + down[1] * y + down[2])
    camera_height = geometry.camera_height
    solid = (fall < (1 - GROUND_TOLERANCE) * camera_height) & (depth < SKY_HEIGHTS * camera_height)
    spacing = (path.width - 1) / (width - 1), (path.height - 1) / (height - 1)
    return _View(np.where(covered[..., None], source, np.nan), solid & covered, spacing)


def _reach_beyond(view: _View, geometry: SceneGeometry) -> Floats:
    """How many pixels beyond the frame the view reaches, left, top, right, bottom.

    A camera that stands still reaches −0.5: to the centres of the outermost pixels.
    """
    x, y = view.source[..., 0].ravel(), view.source[..., 1].ravel()
    # fmin and fmax pass over what is uncovered.
    left, top, right, bottom = (f.reduce(v) for f in (np.fmin, np.fmax) for v in (x, y))
    if np.isnan(left):
        return np.full(4, -0.5)
    return np.array([-left, -top, right - geometry.width, bottom - geometry.height])


def _share_outside(view: _View, geometry: SceneGeometry, margins: Margins) -> float:
    x, y = view.source[..., 0], view.source[..., 1]
    slack = 0.01
    inside = (
        (x >= -margins.left - slack)
        & (x <= geometry.width + margins.right + slack)
        & (y >= -margins.top - slack)
        & (y <= geometry.height + margins.bottom + slack)
    )
    return float(1.0 - inside.mean())


def _steady_part(
    view: _View, steady: NDArray[np.bool_] | None, geometry: SceneGeometry, canvas: Margins
) -> _View:
    """The view, solid only where it shows what is steady on the canvas."""
    if steady is None:
        return view
    height, width = steady.shape
    x, y = np.moveaxis(np.nan_to_num(view.source), -1, 0)
    across = width / (geometry.width + canvas.left + canvas.right)
    down = height / (geometry.height + canvas.top + canvas.bottom)
    columns = np.clip(((x + canvas.left) * across).astype(int), 0, width - 1)
    rows = np.clip(((y + canvas.top) * down).astype(int), 0, height - 1)
    return _View(view.source, view.solid & steady[rows, columns], view.spacing)


def _anisotropy(view: _View) -> float:
    """The ratio of the warp's singular values, as a percentile of what is solid."""
    dx = (view.source[1:-1, 2:] - view.source[1:-1, :-2]) / (2 * view.spacing[0])
    dy = (view.source[2:, 1:-1] - view.source[:-2, 1:-1]) / (2 * view.spacing[1])
    a, b, c = (dx * dx).sum(axis=-1), (dx * dy).sum(axis=-1), (dy * dy).sum(axis=-1)
    middle, half = (a + c) / 2, np.sqrt(((a - c) / 2) ** 2 + b * b)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt((middle + half) / (middle - half))
    ratio = np.where(view.solid[1:-1, 1:-1], ratio, 1.0)
    border = max(round(0.04 * view.solid.shape[1]), 1)
    inner = ratio[border:-border, border:-border]
    inner = inner[np.isfinite(inner)]
    return float(np.percentile(inner, STRETCH_PERCENTILE)) if inner.size else 1.0


def _sampled_frames(path: CameraPath) -> list[int]:
    """Frames to test: all, or evenly spaced ones and those with extreme poses and focals.

    Those of a camera that stands still are alike.
    """
    count = path.frame_count
    if path.is_still:
        return [0]
    if count <= MOST_FRAMES:
        return list(range(count))
    motion = np.concatenate(
        [
            maths.centre(path.extrinsics),
            path.extrinsics[:, :, :3].reshape(count, 9),
            path.intrinsics[:, 0, :1],
        ],
        axis=1,
    )
    even = np.linspace(0, count - 1, MOST_FRAMES).round().astype(int)
    extremes = np.concatenate([motion.argmin(axis=0), motion.argmax(axis=0)])
    return sorted({*even.tolist(), *extremes.tolist()})
