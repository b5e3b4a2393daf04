"""The three sums of light of a composite, over crops, in linear light.

Pictures in and out are display values, uint8; each pixel is decoded, summed and encoded by table.
"""

from collections.abc import Callable
from functools import cache, cached_property
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.compositing.linear_light import (
    DECODE,
    ENCODE,
    ENCODE_STEPS,
    deep_decode,
    light_table,
)
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import DeepImage, Image
from dynascene_cli.video.srgb_curve import display_light

Gray = NDArray[np.uint8]
Levels = TypeVar("Levels", NDArray[np.uint8], NDArray[np.uint16])

HIDDEN = np.float32(0.995)
"""Where the surroundings are the person to this share, too little light wraps to be seen."""


def lay_over(foreground: Image, alpha: Gray, picture: Image) -> None:
    """Lay straight foreground colours over ``picture``, in place."""
    _lay_over(foreground, alpha, picture, DECODE, ENCODE)


def look_up(image: DeepImage, table: Levels) -> Levels:
    """An image (H, W, 3) of which each channel went through its column of a table (256, 3).

    One of 16 bits goes through a table (65536, 3) of 16 bits. In a third of the time of
    ``cv2.LUT``, which takes a table of three channels for a general one.
    """
    made = np.empty_like(table, shape=image.shape)
    _look_up(np.ascontiguousarray(image), np.ascontiguousarray(table.T), made)
    return made


class LightChange:
    """A change of linear light, for pictures of display values."""

    def __init__(self, change: Callable[[Floats], Floats]) -> None:
        """``change`` takes linear light (N, 3), 0..1."""
        self._change = change
        self._table = light_table(change)

    def apply(self, picture: DeepImage) -> DeepImage:
        """What becomes of a picture (H, W, 3)."""
        if picture.dtype == np.uint8:
            return look_up(picture, self._table)
        return look_up(picture, self._deep_table)

    @cached_property
    def _deep_table(self) -> NDArray[np.uint16]:
        light = self._change(np.repeat(deep_decode()[:, None].astype(float), 3, axis=1))
        return np.round(65535 * display_light(light)).astype(np.uint16)


def lay_over_deep(layer: NDArray[np.uint16], picture: NDArray[np.uint16]) -> None:
    """Lay straight RGBA (H, W, 4) over ``picture``, both of 16 bits, in place."""
    alpha = layer[..., 3]
    mixed, whole = (alpha > 0) & (alpha < 65535), alpha == 65535
    picture[whole] = layer[whole][:, :3]
    behind, before = deep_decode()[picture[mixed]], deep_decode()[layer[mixed][:, :3]]
    light = behind + alpha[mixed][:, None] * np.float32(1 / 65535) * (before - behind)
    picture[mixed] = np.round(65535 * display_light(light)).astype(np.uint16)


def darken(shadow: Gray, picture: Image) -> None:
    """Take the share ``shadow`` / 255 of the light away from ``picture``, in place."""
    _darken(shadow, picture, _darkening_table())


@cache
def _darkening_table() -> NDArray[np.uint8]:
    """(256, 256): every display value with every share of its light, of 255, taken away."""
    kept = np.float32(ENCODE_STEPS) * (1 - np.arange(256, dtype=np.float32)[:, None] / 255)
    return ENCODE[(DECODE * kept + np.float32(0.5)).astype(np.intp)]


def wrap_light(
    foreground: Image,
    alpha: Gray,
    near_alpha: NDArray[np.float32],
    near_light: NDArray[np.float32],
    reduction: int,
    amount: float,
) -> None:
    """Let the plate's light spill over the foreground's edge, in place.

    ``near_light`` (linear) and ``near_alpha``, 0..1, are means over the edge's surroundings,
    ``reduction`` times smaller: a share ``amount`` of the mean plate's excess light enters in
    proportion to the plate seen there, 1 − near_alpha.
    """
    share = np.float32(amount)
    _wrap_light(foreground, alpha, near_alpha, near_light, reduction, share, DECODE, ENCODE)


@njit(cache=True, nogil=True, error_model="numpy")
def _look_up(image, tables, made):  # type: ignore[no-untyped-def]
    for y in range(image.shape[0]):
        row, out = image[y], made[y]
        for x in range(image.shape[1]):
            out[x, 0] = tables[0, row[x, 0]]
            out[x, 1] = tables[1, row[x, 1]]
            out[x, 2] = tables[2, row[x, 2]]


@njit(cache=True, nogil=True)
def _lay_over(foreground, alpha, picture, decode, encode):  # type: ignore[no-untyped-def]
    height, width = alpha.shape
    for y in range(height):
        for x in range(width):
            value = alpha[y, x]
            if value == 0:
                continue
            if value == 255:
                for c in range(3):
                    picture[y, x, c] = foreground[y, x, c]
                continue
            a = value * np.float32(1 / 255)
            for c in range(3):
                behind = decode[picture[y, x, c]]
                light = behind + a * (decode[foreground[y, x, c]] - behind)
                picture[y, x, c] = encode[int(light * np.float32(ENCODE_STEPS) + np.float32(0.5))]


@njit(cache=True, nogil=True, error_model="numpy")
def _darken(shadow, picture, darkened):  # type: ignore[no-untyped-def]
    height, width = shadow.shape
    for y in range(height):
        shares, row = shadow[y], picture[y]
        for x in range(width):
            if shares[x] == 0:
                continue
            values = darkened[shares[x]]
            for c in range(3):
                row[x, c] = values[row[x, c]]


@njit(cache=True, nogil=True, error_model="numpy")
def _wrap_light(foreground, alpha, near_alpha, near_light, reduction, amount, decode, encode):  # type: ignore[no-untyped-def]
    rows, columns = near_alpha.shape
    half, one, steps = np.float32(0.5), np.float32(1), np.float32(ENCODE_STEPS)
    step = one / np.float32(reduction)
    shown = np.empty(columns, np.bool_)
    near_row = np.empty(columns, np.float32)
    light_row = np.empty((columns, 3), np.float32)
    for row in range(rows):
        any_shown = False
        for column in range(columns):
            least = near_alpha[row, column]
            for j in range(max(row - 1, 0), min(row + 2, rows)):
                for i in range(max(column - 1, 0), min(column + 2, columns)):
                    least = min(least, near_alpha[j, i])
            shown[column] = least <= HIDDEN
            any_shown |= shown[column]
        if not any_shown:
            continue
        bottom = alpha.shape[0] if row == rows - 1 else (row + 1) * reduction
        for y in range(row * reduction, bottom):
            v = min(max((y + half) * step - half, np.float32(0)), np.float32(rows - 1))
            top = int(v)
            below = min(top + 1, rows - 1)
            down = np.float32(v - top)
            for column in range(columns):
                near_row[column] = (
                    near_alpha[top, column] * (one - down) + near_alpha[below, column] * down
                )
                for c in range(3):
                    light_row[column, c] = (
                        near_light[top, column, c] * (one - down)
                        + near_light[below, column, c] * down
                    )
            alphas, colours = alpha[y], foreground[y]
            for column in range(columns):
                if not shown[column]:
                    continue
                end = alpha.shape[1] if column == columns - 1 else (column + 1) * reduction
                for x in range(column * reduction, end):
                    if alphas[x] == 0:
                        continue
                    u = min(max((x + half) * step - half, np.float32(0)), np.float32(columns - 1))
                    left = np.uint32(u)
                    right = np.uint32(min(left + 1, columns - 1))
                    across = np.float32(u - left)
                    near = near_row[left] * (one - across) + near_row[right] * across
                    if near > HIDDEN:
                        continue
                    share = amount * (one - near)
                    for c in range(3):
                        light = light_row[left, c] * (one - across) + light_row[right, c] * across
                        own = decode[colours[x, c]]
                        if light > own:
                            index = (own + share * (light - own)) * steps
                            colours[x, c] = encode[np.uint32(index + half)]
