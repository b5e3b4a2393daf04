"""RGB to 8-bit 4:2:0 in one pass: luma a pixel, chroma the mean of two pixels by two."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.shot import Image


def subsample(
    image: Image, yuv_of_rgb: NDArray[np.float32], luma: Image, blue: Image, red: Image
) -> None:
    """Write an RGB image (H, W, 3) of even sides into planes (H, W) and two of (H / 2, W / 2).

    ``yuv_of_rgb`` (3, 4) is the affine map from RGB 0..255 to 8-bit Y, Cb, Cr.
    """
    height, width = luma.shape
    rows = np.ascontiguousarray(image).reshape(height, 3 * width)
    _subsample(rows, yuv_of_rgb, luma, blue, red)


@njit(cache=True, nogil=True, error_model="numpy")
def _subsample(rows, weights, luma, blue, red):  # type: ignore[no-untyped-def]
    height, width = luma.shape
    half, quarter = np.float32(0.5), np.float32(0.25)
    y_r, y_g, y_b, y_0 = weights[0, 0], weights[0, 1], weights[0, 2], weights[0, 3] + half
    u_r, u_g, u_b, u_0 = weights[1, 0], weights[1, 1], weights[1, 2], weights[1, 3] + half
    v_r, v_g, v_b, v_0 = weights[2, 0], weights[2, 1], weights[2, 2], weights[2, 3] + half
    r, g, b = np.empty((3, width), np.float32)
    sum_r, sum_g, sum_b = np.empty((3, width), np.float32)
    for y in range(height):
        row, out = rows[y], luma[y]
        for x in range(width):
            # Unsigned, because a signed index would be tested for wrapping around.
            i = np.uint64(3) * np.uint64(x)
            r[x], g[x], b[x] = row[i], row[i + np.uint64(1)], row[i + np.uint64(2)]
        for x in range(width):
            out[x] = np.uint8(y_r * r[x] + y_g * g[x] + y_b * b[x] + y_0)
        if y % 2 == 0:
            sum_r[:], sum_g[:], sum_b[:] = r, g, b
            continue
        for x in range(width):
            r[x] = (r[x] + sum_r[x]) * quarter
            g[x] = (g[x] + sum_g[x]) * quarter
            b[x] = (b[x] + sum_b[x]) * quarter
        blue_row, red_row = blue[y // 2], red[y // 2]
        for x in range(width // 2):
            i = np.uint64(2) * np.uint64(x)
            j = i + np.uint64(1)
            mean_r, mean_g, mean_b = r[i] + r[j], g[i] + g[j], b[i] + b[j]
            blue_row[x] = np.uint8(u_r * mean_r + u_g * mean_g + u_b * mean_b + u_0)
            red_row[x] = np.uint8(v_r * mean_r + v_g * mean_g + v_b * mean_b + v_0)
