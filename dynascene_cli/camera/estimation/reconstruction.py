"""What a bundle adjustment is about: observations of points, and cameras and points behind them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation import bundle_kernels as kernels
from dynascene_cli.camera.estimation.estimate import Integers
from dynascene_cli.geometry import Floats


@dataclass(frozen=True, eq=False)
class Observations:
    """Which camera saw which point where: one row an observation, ordered by point.

    ``camera``, ``point`` (O,); ``pixels`` (O, 2) from the principal point; ``anchors`` (P,) the
    camera in whose axes a point's parameters are taken.
    """

    camera: Integers
    point: Integers
    pixels: Floats
    anchors: Integers
    camera_count: int

    @property
    def first(self) -> Integers:
        """Where each point's observations begin, (P + 1,)."""
        return np.searchsorted(self.point, np.arange(len(self.anchors) + 1)).astype(np.int64)

    @property
    def rows(self) -> kernels.ObservationRows:
        """The observations as the kernels take them."""
        return kernels.ObservationRows(self.camera, self.point, self.pixels, self.first)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Cameras and points: rotations (N, 3, 3), translations (N, 3), focals (N,), points (P, 4).

    A point (d, ρ) is d/ρ in the world, and at infinity where ρ is 0.
    """

    rotations: Floats
    translations: Floats
    focals: Floats
    points: Floats

    @property
    def centres(self) -> Floats:
        """Camera centres (N, 3) in the world."""
        return -np.einsum("nji,nj->ni", self.rotations, self.translations)

    @property
    def cameras(self) -> kernels.Cameras:
        """The cameras as the kernels take them."""
        return kernels.Cameras(self.rotations, self.translations, self.focals)


def collect_observations(
    track: Integers, frame: Integers, pixels: Floats, camera_count: int, shortest: int = 3
) -> tuple[Observations, Integers]:
    """The observations of tracks seen by at least ``shortest`` cameras, and those tracks' numbers.

    Rows are ordered by track and then camera (``frame`` counts cameras). A track's middle
    observation is its anchor.
    """
    numbers, lengths = np.unique(track, return_counts=True)
    long_enough = lengths >= shortest
    kept = np.repeat(long_enough, lengths)
    numbers, lengths = numbers[long_enough], lengths[long_enough]
    camera = np.ascontiguousarray(frame[kept], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    return Observations(
        camera,
        np.repeat(np.arange(len(numbers), dtype=np.int64), lengths),
        np.ascontiguousarray(pixels[kept], dtype=float),
        camera[starts + lengths // 2] if len(camera) else camera,
        camera_count,
    ), numbers


def select_points(seen: Observations, kept: NDArray[np.bool_]) -> Observations:
    """The observations of the points that are ``kept`` (P,), numbered anew."""
    rows = kept[seen.point]
    numbers = np.cumsum(kept) - 1
    return Observations(
        seen.camera[rows],
        numbers[seen.point[rows]],
        seen.pixels[rows],
        seen.anchors[kept],
        seen.camera_count,
    )


def anchor_rays(seen: Observations, rotations: Floats, focals: Floats) -> Floats:
    """World directions (P, 3) in which the points' anchors saw them."""
    is_anchor = seen.camera == seen.anchors[seen.point]
    pixels = np.zeros((len(seen.anchors), 2))
    pixels[seen.point[is_anchor]] = seen.pixels[is_anchor]
    rays = np.column_stack([pixels / focals[seen.anchors, None], np.ones(len(pixels))])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return np.einsum("pji,pj->pi", rotations[seen.anchors], rays)


def place_points(
    seen: Observations,
    rotations: Floats,
    translations: Floats,
    focals: Floats,
    inverse_depth: float,
) -> Floats:
    """Points (P, 4) on their anchors' rays, all at one inverse depth from the anchors."""
    rays = anchor_rays(seen, rotations, focals)
    shift = np.einsum("pji,pj->pi", rotations[seen.anchors], translations[seen.anchors])
    inverse_depths = np.full((len(rays), 1), inverse_depth)
    return np.concatenate([rays - inverse_depths * shift, inverse_depths], axis=1)


def reprojection_errors(seen: Observations, guess: Reconstruction) -> Floats:
    """Distance in pixels (O,) of every observation from its reprojection."""
    scaled, _ = kernels.tangent_charts(
        guess.rotations, guess.translations, guess.points, seen.anchors
    )
    errors: Floats = kernels.residuals(guess.cameras, scaled, seen.rows)
    return np.linalg.norm(errors, axis=1)
