"""Tracks of purely geometric scenes: points in space, seen by a camera whose truth is known."""

from dataclasses import dataclass

import numpy as np

from dynascene_cli import geometry
from dynascene_cli.camera.estimation.estimate import FeatureTracks
from dynascene_cli.geometry import Floats

WIDTH, HEIGHT = 960, 540


@dataclass(frozen=True, eq=False)
class TrackedScene:
    """Tracks and the camera that is behind them: world-to-camera (F, 3, 4) and focals (F,)."""

    tracks: FeatureTracks
    extrinsics: Floats
    focals: Floats


def smooth_noise(rng: np.random.Generator, frames: int, columns: int, hold: int) -> Floats:
    """Random curves (F, columns) of unit spread that change over about ``hold`` frames."""
    white = rng.normal(size=(frames + 8 * hold, columns))
    kernel = np.hanning(2 * hold + 1)
    curves = np.stack([np.convolve(w, kernel, "valid")[:frames] for w in white.T], axis=1)
    return curves / np.sqrt((kernel**2).sum())


def turned(degrees_xyz: Floats) -> Floats:
    """Camera-to-world rotations (F, 3, 3): pan about y, then tilt about x, then roll about z."""
    return np.stack(
        [
            geometry.rotation_about("y", y)
            @ geometry.rotation_about("x", x)
            @ geometry.rotation_about("z", z)
            for x, y, z in degrees_xyz
        ]
    )


def moved_camera(centres: Floats, degrees_xyz: Floats) -> Floats:
    """World-to-camera poses (F, 3, 4) of a camera at ``centres``, turned by ``degrees_xyz``."""
    return geometry.pose_from_centre(turned(degrees_xyz), centres)


def tracked_scene(
    extrinsics: Floats,
    focals: Floats,
    *,
    seed: int = 0,
    per_frame: int = 300,
    noise: float = 0.15,
    drift: float = 0.02,
    outliers: float = 0.03,
    life: float = 40.0,
    depths: tuple[float, float] = (2.0, 20.0),
    hole: float = 0.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> TrackedScene:
    """Follow points that are born in the picture and die at its edge or by chance.

    Depths at birth are log-uniform in metres. ``noise`` is each observation's, ``drift`` each
    step's, in pixels; a share of ``outliers`` tracks moves by itself; ``hole`` is the share of
    the picture's width in the middle, where a person hides everything; ``life`` the mean length.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    frames = len(extrinsics)
    K = np.zeros((frames, 3, 3))
    K[:, 0, 0] = K[:, 1, 1] = focals
    K[:, 0, 2], K[:, 1, 2], K[:, 2, 2] = width / 2, height / 2, 1

    def visible(xy: Floats) -> Floats:
        inside = (xy[:, 0] > 4) & (xy[:, 0] < width - 4) & (xy[:, 1] > 4) & (xy[:, 1] < height - 4)
        return inside & ~(np.abs(xy[:, 0] - width / 2) < hole * width / 2)

    points = np.zeros((0, 3))
    slip, glide = np.zeros((0, 2)), np.zeros((0, 2))
    ids = np.zeros(0, int)
    born, rows = 0, []
    for i in range(frames):
        if i:
            slip = slip + drift * rng.normal(size=slip.shape) + glide
        xy = geometry.project(K[i], extrinsics[i], points) + slip
        kept = visible(xy) & (rng.random(len(xy)) > 1 / life)
        points, slip, glide, ids, xy = points[kept], slip[kept], glide[kept], ids[kept], xy[kept]
        need = per_frame - len(ids)
        if need > 0:
            new = rng.uniform((5, 5), (width - 5, height - 5), (4 * need, 2))
            new = new[visible(new)][:need]
            rays = geometry.rays(K[i], new)
            z = np.exp(rng.uniform(*np.log(depths), len(new)))
            points = np.vstack(
                [points, geometry.transform(geometry.inverse(extrinsics[i]), rays * z[:, None])]
            )
            slip = np.vstack([slip, np.zeros((len(new), 2))])
            moves = (rng.random(len(new)) < outliers)[:, None]
            glide = np.vstack([glide, np.where(moves, rng.normal(0, 1.5, (len(new), 2)), 0)])
            ids = np.concatenate([ids, born + np.arange(len(new))])
            born += len(new)
            xy = np.vstack([xy, new])
        seen = xy + noise * rng.normal(size=xy.shape)
        rows.append(np.column_stack([ids, np.full(len(ids), i), seen]))
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    tracks = FeatureTracks(
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2:],
        frames,
        width,
        height,
    )
    return TrackedScene(tracks, extrinsics, np.asarray(focals, dtype=float))


def named_shot(name: str, frames: int = 48, focal: float = 830.0) -> tuple[Floats, Floats]:
    """A camera (F, 3, 4) and its focals (F,) of one of the moves that the estimator must solve."""
    u = np.linspace(0, 1, frames)
    centres, turns, zoom = np.zeros((frames, 3)), np.zeros((frames, 3)), np.ones(frames)
    if name == "truck-pan":
        centres[:, 0], turns[:, 1] = 1.5 * u, 8 * u
    elif name == "orbit":
        angle = np.radians(25 * u)
        centres[:, 0], centres[:, 2] = -6 * np.sin(angle), 6 - 6 * np.cos(angle)
        turns[:, 1] = 25 * u
    elif name == "handheld":
        sway = smooth_noise(np.random.default_rng(7), frames, 6, 8)
        centres = 0.12 * sway[:, :3] + u[:, None] * [0.4, 0, 0.5]
        turns = 1.2 * sway[:, 3:]
    elif name == "dolly-in":
        centres[:, 2] = 1.5 * u
    elif name == "small":
        centres[:, 0], centres[:, 1] = 0.08 * u, 0.02 * np.sin(6 * u)
        turns = u[:, None] * [1.0, 2.0, 0.0]
    elif name == "pan":
        turns[:, 0], turns[:, 1] = 2 * np.sin(5 * u), 20 * u
    elif name == "zoom-pan":
        turns[:, 1], zoom = 8 * u, 1 + 0.5 * u**2
    elif name == "zoom-truck":
        centres[:, 0], turns[:, 1], zoom = 1.5 * u, 4 * u, 1 + 0.4 * u
    elif name == "dolly-zoom":
        centres[:, 2], zoom = 2 * u, (5 - 2 * u) / 5
    elif name == "walk":
        sway = smooth_noise(np.random.default_rng(3), frames, 6, 12)
        centres = 0.05 * sway[:, :3] + frames / 30 * u[:, None] * [0.2, 0, 0.8]
        turns = 1.5 * sway[:, 3:]
        turns[:, 1] += 20 * np.sin(6 * u)
    elif name != "static":
        raise ValueError(name)
    extrinsics = geometry.relative_to_first(moved_camera(centres, turns))
    return extrinsics, focal * zoom
