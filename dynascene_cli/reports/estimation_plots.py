"""Pictures of an estimated camera: its residuals, its motion over time, its path in space."""

from typing import Any

import numpy as np

from dynascene_cli.camera.estimation.estimate import (
    GATE_MEDIAN_PIXELS,
    TRACKING_WIDTH,
    Estimate,
    FeatureTracks,
)
from dynascene_cli.camera.moves.tripod import tripod_angles
from dynascene_cli.geometry import Floats, centre, relative_to_first
from dynascene_cli.reports.camera_plot import FRUSTUM, PATH, frustums
from dynascene_cli.shot import CameraPath, Image

WIDTH_INCHES = 12.0
DOTS_PER_INCH = 100
BACKGROUND, BAD, GOOD = "#a8a29e", "#c2410c", "#0f766e"
DIRECTIONS = (("x, right", BAD), ("y, down", GOOD), ("z, forward", PATH))
TURNS = (("pan, right", BAD), ("tilt, up", GOOD), ("roll, clockwise", PATH))
FOCAL_CHANGE = 1e-3
DRAWN_POINTS = 3000
FARTHEST_PERCENTILE = 85
FRUSTUM_SHARE = 0.12
UNITS = {
    "metres": "m",
    "scene_depth": "1 = median depth of the first frame",
    "subject_distance": "1 = distance to the person",
}


def residual_plot(estimate: Estimate, tracks: FeatureTracks) -> Image:
    """RGB (460, 1200, 3): how well each frame is explained, and by how many points.

    Frames that were filled in between solved ones are shaded.
    """
    seconds = _seconds(estimate.path)
    figure, (upper, lower) = _figure(4.6, 2, height_ratios=(2, 1))
    upper.plot(seconds, estimate.frame_residuals, color=PATH, linewidth=1.5)
    upper.axhline(GATE_MEDIAN_PIXELS, color=BAD, linewidth=1, linestyle="--")
    upper.annotate(
        f"the most for the clip as a whole, which has {estimate.median_px:.2f}",
        (seconds[0], GATE_MEDIAN_PIXELS),
        xytext=(3, 4),
        textcoords="offset points",
        color=BAD,
        fontsize=8,
    )
    highest = np.nanmax(estimate.frame_residuals, initial=GATE_MEDIAN_PIXELS)
    upper.set_ylim(0, 1.15 * highest)
    upper.set_ylabel(f"pixels, of {TRACKING_WIDTH} across")
    shaded = "" if estimate.registered.all() else " (shaded: frames filled in between others)"
    told = f"median distance of the points from where the camera puts them{shaded}"
    upper.set_title(told, fontsize=10)
    counts = np.bincount(tracks.frame, minlength=len(seconds))
    lower.fill_between(seconds, counts, color=BACKGROUND, alpha=0.6, linewidth=0)
    lower.set_ylim(0, 1.15 * max(counts.max(), 1))
    lower.set(xlabel="seconds", ylabel="points")
    half = 0.5 / float(estimate.path.frame_rate)
    for axes in (upper, lower):
        for frame in np.flatnonzero(~estimate.registered):
            axes.axvspan(
                seconds[frame] - half, seconds[frame] + half, color=BAD, alpha=0.15, linewidth=0
            )
        axes.set_xlim(seconds[0] - half, seconds[-1] + half)
        axes.grid(alpha=0.25)
    return _picture(figure)


def motion_plot(path: CameraPath) -> Image:
    """RGB (…, 1200, 3): turns, centres and, if it changes, focal length, against the first frame.

    What an editor knows as the graph editor's curves.
    """
    first = relative_to_first(path.extrinsics)
    seconds = _seconds(path)
    turns = np.degrees(tripod_angles(np.swapaxes(first[:, :, :3], 1, 2)))
    turns = np.unwrap(turns, axis=0, period=360)
    focal = path.intrinsics[:, 0, 0]
    zooms = bool(np.ptp(focal) > FOCAL_CHANGE * focal[0])
    figure, rows = _figure(4.2 + 1.6 * zooms, 2 + zooms)
    curves = [(turns, TURNS, "degrees"), (centre(first), DIRECTIONS, "position")]
    for axes, (values, names, label) in zip(rows[:2], curves, strict=True):
        for column, (name, colour) in zip(values.T, names, strict=True):
            axes.plot(seconds, column, color=colour, linewidth=1.6, label=name)
        axes.legend(fontsize=8, loc="upper left", ncols=3)
        axes.set_ylabel(label)
        axes.margins(y=0.25)
    rows[1].set_title(f"position ({UNITS[path.unit]})", fontsize=10)
    if zooms:
        rows[2].plot(seconds, focal, color=PATH, linewidth=1.6)
        rows[2].set_ylabel("focal length, px")
    for axes in rows:
        axes.grid(alpha=0.25)
    rows[0].set_title("turns", fontsize=10)
    rows[-1].set_xlabel("seconds")
    return _picture(figure)


def path_plot(path: CameraPath, points: Floats) -> Image:
    """RGB (560, 1200, 3): the path from above and in space, before the background points (P, 3).

    The path's world, drawn with z forward and y downwards; the farthest points are left out.
    """
    figure, (above, plain) = _figure(5.6, 1, columns=2, width_ratios=(1, 1.2))
    plain.remove()
    solid = figure.add_subplot(1, 2, 2, projection="3d")
    centres = centre(path.extrinsics)
    near = _nearest_points(points, centres)
    depth = np.median(np.linalg.norm(near - centres[0], axis=1)) if len(near) else 1.0
    reach = max(float(np.linalg.norm(np.ptp(centres, axis=0))), float(depth))
    views = frustums(path, FRUSTUM_SHARE * reach)
    above.scatter(near[:, 0], near[:, 2], s=2, color=BACKGROUND, linewidths=0)
    for apex, a, b, c, d in views:
        outline = np.stack([apex, (a + d) / 2, (b + c) / 2, apex])
        above.plot(outline[:, 0], outline[:, 2], color=FRUSTUM, linewidth=0.9)
    above.plot(centres[:, 0], centres[:, 2], color=PATH, linewidth=2)
    above.plot(*centres[0, [0, 2]], "o", color=PATH, markersize=6, label="first camera")
    above.plot(*centres[-1, [0, 2]], "s", color=PATH, markersize=6, label="last camera")
    above.set_aspect("equal", adjustable="datalim")
    above.set(xlabel="x, right", ylabel="z, forward")
    above.set_title(f"from above ({UNITS[path.unit]})", fontsize=10)
    above.grid(alpha=0.25)
    above.legend(fontsize=8, loc="best")
    solid.scatter(near[:, 0], near[:, 2], -near[:, 1], s=2, color=BACKGROUND, linewidths=0)
    for apex, *corners in views:
        edges = [*corners, corners[0], *(p for corner in corners for p in (apex, corner))]
        line = np.stack(edges)
        solid.plot(line[:, 0], line[:, 2], -line[:, 1], color=FRUSTUM, linewidth=0.7)
    solid.plot(centres[:, 0], centres[:, 2], -centres[:, 1], color=PATH, linewidth=2)
    solid.set_aspect("equal")
    solid.view_init(elev=18, azim=-60)
    solid.set(xlabel="x", ylabel="z", zlabel="up")
    for axis in ("x", "y", "z"):
        solid.locator_params(axis=axis, nbins=4)
    solid.set_title("in space", fontsize=10)
    return _picture(figure)


def _nearest_points(points: Floats, centres: Floats) -> Floats:
    """Some thousand of the points, without the farthest, whose depth is the least certain."""
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return np.zeros((0, 3))
    apart = np.linalg.norm(known - centres.mean(axis=0), axis=1)
    near = known[apart <= np.percentile(apart, FARTHEST_PERCENTILE)]
    return np.asarray(near[:: -(-len(near) // DRAWN_POINTS)])


def _seconds(path: CameraPath) -> Floats:
    return np.arange(path.frame_count) / float(path.frame_rate)


def _figure(height: float, rows: int, columns: int = 1, **ratios: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **ratios)


def _picture(figure: Any) -> Image:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
