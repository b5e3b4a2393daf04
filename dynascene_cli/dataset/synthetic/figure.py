"""A person made of tapered limbs, walking on the ground, drawn with a soft matte."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.dataset.synthetic.raster import sample
from dynascene_cli.dataset.synthetic.textures import SIDE
from dynascene_cli.geometry import Floats

_LIMBS = (
    # from, to, radius there and there (heights), what it wears
    ("hip left", "knee left", 0.058, 0.042, "legs"),
    ("knee left", "heel left", 0.042, 0.028, "shins"),
    ("heel left", "toe left", 0.026, 0.02, "shoes"),
    ("hip right", "knee right", 0.058, 0.042, "legs"),
    ("knee right", "heel right", 0.042, 0.028, "shins"),
    ("heel right", "toe right", 0.026, 0.02, "shoes"),
    ("hip left", "hip right", 0.06, 0.06, "legs"),
    ("hips", "chest", 0.078, 0.09, "top"),
    ("shoulder left", "shoulder right", 0.048, 0.048, "top"),
    ("chest", "neck", 0.07, 0.035, "top"),
    ("neck", "head", 0.032, 0.036, "skin"),
    ("head", "crown", 0.052, 0.06, "skin"),
    ("hair", "crown", 0.05, 0.062, "hair"),
    ("shoulder left", "elbow left", 0.042, 0.032, "sleeves"),
    ("elbow left", "hand left", 0.03, 0.024, "forearms"),
    ("shoulder right", "elbow right", 0.042, 0.032, "sleeves"),
    ("elbow right", "hand right", 0.03, 0.024, "forearms"),
)

_CLOTHES = ("legs", "shins", "shoes", "top", "skin", "hair", "sleeves", "forearms")
_SKINS = np.array([[236, 196, 168], [214, 164, 130], [176, 122, 88], [122, 80, 56], [88, 58, 44]])
_HAIRS = np.array([[40, 32, 28], [88, 60, 38], [170, 128, 72], [150, 150, 150], [120, 54, 34]])


class Clothes(NamedTuple):
    """Colours (parts, 3), patterns (parts,) of the pool, and mixes (parts, 3, 3) of the two.

    ``softness`` is the matte's edge in pixels.
    """

    colours: Floats
    patterns: NDArray[np.int64]
    mixes: Floats
    softness: float


class Limbs(NamedTuple):
    """Ends (F, L, 2, 3) and radii (L, 2) in metres, and the parts (L,) of the body."""

    ends: Floats
    radii: Floats
    parts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Figure:
    """``height`` in metres; the rest in shares of it or radians, and what is worn."""

    height: float
    build: float
    stride: float
    swing: float
    phase: float
    clothes: Clothes


def figure(
    rng: np.random.Generator, colours: Floats, surfaces: tuple[int, ...], softness: float
) -> Figure:
    """A random person; ``colours`` (3, 3) of the top, the legs and the shoes, 0..255."""
    skin, hair = _SKINS[rng.integers(len(_SKINS))], _HAIRS[rng.integers(len(_HAIRS))]
    top, legs, shoes = colours
    worn = {
        "top": top, "legs": legs, "shoes": shoes * 0.6, "skin": skin, "hair": hair,
        "shins": skin if rng.random() < 0.2 else legs,
        "sleeves": top, "forearms": skin if rng.random() < 0.5 else top,
    }  # fmt: skip
    cloth = np.array([worn[name] is not skin and worn[name] is not hair for name in _CLOTHES])
    strength = np.where(cloth, rng.uniform(5, 60), 6)
    pattern = rng.choice(surfaces, 2)
    patterns = np.where([name in ("legs", "shins") for name in _CLOTHES], *pattern)
    mixes = strength[:, None, None] * (0.6 * np.eye(3) + 0.2)
    return Figure(
        rng.uniform(1.5, 1.95), rng.uniform(0.88, 1.2), rng.uniform(0.7, 0.9),
        rng.uniform(0.7, 1.2), rng.uniform(0, 2 * np.pi),
        Clothes(np.array([worn[name] for name in _CLOTHES], float), patterns, mixes, softness),
    )  # fmt: skip


def joints(person: Figure, ground: Floats, heading: float, walked: Floats) -> dict[str, Floats]:
    """Where the joints are, each (F, 3) metres; the lower foot stands on y = 0.

    ``ground`` (F, 2) x and z of the person, who faces ``heading`` radians from z towards x and
    has gone ``walked`` (F,) metres; who stands still has gone none, and shifts their weight.
    """
    phase = 2 * np.pi * walked / (person.stride * person.height) + person.phase
    pace = min(1.0, float(np.ptp(walked)) * 4 + 0.12)
    swing = person.swing * pace
    ahead = np.array([np.sin(heading), 0.0, np.cos(heading)])
    aside = np.array([np.cos(heading), 0.0, -np.sin(heading)])

    def at(forward: Floats, down: Floats, lateral: float | Floats) -> Floats:
        point = np.multiply.outer(forward, ahead) + np.multiply.outer(down, [0.0, 1.0, 0.0])
        return point + np.asarray(lateral)[..., None] * aside

    zero = np.zeros_like(walked)
    sway = 0.012 * np.sin(phase)
    lean = 0.02 * swing
    found = {
        "hips": at(zero, zero, sway),
        "chest": at(zero + lean, zero - 0.2, sway * 0.6),
        "neck": at(zero + lean, zero - 0.31, sway * 0.4),
        "head": at(zero + lean + 0.012, zero - 0.365, sway * 0.3),
        "hair": at(zero + lean - 0.022, zero - 0.385, sway * 0.3),
        "crown": at(zero + lean + 0.002, zero - 0.408, sway * 0.3),
    }
    for name, side in (("left", -1.0), ("right", 1.0)):
        cycle = np.sin(phase) * side
        lifting = np.maximum(0.0, np.cos(phase) * side)
        thigh = 0.45 * swing * cycle
        shin = thigh - 0.75 * swing * lifting - 0.05
        arm = -0.5 * swing * cycle
        forearm = arm + 0.25 + 0.25 * swing * (1 - cycle)
        hip = at(zero, zero, side * 0.052 + sway)
        knee = hip + 0.245 * at(np.sin(thigh), np.cos(thigh), 0.0)
        heel = knee + 0.235 * at(np.sin(shin), np.cos(shin), 0.0)
        tip = np.minimum(shin + 0.3, 0.35)
        toe = heel + 0.1 * at(np.cos(tip), -np.sin(tip) * 0.6 + 0.03, side * 0.15)
        shoulder = at(zero + lean, zero - 0.275, side * 0.1 * person.build + sway * 0.5)
        elbow = shoulder + 0.17 * at(np.sin(arm), np.cos(arm), side * 0.18)
        hand = elbow + 0.17 * at(np.sin(forearm), np.cos(forearm), side * 0.02)
        parts = {"hip": hip, "knee": knee, "heel": heel, "toe": toe, "shoulder": shoulder,
                 "elbow": elbow, "hand": hand}  # fmt: skip
        found |= {f"{part} {name}": points for part, points in parts.items()}
    lowest = np.maximum.reduce(
        [found[f"{part} {side}"][:, 1] + radius
         for part, radius in (("heel", 0.026), ("toe", 0.02)) for side in ("left", "right")]
    )  # fmt: skip
    foot = np.zeros((len(walked), 3))
    foot[:, 0], foot[:, 2] = ground.T
    foot[:, 1] = -person.height * lowest
    return {name: person.height * points + foot for name, points in found.items()}


def limbs(person: Figure, found: dict[str, Floats]) -> Limbs:
    """The limbs between joints, for ``draw``."""
    ends = np.stack(
        [np.stack([found[a], found[b]], axis=1) for a, b, *_ in _LIMBS], axis=1
    )  # fmt: skip
    radii = np.array([[r, s] for _, _, r, s, _ in _LIMBS]) * person.height
    slim = np.array([part in ("skin", "hair", "shoes") for *_, part in _LIMBS])
    radii = np.where(slim[:, None], radii, radii * person.build)
    return Limbs(ends, radii, np.array([_CLOTHES.index(part) for *_, part in _LIMBS]))


@njit(cache=True, nogil=True, error_model="numpy")
def _to_camera(ends, E, seen, away):  # type: ignore[no-untyped-def]
    """The limbs' ends (L, 2, 3) in the camera's axes into ``seen``, their depths into ``away``."""
    for n in range(len(ends)):
        for k in range(2):
            for i in range(3):
                seen[n, k, i] = E[i, 3]
                for j in range(3):
                    seen[n, k, i] += E[i, j] * ends[n, k, j]
        away[n] = seen[n, 0, 2] + seen[n, 1, 2]


@njit(cache=True, nogil=True, error_model="numpy")
def _facing(E, normal, towards_sun):  # type: ignore[no-untyped-def]
    """How much a normal in the camera's axes faces the sun, 0..1."""
    nx, ny, nz = normal
    facing = 0.0
    for i in range(3):
        turned = E[0, i] * nx + E[1, i] * ny + E[2, i] * nz
        facing += turned * towards_sun[i]
    return max(0.5 * facing + 0.5, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_limb(ends, radii, camera, part, clothes, surface, canvas):  # type: ignore[no-untyped-def]
    """Lay a limb with ends (2, 3) before the camera over the canvas."""
    (K, E), (texels, light, pattern), (pixels, alphas) = camera, surface, canvas
    height, width = alphas.shape
    z0, z1 = ends[0, 2], ends[1, 2]
    focal = K[0, 0]
    x0, y0 = focal * ends[0, 0] / z0 + K[0, 2], K[1, 1] * ends[0, 1] / z0 + K[1, 2]
    x1, y1 = focal * ends[1, 0] / z1 + K[0, 2], K[1, 1] * ends[1, 1] / z1 + K[1, 2]
    r0, r1 = focal * radii[0] / z0, focal * radii[1] / z1
    reach = max(r0, r1) + clothes.softness
    left, right = max(int(min(x0, x1) - reach), 0), min(int(max(x0, x1) + reach) + 1, width)
    top, low = max(int(min(y0, y1) - reach), 0), min(int(max(y0, y1) + reach) + 1, height)
    dx, dy = x1 - x0, y1 - y0
    length = np.sqrt(dx * dx + dy * dy) + 1e-6
    level = np.log2(max(z0 / focal * 1.2 * SIDE, 1.0))
    metres = z0 / focal * 1.2 * SIDE
    for y in range(top, low):
        for x in range(left, right):
            px, py = x + 0.5 - x0, y + 0.5 - y0
            t = min(max((px * dx + py * dy) / (length * length), 0.0), 1.0)
            radius = r0 + (r1 - r0) * t
            ax, ay = px - t * dx, py - t * dy
            off = np.sqrt(ax * ax + ay * ay)
            cover = 0.5 + (radius - off) / clothes.softness
            if cover <= 0:
                continue
            cover = min(cover, 1.0)
            # The limb is round: where it curves away the light on it changes.
            nx, ny = ax / max(radius, 0.3), ay / max(radius, 0.3)
            across = nx * nx + ny * ny
            if across > 1:
                nx, ny, across = nx / np.sqrt(across), ny / np.sqrt(across), 1.0
            nz = -np.sqrt(1 - across)
            facing = _facing(E, (nx, ny, nz), light.towards_sun)
            pattern[:] = 0
            sample(
                texels[clothes.patterns[part]], (px * dy - py * dx) / length * metres,
                t * length * metres, level, 1.0, pattern,
            )  # fmt: skip
            alphas[y, x] = alphas[y, x] * (1 - cover) + cover
            for c in range(3):
                colour = clothes.colours[part, c]
                for d in range(3):
                    colour += clothes.mixes[part, c, d] * pattern[d]
                shade = (light.ambient[c] + light.sun[c] * facing) * (0.86 - 0.14 * nz)
                lit = min(max(colour, 4.0) * shade, 255.0)
                pixels[y, x, c] = pixels[y, x, c] * (1 - cover) + lit * cover


@njit(cache=True, nogil=True, error_model="numpy")
def draw(figure_limbs, intrinsics, extrinsics, clothes, texels, light, canvas):  # type: ignore[no-untyped-def]
    """Draw Limbs in their Clothes under a Light, farther limbs first.

    ``canvas`` is drawn into: float32 pixels (F, H, W, 3), premultiplied, and alphas (F, H, W).
    """
    ends, radii, parts = figure_limbs
    pixels, alphas = canvas
    seen = np.empty((len(radii), 2, 3))
    away = np.empty(len(radii))
    surface = texels, light, np.empty(3)
    for f in range(len(alphas)):
        camera = intrinsics[f], extrinsics[f]
        _to_camera(ends[f], extrinsics[f], seen, away)
        for n in np.argsort(-away):
            if min(seen[n, 0, 2], seen[n, 1, 2]) >= 0.2:
                _draw_limb(
                    seen[n], radii[n], camera, parts[n], clothes, surface, (pixels[f], alphas[f])
                )  # fmt: skip
