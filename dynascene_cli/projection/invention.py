"""How much of what a moving camera sees was never photographed.

Two things are made up: what lies past the photo's edges, and what comes out behind the outline of
a card that moves against the one behind it. Sky and road forgive that, façades, cars and people do
not: each is weighed by what it has to show.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats, centre, project, rays
from dynascene_cli.shot import CameraPath, Margins, Outlines, SceneGeometry

MOST_EDGES = 6000
"""So many pixels of outlines are followed at most, evenly taken."""

MOST_FRAMES = 16
"""At so many frames of a path, evenly taken, the first and the last among them."""

SAMPLES = 160
"""Samples across a frame that tell what it sees past the photo."""

BACKDROP, SKY = 10.0, 400.0
"""Camera heights to what is upright past the photo's edges, and the farthest that is looked at."""


@dataclass(frozen=True, eq=False)
class Invention:
    """Weighed shares of each frame (F,) that are made up: behind outlines and past each side.

    ``past`` (F, 4) is left, above, right and below the photo; ``frames`` (F,) their numbers.
    """

    frames: NDArray[np.int64]
    behind: Floats
    past: Floats

    @classmethod
    def nothing(cls) -> "Invention":
        """That of a camera that stays where the photo was taken."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)))

    @property
    def worst_behind(self) -> float:
        """The largest share that outlines uncover."""
        return float(self.behind.max(initial=0.0))

    @property
    def worst_past(self) -> float:
        """The largest share past the photo's edges."""
        return float(self.past.sum(axis=1).max(initial=0.0))


def invention(
    outlines: Outlines,
    rim: Floats,
    known: Margins,
    geometry: SceneGeometry,
    path: CameraPath,
) -> Invention:
    """What a path's frames show that the photo does not.

    ``known`` is how far the photo goes on around the frame; ``rim`` (h, w), over the frame and
    that, says how much it matters what is made up next to it. Past the photo the place is taken to
    be as far away as the nearer of ground and a backdrop of ten camera heights.
    """
    count = path.frame_count
    frames = np.unique(np.linspace(0, count - 1, min(count, MOST_FRAMES)).astype(int))
    sampled, each = _sampled(outlines)
    area = path.width * path.height
    behind, past = np.zeros(len(frames)), np.zeros((len(frames), 4))
    # The frames of a camera that stands still are alike.
    for n, frame in enumerate(frames[:1] if path.is_still else frames):
        K, E = path.intrinsics[frame], path.extrinsics[frame]
        behind[n] = each * _uncovered(sampled, geometry, K, E, path) / area
        past[n] = _past_edges(rim, known, geometry, K, E, path)
    if path.is_still:
        behind[:], past[:] = behind[0], past[0]
    return Invention(frames, behind, past)


def _sampled(outlines: Outlines) -> tuple[Outlines, float]:
    """At most MOST_EDGES of the outlines' pixels, and how many each stands for."""
    count = len(outlines.pixels)
    if count <= MOST_EDGES:
        return outlines, 1.0
    chosen = np.linspace(0, count - 1, MOST_EDGES).astype(int)
    return Outlines(*(values[chosen] for values in vars(outlines).values())), count / MOST_EDGES


def _uncovered(
    outlines: Outlines, geometry: SceneGeometry, K: Floats, E: Floats, path: CameraPath
) -> float:
    """The weighed pixels of a frame that come out behind outlines."""
    if len(outlines.pixels) == 0:
        return 0.0
    seen_along = rays(geometry.intrinsics, outlines.pixels) @ geometry.extrinsics[:, :3]
    near = project(K, E, seen_along / outlines.near[:, None])
    far = project(K, E, seen_along / outlines.far[:, None])
    with np.errstate(invalid="ignore"):
        seen = ((near > 0) & (near < [path.width, path.height])).all(axis=1)
        apart = far - near
        # What is thin uncovers no more than it hid.
        hidden = outlines.thick * K[0, 0] / geometry.focal
        opened = np.clip((apart * outlines.outward).sum(axis=1), 0, hidden)
        weighed = outlines.weight * opened + outlines.torn * np.hypot(*apart.T)
    return float(np.nansum(np.where(seen, weighed, 0)))


def _past_edges(
    rim: Floats, known: Margins, geometry: SceneGeometry, K: Floats, E: Floats, path: CameraPath
) -> Floats:
    """The weighed shares (4,) of a frame left of, above, right of and below the photo."""
    rows = max(2, round(SAMPLES * path.height / path.width))
    x = (np.arange(SAMPLES) + 0.5) * path.width / SAMPLES
    y = (np.arange(rows) + 0.5) * path.height / rows
    along = rays(K, np.stack(np.meshgrid(x, y), axis=-1)) @ E[:, :3]
    camera, h = centre(E), geometry.camera_height
    with np.errstate(divide="ignore"):
        ground = np.where(along[..., 1] > 1e-6, (h - camera[1]) / along[..., 1], np.inf)
        wall = np.where(along[..., 2] > 1e-6, (BACKDROP * h - camera[2]) / along[..., 2], np.inf)
    reach = np.minimum(np.minimum(ground, wall), SKY * h)
    points = camera + along * reach[..., None]
    seen = project(geometry.intrinsics, geometry.extrinsics, points)
    height, width = rim.shape
    column, row = seen[..., 0] + known.left, seen[..., 1] + known.top
    weight = rim[
        np.clip(np.nan_to_num(row), 0, height - 1).astype(int),
        np.clip(np.nan_to_num(column), 0, width - 1).astype(int),
    ]
    beyond = np.stack([-column, -row, column - width, row - height])
    side = beyond.argmax(axis=0)
    outside = beyond.max(axis=0) > 0
    return np.array([(weight * (outside & (side == k))).mean() for k in range(4)])
