"""RGB to 8-bit 4:2:0 in one pass: luma a pixel, chroma the mean of two pixels by two."""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.shot import Image

_BAND_ROWS = 64
"""An even number of rows whose channels stay in the processor's cache."""


def subsample(
    image: Image, yuv_of_rgb: NDArray[np.float32], luma: Image, blue: Image, red: Image
) -> None:
    """Write an RGB image (H, W, 3) of even sides into planes (H, W) and two of (H / 2, W / 2).

    ``yuv_of_rgb`` (3, 4) is the affine map from RGB 0..255 to 8-bit Y, Cb, Cr.
    """
    height, width = luma.shape
    # Channels are split first, since arithmetic on every third value is slow.
    channels = np.empty((3, _BAND_ROWS, width), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        end = min(top + _BAND_ROWS, height)
        r, g, b = channels[:, : end - top]
        cv2.split(image[top:end], [r, g, b])
        halves = slice(top // 2, end // 2)
        _subsample(r, g, b, yuv_of_rgb, luma[top:end], blue[halves], red[halves])


@njit(cache=True, nogil=True, error_model="numpy")
def _subsample(r, g, b, weights, luma, blue, red):  # type: ignore[no-untyped-def]
    height, width = luma.shape
    half, quarter = np.float32(0.5), np.float32(0.25)
    y_r, y_g, y_b, y_0 = weights[0, 0], weights[0, 1], weights[0, 2], weights[0, 3] + half
    u_r, u_g, u_b, u_0 = weights[1, 0], weights[1, 1], weights[1, 2], weights[1, 3] + half
    v_r, v_g, v_b, v_0 = weights[2, 0], weights[2, 1], weights[2, 2], weights[2, 3] + half
    for y in range(height):
        row_r, row_g, row_b, out = r[y], g[y], b[y], luma[y]
        for x in range(width):
            one_r, one_g, one_b = np.float32(row_r[x]), np.float32(row_g[x]), np.float32(row_b[x])
            out[x] = np.uint8(y_r * one_r + y_g * one_g + y_b * one_b + y_0)
    for y in range(height // 2):
        upper_r, upper_g, upper_b = r[2 * y], g[2 * y], b[2 * y]
        lower_r, lower_g, lower_b = r[2 * y + 1], g[2 * y + 1], b[2 * y + 1]
        blue_row, red_row = blue[y], red[y]
        for x in range(width // 2):
            # Unsigned, because a signed index would be tested for wrapping around.
            i = np.uint64(2) * np.uint64(x)
            j = i + np.uint64(1)
            sum_r = upper_r[i] + upper_r[j] + lower_r[i] + lower_r[j]
            sum_g = upper_g[i] + upper_g[j] + lower_g[i] + lower_g[j]
            sum_b = upper_b[i] + upper_b[j] + lower_b[i] + lower_b[j]
            mean_r = quarter * np.float32(sum_r)
            mean_g = quarter * np.float32(sum_g)
            mean_b = quarter * np.float32(sum_b)
            blue_row[x] = np.uint8(u_r * mean_r + u_g * mean_g + u_b * mean_b + u_0)
            red_row[x] = np.uint8(v_r * mean_r + v_g * mean_g + v_b * mean_b + v_0)
