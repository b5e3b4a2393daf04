"""Frames of a relief without cuts, whose source positions hardly bend from pixel to pixel.

They are drawn at every other pixel of every other row and interpolated between. That is exact to a
few thousandths of a pixel but along the creases of the mesh, and at a fold, where one hill hides
another: there a single pixel shows what is stretched between them.
"""

import cv2
import numpy as np
from numba import njit

from dynascene_cli.geometry import Floats
from dynascene_cli.projection.mesh import Mesh
from dynascene_cli.projection.rasteriser import screen_vertices, source_map
from dynascene_cli.projection.texture import SampledTexture, Texture
from dynascene_cli.shot import DeepImage

SMALLEST_SIDE = 4
"""Pixels of a picture below which there is nothing to interpolate."""

_BAND_ROWS = 32


def continuous_frame(
    mesh: Mesh, texture: Texture, camera: Floats, width: int, height: int, minification: float
) -> DeepImage | None:
    """RGB (height, width, 3) of an uncut relief seen by ``camera`` (3, 4); None if it has gaps."""
    columns, rows = width // 2 + 1, height // 2 + 1
    across, down = (columns - 1) / (width - 1), (rows - 1) / (height - 1)
    # The outermost samples are the picture's outermost pixels.
    to_samples = np.array([[across, 0, 0.5 - 0.5 * across], [0, down, 0.5 - 0.5 * down], [0, 0, 1]])
    screen, in_front = screen_vertices(
        mesh.points, mesh.source, mesh.depth, to_samples @ camera, texture.texels_per_pixel
    )
    nearest, u, v = source_map(screen, in_front, mesh.bent, mesh.flats, columns, rows)
    if not nearest.min() > 0:
        return None
    sampled = SampledTexture.at(texture, minification)
    deep = bool(texture.deep_levels)
    picture = np.empty((height, width, 3), np.uint16 if deep else np.uint8)
    u_band, v_band = np.empty((2, _BAND_ROWS, width), np.float32)
    for top in range(0, height, _BAND_ROWS):
        band = picture[top : top + _BAND_ROWS]
        x, y = u_band[: len(band)], v_band[: len(band)]
        interpolate(u, v, top, height, sampled.scale, x, y)
        if deep:
            band[:] = sampled.sample_deep(x, y)
        else:
            cv2.cvtColor(sampled.sample(x, y), cv2.COLOR_RGBA2RGB, dst=band)
    return picture


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate(u, v, top, height, scale, u_band, v_band):  # type: ignore[no-untyped-def]
    """Fill a band of a picture of ``height`` rows, from ``top`` on, from samples of half its size.

    ``u`` and ``v`` (rows // 2 + 1, columns // 2 + 1) stretch from the first pixel to the last;
    what is written is ``scale`` times as large.
    """
    width = u_band.shape[1]
    samples = u.shape[1]
    across = np.float32((samples - 1) / (width - 1))
    down = (u.shape[0] - 1) / (height - 1)
    u_row, v_row = np.empty(samples, np.float32), np.empty(samples, np.float32)
    one, two = np.float32(1), np.float32(2)
    for row in range(u_band.shape[0]):
        place = (top + row) * down
        j = min((top + row) >> 1, u.shape[0] - 2)
        lower = np.float32(place - j)
        for k in range(samples):
            u_row[k] = (u[j, k] + (u[j + 1, k] - u[j, k]) * lower) * scale
            v_row[k] = (v[j, k] + (v[j + 1, k] - v[j, k]) * lower) * scale
        u_out, v_out = u_band[row], v_band[row]
        for k in range(width // 2):
            i = np.uint64(k)
            after = i + np.uint64(1)
            even = np.float32(k) * (two * across - one)
            odd = even + across
            at, following = np.uint64(2) * i, np.uint64(2) * i + np.uint64(1)
            u_step, v_step = u_row[after] - u_row[i], v_row[after] - v_row[i]
            u_out[at] = u_row[i] + u_step * even
            u_out[following] = u_row[i] + u_step * odd
            v_out[at] = v_row[i] + v_step * even
            v_out[following] = v_row[i] + v_step * odd
        if width % 2:
            u_out[width - 1], v_out[width - 1] = u_row[samples - 1], v_row[samples - 1]
