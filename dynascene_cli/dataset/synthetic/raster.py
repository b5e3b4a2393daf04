"""Plates of synthetic places: every pixel's colour and depth, exactly, by casting rays at faces.

A face is a parallelogram, and a pixel's place on it and its inverse depth are ratios of functions
linear in the pixel (Hartley & Zisserman, section 2.3), so that each ray costs a few additions.
Edges are averaged over four samples a pixel; colours are filtered over the pixel's footprint by
mipmaps, with several samples along its longer side (Ewins et al. 1998).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dynascene_cli.dataset.synthetic.textures import SIDE
from dynascene_cli.geometry import Floats

NEAR = 0.05
"""Metres in front of the camera at which faces begin."""

_SAMPLES = np.array([[0.375, 0.125], [0.875, 0.375], [0.125, 0.625], [0.625, 0.875], [0.5, 0.5]])
"""Four for the colours, and the centre, whose depth is the pixel's."""

_LONGEST = 6
_TOP_LEVEL = 8


class Faces(NamedTuple):
    """N parallelograms origin + a u + b v, a and b in 0..1, and what is painted on them.

    ``corners`` (N, 3, 3): origin, u, v in metres. Colours are 0..255: ``base`` (N, 3) plus
    ``mixes`` (N, 2, 3, 3) times two patterns: ``patterns`` (N, 2) of the pool, ``tiles`` (N, 2) to
    a metre, ``offsets`` (N, 2, 2) in tiles; all times ``light`` (N, 3). A face is darker towards
    its edges by ``corner_shade`` (N,), as the walls of a room are.
    """

    corners: Floats
    base: Floats
    mixes: Floats
    patterns: NDArray[np.int64]
    tiles: Floats
    offsets: Floats
    light: Floats
    corner_shade: Floats


class Surroundings(NamedTuple):
    """What is behind and between the faces.

    ``horizon`` and ``zenith`` (3,) colours of the sky, ``cloud`` (3,) the clouds'; ``clouds`` the
    pattern of the pool, drifted by ``drift`` (2,) tiles; the horizon's colour covers 1 − 1/e of
    what is ``haze`` metres away. ``lamp`` (3,) metres lights its surroundings by ``lamp_gain``.
    """

    horizon: Floats
    zenith: Floats
    cloud: Floats
    clouds: int
    drift: Floats
    haze: float
    lamp: Floats
    lamp_gain: float


@njit(cache=True, nogil=True, error_model="numpy")
def sample(texels, u, v, level, weight, colour):  # type: ignore[no-untyped-def]
    """Add a pattern, read between its texels (T, 3) and levels at u, v in texels of the finest."""
    level = min(max(level, 0.0), _TOP_LEVEL)
    lower = int(level)
    for finer in range(2):
        share = 1 - (level - lower) if finer == 0 else level - lower
        if share <= 0:
            continue
        n = lower + finer
        side = SIDE >> n
        start = (4 * SIDE * SIDE - 4 * side * side) // 3
        x, y = u / (1 << n) - 0.5, v / (1 << n) - 0.5
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - x0, y - y0
        xa, xb = x0 & (side - 1), (x0 + 1) & (side - 1)
        ya, yb = start + (y0 & (side - 1)) * side, start + ((y0 + 1) & (side - 1)) * side
        for c in range(3):
            top = texels[ya + xa, c] * (1 - fx) + texels[ya + xb, c] * fx
            low = texels[yb + xa, c] * (1 - fx) + texels[yb + xb, c] * fx
            colour[c] += weight * share / 127 * (top * (1 - fy) + low * fy)


@njit(cache=True, nogil=True, error_model="numpy")
def _inverse(P, H):  # type: ignore[no-untyped-def]
    """The inverse of a 3 × 3 matrix; whether there is one."""
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        for r in range(3):
            s, t = (r + 1) % 3, (r + 2) % 3
            H[r, i] = P[j, s] * P[k, t] - P[j, t] * P[k, s]
    determinant = P[0, 0] * H[0, 0] + P[0, 1] * H[1, 0] + P[0, 2] * H[2, 0]
    if abs(determinant) < 1e-9:
        return False
    H /= determinant
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _window(P, width, height):  # type: ignore[no-untyped-def]
    """The columns and rows that may show a face: x0, y0, x1, y1."""
    low_x, low_y, high_x, high_y = np.inf, np.inf, -np.inf, -np.inf
    behind = 0
    for a in range(2):
        for b in range(2):
            w = P[2, 0] * a + P[2, 1] * b + P[2, 2]
            if w <= NEAR:
                behind += 1
                continue
            x = (P[0, 0] * a + P[0, 1] * b + P[0, 2]) / w
            y = (P[1, 0] * a + P[1, 1] * b + P[1, 2]) / w
            low_x, high_x = min(low_x, x), max(high_x, x)
            low_y, high_y = min(low_y, y), max(high_y, y)
    if behind == 4:
        return 0, 0, 0, 0
    if behind > 0:
        return 0, 0, width, height
    return (
        int(max(np.floor(low_x - 1), 0)),
        int(max(np.floor(low_y - 1), 0)),
        int(min(np.ceil(high_x + 1), width)),
        int(min(np.ceil(high_y + 1), height)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _cast_rays(H, window, number, nearest, seen):  # type: ignore[no-untyped-def]
    """Enter a face into the samples (H, W, 5) that it is nearest at; nearest is 1/z."""
    x0, y0, x1, y1 = window
    for y in range(y0, y1):
        for x in range(x0, x1):
            for s in range(5):
                px, py = x + _SAMPLES[s, 0], y + _SAMPLES[s, 1]
                w = H[2, 0] * px + H[2, 1] * py + H[2, 2]
                if w <= nearest[y, x, s] or w > 1 / NEAR:
                    continue
                a = H[0, 0] * px + H[0, 1] * py + H[0, 2]
                if a < 0 or a > w:
                    continue
                b = H[1, 0] * px + H[1, 1] * py + H[1, 2]
                if b < 0 or b > w:
                    continue
                nearest[y, x, s] = w
                seen[y, x, s] = number


@njit(cache=True, nogil=True, error_model="numpy")
def _paint(pixel, H, n, size, scenery, pattern, colour):  # type: ignore[no-untyped-def]
    """The colour (3,) of face n about a pixel's middle, filtered over the pixel's footprint."""
    (px, py), (faces, surroundings, texels) = pixel, scenery
    w = max(H[2, 0] * px + H[2, 1] * py + H[2, 2], 1e-6)
    a = (H[0, 0] * px + H[0, 1] * py + H[0, 2]) / w
    b = (H[1, 0] * px + H[1, 1] * py + H[1, 2]) / w
    ux, uy = size[0] * (H[0, 0] - a * H[2, 0]) / w, size[0] * (H[0, 1] - a * H[2, 1]) / w
    vx, vy = size[1] * (H[1, 0] - b * H[2, 0]) / w, size[1] * (H[1, 1] - b * H[2, 1]) / w
    across, down = np.hypot(ux, vx), np.hypot(uy, vy)
    longer = max(across, down)
    shorter = abs(ux * vy - uy * vx) / max(longer, 1e-12)
    count = int(min(max(np.ceil(longer / max(shorter, 1e-12)), 1), _LONGEST))
    step_u, step_v = (ux, vx) if across >= down else (uy, vy)
    footprint = max(longer / count, shorter)
    a, b = min(max(a, 0.0), 1.0), min(max(b, 0.0), 1.0)
    u, v = a * size[0], b * size[1]
    for c in range(3):
        colour[c] = faces.base[n, c]
    for k in range(2):
        texels_per_metre = faces.tiles[n, k] * SIDE
        level = np.log2(max(footprint * texels_per_metre, 1.0))
        pattern[:] = 0
        for i in range(count):
            along = (i + 0.5) / count - 0.5
            sample(
                texels[faces.patterns[n, k]],
                (u + along * step_u) * texels_per_metre + faces.offsets[n, k, 0] * SIDE,
                (v + along * step_v) * texels_per_metre + faces.offsets[n, k, 1] * SIDE,
                level, 1.0 / count, pattern,
            )  # fmt: skip
        for c in range(3):
            for d in range(3):
                colour[c] += faces.mixes[n, k, c, d] * pattern[d]
    edge = min(min(u, size[0] - u), min(v, size[1] - v))
    gain = 1 - faces.corner_shade[n] * np.exp(-edge / 0.5)
    if surroundings.lamp_gain > 0:
        square = 0.0
        for c in range(3):
            at = faces.corners[n, 0, c] + a * faces.corners[n, 1, c] + b * faces.corners[n, 2, c]
            square += (at - surroundings.lamp[c]) ** 2
        gain *= 1 + surroundings.lamp_gain / (1 + square / 4)
    clear = np.exp(-1 / (w * surroundings.haze))
    for c in range(3):
        lit = min(max(colour[c], 8.0), 250.0) * faces.light[n, c] * gain
        colour[c] = lit * clear + surroundings.horizon[c] * (1 - clear)


@njit(cache=True, nogil=True, error_model="numpy")
def _sky(direction, pixel, texels, surroundings, pattern, colour):  # type: ignore[no-untyped-def]
    """The colour (3,) of the sky in a direction (3,); ``pixel`` is its angle."""
    dx, dy, dz = direction
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    up = max(-dy / length, 0.0)
    height = up**0.6
    flat = up + 0.08
    pattern[:] = 0
    scale = 0.22 * SIDE / flat
    sample(
        texels[surroundings.clouds],
        dx / length * scale + surroundings.drift[0] * SIDE,
        dz / length * scale + surroundings.drift[1] * SIDE,
        np.log2(max(pixel * scale / flat, 1.0)), 1.0, pattern,
    )  # fmt: skip
    cover = min(max(pattern[0], 0.0), 1.0) * min(up * 6, 1.0)
    for c in range(3):
        clear = (
            surroundings.horizon[c] + (surroundings.zenith[c] - surroundings.horizon[c]) * height
        )
        colour[c] = clear + (surroundings.cloud[c] - clear) * cover


@njit(cache=True, nogil=True, error_model="numpy")
def _project_face(K, E, corners, plane, P):  # type: ignore[no-untyped-def]
    """The homography (3, 3) from a face to the picture into P; ``plane`` (3, 3) is overwritten."""
    for i in range(3):
        for j in range(3):
            part = corners[(j + 1) % 3]
            plane[i, j] = E[i, 0] * part[0] + E[i, 1] * part[1] + E[i, 2] * part[2]
        plane[i, 2] += E[i, 3]
    for i in range(3):
        for j in range(3):
            P[i, j] = K[i, 0] * plane[0, j] + K[i, 1] * plane[1, j] + K[i, 2] * plane[2, j]


@njit(cache=True, nogil=True, error_model="numpy")
def film_plates(intrinsics, extrinsics, faces, surroundings, texels, plates, depths):  # type: ignore[no-untyped-def]
    """Film faces and sky: colours into ``plates`` uint8 (F, H, W, 3), z in metres into ``depths``.

    ``intrinsics`` (F, 3, 3), ``extrinsics`` (F, 3, 4), ``texels`` those of the pool; ``depths``
    float32 (F, H, W) is infinite where no face is seen at the pixel's centre.
    """
    frames, height, width = depths.shape
    count = len(faces.corners)
    sizes = np.empty((count, 2))
    for n in range(count):
        for k in range(2):
            sizes[n, k] = np.sqrt(np.sum(faces.corners[n, 1 + k] ** 2))
    H = np.empty((count, 3, 3))
    P, plane = np.empty((3, 3)), np.empty((3, 3))
    nearest = np.empty((height, width, 5))
    seen = np.empty((height, width, 5), np.int16)
    colour, pattern, total = np.empty(3), np.empty(3), np.empty(3)
    scenery = faces, surroundings, texels
    for f in range(frames):
        K, E = intrinsics[f], extrinsics[f]
        nearest[:] = 0
        seen[:] = -1
        for n in range(count):
            _project_face(K, E, faces.corners[n], plane, P)
            window = _window(P, width, height)
            if window[0] >= window[2] or window[1] >= window[3] or not _inverse(P, H[n]):
                continue
            _cast_rays(H[n], window, n, nearest, seen)
        for y in range(height):
            for x in range(width):
                depths[f, y, x] = 1 / nearest[y, x, 4] if seen[y, x, 4] >= 0 else np.inf
                total[:] = 0
                for s in range(4):
                    n = seen[y, x, s]
                    before = False
                    share = 0
                    for other in range(4):
                        if seen[y, x, other] == n:
                            before = before or other < s
                            share += 1
                    if before:
                        continue
                    if n >= 0:
                        _paint((x + 0.5, y + 0.5), H[n], n, sizes[n], scenery, pattern, colour)
                    else:
                        cx, cy = (x + 0.5 - K[0, 2]) / K[0, 0], (y + 0.5 - K[1, 2]) / K[1, 1]
                        direction = (
                            E[0, 0] * cx + E[1, 0] * cy + E[2, 0],
                            E[0, 1] * cx + E[1, 1] * cy + E[2, 1],
                            E[0, 2] * cx + E[1, 2] * cy + E[2, 2],
                        )
                        _sky(direction, 1 / K[0, 0], texels, surroundings, pattern, colour)
                    for c in range(3):
                        total[c] += share / 4 * min(max(colour[c], 0.0), 255.0)
                for c in range(3):
                    plates[f, y, x, c] = np.uint8(total[c] + 0.5)
