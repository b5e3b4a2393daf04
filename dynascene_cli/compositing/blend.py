"""The three sums of light of a composite, over crops, in linear light.

Pictures in and out are display values, uint8; each pixel is decoded, summed and encoded by table.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.compositing.light import DECODE, ENCODE, ENCODE_STEPS
from dynascene_cli.shot import Image

Gray = NDArray[np.uint8]

HIDDEN = np.float32(0.995)
"""Where the surroundings are the person to this share, too little light wraps to be seen."""


def over(foreground: Image, alpha: Gray, picture: Image) -> None:
    """Lay straight foreground colours over ``picture``, in place."""
    _over(foreground, alpha, picture, DECODE, ENCODE)


def darken(shadow: Gray, picture: Image) -> None:
    """Take the share ``shadow`` / 255 of the light away from ``picture``, in place."""
    _darken(shadow, picture, DECODE, ENCODE)


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


def looked_up(picture: Image, table: Image) -> Image:
    """A picture (H, W, 3) through a table (1, 256, 3), a column a channel."""
    out = np.empty_like(picture)
    _look_up(picture, np.ascontiguousarray(table[0].T), out)
    return out


@njit(cache=True)
def _look_up(picture, columns, out):  # type: ignore[no-untyped-def]
    height, width = picture.shape[:2]
    for y in range(height):
        for x in range(width):
            for c in range(3):
                out[y, x, c] = columns[c, picture[y, x, c]]


@njit(cache=True)
def _over(foreground, alpha, picture, decode, encode):  # type: ignore[no-untyped-def]
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


@njit(cache=True)
def _darken(shadow, picture, decode, encode):  # type: ignore[no-untyped-def]
    height, width = shadow.shape
    for y in range(height):
        for x in range(width):
            if shadow[y, x] == 0:
                continue
            kept = np.float32(ENCODE_STEPS) * (np.float32(1) - shadow[y, x] * np.float32(1 / 255))
            for c in range(3):
                light = decode[picture[y, x, c]] * kept
                picture[y, x, c] = encode[int(light + np.float32(0.5))]


@njit(cache=True)
def _wrap_light(foreground, alpha, near_alpha, near_light, reduction, amount, decode, encode):  # type: ignore[no-untyped-def]
    rows, columns = near_alpha.shape
    half, step = np.float32(0.5), np.float32(1) / np.float32(reduction)
    for row in range(rows):
        for column in range(columns):
            least = near_alpha[row, column]
            for j in range(max(row - 1, 0), min(row + 2, rows)):
                for i in range(max(column - 1, 0), min(column + 2, columns)):
                    least = min(least, near_alpha[j, i])
            if least > HIDDEN:
                continue
            bottom = alpha.shape[0] if row == rows - 1 else (row + 1) * reduction
            end = alpha.shape[1] if column == columns - 1 else (column + 1) * reduction
            for y in range(row * reduction, bottom):
                for x in range(column * reduction, end):
                    if alpha[y, x] > 0:
                        v = (y + half) * step - half
                        u = (x + half) * step - half
                        _wrap_pixel(
                            foreground, y, x, near_alpha, near_light, v, u, amount, decode, encode
                        )


@njit(cache=True, inline="always")
def _wrap_pixel(foreground, y, x, near_alpha, near_light, v, u, amount, decode, encode):  # type: ignore[no-untyped-def]
    """Wrap the pixel (y, x), which lies at row v and column u of the smaller means."""
    rows, columns = near_alpha.shape
    one = np.float32(1)
    v = min(max(v, np.float32(0)), np.float32(rows - 1))
    u = min(max(u, np.float32(0)), np.float32(columns - 1))
    top, left = int(v), int(u)
    below, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
    fy, fx = np.float32(v - top), np.float32(u - left)
    w00, w01 = (one - fy) * (one - fx), (one - fy) * fx
    w10, w11 = fy * (one - fx), fy * fx
    near = near_alpha[top, left] * w00 + near_alpha[top, right] * w01
    near += near_alpha[below, left] * w10 + near_alpha[below, right] * w11
    if near > HIDDEN:
        return
    share = amount * (one - near)
    for c in range(3):
        light = near_light[top, left, c] * w00 + near_light[top, right, c] * w01
        light += near_light[below, left, c] * w10 + near_light[below, right, c] * w11
        own = decode[foreground[y, x, c]]
        if light > own:
            index = (own + share * (light - own)) * np.float32(ENCODE_STEPS)
            foreground[y, x, c] = encode[int(index + np.float32(0.5))]
