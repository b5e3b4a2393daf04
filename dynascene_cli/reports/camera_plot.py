"""A picture of a camera path: from above, and in perspective with its frustums."""

from typing import Any

import numpy as np

from dynascene_cli.geometry import Floats, centre, inverse, rays, transform
from dynascene_cli.shot import CameraPath, Image

PERSON_HEIGHT = 1.7
DRAWN_CAMERAS = 5
SIZE_INCHES = (12.0, 5.4)
DOTS_PER_INCH = 100
PATH, FRUSTUM, PERSON = "#1f5fa8", "#7aa6d8", "#c2410c"


def camera_plot(
    path: CameraPath,
    contacts: Floats,
    camera_height: float,
    title: str = "",
    person_height: float = PERSON_HEIGHT,
) -> Image:
    """RGB uint8 (540, 1200, 3): the path over the ground plane y = ``camera_height``.

    ``contacts`` (3,) or (F, 3) are the person's ground-contact points, in the path's unit and
    world; one who walks is drawn at the last, their way dotted.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=11)
    above, perspective = figure.subplots(1, 2, width_ratios=(1, 1.25))
    perspective.remove()
    solid = figure.add_subplot(1, 2, 2, projection="3d")
    centres = centre(path.extrinsics)
    way = np.atleast_2d(contacts)
    seen = frustums(path, 0.16 * float(np.linalg.norm(way[0] - centres[0])))
    _draw_from_above(above, centres, seen, way)
    _draw_solid(solid, centres, seen, way, camera_height, person_height)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def frustums(path: CameraPath, depth: float) -> Floats:
    """Centre and four corners (C, 5, 3) of some cameras' views, ``depth`` deep."""
    frames = np.unique(np.linspace(0, path.frame_count - 1, DRAWN_CAMERAS).round().astype(int))
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [path.width, path.height]
    seen = rays(path.intrinsics[frames, None], corners[None]) * depth
    points = np.concatenate([np.zeros((len(frames), 1, 3)), seen], axis=1)
    return transform(inverse(path.extrinsics[frames])[:, None], points)


def _draw_from_above(axes: Any, centres: Floats, frustums: Floats, way: Floats) -> None:
    for apex, a, b, c, d in frustums:
        left, right = (a + d) / 2, (b + c) / 2
        outline = np.stack([apex, left, right, apex])
        axes.plot(outline[:, 0], outline[:, 2], color=FRUSTUM, linewidth=0.9)
    axes.plot(centres[:, 0], centres[:, 2], color=PATH, linewidth=2)
    axes.plot(*centres[0, [0, 2]], "o", color=PATH, markersize=6, label="first camera")
    axes.plot(*centres[-1, [0, 2]], "s", color=PATH, markersize=6, label="last camera")
    axes.plot(way[:, 0], way[:, 2], color=PERSON, linewidth=1.5, linestyle=":")
    axes.plot(*way[-1, [0, 2]], "o", color=PERSON, markersize=9, label="person")
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.12)
    axes.set(xlabel="x, right (m)", ylabel="z, forward (m)")
    axes.set_title("from above", fontsize=10)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="best")


def _draw_solid(
    axes: Any,
    centres: Floats,
    frustums: Floats,
    way: Floats,
    camera_height: float,
    person_height: float,
) -> None:
    """Draw with x to the right, z into the picture and height above the ground upwards."""

    def plot(points: Floats, **style: Any) -> None:
        axes.plot(points[:, 0], points[:, 2], camera_height - points[:, 1], **style)

    for number, (apex, *corners) in enumerate(frustums, start=1):
        colour = PATH if number == len(frustums) else FRUSTUM
        plot(np.stack([*corners, corners[0]]), color=colour, linewidth=0.9)
        for corner in corners:
            plot(np.stack([apex, corner]), color=colour, linewidth=0.6)
    plot(centres, color=PATH, linewidth=2)
    on_ground = np.stack(
        [centres[:, 0], np.full(len(centres), camera_height), centres[:, 2]], axis=1
    )
    plot(on_ground, color=PATH, linewidth=1, linestyle=":")
    foot = way[-1]
    head = foot - [0, person_height, 0]
    plot(way, color=PERSON, linewidth=1.5, linestyle=":")
    plot(np.stack([foot, head]), color=PERSON, linewidth=4, solid_capstyle="round")
    plot(head[None], color=PERSON, marker="o", markersize=9)
    everything = np.concatenate([frustums.reshape(-1, 3), centres, way, [head]])
    low, high = everything.min(axis=0), everything.max(axis=0)
    middle, reach = (low + high) / 2, float((high - low).max()) / 2
    across = max(reach / 2, 0.55 * float(high[0] - low[0]))
    axes.set_xlim(middle[0] - across, middle[0] + across)
    axes.set_ylim(middle[2] - reach, middle[2] + reach)
    top = camera_height - min(low[1], head[1])
    axes.set_zlim(0, top)
    axes.set_box_aspect((2 * across, 2 * reach, top), zoom=1.15)
    axes.view_init(elev=18, azim=-60)
    axes.set_xlabel("x (m)")
    axes.set_ylabel("z (m)")
    axes.set_zlabel("height (m)")
    axes.locator_params(axis="x", nbins=3)
    axes.locator_params(axis="y", nbins=5)
    axes.locator_params(axis="z", nbins=4)
    axes.set_title("in perspective", fontsize=10)
