"""Points of the background followed through a clip, frame by frame."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.background_masks import background_masks
from dynascene_cli.camera.estimation.corners import BORDER, find_new_corners, noise_deviation
from dynascene_cli.camera.estimation.estimate import TRACKING_WIDTH, FeatureTracks, Integers
from dynascene_cli.camera.estimation.template_alignment import (
    RADIUS,
    Singles,
    align_templates,
    anchors,
    cut_templates,
)
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image
from dynascene_cli.video import prefetch

POINTS = 400
"""Points that are followed at a time."""

SHORTEST_TRACK = 4
"""Frames."""

RENEWED_EVERY = 5
FULL_SHARE = 0.9
"""New points are looked for every RENEWED_EVERY frames, and sooner when few are left."""

RETURN_PIXELS = 0.7
SHIFT_PIXELS = 1.5
UNEXPLAINED = 0.25
"""A point is lost when it does not come back to where it was, when its template lies elsewhere,
or when it no longer looks like its template."""

VISIBLE_SHARE = 0.03
"""Of some frame's picture, which must be background."""

WINDOW = (21, 21)
LEVELS = 4
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.03)


@dataclass(frozen=True, eq=False)
class _Points:
    """The points that are being followed.

    ``at`` (N, 2) are the pixel indices of their templates' centres, ``affine`` (N, 2, 2) map
    templates to the picture, and ``anchors`` (N, 2) lead from the centres to the points.
    """

    track: Integers
    at: Floats
    templates: Singles
    affine: Floats
    anchors: Floats

    @property
    def pixels(self) -> Floats:
        """Where the points are, (N, 2), pixel centres at +0.5."""
        return self.at + np.einsum("nij,nj->ni", self.affine, self.anchors) + 0.5

    def __len__(self) -> int:
        return len(self.track)

    def kept(self, keep: NDArray[np.bool_]) -> "_Points":
        return _Points(
            self.track[keep],
            self.at[keep],
            self.templates[keep],
            self.affine[keep],
            self.anchors[keep],
        )

    def joined(self, other: "_Points") -> "_Points":
        return _Points(
            np.concatenate([self.track, other.track]),
            np.concatenate([self.at, other.at]),
            np.concatenate([self.templates, other.templates]),
            np.concatenate([self.affine, other.affine]),
            np.concatenate([self.anchors, other.anchors]),
        )


def track_features(
    frames: Iterable[Image], alphas: Iterable[NDArray[np.uint8]], points: int = POINTS
) -> FeatureTracks:
    """Follow up to ``points`` points of the background at a time through a clip.

    Frames (H, W, 3) and alphas (H, W; 255 = person) are read one by one. Wider frames are shrunk
    to TRACKING_WIDTH. A point is followed by pyramidal Lucas–Kanade there and back (Bouguet
    2001), then aligned with the patch that it was first seen as, so that it does not drift.

    Raises:
        InputError: there are no frames, or the mattes leave no background in any.
    """
    stream = iter(frames)
    first = next(stream, None)
    if first is None:
        raise InputError("the clip has no frames", "give a clip of at least two frames")
    width = min(TRACKING_WIDTH, first.shape[1])
    height = max(round(first.shape[0] * width / first.shape[1]), 1)
    follower = _Follower(points)
    shown = 0.0
    followed: list[tuple[Integers, Floats]] = []
    greys = (_grey(frame, width, height) for frame in chain([first], stream))
    with prefetch(zip(greys, background_masks(alphas, width, height), strict=True)) as pictures:
        for grey, background in pictures:
            shown = max(shown, float((background > 0).mean()))
            followed.append(follower.step(grey, background))
    if shown < VISIBLE_SHARE:
        raise InputError(
            "the matte covers the whole picture: no background is left to estimate the camera from",
            "give a matte whose white is the person only, or choose --camera static",
        )
    return _assemble_tracks(followed, width, height)


class _Follower:
    """The points in flight, from one frame to the next."""

    def __init__(self, count: int) -> None:
        self._wanted = count
        self._points = _no_points()
        self._started = 0
        self._last: Image = np.zeros((1, 1), np.uint8)
        self._age = 0
        self._noise = 1.0

    def step(self, grey: Image, background: Image) -> tuple[Integers, Floats]:
        """The track numbers and pixels (centres at +0.5) of what this frame shows."""
        if len(self._points):
            self._points = _follow_points(self._points, self._last, grey, background, self._noise)
        self._last = grey
        self._age += 1
        if self._age >= RENEWED_EVERY or len(self._points) < FULL_SHARE * self._wanted:
            self._renew(grey, background)
        return self._points.track, self._points.pixels

    def _renew(self, grey: Image, background: Image) -> None:
        self._age = 0
        self._noise = noise_deviation(grey)
        found = find_new_corners(grey, background, self._points.at, self._wanted, self._noise)
        numbers = self._started + np.arange(len(found))
        self._started += len(found)
        templates = cut_templates(grey, found)
        unturned = np.repeat(np.eye(2)[None], len(found), axis=0)
        fresh = _Points(numbers, found.astype(float), templates, unturned, anchors(templates))
        self._points = self._points.joined(fresh.kept(_on(background, fresh.pixels - 0.5)))


def _no_points() -> _Points:
    side = 2 * RADIUS + 3
    return _Points(
        np.zeros(0, np.int64),
        np.zeros((0, 2)),
        np.zeros((0, side, side), np.float32),
        np.zeros((0, 2, 2)),
        np.zeros((0, 2)),
    )


def _grey(frame: Image, width: int, height: int) -> Image:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if frame.shape[1] != width:
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _follow_points(
    points: _Points,
    before: Image,
    grey: Image,
    background: Image,
    noise: float,
) -> _Points:
    start = points.at.astype(np.float32)[:, None]
    there, seen = _flow(before, grey, start)
    back, seen_back = _flow(grey, before, there)
    predicted = there[:, 0].astype(float)
    returned = np.linalg.norm((back - start)[:, 0], axis=1) < RETURN_PIXELS
    ok = seen & seen_back & returned & _on(background, predicted)
    points, predicted = points.kept(ok), predicted[ok]
    at, affine, unexplained = align_templates(
        grey, points.templates, predicted, points.affine, noise
    )
    points = replace(points, at=at, affine=affine)
    ok = (unexplained < UNEXPLAINED) & (np.linalg.norm(at - predicted, axis=1) < SHIFT_PIXELS)
    return points.kept(ok & _on(background, points.pixels - 0.5))


def _flow(
    before: Image, after: Image, points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    there, seen, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=WINDOW, maxLevel=LEVELS, criteria=STOP
    )
    return np.asarray(there, np.float32), seen[:, 0] > 0


def _on(background: Image, at: Floats) -> NDArray[np.bool_]:
    """Which points lie on the background, away from the picture's border."""
    height, width = background.shape
    inside = np.all((at >= BORDER) & (at <= [width - 1 - BORDER, height - 1 - BORDER]), axis=1)
    x, y = np.clip(at.round().astype(int), 0, [width - 1, height - 1]).T
    return inside & (background[y, x] > 0)


def _assemble_tracks(
    followed: list[tuple[Integers, Floats]], width: int, height: int
) -> FeatureTracks:
    """The tracks of at least SHORTEST_TRACK frames, numbered anew."""
    shortest = min(SHORTEST_TRACK, len(followed))
    track = np.concatenate([numbers for numbers, _ in followed])
    frame = np.repeat(np.arange(len(followed)), [len(numbers) for numbers, _ in followed])
    pixels = np.concatenate([at for _, at in followed])
    length = np.bincount(track, minlength=1)
    keep = length[track] >= shortest
    order = np.lexsort((frame[keep], track[keep]))
    numbers = (np.cumsum(length >= shortest) - 1)[track[keep]]
    return FeatureTracks(
        numbers[order], frame[keep][order], pixels[keep][order], len(followed), width, height
    )
