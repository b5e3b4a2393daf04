"""The background points that a camera was solved from, drawn over frames of the clip."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.estimate import GATE_PIXELS, FeatureTracks
from dynascene_cli.geometry import Floats
from dynascene_cli.reports.contact_sheet import contact_sheet
from dynascene_cli.shot import Image

FITTING, OFF = (45, 212, 191), (249, 115, 22)
SHADE = 0.6
TAIL_SECONDS = 0.25
COLUMNS = 3
TILE_WIDTH = 420
SUBPIXEL_BITS = 3


def track_sheet(
    frames: Sequence[tuple[int, Image]], tracks: FeatureTracks, residuals: Floats, frame_rate: float
) -> Image:
    """Frames (number, picture) with the points seen in them and where these came from.

    ``residuals`` (O,) are the estimate's: points within GATE_PIXELS are teal, others orange.
    Tails reach back a quarter of a second, where the point was seen.

    Raises:
        InputError: there are no frames.
    """
    off = ~(residuals <= GATE_PIXELS)
    pictures, labels = [], []
    for number, frame in frames:
        here = tracks.frame == number
        pictures.append(draw_tracks(frame, number, tracks, off, round(TAIL_SECONDS * frame_rate)))
        share = f", {100 * np.mean(off[here]):.0f} % off" if here.any() else ""
        labels.append(f"{number / frame_rate:.2f} s: {here.sum()} points{share}")
    return contact_sheet(pictures, labels, COLUMNS, TILE_WIDTH)


def draw_tracks(
    frame: Image, number: int, tracks: FeatureTracks, off: NDArray[np.bool_], tail: int
) -> Image:
    """A frame TILE_WIDTH wide with its points and their tails of so many frames.

    ``off`` (O,) are the observations that do not fit the camera.
    """
    height = max(1, round(frame.shape[0] * TILE_WIDTH / frame.shape[1]))
    small = cv2.resize(frame, (TILE_WIDTH, height), interpolation=cv2.INTER_AREA)
    picture = np.round(small * SHADE).astype(np.uint8)
    pixels = np.round((tracks.pixels * TILE_WIDTH / tracks.width - 0.5) * 2**SUBPIXEL_BITS).astype(
        int
    )
    recent = (tracks.frame <= number) & (tracks.frame >= number - tail)
    here = np.flatnonzero(tracks.frame == number)
    firsts = np.searchsorted(tracks.track, tracks.track[here])
    for wrong, colour in ((False, FITTING), (True, OFF)):
        for observation, first in zip(here, firsts, strict=True):
            if off[observation] != wrong:
                continue
            trail = np.arange(first, observation + 1)
            line = pixels[trail[recent[trail]]]
            cv2.polylines(picture, [line], False, colour, 1, cv2.LINE_AA, SUBPIXEL_BITS)
            dot = (int(line[-1, 0]), int(line[-1, 1]))
            cv2.circle(picture, dot, 2 << SUBPIXEL_BITS, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)
    return picture
