"""A stage of textured rectangles, rendered exactly: the truth that camera estimates are held to.

Every pixel's colour is that of its rectangle at the pixel's ray, filtered over the pixel's
footprint (mipmaps, several samples along its longer side), and silhouettes are averaged over four
samples a pixel, so that a picture moves as its camera does to a small part of a pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

SIDE = 512
"""Texels of a texture's side; it repeats."""

SUN = np.array([-0.45, -0.8, -0.4])
SAMPLES = np.array([[0.375, 0.125], [0.875, 0.375], [0.125, 0.625], [0.625, 0.875]])
NEAREST = 0.05


@dataclass(frozen=True, eq=False)
class Rectangle:
    """``origin`` + a ``u`` + b ``v`` with a, b in 0..1, metres; ``texels`` a metre."""

    origin: Floats
    u: Floats
    v: Floats
    texture: str
    texels: float
    lit: bool = True


def rectangle(origin, u, v, texture: str, texels: float, lit: bool = True) -> Rectangle:
    return Rectangle(*(np.array(x, float) for x in (origin, u, v)), texture, texels, lit)


def box(low, high, texture: str, texels: float) -> list[Rectangle]:
    """The five faces of an upright box that may be seen; y is down, so ``low`` has its top."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    w, h, d = x1 - x0, y1 - y0, z1 - z0
    return [
        rectangle([x0, y0, z0], [w, 0, 0], [0, h, 0], texture, texels),
        rectangle([x0, y0, z1], [0, 0, -d], [0, h, 0], texture, texels),
        rectangle([x1, y0, z0], [0, 0, d], [0, h, 0], texture, texels),
        rectangle([x1, y0, z1], [-w, 0, 0], [0, h, 0], texture, texels),
        rectangle([x0, y0, z1], [w, 0, 0], [0, 0, -d], texture, texels),
    ]


def _fractal(rng: np.random.Generator, slope: float, side: int = SIDE) -> Floats:
    """Noise (side, side) that repeats, of unit deviation, its amplitude falling as f^−slope."""
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    f[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(side, side))) * f**-slope
    noise = np.fft.irfft2(spectrum, s=(side, side))
    return noise / noise.std()


def _coloured(grey: Floats, tint, rng: np.random.Generator) -> Floats:
    hue = np.stack([_fractal(rng, 1.6) for _ in range(3)], axis=-1)
    return np.asarray(tint) + grey[..., None] + 3 * hue


def _grass(rng):
    return _coloured(17 * _fractal(rng, 0.9) + 10 * _fractal(rng, 1.6), [88, 112, 62], rng)


def _gravel(rng):
    return _coloured(22 * _fractal(rng, 0.75), [142, 134, 122], rng)


def _plaster(rng):
    return _coloured(11 * _fractal(rng, 1.2), [184, 176, 160], rng)


def _blocks(rng, rows: int, columns: int, tints, joint, gap: int, stagger: bool):
    image = np.empty((SIDE, SIDE, 3))
    image[:] = joint
    height, width = SIDE // rows, SIDE // columns
    for row in range(rows):
        for column in range(columns):
            tint = np.asarray(tints[rng.integers(len(tints))]) + rng.normal(0, 11)
            x = column * width + (width // 2 if stagger and row % 2 else 0) + np.arange(width - gap)
            y = row * height + np.arange(height - gap)
            image[np.ix_(y, x % SIDE)] = tint
    return image + (9 * _fractal(rng, 0.9))[..., None]


def _bricks(rng):
    return _blocks(rng, 16, 8, [[150, 84, 66], [134, 72, 58], [166, 104, 80]], 172, 3, True)


def _paving(rng):
    return _blocks(rng, 8, 8, [[150, 146, 138], [128, 126, 122], [168, 160, 148]], 84, 3, False)


def _planks(rng):
    image = _blocks(rng, 8, 2, [[150, 112, 74], [130, 94, 60], [168, 130, 90]], 62, 2, True)
    grain = cv2.resize(_fractal(rng, 0.6)[:, ::16], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return image + (10 * grain)[..., None]


def _poster(rng):
    image = np.full((SIDE, SIDE, 3), 214, np.uint8)
    for _ in range(70):
        colour = tuple(int(c) for c in rng.integers(20, 240, 3))
        x, y = (int(c) for c in rng.integers(0, SIDE, 2))
        w, h = (int(c) for c in rng.integers(8, 130, 2))
        if rng.random() < 0.6:
            cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
        else:
            cv2.circle(image, (x, y), w // 2, colour, -1, cv2.LINE_AA)
    return image + (4 * _fractal(rng, 0.8))[..., None]


def _plain(rng):
    """A painted wall: a slow unevenness, and a mark here and there."""
    image = np.full((SIDE, SIDE, 3), [196.0, 190.0, 180.0]) + (3 * _fractal(rng, 2.0))[..., None]
    for _ in range(22):
        x, y, w, h = (int(c) for c in rng.integers((0, 0, 6, 6), (SIDE - 40, SIDE - 40, 34, 34)))
        image[y : y + h, x : x + w] += rng.normal(0, 34)
    return image


def _clouds(rng):
    cover = np.clip(_fractal(rng, 1.9) * 0.5 + 0.4, 0, 1)[..., None]
    return np.array([136, 172, 214]) * (1 - cover) + np.array([228, 230, 234]) * cover


TEXTURES: dict[str, Callable[[np.random.Generator], Floats]] = {
    "grass": _grass,
    "gravel": _gravel,
    "plaster": _plaster,
    "bricks": _bricks,
    "paving": _paving,
    "planks": _planks,
    "poster": _poster,
    "plain": _plain,
    "clouds": _clouds,
}


def texture(name: str, seed: int) -> Image:
    """A texture by name, RGB uint8 (SIDE, SIDE, 3), which repeats without a seam."""
    rng = np.random.default_rng([seed, list(TEXTURES).index(name)])
    return np.clip(TEXTURES[name](rng), 0, 255).round().astype(np.uint8)


def _mipmaps(image: Image) -> Image:
    """Levels of halved size, each flattened, one after the other (T, 3)."""
    levels = [image]
    while levels[-1].shape[0] > 1:
        side = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (side, side), interpolation=cv2.INTER_AREA))
    return np.concatenate([level.reshape(-1, 3) for level in levels])


class Stage:
    """Rectangles with their textures, ready to be filmed."""

    def __init__(self, rectangles: list[Rectangle], seed: int = 0) -> None:
        self.rectangles = rectangles
        names = sorted({r.texture for r in rectangles})
        self._texels = np.stack([_mipmaps(texture(name, seed)) for name in names])
        self._index = [names.index(r.texture) for r in rectangles]
        self._offset = np.random.default_rng(seed).uniform(0, SIDE, (len(rectangles), 2))

    def frame(self, intrinsics: Floats, extrinsics: Floats, width: int, height: int) -> Image:
        """The stage as a camera sees it, RGB uint8 (height, width, 3)."""
        E = extrinsics
        near = np.zeros((height, width, len(SAMPLES)), np.float32)
        colours = np.zeros((height, width, len(SAMPLES), 3), np.uint8)
        depths = [(E[:, :3] @ (r.origin + (r.u + r.v) / 2) + E[:, 3])[2] for r in self.rectangles]
        for number in np.argsort(depths):
            r = self.rectangles[number]
            plane = np.zeros((3, 3))
            plane[:, 0], plane[:, 1] = E[:, :3] @ r.u, E[:, :3] @ r.v
            plane[:, 2] = E[:, :3] @ r.origin + E[:, 3]
            to_pixel = intrinsics @ plane
            corners = to_pixel @ np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1.0]]).T
            if abs(np.linalg.det(to_pixel)) < 1e-6 or np.all(corners[2] < NEAREST):
                continue
            window = np.array([0, 0, width, height])
            if np.all(corners[2] > NEAREST):
                screen = corners[:2] / corners[2]
                low = np.floor(screen.min(axis=1) - 1)
                high = np.ceil(screen.max(axis=1) + 1)
                window = np.clip([*low, *high], 0, [width, height] * 2).astype(int)
            size = np.array([np.linalg.norm(r.u), np.linalg.norm(r.v)])
            normal = np.cross(r.u, r.v)
            facing = abs(normal @ SUN) / np.linalg.norm(normal)
            _draw(
                near,
                colours,
                window,
                np.linalg.inv(to_pixel),
                size * r.texels,
                self._offset[number],
                self._texels[self._index[number]],
                0.55 + 0.5 * facing if r.lit else 1.0,
                SAMPLES,
            )
        samples = colours.reshape(height, width * len(SAMPLES), 3)
        return cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA)

    def depth(self, intrinsics: Floats, extrinsics: Floats, pixels: Floats) -> Floats:
        """The z-depth (N,) in metres of what pixels (N, 2) show, infinite if nothing."""
        homogeneous = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
        nearest = np.zeros(len(pixels))
        for r in self.rectangles:
            plane = np.stack([r.u, r.v, r.origin], axis=1)
            plane = extrinsics[:, :3] @ plane
            plane[:, 2] += extrinsics[:, 3]
            if abs(np.linalg.det(intrinsics @ plane)) < 1e-6:
                continue
            a, b, w = np.linalg.solve(intrinsics @ plane, homogeneous.T)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside = (w > 0) & (a >= 0) & (b >= 0) & (a <= w) & (b <= w)
            nearest = np.where(inside, np.maximum(nearest, w), nearest)
        with np.errstate(divide="ignore"):
            return 1 / nearest


@numba.njit(cache=True, fastmath=True)
def _draw(near, colours, window, from_pixel, scale, offset, texels, shade, samples):
    H = from_pixel
    colour = np.zeros(3, np.float32)
    for y in range(window[1], window[3]):
        for x in range(window[0], window[2]):
            shaded = False
            for s in range(len(samples)):
                px, py = x + samples[s, 0], y + samples[s, 1]
                inverse_depth = H[2, 0] * px + H[2, 1] * py + H[2, 2]
                if inverse_depth <= near[y, x, s] or inverse_depth > 1 / NEAREST:
                    continue
                a = (H[0, 0] * px + H[0, 1] * py + H[0, 2]) / inverse_depth
                b = (H[1, 0] * px + H[1, 1] * py + H[1, 2]) / inverse_depth
                if a < 0 or a > 1 or b < 0 or b > 1:
                    continue
                if not shaded:
                    _shade(x + 0.5, y + 0.5, H, scale, offset, texels, shade, colour)
                    shaded = True
                near[y, x, s] = inverse_depth
                for c in range(3):
                    colours[y, x, s, c] = np.uint8(colour[c] + 0.5)


@numba.njit(cache=True, fastmath=True)
def _shade(px, py, H, scale, offset, texels, shade, colour):
    w = max(H[2, 0] * px + H[2, 1] * py + H[2, 2], 1e-9)
    a = (H[0, 0] * px + H[0, 1] * py + H[0, 2]) / w
    b = (H[1, 0] * px + H[1, 1] * py + H[1, 2]) / w
    ux, uy = scale[0] * (H[0, 0] - a * H[2, 0]) / w, scale[0] * (H[0, 1] - a * H[2, 1]) / w
    vx, vy = scale[1] * (H[1, 0] - b * H[2, 0]) / w, scale[1] * (H[1, 1] - b * H[2, 1]) / w
    across, down = np.hypot(ux, vx), np.hypot(uy, vy)
    longer = max(across, down)
    shorter = abs(ux * vy - uy * vx) / max(longer, 1e-9)
    count = int(min(max(np.ceil(longer / max(shorter, 1e-9)), 1), 8))
    step_u, step_v = (ux, vx) if across >= down else (uy, vy)
    level = np.log2(max(longer / count, shorter, 1.0))
    u = offset[0] + scale[0] * min(max(a, 0.0), 1.0)
    v = offset[1] + scale[1] * min(max(b, 0.0), 1.0)
    colour[:] = 0
    lower = int(level)
    for i in range(count):
        along = (i + 0.5) / count - 0.5
        for finer in range(2):
            weight = 1 - (level - lower) if finer == 0 else level - lower
            if weight > 0:
                _sample(u + along * step_u, v + along * step_v, lower + finer, texels,
                        weight * shade / count, colour)  # fmt: skip
    for c in range(3):
        colour[c] = min(colour[c], 255)


@numba.njit(cache=True, fastmath=True)
def _sample(u, v, level, texels, weight, colour):
    level = min(level, 9)
    side = SIDE >> level
    start = (4 * SIDE * SIDE - 4 * side * side) // 3
    x, y = u / (1 << level) - 0.5, v / (1 << level) - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - x0, y - y0
    xa, xb = x0 & (side - 1), (x0 + 1) & (side - 1)
    ya, yb = start + (y0 & (side - 1)) * side, start + ((y0 + 1) & (side - 1)) * side
    for c in range(3):
        top = texels[ya + xa, c] * (1 - fx) + texels[ya + xb, c] * fx
        low = texels[yb + xa, c] * (1 - fx) + texels[yb + xb, c] * fx
        colour[c] += weight * (top * (1 - fy) + low * fy)


def room(seed: int = 0) -> Stage:
    """An interior: 3 to 10 m of depth, furniture as boxes, pictures on the walls."""
    rng = np.random.default_rng(seed)
    walls = [
        rectangle([-6, 0, -4], [12, 0, 0], [0, 0, 14], "planks", 230),
        rectangle([-6, -3.4, -4], [12, 0, 0], [0, 0, 14], "plaster", 150),
        rectangle([-6, -3.4, 10], [12, 0, 0], [0, 3.4, 0], "bricks", 190),
        rectangle([-6, -3.4, -4], [0, 0, 14], [0, 3.4, 0], "plaster", 190),
        rectangle([6, -3.4, -4], [0, 0, 14], [0, 3.4, 0], "bricks", 190),
    ]
    pictures = [
        rectangle([x, y, 9.96], [w, 0, 0], [0, h, 0], "poster", SIDE / w)
        for x, y, w, h in zip(
            np.linspace(-5.2, 3.8, 5), rng.uniform(-2.9, -2.0, 5), rng.uniform(0.9, 1.6, 5),
            rng.uniform(0.8, 1.2, 5), strict=True,
        )
    ]  # fmt: skip
    furniture = []
    for x, z in zip(np.linspace(-4.6, 4.2, 8), rng.permutation(8) * 0.75 + 3.2, strict=True):
        w, d = rng.uniform(0.5, 1.1, 2)
        h = rng.uniform(0.5, 2.1)
        name = ["poster", "planks", "gravel", "bricks", "paving"][rng.integers(5)]
        furniture += box([x, -h, z], [x + w, 0, z + d], name, rng.uniform(240, 420))
    return Stage(walls + pictures + furniture, seed)


def street(seed: int = 0) -> Stage:
    """An exterior: open ground, houses at 12 to 45 m, walls and crates nearer by, a sky."""
    rng = np.random.default_rng(seed)
    far = [
        rectangle([-900, -420, 600], [1800, 0, 0], [0, 421, 0], "clouds", 0.6, lit=False),
        rectangle([-700, -420, -100], [0, 0, 800], [0, 421, 0], "clouds", 0.6, lit=False),
        rectangle([700, -420, -100], [0, 0, 800], [0, 421, 0], "clouds", 0.6, lit=False),
        rectangle([-700, 0, -20], [1400, 0, 0], [0, 0, 640], "grass", 60),
        rectangle([-2.2, -0.01, -20], [4.4, 0, 0], [0, 0, 90], "paving", 130),
    ]
    things = []
    for x in np.linspace(-42, 34, 7):
        z, w, h = rng.uniform(18, 45), rng.uniform(5, 11), rng.uniform(4, 12)
        name = ["bricks", "plaster", "poster", "paving"][rng.integers(4)]
        things += box([x, -h, z], [x + w, 0, z + 6], name, rng.uniform(60, 120))
    for x in np.linspace(-7, 6, 7):
        z, w, h = rng.uniform(3.5, 13), rng.uniform(0.4, 1.6), rng.uniform(0.4, 2.2)
        name = ["planks", "bricks", "gravel", "poster"][rng.integers(4)]
        things += box([x, -h, z], [x + w, 0, z + 0.6], name, rng.uniform(180, 380))
    return Stage(far + things, seed)


def bare_room(seed: int = 0) -> Stage:
    """An interior with little texture: painted walls and a few plain boxes."""
    rng = np.random.default_rng(seed)
    walls = [
        rectangle([-6, 0, -4], [12, 0, 0], [0, 0, 14], "plain", 150),
        rectangle([-6, -3.4, -4], [12, 0, 0], [0, 0, 14], "plain", 70),
        rectangle([-6, -3.4, 10], [12, 0, 0], [0, 3.4, 0], "plain", 130),
        rectangle([-6, -3.4, -4], [0, 0, 14], [0, 3.4, 0], "plain", 110),
        rectangle([6, -3.4, -4], [0, 0, 14], [0, 3.4, 0], "plain", 110),
    ]
    boxes = []
    for x, z in zip(np.linspace(-4.4, 3.8, 6), rng.permutation(6) * 0.9 + 3.4, strict=True):
        w, h = rng.uniform(0.5, 1.0), rng.uniform(0.5, 2.0)
        boxes += box([x, -h, z], [x + w, 0, z + 0.7], "plain", 240)
    return Stage(walls + boxes, seed)


STAGES = {"room": room, "street": street, "bare room": bare_room}
