"""Three streets of flat walls and posts, seen exactly by any camera: truth for what is moved."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dynascene_cli.scene import GeometryGuess, SceneLabels, Viewpoint
from dynascene_cli.scene.ade20k import NAMES
from dynascene_cli.shot import CameraPath, SceneGeometry

WIDTH, HEIGHT, FOCAL, HORIZON, CAMERA_HEIGHT = 480, 270, 430.0, 140.0, 1.6
GROUND, SKY = (120, 120, 120), (205, 225, 245)


@dataclass(frozen=True)
class Panel:
    """An upright rectangle over the ground from (x0, z0) to (x1, z1), metres, and what it is."""

    base: tuple[float, float, float, float]
    height: float
    colour: tuple[int, int, int]
    name: str = "building"


RED, BLUE, GREEN, YELLOW = (200, 40, 40), (50, 60, 190), (40, 150, 50), (200, 170, 40)
POST = (150, 40, 160)
EDGE = 2
"""Pixels to either side of an edge within which colours mix."""

STREETS = {
    "canyon": (
        Panel((-5, 5, -5, 45), 8, RED),
        Panel((5, 7, 5, 40), 6, BLUE),
        Panel((-2.45, 9, -2.30, 9), 5, POST, "streetlight"),
        Panel((-6, 45, 8, 45), 7, GREEN),
    ),
    "crossing": (
        Panel((-9, 10, -3, 10), 7, RED),
        Panel((-3, 10, -3, 40), 7, YELLOW),
        Panel((2.5, 14, 9, 14), 5, BLUE),
        Panel((0.4, 7, 0.52, 7), 4.5, POST, "pole"),
        Panel((-10, 40, 10, 40), 4, GREEN, "tree"),
    ),
    "bend": (
        Panel((-6, 6, -2, 26), 8, RED),
        Panel((-2, 26, 5, 34), 8, YELLOW),
        Panel((7, 5, 5, 34), 6, BLUE),
        Panel((2.0, 8, 2.14, 8), 4, POST, "pole"),
        Panel((-2.6, 8, -0.9, 8), 1.5, GREEN, "car"),
    ),
}


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture (H, W, 3), its z-depth (H, W) in metres, and the panel of each pixel, -1 none."""

    image: np.ndarray
    depth: np.ndarray
    panel: np.ndarray


def seen(street: str, extrinsics: np.ndarray, samples: int = 3) -> Seen:
    """A street as a camera (3, 4) sees it, each pixel the mean of samples² rays."""
    fine = [
        _cast(STREETS[street], extrinsics, (i + 0.5) / samples, (j + 0.5) / samples)
        for i in range(samples)
        for j in range(samples)
    ]
    middle = _cast(STREETS[street], extrinsics, 0.5, 0.5)
    image = np.mean([part.image for part in fine], axis=0)
    return Seen((image + 0.5).astype(np.uint8), middle.depth, middle.panel)


def _cast(panels: tuple[Panel, ...], extrinsics: np.ndarray, dx: float, dy: float) -> Seen:
    rotation, centre = extrinsics[:, :3], -extrinsics[:, :3].T @ extrinsics[:, 3]
    x = (np.arange(WIDTH) + dx - WIDTH / 2) / FOCAL
    y = ((np.arange(HEIGHT) + dy - HORIZON) / FOCAL)[:, None]
    rays = np.stack(np.broadcast_arrays(x, y, 1.0), axis=-1) @ rotation
    with np.errstate(divide="ignore", invalid="ignore"):
        ground = (CAMERA_HEIGHT - centre[1]) / rays[..., 1]
    ground = np.where(rays[..., 1] > 1e-6, ground, np.inf)
    nearest, image = ground.copy(), np.empty((HEIGHT, WIDTH, 3))
    image[:] = SKY
    points = centre + np.where(np.isfinite(ground), ground, 0)[..., None] * rays
    pattern = _pattern(points[..., 0], points[..., 2])
    on_ground = np.isfinite(ground)
    image[on_ground] = (np.array(GROUND) * pattern[..., None])[on_ground]
    owner = np.full((HEIGHT, WIDTH), -1)
    for number, panel in enumerate(panels):
        x0, z0, x1, z1 = panel.base
        along = np.array([x1 - x0, 0, z1 - z0])
        length = float(np.linalg.norm(along))
        normal = np.array([along[2], 0, -along[0]]) / length
        with np.errstate(divide="ignore", invalid="ignore"):
            t = ((np.array([x0, 0, z0]) - centre) @ normal) / (rays @ normal)
        points = centre + np.nan_to_num(t, posinf=0, neginf=0)[..., None] * rays
        place = ((points - [x0, 0, z0]) @ along) / length
        up = CAMERA_HEIGHT - points[..., 1]
        hit = (t > 0) & (t < nearest) & (place >= 0) & (place <= length)
        hit &= (up >= 0) & (up <= panel.height)
        nearest[hit] = t[hit]
        owner[hit] = number
        image[hit] = (np.array(panel.colour) * _pattern(place, up)[..., None])[hit]
    return Seen(image, nearest, owner)


def _pattern(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Brightness of a surface at its own coordinates in metres: courses and a slow change."""
    courses = np.sin(2 * np.pi * a / 1.1) * np.sin(2 * np.pi * b / 0.9)
    return 0.85 + 0.12 * np.tanh(2 * courses) + 0.08 * np.sin(0.7 * a + 0.4 * b)


def guess_of(street: str, view: Seen) -> GeometryGuess:
    """What is known of the street's photo: its geometry, and the names of its pixels."""
    sky = ~np.isfinite(view.depth)
    ground = (view.panel < 0) & ~sky
    classes = np.where(sky, NAMES.index("sky"), NAMES.index("road")).astype(np.uint8)
    for number, panel in enumerate(STREETS[street]):
        classes[view.panel == number] = NAMES.index(panel.name)
    labels = SceneLabels(classes, np.ones((9, 16), np.float32))
    geometry = SceneGeometry(
        WIDTH, HEIGHT, FOCAL, HORIZON, 0.0, CAMERA_HEIGHT, 1.0, float(ground.mean()), False
    )
    viewpoint = Viewpoint(HORIZON / HEIGHT, 0.02, CAMERA_HEIGHT, 0.1)
    return GeometryGuess(geometry, sky, ground, (), viewpoint, {}, {}, labels)


def camera(x: float = 0.0, turn_deg: float = 0.0, distance: float = 6.0) -> np.ndarray:
    """World-to-camera (3, 4) at x metres to the right, or orbiting what is ``distance`` ahead."""
    angle = np.radians(turn_deg)
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    centre = np.array([x - distance * s, 0, distance * (1 - c)])
    return np.column_stack([rotation, -rotation @ centre])


MOVES = {
    "truck": (camera(-0.6), camera(0.6)),
    "orbit": (camera(turn_deg=-5), camera(turn_deg=5)),
}


def path_of(extrinsics: tuple[np.ndarray, ...]) -> CameraPath:
    """The camera path of these poses (3, 4)."""
    intrinsics = np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HORIZON], [0, 0, 1.0]])
    return CameraPath(
        np.repeat(intrinsics[None], len(extrinsics), axis=0),
        np.stack(extrinsics),
        WIDTH,
        HEIGHT,
        Fraction(25),
        "metres",
    )


def crookedness(street: str, picture: np.ndarray, truth: Seen) -> dict[str, tuple[float, float]]:
    """How far the sides of posts and frontal walls bend and lean, pixels per 100 of their height.

    A side is the outermost column of a panel's colour in each of its rows, in the picture and in
    truth; what leans or bends in truth, since a camera turned, is taken off.
    """
    found = {}
    for number, panel in enumerate(STREETS[street]):
        mask = truth.panel == number
        if not mask.any() or panel.name == "tree":
            continue
        for side, pick in (("left", np.argmax), ("right", _last)):
            rows = _own_rows(mask, pick)
            if len(rows) < 40:
                continue
            true_columns = pick(mask[rows], axis=1)
            shown = _like(picture, panel.colour) & _near(true_columns, rows)
            rows = rows[shown[rows].any(axis=1)]
            inwards = 1 if side == "left" else -1
            offsets = _edge(picture, rows, pick(shown[rows], axis=1), inwards)
            offsets -= _edge(truth.image, rows, pick(mask[rows], axis=1), inwards)
            slope, start = np.polyfit(rows, offsets, 1)
            bend = np.abs(offsets - (slope * rows + start))
            height = np.ptp(rows)
            found[f"{panel.name} {number} {side}"] = (
                float(np.percentile(bend, 90) / height * 100),
                float(abs(slope) * 100),
            )
    return found


def _edge(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray, inwards: int) -> np.ndarray:
    """Where in each row an edge near a column lies, to parts of a pixel, from how colours mix."""
    pixels = picture.astype(float)
    steps = np.arange(-EDGE, EDGE + 1)
    at = np.clip(columns[:, None] + inwards * steps, 0, WIDTH - 1)
    strip = pixels[rows[:, None], at]
    outside, inside = strip[:, :1], strip[:, -1:]
    across = inside - outside
    share = ((strip - outside) * across).sum(axis=-1) / np.maximum((across**2).sum(axis=-1), 1)
    return columns - inwards * (np.clip(share, 0, 1).sum(axis=1) - EDGE)


def _last(mask: np.ndarray, axis: int) -> np.ndarray:
    return mask.shape[axis] - 1 - mask[:, ::-1].argmax(axis=axis)


def _own_rows(mask: np.ndarray, pick) -> np.ndarray:
    """Rows in which a panel's side is an upright edge inside the picture, less its ends."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = pick(mask[rows], axis=1)
    usual = np.bincount(columns).argmax()
    inside = 3 < usual < mask.shape[1] - 4
    return rows[np.abs(columns - usual) <= 1][4:-4] if inside else rows[:0]


def _near(columns: np.ndarray, rows: np.ndarray, reach: int = 12) -> np.ndarray:
    near = np.zeros((HEIGHT, WIDTH), bool)
    for row, column in zip(rows, columns, strict=True):
        near[row, max(column - reach, 0) : column + reach + 1] = True
    return near


def _like(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where the hue is nearer to a panel's than to anything else's in the streets."""
    known = np.array([RED, BLUE, GREEN, YELLOW, POST, GROUND, SKY], float)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    own = np.argmax(known @ np.array(colour, float))
    shades = picture / np.maximum(np.linalg.norm(picture.astype(float), axis=-1), 1)[..., None]
    return (shades @ known.T).argmax(axis=-1) == own
