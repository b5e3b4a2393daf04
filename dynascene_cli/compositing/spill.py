"""The old background's colour in a person's edge: where it is, and what of the alpha is the person.

Mattes are often a few pixels too wide, and video stores colour at half the resolution, so that a
yellow field stains the calves before it. Blur fusion takes its foreground from these pixels too,
and an orange outline remains. Here the foreground inside of the edge says what the person looks
like; an edge whose chroma lies between that and the background's is a mixture of the two, in the
proportion that chroma tells. Chroma, since shading and light from behind change brightness alone.
"""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

EDGE_WEIGHT = 0.02
"""How much the edge itself counts beside what is inside of it: for hair and fingers, where nothing
is inside."""

LEAST_CHROMA, SURE_CHROMA = 15.0, 30.0
"""Levels of Cb and Cr by which person and background differ where a mixture is told at all, and
surely: brown hair before a grey curtain (10) got a pale line, black shorts before a blue mat have
40, calves before yellow grass 100."""

UNEXPLAINED = 0.4
"""The share of that difference from which on a colour beside the line between the two is no mixture
of them: another garment, a hand before trousers."""

SMOOTHING = 0.8
"""Standard deviation, in reduced pixels, that takes the noise of chroma out of what is kept."""


def clear_spill(
    frame: NDArray[np.float32] | NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    means: NDArray[np.float32],
    foreground: NDArray[np.float32],
    radius: int,
) -> NDArray[np.float32]:
    """The share (h, w) of each alpha to keep, 0..1; the foreground's means are cleared in place.

    All at the reduced size: ``frame`` (h, w, 3), ``alpha`` (h, w), ``means`` (2, h, w, 3) of
    foreground and background, and ``foreground`` (h, w, 4), the sums' parts αF and α that the
    foreground's means are boxes of ``radius`` of.
    """
    solid = cv2.erode((alpha >= 254).astype(np.uint8), np.ones((3, 3), np.uint8))
    weight = np.float32(EDGE_WEIGHT) + np.float32(1 - EDGE_WEIGHT) * solid
    side = (2 * radius + 1, 2 * radius + 1)
    inner = cv2.boxFilter(foreground * weight[..., None], -1, side, borderType=cv2.BORDER_CONSTANT)
    judged = cv2.GaussianBlur(_judge(frame, alpha, means, inner), (0, 0), SMOOTHING)
    return np.asarray(judged[..., 0] / judged[..., 1], np.float32)


@njit(cache=True, nogil=True)
def _judge(frame, alpha, means, inner):  # type: ignore[no-untyped-def]
    """(h, w, 2): the share to keep times its weight, and the weight; means are cleared in place."""
    height, width = alpha.shape
    out = np.empty((height, width, 2), np.float32)
    person = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            own, place = means[0, y, x], means[1, y, x]
            seen = inner[y, x, 3] + np.float32(1e-3)
            for c in range(3):
                person[c] = (inner[y, x, c] + np.float32(1e-3) * own[c]) / seen
            share, trust = _mixture(own, person, place)
            if share < 1:
                for c in range(3):
                    own[c] += trust * (person[c] - own[c])
            share, trust = _mixture(frame[y, x], own, place)
            opacity = alpha[y, x] * np.float32(1 / 255)
            spilled = trust * max(opacity - share, np.float32(0)) / max(opacity, np.float32(0.01))
            weight = np.float32(1e-3)
            if alpha[y, x] < 255:
                weight += min(4 * opacity, np.float32(1))
            out[y, x, 0] = weight * (1 - spilled)
            out[y, x, 1] = weight
    return out


@njit(cache=True, inline="always")
def _mixture(colour, person, place):  # type: ignore[no-untyped-def]
    """The person's share in a mixture with the place, by chroma, and how far that is trusted."""
    r, g, b = person[0] - place[0], person[1] - place[1], person[2] - place[2]
    blue, red = _cb(r, g, b), _cr(r, g, b)
    r, g, b = colour[0] - place[0], colour[1] - place[1], colour[2] - place[2]
    own_blue, own_red = _cb(r, g, b), _cr(r, g, b)
    apart = np.sqrt(blue * blue + red * red) + np.float32(1e-3)
    share = (own_blue * blue + own_red * red) / (apart * apart)
    beside = abs(own_blue * red - own_red * blue) / apart
    clear = (apart - np.float32(LEAST_CHROMA)) / np.float32(SURE_CHROMA - LEAST_CHROMA)
    explained = np.float32(1) - beside / (np.float32(UNEXPLAINED) * apart)
    trust = min(max(clear, np.float32(0)), np.float32(1)) * max(explained, np.float32(0))
    return min(max(share, np.float32(0)), np.float32(1)), trust


@njit(cache=True, inline="always")
def _cb(r, g, b):  # type: ignore[no-untyped-def]
    return np.float32(-0.168736) * r - np.float32(0.331264) * g + np.float32(0.5) * b


@njit(cache=True, inline="always")
def _cr(r, g, b):  # type: ignore[no-untyped-def]
    return np.float32(0.5) * r - np.float32(0.418688) * g - np.float32(0.081312) * b
