"""Synthetic places: rooms, streets and outdoor stages built around where a camera will go.

World: metres, y down, the ground at y = 0. Every face shows its painted side along −u × v.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.dataset.synthetic.raster import Faces, Surroundings
from dynascene_cli.dataset.synthetic.textures import Split, TexturePool
from dynascene_cli.geometry import Floats

PLACES = ("room", "street", "yard")

_HUES = 12


class Light(NamedTuple):
    """``ambient`` and ``sun`` (3,) gains of a surface's colours; ``towards_sun`` (3,), unit."""

    ambient: Floats
    sun: Floats
    towards_sun: Floats


@dataclass(frozen=True, eq=False)
class Place:
    """What there is to film, and how a person in it is lit."""

    faces: Faces
    surroundings: Surroundings
    light: Light


def vary_colour(rng: np.random.Generator, count: int, split: Split, least: float = 0.0) -> Floats:
    """Colours (N, 3), 0..255, neither black nor white, of hues that belong to the split alone."""
    sector = 2 * rng.integers(_HUES, size=count) + (split == "held-out")
    hue = (sector + rng.random(count)) / (2 * _HUES)
    saturation = least + (0.75 - least) * rng.random(count) ** 1.3
    value = rng.uniform(0.45, 0.95, count)
    wheel = np.abs((6 * hue[:, None] + [3.0, 1.0, 5.0]) % 6 - 3) - 1
    wheel = np.clip(wheel, 0, 1)
    return 255 * value[:, None] * (1 - saturation[:, None] * (1 - wheel))


@dataclass(frozen=True)
class _Coat:
    """What covers a face: a kind of surface, the number of its paint, and its darker edges."""

    kind: str
    paint: int
    corner_shade: float = 0.0


class _Builder:
    """Faces as they are put up; paint comes when all stand."""

    def __init__(self) -> None:
        self.corners: list[list[list[float]]] = []
        self.groups: list[int] = []
        self.kinds: list[str] = []
        self.shades: list[float] = []
        self._next = 0

    def paint(self) -> int:
        """The number of a new paint."""
        self._next += 1
        return self._next - 1

    def face(self, origin: list[float], u: list[float], v: list[float], coat: "_Coat") -> None:
        self.corners.append([origin, u, v])
        self.kinds.append(coat.kind)
        self.groups.append(coat.paint)
        self.shades.append(coat.corner_shade)

    def wall(
        self, at: tuple[float, float], facing: float, size: tuple[float, float], bottom: float,
        coat: "_Coat",
    ) -> None:  # fmt: skip
        """An upright face of ``size`` (width, height), centred over ``at`` (x, z).

        Its painted side looks towards ``facing`` radians; ``bottom`` is the y of its lower edge.
        """
        width, height = size
        along = [-np.cos(facing), 0.0, np.sin(facing)]
        origin = [at[0] - along[0] * width / 2, bottom - height, at[1] - along[2] * width / 2]
        u = [along[0] * width, 0.0, along[2] * width]
        self.face(origin, u, [0.0, height, 0.0], coat)

    def flat(
        self, at: tuple[float, float], size: tuple[float, float], y: float, coat: "_Coat",
        angle: float = 0.0,
    ) -> None:  # fmt: skip
        """A level face of ``size`` (width, depth) seen from above, centred on ``at`` (x, z).

        It is turned by ``angle`` radians.
        """
        width, depth = size
        c, s = np.cos(angle), np.sin(angle)
        u, v = [c * width, 0.0, -s * width], [-s * depth, 0.0, -c * depth]
        origin = [at[0] - (u[0] + v[0]) / 2, y, at[1] - (u[2] + v[2]) / 2]
        self.face(origin, u, v, coat)

    def box(
        self, at: tuple[float, float], size: tuple[float, float, float], angle: float, kind: str,
        *, top: str = "surface", coloured: bool = False,
    ) -> None:  # fmt: skip
        """An upright box of ``size`` (width, depth, height) on the ground at ``at`` (x, z).

        ``coloured``: each side has its own paint.
        """
        width, depth, height = size
        paints = [self.paint() for _ in range(4 if coloured else 1)]
        for side in range(4):
            facing = angle + side * np.pi / 2
            across, out = (width, depth) if side % 2 == 0 else (depth, width)
            middle = at[0] + np.sin(facing) * out / 2, at[1] + np.cos(facing) * out / 2
            self.wall(
                middle, facing, (across, height), 0.0, _Coat(kind, paints[side % len(paints)])
            )
        self.flat(at, (width, depth), -height, self.coat(top), angle)

    def coat(self, kind: str, corner_shade: float = 0.0) -> "_Coat":
        """A new paint on a face of this kind."""
        return _Coat(kind, self.paint(), corner_shade)

    def paint_faces(
        self, rng: np.random.Generator, pool: TexturePool, split: Split, light: Light
    ) -> Faces:
        """All faces, each paint with colours and patterns of its own."""
        corners = np.array(self.corners)
        groups = np.array(self.groups)
        chosen = _paints(rng, pool, split, [self._kind_of(i) for i in range(self._next)])
        base, mixes, patterns, tiles = (part[groups] for part in chosen)
        normals = -np.cross(corners[:, 1], corners[:, 2])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        facing = np.maximum(normals @ light.towards_sun, 0)[:, None]
        gain = light.ambient + light.sun * facing
        gain[np.array(self.kinds) == "lit"] = 1.2
        offsets = rng.random((self._next, 2, 2))[groups]
        return Faces(
            corners, base, mixes, patterns, tiles, offsets, gain, np.array(self.shades)
        )  # fmt: skip

    def _kind_of(self, paint: int) -> str:
        return self.kinds[self.groups.index(paint)]


_METRES = {
    "surface": ((1.2, 3.5), (1.5, 4.0)),
    "wall": ((3.0, 7.0), (1.2, 3.5)),
    "picture": ((1.0, 3.0), (0.8, 1.8)),
    "lit": ((3.0, 6.0), (1.0, 3.0)),
    "front": ((8.0, 20.0), (6.0, 11.0)),
    "ground": ((6.0, 18.0), (2.0, 6.0)),
    "hill": ((60.0, 120.0), (20.0, 60.0)),
}
"""Of each kind of face, the metres that one tile of its stains and of its pattern covers."""


def _paints(
    rng: np.random.Generator, pool: TexturePool, split: Split, kinds: list[str]
) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
    """Base (N, 3), mixes (N, 2, 3, 3), patterns (N, 2) and tiles a metre (N, 2) of paints."""
    count = len(kinds)
    base = vary_colour(rng, count, split)
    metres = np.array([_METRES[kind] for kind in kinds])
    span = metres[..., 0] + (metres[..., 1] - metres[..., 0]) * rng.random((count, 2))
    stains = np.array(pool.stains)[rng.integers(len(pool.stains), size=count)]
    choices = dict.fromkeys(_METRES, pool.surfaces) | {"front": pool.fronts}
    is_photo = rng.random(count) < (0.4 if pool.photos else 0.0)
    draw = rng.random(count)
    over = np.empty(count, np.int64)
    for i, kind in enumerate(kinds):
        of = pool.photos if is_photo[i] and kind != "front" else choices[kind]
        is_photo[i] = of is pool.photos
        over[i] = of[int(draw[i] * len(of))]
    # Grey and colour vary apart: a place in shades of one colour is as common as a gaudy one.
    strength = rng.uniform(35, 80, (count, 2))
    gaudy = rng.uniform(0.05, 0.65, (count, 2))
    turn = rng.normal(size=(count, 2, 3, 3)) * 0.35
    grey = np.full((3, 3), 1 / 3)
    mixes = strength[..., None, None] * (
        (1 - gaudy[..., None, None]) * grey * 1.6
        + gaudy[..., None, None] * (np.eye(3) * 0.7 + turn)
    )
    tint = 0.6 + 0.4 * base / base.max(axis=1, keepdims=True)
    base = np.where(is_photo[:, None], 125 * tint, base)
    mixes[is_photo, 1] = 120 * tint[is_photo, :, None] * np.eye(3)
    mixes[is_photo, 0] *= 0.4
    return base, mixes, np.stack([stains, over], axis=1), 1 / span


def _clear(
    rng: np.random.Generator, xz: Floats, radii: Floats, kept: Floats, margin: float
) -> NDArray[np.bool_]:
    """Which round things (N,) stand clear of the points (P, 2) that must stay free, and in turn
    of those before them."""
    far = np.linalg.norm(xz[:, None] - kept[None], axis=-1).min(axis=1) > radii + margin
    chosen: list[int] = []
    for i in np.flatnonzero(far):
        if all(np.hypot(*(xz[i] - xz[j])) > radii[i] + radii[j] for j in chosen):
            chosen.append(int(i))
    mask = np.zeros(len(xz), bool)
    mask[chosen] = True
    return mask


def _daylight(rng: np.random.Generator, indoors: bool) -> Light:
    exposure = rng.uniform(0.88, 1.12)
    warm = rng.normal(0, 0.05)
    white = np.array([1 + warm, 1.0, 1 - warm])
    height, around = rng.uniform(0.5, 1.2), rng.uniform(0, 2 * np.pi)
    towards = [np.cos(height) * np.sin(around), -np.sin(height), np.cos(height) * np.cos(around)]
    share = rng.uniform(0.1, 0.3) if indoors else rng.uniform(0.15, 0.5)
    warmer = np.array([1.08, 1.0, 0.9])
    return Light(
        exposure * white * (0.98 - 0.55 * share), exposure * white * warmer * share,
        np.array(towards),
    )  # fmt: skip


def _sky(
    rng: np.random.Generator, pool: TexturePool, split: Split, light: Light, haze: float
) -> Surroundings:
    exposure = float(light.ambient.mean() + 0.55 * light.sun.mean())
    blue = np.array([95.0, 150.0, 215.0]) + rng.normal(0, 18, 3)
    dusk = vary_colour(rng, 1, split, 0.3)[0]
    zenith = exposure * (blue + rng.uniform(0, 0.5) * (dusk - blue))
    pale = np.array([205.0, 215.0, 222.0])
    horizon = exposure * (pale + rng.uniform(0, 0.35) * (dusk - pale))
    cloud = exposure * np.full(3, rng.uniform(190, 240))
    horizon, zenith, cloud = (np.clip(colour, 0, 250) for colour in (horizon, zenith, cloud))
    clouds = int(pool.clouds[rng.integers(len(pool.clouds))])
    return Surroundings(horizon, zenith, cloud, clouds, rng.random(2), haze, np.zeros(3), 0.0)


def room(
    rng: np.random.Generator, pool: TexturePool, split: Split, half: Floats, ceiling: float,
    kept: Floats,
) -> Place:  # fmt: skip
    """An interior of half-extents (2,) x and z, clear about the points ``kept`` (P, 2)."""
    built = _Builder()
    ex, ez = half
    shade = rng.uniform(0.1, 0.35)
    built.flat((0, 0), (2 * ex, 2 * ez), 0, built.coat("wall", shade))
    built.face(
        [-ex, -ceiling, -ez], [2 * ex, 0, 0], [0, 0, 2 * ez], built.coat("wall", shade)
    )  # fmt: skip
    sides = [(0, ez, np.pi, ex), (ex, 0, -np.pi / 2, ez), (0, -ez, 0, ex), (-ex, 0, np.pi / 2, ez)]
    for x, z, facing, extent in sides:
        built.wall((x, z), facing, (2 * extent, ceiling), 0, built.coat("wall", shade))
        places = np.linspace(-extent, extent, int(rng.integers(2, 5)) + 1)
        for left, right in pairwise(places):
            draw, width = rng.random(), min((right - left) * rng.uniform(0.4, 0.8), 2.2)
            middle = (left + right) / 2
            spot = (
                x - np.cos(facing) * middle + 0.01 * np.sin(facing),
                z + np.sin(facing) * middle + 0.01 * np.cos(facing),
            )
            if draw < 0.35:
                height = rng.uniform(0.6, 1.2)
                built.wall(spot, facing, (width, height), -rng.uniform(0.9, 1.2),
                           built.coat("picture"))  # fmt: skip
            elif draw < 0.5:
                built.wall(spot, facing, (min(width, 1.1), 2.05), 0, built.coat("surface"))
            elif draw < 0.65:
                built.wall(spot, facing, (width, 1.2), -0.9, built.coat("lit"))
    if rng.random() < 0.6:
        (x, z), (w, d) = kept.mean(axis=0) + rng.normal(0, 0.4, 2), rng.uniform(1.4, 3.0, 2)
        built.flat((x, z), (w, d), -0.008, built.coat("surface"))
    count = 14
    at = rng.uniform(-1, 1, (count, 2)) * (half - 0.35)
    size = rng.uniform(0.4, 1.2, (count, 2))
    at = np.clip(at, -half + size.max(axis=1, keepdims=True) / 2, half - size.max() / 2)
    heights = rng.uniform(0.4, 2.0, count)
    clear = _clear(rng, at, np.hypot(*size.T) / 2, kept, 0.25)
    for i in np.flatnonzero(clear)[:6]:
        angle = 0.0 if rng.random() < 0.7 else rng.uniform(0, np.pi)
        (x, z), (w, d) = at[i], size[i]
        built.box(
            (x, z), (w, d, heights[i]), angle, "surface", coloured=rng.random() < 0.3
        )  # fmt: skip
    light = _daylight(rng, indoors=True)
    lamp = np.array([*(rng.uniform(-0.6, 0.6, 2) * half), 0.8 - ceiling])[[0, 2, 1]]
    around = _sky(rng, pool, split, light, 1e9)._replace(lamp=lamp, lamp_gain=rng.uniform(0, 0.4))
    return Place(built.paint_faces(rng, pool, split, light), around, light)


def street(rng: np.random.Generator, pool: TexturePool, split: Split, kept: Floats) -> Place:
    """A road along z between house fronts, with pavements and things standing on them."""
    built = _Builder()
    built.flat((0, 0), (800, 800), 0, built.coat("ground"))
    road = rng.uniform(2.0, 4.0)
    reach = max(float(np.abs(kept[:, 0]).max()) + 0.8, road + rng.uniform(1.5, 4.0))
    built.flat((0, 0), (2 * road, 160), -0.012, built.coat("ground"))
    if rng.random() < 0.6:
        built.flat((0, 0), (0.2, 160), -0.02, built.coat("surface"))
    for side in (-1, 1):
        z = -48.0
        while z < 48:
            width, height = rng.uniform(6, 13), rng.uniform(4.5, 13)
            if rng.random() < 0.88:
                x = side * (reach + rng.uniform(0, 1.0) + 4)
                kind = "front" if rng.random() < 0.75 else "wall"
                built.box((x, z + width / 2), (8, width, height), 0, kind)
            z += width + rng.choice([0.0, 1.5])
    for z in (-1, 1):
        built.wall((rng.normal(0, 3), z * rng.uniform(48, 70)), (1 + z) * np.pi / 2,
                   (40, rng.uniform(4, 12)), 0, built.coat("front"))  # fmt: skip
    _scatter(built, rng, np.array([reach - 0.5, 22.0]), kept, 9, 2.4)
    light = _daylight(rng, indoors=False)
    around = _sky(rng, pool, split, light, rng.uniform(80, 400))
    return Place(built.paint_faces(rng, pool, split, light), around, light)


def yard(rng: np.random.Generator, pool: TexturePool, split: Split, kept: Floats) -> Place:
    """Open ground with things standing about on it, walls and houses around, hills far off."""
    built = _Builder()
    built.flat((0, 0), (800, 800), 0, built.coat("ground"))
    for layer in range(int(rng.integers(1, 4))):
        (x, z), (w, d) = rng.normal(0, 5, 2), rng.uniform(3, 14, 2)
        built.flat(
            (x, z), (w, d), -0.01 * (layer + 1), built.coat("ground"), rng.uniform(0, np.pi)
        )  # fmt: skip
    turn = rng.uniform(0, 2 * np.pi)
    count = int(rng.integers(7, 13))
    for number in range(count):
        angle = turn + 2 * np.pi * (number + rng.uniform(-0.2, 0.2)) / count
        away = np.abs(kept).max() + rng.uniform(5, 16)
        kind = "front" if rng.random() < 0.4 else "wall"
        built.box((away * np.sin(angle), away * np.cos(angle)),
                  (rng.uniform(3, 11), 4, rng.uniform(1.5, 8)), angle, kind)  # fmt: skip
    for number in range(5):
        angle = turn + 2 * np.pi * number / 5
        built.wall((200 * np.sin(angle), 200 * np.cos(angle)), angle + np.pi,
                   (330, rng.uniform(8, 40)), 0, built.coat("hill"))  # fmt: skip
    _scatter(built, rng, np.array([9.0, 9.0]), kept, 22, 2.0)
    light = _daylight(rng, indoors=False)
    around = _sky(rng, pool, split, light, rng.uniform(80, 400))
    return Place(built.paint_faces(rng, pool, split, light), around, light)


def _scatter(
    built: _Builder,
    rng: np.random.Generator,
    half: Floats,
    kept: Floats,
    count: int,
    tallest: float,
) -> None:
    """Boxes on the ground within half-extents (2,), clear about the points ``kept`` (P, 2)."""
    at = rng.uniform(-1, 1, (count, 2)) * half
    size = rng.uniform(0.5, 1.8, (count, 2))
    heights = rng.uniform(0.4, tallest, count)
    for i in np.flatnonzero(_clear(rng, at, np.hypot(*size.T) / 2, kept, 0.4)):
        (x, z), (w, d) = at[i], size[i]
        built.box(
            (x, z), (w, d, heights[i]), rng.uniform(0, np.pi), "surface",
            coloured=rng.random() < 0.5,
        )  # fmt: skip
