"""Which frames are solved together, and how the others follow.

A long clip is adjusted over keyframes, closer where the picture moves or changes faster; every
other frame is then resected from the points that the keyframes gave.
"""

import numpy as np
from numpy.typing import NDArray

from dynascene_cli import geometry
from dynascene_cli.camera.estimation import resection_kernels
from dynascene_cli.camera.estimation.estimate import GATE_PIXELS, Integers
from dynascene_cli.camera.estimation.initialisation import TrackObservations
from dynascene_cli.camera.estimation.reconstruction import Reconstruction
from dynascene_cli.geometry import Floats

SHORT_CLIP = 120
"""Frames up to which every frame is a keyframe."""

MOST_KEYFRAMES = 240

LEAST_POINTS = 12
"""Points below which a frame's camera is not solved but filled in."""

_PIXELS, _DEATHS, _FRAMES = 16.0, 0.25, 20.0
"""Motion of the picture, share of tracks that end, and time, each of which makes a keyframe."""


def select_keyframes(observations: TrackObservations, usable: NDArray[np.bool_]) -> Integers:
    """Frames (N,) to solve together, among those ``usable`` (F,)."""
    frames = np.flatnonzero(usable)
    if len(frames) <= SHORT_CLIP:
        return frames
    same = observations.track[1:] == observations.track[:-1]
    moved = np.linalg.norm(observations.pixels[1:] - observations.pixels[:-1], axis=1)[same]
    at = observations.camera[1:][same]
    order = np.argsort(at, kind="stable")
    bounds = np.searchsorted(at[order], np.arange(observations.camera_count + 1))
    counts = np.bincount(observations.camera, minlength=observations.camera_count)
    pace = np.zeros(observations.camera_count)
    for f in range(1, observations.camera_count):
        steps = moved[order[bounds[f] : bounds[f + 1]]]
        if len(steps):
            ended = 1 - len(steps) / max(1, counts[f - 1])
            pace[f] = max(float(np.median(steps)) / _PIXELS, ended / _DEATHS, 1 / _FRAMES)
        else:
            pace[f] = 1 / _FRAMES
    way = np.cumsum(pace)[frames]
    count = int(np.clip(np.ceil(way[-1] - way[0]) + 1, SHORT_CLIP // 2, MOST_KEYFRAMES))
    stations = np.linspace(way[0], way[-1], count)
    return frames[np.unique(np.clip(np.searchsorted(way, stations), 0, len(frames) - 1))]


def solve_every_frame(
    observations: TrackObservations,
    frames: Integers,
    solved: Reconstruction,
    turns_only: bool = False,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Poses (F, 3, 4) and focals (F,) of all frames, and which of them (F,) were solved.

    ``solved`` has a camera for each of ``frames`` and a point for each track, NaN where unknown.
    What cannot be resected is interpolated; before the first and after the last it is held.
    """
    count = observations.camera_count
    times = np.arange(count, dtype=float)
    extrinsics = geometry.resample(
        geometry.pose(solved.rotations, solved.translations), frames.astype(float), times
    )
    focals = np.exp(np.interp(times, frames, np.log(solved.focals)))
    registered = np.zeros(count, dtype=np.bool_)
    registered[frames] = True
    order = np.argsort(observations.camera, kind="stable")
    bounds = np.searchsorted(observations.camera[order], np.arange(count + 1))
    for f in np.flatnonzero(~registered):
        rows = order[bounds[f] : bounds[f + 1]]
        rows = rows[np.isfinite(solved.points[observations.track[rows], 0])]
        if len(rows) < LEAST_POINTS:
            continue
        points, pixels = solved.points[observations.track[rows]], observations.pixels[rows]
        if turns_only:
            points = points * [1.0, 1.0, 1.0, 0.0]
        R, t = resection_kernels.resect_camera(
            np.ascontiguousarray(extrinsics[f, :, :3]), np.ascontiguousarray(extrinsics[f, :, 3]),
            focals[f], points, pixels, 1.0, 20,
        )  # fmt: skip
        seen = np.einsum("ij,pj->pi", R, points[:, :3]) + points[:, 3:] * t
        errors = np.linalg.norm(focals[f] * seen[:, :2] / seen[:, 2:] - pixels, axis=1)
        if np.count_nonzero(errors < GATE_PIXELS) >= LEAST_POINTS:
            extrinsics[f] = geometry.pose(R, t)
            registered[f] = True
    gaps = np.flatnonzero(~registered)
    if len(gaps):
        known = np.flatnonzero(registered)
        extrinsics[gaps] = geometry.resample(
            extrinsics[known], known.astype(float), gaps.astype(float)
        )
    return extrinsics, focals, registered
