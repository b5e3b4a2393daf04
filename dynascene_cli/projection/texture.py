"""A layer's picture as the sampler reads it: twice as fine, and softer copies for zooming out.

Bilinear sampling of a texture of twice the resolution keeps detail that bicubic sampling of the
photo itself would lose between its pixels, at a third of the cost; where a position falls on a
pixel of the photo, the pixel comes back unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.shot import DeepImage, Image
from dynascene_cli.video import eight_bits

HALF_SAMPLE = np.array([-1, 4, -11, 40, 40, -11, 4, -1]) / 64
"""The half-sample filter of H.265 (ITU-T H.265, table 8-11)."""

FINE_PIXELS = 24_000_000
"""Canvases of more pixels than this are sampled as they are: twice as fine would not fit."""

HIDDEN_FINE_PIXELS = 4_000_000
"""The same for what lies behind the first layer: painted in, it has no detail of a photo's own."""

SHARP_MINIFICATION = 1.25
"""Up to this many source pixels to one of the output, the sharp texture is taken."""

FRACTION_BITS = 8
"""Source positions are rounded to 1/256 texel: finer than 8-bit colour can show."""

_ONE = 1 << FRACTION_BITS
_LANES = 0x00FF00FF00FF00FF
_HALF = 0x0080008000800080

LIST_COLUMNS = 1024
"""How many positions of a list are sampled as a row of a picture: OpenCV's sides end at 32,767."""

Texels = NDArray[np.uint32]
Positions = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Texture:
    """Texels (rows, columns), R | G << 8 | B << 16 | alpha << 24, at ever coarser levels.

    Level 0 has ``texels_per_pixel`` (2 or 1) texels to a canvas pixel, each further level half as
    many; index 0 lies on the centre of the canvas's first pixel in all of them. The last row and
    column are doubled, so that a sampler may always read one further. ``deep_levels`` (rows,
    columns, 3) are the same of a picture of 16 bits.
    """

    levels: tuple[Texels, ...]
    texels_per_pixel: int
    deep_levels: tuple[NDArray[np.uint16], ...] = ()

    def level_at(self, minification: float) -> tuple[int, float]:
        """The finer of two levels, and the weight (0..1) of the coarser, for a minification.

        ``minification`` is the number of canvas pixels to one of the output. From 1.25 to 2.5
        it passes through two levels at once, since the first is finer than the picture.
        """
        octaves = np.log2(max(minification / SHARP_MINIFICATION, 1.0))
        fine = self.texels_per_pixel == 2
        level = min(2 * octaves, octaves + 1) if fine else octaves
        level = min(level, len(self.levels) - 1.0)
        finer = min(int(level), max(len(self.levels) - 2, 0))
        return finer, level - finer


@dataclass(frozen=True, eq=False)
class SampledTexture:
    """A texture at the ``level`` that a picture needs, mixed with the next coarser one.

    Positions are indices of that level's texels: ``scale`` times those of the finest.
    """

    texture: Texture
    level: int
    coarser_weight: float

    @classmethod
    def at(cls, texture: Texture, minification: float) -> "SampledTexture":
        """What a minification needs of a texture (see `Texture.level_at`)."""
        return cls(texture, *texture.level_at(minification))

    @property
    def finest(self) -> Texels:
        """The texels of the finest level."""
        return self.texture.levels[0]

    @property
    def scale(self) -> np.float32:
        """How many of the level's texels one of the finest is."""
        return np.float32(0.5**self.level)

    def sample(self, x: Positions, y: Positions) -> Image:
        """Bilinear RGBA (H, W, 4) at positions (H, W), to 1/32 texel, clamped to the texture."""
        levels = self.texture.levels[self.level : self.level + 2]
        rgba = [texels.view(np.uint8).reshape(*texels.shape, 4) for texels in levels]
        return np.asarray(self._mix(rgba, x, y), np.uint8)

    def sample_deep(self, x: Positions, y: Positions) -> NDArray[np.uint16]:
        """``sample`` of a picture of 16 bits: RGB (H, W, 3)."""
        levels = self.texture.deep_levels[self.level : self.level + 2]
        return np.asarray(self._mix(levels, x, y), np.uint16)

    def _mix(self, levels: Sequence[DeepImage], x: Positions, y: Positions) -> DeepImage:
        sharp = _remap(levels[0], x, y)
        if self.coarser_weight == 0:
            return sharp
        half = np.float32(0.5)
        soft = _remap(levels[1], x * half, y * half)
        weights = 1 - self.coarser_weight, self.coarser_weight
        return cast(DeepImage, cv2.addWeighted(sharp, weights[0], soft, weights[1], 0))

    def sample_list(self, x: Positions, y: Positions, count: int) -> Texels:
        """Texels of the first ``count`` positions of lists that are LIST_COLUMNS longer or more."""
        return self.sample(*_in_rows(x, y, count)).view(np.uint32).ravel()

    def sample_deep_list(self, x: Positions, y: Positions, count: int) -> NDArray[np.uint16]:
        """``sample_list`` of a picture of 16 bits: RGB (count, 3)."""
        return self.sample_deep(*_in_rows(x, y, count)).reshape(-1, 3)[:count]


def _in_rows(x: Positions, y: Positions, count: int) -> tuple[Positions, Positions]:
    """The first ``count`` positions of two lists as rows of a picture."""
    rows = -(-count // LIST_COLUMNS)
    end = rows * LIST_COLUMNS
    # What is left over of the last row is sampled too.
    x[count:end], y[count:end] = 0, 0
    return x[:end].reshape(rows, -1), y[:end].reshape(rows, -1)


def _remap(image: DeepImage, x: Positions, y: Positions) -> DeepImage:
    sampled = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(DeepImage, sampled)


def texture(
    image: DeepImage, alpha: Image | None = None, *, minification: float = 1.0, hidden: bool = False
) -> Texture:
    """The texture of an image (H, W, 3) that is shown at most ``minification`` times smaller.

    ``alpha`` (H, W) travels in the fourth channel, 255 where None. ``hidden``: it lies behind
    another, so that only what a move uncovers is seen of it.
    """
    height, width = image.shape[:2]
    fine = height * width <= (HIDDEN_FINE_PIXELS if hidden else FINE_PIXELS)
    shown = eight_bits(image)
    if alpha is None:
        rgba = np.asarray(cv2.cvtColor(shown, cv2.COLOR_RGB2RGBA), np.uint8)
        rgba = eight_bits(_twice_as_fine(rgba, HALF_SAMPLE)) if fine else rgba
    elif fine:
        finer = _twice_as_fine(shown, HALF_SAMPLE), _twice_as_fine(alpha, _MIDDLE)
        rgba = np.asarray(cv2.merge(finer), np.uint8)
    else:
        rgba = np.asarray(cv2.merge([shown, alpha]), np.uint8)
    octaves = np.log2(max(minification / SHARP_MINIFICATION, 1.0))
    coarser = int(np.ceil(octaves + (1 if fine and octaves > 0 else 0)))
    levels = tuple(map(_pack, _pyramid(rgba, coarser)))
    deep_levels: tuple[NDArray[np.uint16], ...] = ()
    if image.dtype == np.uint16:
        deep = _twice_as_fine(image, HALF_SAMPLE) if fine else image
        deep_levels = tuple(np.asarray(each, np.uint16) for each in _pyramid(deep, coarser))
    return Texture(levels, 2 if fine else 1, deep_levels)


def _pyramid(image: DeepImage, coarser: int) -> list[DeepImage]:
    """An image and so many copies of it, each half as large as the last."""
    levels = [image]
    for _ in range(coarser):
        levels.append(cast(DeepImage, cv2.pyrDown(levels[-1], borderType=cv2.BORDER_REPLICATE)))
    return levels


_MIDDLE = np.array([0.5, 0.5])


def _twice_as_fine(image: DeepImage, half_sample: NDArray[np.float64]) -> DeepImage:
    """(2H − 1, 2W − 1[, C]): the image's own pixels at even indices, filtered ones between."""
    one = np.ones(1)
    anchor = len(half_sample) // 2 - 1

    def between(kernel_x: NDArray[np.float64], kernel_y: NDArray[np.float64]) -> DeepImage:
        centre = (anchor if len(kernel_x) > 1 else 0, anchor if len(kernel_y) > 1 else 0)
        return cast(
            DeepImage,
            cv2.sepFilter2D(
                image, -1, kernel_x, kernel_y, anchor=centre, borderType=cv2.BORDER_REPLICATE
            ),
        )

    height, width = image.shape[:2]
    fine: DeepImage = np.empty((2 * height - 1, 2 * width - 1, *image.shape[2:]), image.dtype)
    fine[::2, ::2] = image
    fine[::2, 1::2] = between(half_sample, one)[:, :-1]
    fine[1::2, ::2] = between(one, half_sample)[:-1]
    fine[1::2, 1::2] = between(half_sample, half_sample)[:-1, :-1]
    return fine


def _pack(rgba: DeepImage) -> Texels:
    padded = cv2.copyMakeBorder(rgba, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
    return padded.view("<u4")[..., 0].astype(np.uint32, copy=False)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def to_fixed_point(position):  # type: ignore[no-untyped-def]
    """A position in texels as a whole number of 1/256 texel."""
    return int(np.floor(position * _ONE + 0.5))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def sample(texels, rows, columns, u, v):  # type: ignore[no-untyped-def]
    """Bilinear texel at fixed-point (u, v), clamped to the texture, as four 16-bit lanes.

    ``texels`` (rows · columns,) is flat. Lanes are R, B, G, alpha from the lowest bits. The four
    weights sum to 256 exactly, so a flat colour stays what it is and a position on a texel gives
    that texel. The index is unsigned because a signed one would be tested for wrapping around.
    """
    u = min(max(u, 0), (columns - 2) * _ONE)
    v = min(max(v, 0), (rows - 2) * _ONE)
    fx, fy = u & (_ONE - 1), v & (_ONE - 1)
    corner = (fx * fy + _ONE // 2) >> FRACTION_BITS
    at = np.uint64((v >> FRACTION_BITS) * columns + (u >> FRACTION_BITS))
    weighted = (
        _lanes(texels[at]) * (_ONE - fx - fy + corner)
        + _lanes(texels[at + np.uint64(1)]) * (fx - corner)
        + _lanes(texels[at + np.uint64(columns)]) * (fy - corner)
        + _lanes(texels[at + np.uint64(columns + 1)]) * corner
    )
    return ((weighted + _HALF) >> 8) & _LANES


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _lanes(texel):  # type: ignore[no-untyped-def]
    t = np.int64(texel)
    return (t & 0xFF00FF) | ((t & 0xFF00FF00) << 24)
