"""The background points that a camera was solved from, drawn over frames of the clip."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.estimate import GATE_PIXELS, TRACKING_WIDTH, FeatureTracks
from dynascene_cli.geometry import Floats, centre, compose, pose
from dynascene_cli.reports.contact_sheet import contact_sheet
from dynascene_cli.shot import CameraPath, Image

FITTING, OFF = (45, 212, 191), (249, 115, 22)
SHADE = 0.6
TAIL_SECONDS = 0.25
COLUMNS = 3
TILE_WIDTH = 420
SUBPIXEL_BITS = 3
AT_INFINITY = 1e-10


def track_sheet(
    frames: Sequence[tuple[int, Image]], tracks: FeatureTracks, residuals: Floats, frame_rate: float
) -> Image:
    """Frames (number, picture) with the points seen in them and where these came from.

    ``residuals`` (O,) are track_residuals: points within GATE_PIXELS are teal, others orange.
    Tails reach back a quarter of a second, where the point was seen.

    Raises:
        InputError: there are no frames.
    """
    off = ~(residuals <= GATE_PIXELS)
    pictures, labels = [], []
    for number, frame in frames:
        here = tracks.frame == number
        pictures.append(_drawn(frame, number, tracks, off, round(TAIL_SECONDS * frame_rate)))
        share = f", {100 * np.mean(off[here]):.0f} % off" if here.any() else ""
        labels.append(f"{number / frame_rate:.2f} s: {here.sum()} points{share}")
    return contact_sheet(pictures, labels, COLUMNS, TILE_WIDTH)


def track_residuals(path: CameraPath, tracks: FeatureTracks) -> Floats:
    """How far each observation is from its point's reprojection (O,), at TRACKING_WIDTH.

    The point of a track is triangulated from all its observations (Hartley & Zisserman 2004,
    section 12.2, homogeneous, so that it may lie at infinity). NaN for a track that is seen once.
    """
    K = path.intrinsics[tracks.frame].copy()
    K[:, :2] *= tracks.width / path.width
    middle = pose(np.eye(3), centre(path.extrinsics).mean(axis=0))
    P = K @ compose(path.extrinsics, middle)[tracks.frame]
    rows = tracks.pixels[:, :, None] * P[:, 2:] - P[:, :2]
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    products = np.zeros((tracks.track_count, 4, 4))
    np.add.at(products, tracks.track, np.swapaxes(rows, 1, 2) @ rows)
    # Cameras of one centre see it everywhere: of what fits as well, take the point at infinity.
    products[:, 3, 3] += AT_INFINITY * np.trace(products, axis1=1, axis2=2)
    points = np.linalg.eigh(products)[1][:, :, 0]
    image = np.einsum("oij,oj->oi", P, points[tracks.track])
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = np.linalg.norm(image[:, :2] / image[:, 2:] - tracks.pixels, axis=1)
    once = np.bincount(tracks.track, minlength=tracks.track_count)[tracks.track] < 2
    return np.asarray(np.where(once, np.nan, distances * TRACKING_WIDTH / tracks.width))


def _drawn(
    frame: Image, number: int, tracks: FeatureTracks, off: NDArray[np.bool_], tail: int
) -> Image:
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
