"""Textures of synthetic places: a pool of repeating patterns, made once, tinted at each use.

A pattern is three channels about zero, −1..1, not colours: a surface mixes them into its own
colours, so that a small pool covers endless walls. The patterns of held-out shots are of families
that no training shot draws from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.video import read_photo
from dynascene_cli.video.images import resize_to_cover
from dynascene_cli.video.sequences import PICTURE_SUFFIXES

Split = Literal["train", "held-out"]

SIDE = 256
"""Texels of a pattern's side; it repeats."""

VARIANTS = 6
"""Patterns of each family in a pool."""

_Pattern = Callable[[np.random.Generator], Floats]


@dataclass(frozen=True, eq=False)
class TexturePool:
    """Patterns with their mipmaps, int8 (N, T, 3), 127 = 1, and which of them serve for what.

    Level l of a pattern, (SIDE >> l)² texels in rows, begins at 4(SIDE² − (SIDE >> l)²)/3.
    """

    texels: NDArray[np.int8]
    stains: tuple[int, ...]
    surfaces: tuple[int, ...]
    fronts: tuple[int, ...]
    clouds: tuple[int, ...]
    photos: tuple[int, ...]


def fractal(rng: np.random.Generator, slope: float, lowest: float = 0.0) -> Floats:
    """Noise (SIDE, SIDE) that repeats, of unit deviation, its amplitude falling as f^−slope.

    Waves longer than 1 / ``lowest`` of the side are left out.
    """
    f = SIDE * np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    gain = np.where((f > 0) & (f >= lowest), np.maximum(f, 1e-9) ** -slope, 0)
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * gain, s=(SIDE, SIDE))
    return noise / noise.std()


def _add_grain(rng: np.random.Generator, image: Floats, amount: float) -> Floats:
    return image + amount * fractal(rng, 0.8)[..., None]


def _stains(rng: np.random.Generator) -> Floats:
    return np.stack([0.5 * fractal(rng, 2.2, 2.0) for _ in range(3)], axis=-1)


def _rough(rng: np.random.Generator) -> Floats:
    slope = rng.uniform(0.8, 1.5)
    shared = fractal(rng, slope)
    own = np.stack([fractal(rng, slope) for _ in range(3)], axis=-1)
    return 0.4 * shared[..., None] + 0.2 * own


def _blocks(
    rng: np.random.Generator, rows: int, columns: int, gap: int, joint: float, shift: float
) -> Floats:
    """Courses of blocks, each of its own colour; every second course is shifted by a share."""
    image = np.full((SIDE, SIDE, 3), joint)
    height, width = SIDE // rows, SIDE // columns
    for row in range(rows):
        y = row * height + np.arange(height - gap)
        for column in range(columns):
            x = column * width + round(width * shift * (row % 2)) + np.arange(width - gap)
            image[np.ix_(y, x % SIDE)] = rng.normal(0, 0.3) + rng.normal(0, 0.25, 3)
    return image


def _bricks(rng: np.random.Generator) -> Floats:
    rows = int(2 ** rng.integers(3, 5))
    return _add_grain(rng, _blocks(rng, rows, rows // 2, 3, rng.choice([-0.8, 0.8]), 0.5), 0.08)


def _tiles(rng: np.random.Generator) -> Floats:
    count = int(2 ** rng.integers(2, 4))
    image = _blocks(rng, count, count, int(rng.integers(1, 4)), rng.choice([-0.9, 0.7]), 0)
    y, x = np.indices((SIDE, SIDE)) * count // SIDE
    return _add_grain(rng, image + rng.uniform(0, 0.6) * (2 * ((x + y) % 2) - 1)[..., None], 0.06)


def _planks(rng: np.random.Generator) -> Floats:
    image = _blocks(rng, int(rng.choice([4, 8])), 1, 3, -0.9, 0)
    grain = cv2.resize(fractal(rng, 0.6)[:, ::16], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return image + 0.15 * grain[..., None]


def _stripes(rng: np.random.Generator) -> Floats:
    count = int(rng.integers(2, 7))
    colours = np.repeat(rng.uniform(-0.9, 0.9, (count, 3)), 2, axis=0)
    colours[1::2] *= -1
    bands = np.arange(SIDE) * len(colours) // SIDE
    return _add_grain(rng, np.broadcast_to(colours[bands], (SIDE, SIDE, 3)), 0.06)


def _poster(rng: np.random.Generator) -> Floats:
    image = np.zeros((SIDE, SIDE, 3))
    for _ in range(26):
        colour = tuple(float(c) for c in rng.uniform(-1, 1, 3))
        x, y, w, h = (int(c) for c in rng.integers((0, 0, 16, 16), (SIDE, SIDE, 110, 110)))
        shape = np.zeros((SIDE, SIDE, 3))
        if rng.random() < 0.6:
            cv2.rectangle(shape, (0, 0), (w, h), colour, -1)
        else:
            cv2.circle(shape, (w // 2, w // 2), w // 2, colour, -1)
        shape = np.roll(shape, (y, x), axis=(0, 1))
        image = np.where(shape.any(axis=-1, keepdims=True), shape, image)
    return _add_grain(rng, image, 0.04)


def _cells(rng: np.random.Generator) -> Floats:
    """Voronoi cells of random colours."""
    count = int(rng.integers(12, 40))
    sites = rng.uniform(0, SIDE, (count, 2))
    apart = np.abs(np.arange(SIDE)[:, None, None] - sites)
    squares = np.minimum(apart, SIDE - apart) ** 2
    nearest = (squares[:, None, :, 0] + squares[None, :, :, 1]).argmin(axis=-1)
    return _add_grain(rng, rng.uniform(-0.9, 0.9, (count, 3))[nearest], 0.08)


def _weave(rng: np.random.Generator) -> Floats:
    count = int(2 ** rng.integers(2, 5))
    y, x = np.indices((SIDE, SIDE)) * (count / SIDE)
    over = (np.floor(x) + np.floor(y)) % 2 == 0
    round_ = np.where(over, np.sin(np.pi * (y % 1)), np.sin(np.pi * (x % 1)))
    colours = rng.uniform(-0.8, 0.8, (2, 3))
    return _add_grain(
        rng, np.where(over[..., None], *colours) + 0.4 * round_[..., None] - 0.2, 0.06
    )


def _dots(rng: np.random.Generator) -> Floats:
    count = int(2 ** rng.integers(2, 4))
    y, x = np.indices((SIDE, SIDE)) * (count / SIDE)
    index = (np.floor(y) * count + np.floor(x)).astype(int)
    distance = np.hypot(x % 1 - 0.5, y % 1 - 0.5)
    inside = np.clip((rng.uniform(0.25, 0.45) - distance) * 12 + 0.5, 0, 1)[..., None]
    colours = rng.uniform(-1, 1, (count * count, 3))[index]
    return _add_grain(rng, rng.uniform(-0.4, 0.4, 3) * (1 - inside) + colours * inside, 0.06)


def _waves(rng: np.random.Generator) -> Floats:
    """Contour bands of smooth noise."""
    height = fractal(rng, 2.4, 1.0) * rng.uniform(1.0, 2.2)
    colours = rng.uniform(-0.9, 0.9, (8, 3))
    return _add_grain(rng, colours[np.floor(height * 2).astype(int) % 8], 0.06)


def _front(rng: np.random.Generator, panes: Callable[[Floats, Floats], Floats]) -> Floats:
    """A house front: storeys of windows whose share of a bay ``panes`` says."""
    storeys, bays = int(rng.choice([2, 4])), int(rng.choice([2, 4]))
    y, x = np.indices((SIDE, SIDE)) * np.array([storeys, bays])[:, None, None] / SIDE
    u, v = x % 1 - 0.5, y % 1 - 0.5
    frame = panes(u * 0.9, v * 0.9)[..., None]
    glass = panes(u, v)[..., None]
    lit = rng.uniform(-0.9, 0.2, (storeys, bays, 3))[y.astype(int), x.astype(int)]
    wall = np.full((SIDE, SIDE, 3), 0.25) + 0.5 * (np.abs(v) > 0.47)[..., None]
    trim = rng.choice([-0.6, 0.9])
    return _add_grain(rng, np.where(glass > 0, lit, np.where(frame > 0, trim, wall)), 0.1)


def _windows(rng: np.random.Generator) -> Floats:
    w, h = rng.uniform(0.2, 0.34, 2)
    return _front(rng, lambda u, v: ((np.abs(u) < w) & (np.abs(v) < h)).astype(float))


def _arches(rng: np.random.Generator) -> Floats:
    w = rng.uniform(0.2, 0.32)
    return _front(
        rng,
        lambda u, v: ((np.abs(u) < w) & (v < 0.35) & (np.hypot(u, np.minimum(v, 0)) < w)).astype(
            float
        ),
    )


def _clouds(rng: np.random.Generator) -> Floats:
    cover_ = np.clip(0.7 * fractal(rng, 1.8) + rng.uniform(-0.3, 0.5), 0, 1)
    return np.repeat(cover_[..., None], 3, axis=-1)


FAMILIES: dict[Split, dict[str, tuple[_Pattern, ...]]] = {
    "train": {
        "stains": (_stains,),
        "surfaces": (_rough, _bricks, _tiles, _planks, _stripes, _poster),
        "fronts": (_windows,),
        "clouds": (_clouds,),
    },
    "held-out": {
        "stains": (_stains,),
        "surfaces": (_cells, _weave, _dots, _waves),
        "fronts": (_arches,),
        "clouds": (_clouds,),
    },
}
"""Which patterns serve for what. Stains and clouds are noise: their seeds tell the splits apart."""


def _mipmaps(image: Floats) -> NDArray[np.int8]:
    levels = [image]
    while levels[-1].shape[0] > 1:
        side = levels[-1].shape[0] // 2
        smaller = cv2.resize(levels[-1], (side, side), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, float))
    texels = np.concatenate([level.reshape(-1, 3) for level in levels])
    return np.round(127 * np.clip(texels, -1, 1)).astype(np.int8)


def photo_files(folder: Path) -> list[Path]:
    """The pictures of a folder, by name.

    Raises:
        InputError: it is no folder, or holds no pictures.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder of photos")
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES)
    if not files:
        raise InputError(f"{folder} holds no pictures", "give a folder of PNG or JPEG photos")
    return files


def _photo_pattern(path: Path) -> Floats:
    """A photo's middle, mirrored into a pattern that repeats without a seam."""
    quarter = resize_to_cover(read_photo(path).pixels, SIDE // 2, SIDE // 2) / 127.5 - 1
    half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
    return np.concatenate([half, half[::-1]])


@lru_cache(maxsize=4)
def texture_pool(split: Split, photos: Path | None = None) -> TexturePool:
    """The pool of a split; every fourth photo of the folder is held out, the others train.

    Raises:
        InputError: the folder of photos is none, or one of them cannot be read.
    """
    levels: list[NDArray[np.int8]] = []
    kinds: dict[str, tuple[int, ...]] = {}
    for number, (kind, patterns) in enumerate(FAMILIES[split].items()):
        first = len(levels)
        for family, pattern in enumerate(patterns):
            for variant in range(VARIANTS):
                rng = np.random.default_rng([split == "held-out", number, family, variant])
                levels.append(_mipmaps(pattern(rng)))
        kinds[kind] = tuple(range(first, len(levels)))
    first = len(levels)
    for number, file in enumerate(photo_files(photos) if photos is not None else []):
        if (number % 4 == 3) == (split == "held-out"):
            levels.append(_mipmaps(_photo_pattern(file)))
    return TexturePool(np.stack(levels), photos=tuple(range(first, len(levels))), **kinds)
