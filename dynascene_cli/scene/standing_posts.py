"""Posts that rise into the sky, followed down to where they stand, whatever they are seen before.

A network on a coarse grid calls the upper part of a lamp post sky or tree and its lower part
building or road: on the cards of these it would be torn to pieces.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.popup import Field, Surface
from dynascene_cli.shot import Image, Mask

THIN = 0.02
"""Posts and masts against the sky are at most so wide, as a share of the photo's width."""

POST_CONTRAST = 22
"""8-bit levels by which a post differs from the sky on both of its sides."""

POST_HEIGHT = 0.03
"""Lower marks in the sky are birds or clouds; a share of the photo's height."""

WORKING_PIXELS = 500_000
"""Larger photos are scaled down: a lamp post of the width of three pixels is seen well."""

MOST_MARKS = 24
"""So many marks are looked at, the tallest first: twigs before the sky are many."""

WIDEST = 0.03
"""The greatest width of a post, as a share of the picture's width: a lamp post beside the road."""

SEEN_OVER = 0.05
"""A post's contrast is averaged over so much of the picture's height: leaves behind it even out."""

CONTRAST = 5.0
"""8-bit levels by which a post is darker, or lighter, than what is on both of its sides: half of
what lamp posts before trees in the shade have."""

LEAST_SEEN, LONGEST_GAP = 0.7, 0.09
"""The share of a post's length over which it must be told from what is behind it, and the longest
stretch, a share of the picture's height, over which a sign may hide it."""

LEAST_LENGTH = 0.12
"""Shorter posts, as a share of the picture's height, are left to what they stand on."""

WIDER = 1.15
"""A post is taken to be wider only where its contrast is so many times greater then."""

FOOT_REACH = 0.03
"""How far, in picture heights, a post's foot is looked for below where it is last told from what
is behind it."""

LEANS = np.tan(np.radians(np.linspace(-3.0, 3.0, 25)))
"""How a post may lean in the picture of a camera that looks up or down a little."""

THICKER = 2.5
"""A post is at most so many times thicker at its foot than before the sky."""

WIDEST_SIGN = 0.075
"""What a post carries is at most so wide, as a share of the picture's width."""

FRAYED = 2.5
"""The labels of a post are at most so many times wider than itself."""


@dataclass(frozen=True)
class Post:
    """A straight post, its middle at column ``x`` + ``lean`` · row, on rows ``top`` ≤ y < ``foot``.

    ``half_widths`` (foot − top,) are in pixels, row by row.
    """

    x: float
    lean: float
    top: int
    foot: int
    half_widths: Floats

    def middle(self) -> Floats:
        """Its middle's column on each of its rows."""
        return self.x + self.lean * np.arange(self.top, self.foot, dtype=float)

    def mask(self, shape: tuple[int, int]) -> Mask:
        """Its pixels (H, W)."""
        found = np.zeros(shape, np.bool_)
        middle = self.middle()
        columns = np.arange(shape[1])
        inside = np.abs(columns - middle[:, None]) <= self.half_widths[:, None]
        found[self.top : self.foot] = inside
        return found


def standing_posts(surfaces: NDArray[np.uint8], photo: Image) -> Mask:
    """The posts (H, W) that stand on the ground, and the signs on them.

    ``surfaces`` (H, W) are values of `Surface`, as the photo's (H, W, 3) labels tell them.
    """
    height, width = surfaces.shape
    scale = min(1.0, (WORKING_PIXELS / surfaces.size) ** 0.5)
    if scale < 1:
        size = round(width * scale), round(height * scale)
        small = _posts(
            np.asarray(cv2.resize(surfaces, size, interpolation=cv2.INTER_NEAREST), np.uint8),
            np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8),
        )
        return np.asarray(cv2.resize(small.astype(np.float32), (width, height)) > 0.5)
    return _posts(surfaces, photo)


def _posts(surfaces: NDArray[np.uint8], photo: Image) -> Mask:
    found = np.zeros(surfaces.shape, np.bool_)
    sky = surfaces == Surface.SKY
    if not sky.any():
        return found
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    lightness = grey.astype(np.float32)
    ground = surfaces == Surface.GROUND
    barred = (surfaces == Surface.VEHICLE) | (surfaces == Surface.PERSON)
    behind = sky | (surfaces == Surface.PLANT)
    upright = (surfaces > Surface.CEILING) & ~barred & ~behind
    for piece in _upright_marks(grey, sky):
        post = follow_post(lightness, piece, ground, barred)
        if post is not None:
            found |= post.mask(surfaces.shape) | carried_by(post, upright, behind)
    return found & ~barred


def _upright_marks(grey: Image, sky: Mask) -> list[Mask]:
    """The tallest upright thin marks in the sky, each a mask (H, W) of its own."""
    height = len(sky)
    marks = marks_in_sky(grey, sky, across=True)
    tall = max(4, round(POST_HEIGHT * height))
    joined = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    upright = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((tall, 1), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(upright, connectivity=8)
    tallest = np.argsort(-stats[1:, cv2.CC_STAT_HEIGHT], kind="stable")[:MOST_MARKS] + 1
    return [np.asarray((parts == part) & sky) for part in tallest]


def marks_in_sky(grey: Image, sky: Mask, *, across: bool) -> Image:
    """1 where the sky has marks (H, W) that are thin across, or else downwards; else 0."""
    side = 2 * max(2, round(THIN * sky.shape[1] / 2)) + 1
    ones = np.ones((1, side) if across else (side, 1), np.uint8)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, ones)
    bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, ones)
    return ((np.maximum(dark, bright) > POST_CONTRAST) & sky).astype(np.uint8)


def follow_post(lightness: Field, piece: Mask, ground: Mask, barred: Mask) -> Post | None:
    """The post of which a ``piece`` is seen before the sky, None where none is seen to stand.

    ``lightness`` (H, W) is the photo's, 8 bits; ``piece``, ``ground`` and what is ``barred``, in
    front of which no post is looked for, are masks (H, W).
    """
    height, width = lightness.shape
    axis = _axis(piece, round(WIDEST * width))
    if axis is None:
        return None
    top, below, anchor, thick = axis
    reach = round(WIDEST * width) + round(abs(LEANS[0]) * (height - top)) + 2
    left, right = max(round(anchor) - 2 * reach, 0), min(round(anchor) + 2 * reach, width)
    if right - left < 3 * reach:
        return None
    strip = lightness[top:, left:right]
    contrast, wide = _contrast(strip, min(round(WIDEST * width), round(THICKER * thick)), height)
    from_anchor = np.arange(top, height) - below
    ends, scores = [], []
    for lean in LEANS:
        along = _along(contrast, anchor - left + lean * from_anchor)
        ends.append(_end_of(along > CONTRAST, round(LONGEST_GAP * height), below - top))
        scores.append(float(np.minimum(along, 4 * CONTRAST)[: ends[-1]].sum()))
    best = int(np.argmax(scores))
    end, lean = ends[best], float(LEANS[best])
    path = anchor - left + lean * from_anchor
    foot = _foot(ground, path + left, top, end, round(FOOT_REACH * height))
    if foot is None or foot - top < LEAST_LENGTH * height:
        return None
    path = path[: foot - top]
    at = np.arange(foot - top), np.clip(np.round(path), 0, strip.shape[1] - 1).astype(int)
    seen = _along(contrast, path) > CONTRAST
    on_barred = barred[top:foot, left:right][at].mean()
    if seen.mean() < LEAST_SEEN or on_barred > 1 - LEAST_SEEN:
        return None
    return Post(left + path[0] - lean * top, lean, top, foot, _half_widths(wide, seen, at))


def carried_by(post: Post, upright: Mask, behind: Mask) -> Mask:
    """What a post carries (H, W): pieces of an ``upright`` surface that stand out in its way.

    They are no wider than signs, with what may be ``behind`` a sign on both of their sides, or
    hardly wider than the post itself.
    """
    found = np.zeros_like(upright)
    width = upright.shape[1]
    reach = round(WIDEST_SIGN * width)
    middle = np.clip(np.round(post.middle()), 0, width - 1).astype(int)
    spans = zip(range(post.top, post.foot), middle, post.half_widths, strict=True)
    for row, column, half in spans:
        first, last = max(0, column - int(half)), min(width, column + int(half) + 1)
        before = np.flatnonzero(~upright[row, max(0, first - reach) : first])
        after = np.flatnonzero(~upright[row, last : last + reach])
        if before.size == 0 or after.size == 0:
            continue
        start, stop = max(0, first - reach) + int(before[-1]) + 1, last + int(after[0])
        stands_out = behind[row, start - 1] and behind[row, stop]
        if stop - start <= (reach if stands_out else FRAYED * (last - first)):
            found[row, start:stop] = True
    return found


def _contrast(strip: Field, widest: int, height: int) -> tuple[Field, Field]:
    """How much each pixel's surroundings differ from both sides, and at which width most."""
    tall = 2 * round(SEEN_OVER * height / 2) + 1
    best, wide = np.zeros_like(strip), np.full_like(strip, 3)
    across = 3
    while across <= max(widest, 3):
        middle = cv2.blur(strip, (across, tall), borderType=cv2.BORDER_REPLICATE)
        beside = cv2.blur(strip, (3, tall), borderType=cv2.BORDER_REPLICATE)
        away = across // 2 + 3
        padded = np.pad(beside, ((0, 0), (away, away)), "edge")
        left, right = padded[:, : -2 * away] - middle, padded[:, 2 * away :] - middle
        found = np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), 0)
        better = found > best * WIDER
        best, wide = np.where(better, found, best), np.where(better, across, wide)
        across += 2
    return np.asarray(best, np.float32), np.asarray(wide, np.float32)


def _axis(piece: Mask, widest: int) -> tuple[int, int, float, float] | None:
    """Top and end row of a post's ``piece`` (H, W), its column at the end, and its thickness.

    Of the lower half of the rows on which the piece is thin: arms and lamps are left out.
    """
    thick = piece.sum(axis=1)
    rows = np.flatnonzero((thick > 0) & (thick <= widest))
    if rows.size < 4:
        return None
    lower = rows[rows.size // 2 :]
    columns = np.array([np.flatnonzero(piece[row]).mean() for row in lower])
    return (
        int(rows[0]),
        int(rows[-1]) + 1,
        float(np.median(columns)),
        float(np.median(thick[lower])),
    )


def _along(contrast: Field, path: Floats) -> Field:
    """The contrast on each row of a post whose middle is at the columns of a ``path``."""
    columns = np.round(path).astype(int)
    inside = (columns >= 1) & (columns < contrast.shape[1] - 1)
    columns = np.clip(columns, 1, contrast.shape[1] - 2)
    rows = np.arange(len(path))
    around = np.maximum.reduce([contrast[rows, columns + aside] for aside in (-1, 0, 1)])
    return np.where(inside, around, 0)


def _end_of(seen: Mask, gap: int, first: int) -> int:
    """Where a post ends that is ``seen`` on its rows, none of its gaps longer than ``gap``."""
    shown = np.flatnonzero(seen)
    shown = shown[shown >= first // 2]
    if shown.size == 0:
        return first
    breaks = np.flatnonzero(np.diff(shown) > gap)
    return int(shown[breaks[0]] if breaks.size else shown[-1]) + 1


def _foot(ground: Mask, columns: Floats, top: int, end: int, reach: int) -> int | None:
    """The row at which a post that is last seen above row ``top`` + ``end`` meets the ground."""
    rows = np.arange(top, top + min(end + reach, len(columns)))
    at = np.clip(np.round(columns[: len(rows)]), 0, ground.shape[1] - 1).astype(int)
    met = np.flatnonzero(ground[rows, at])
    if met.size == 0:
        return None
    return int(rows[met[0]])


def _half_widths(wide: Field, seen: Mask, at: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Floats:
    """Half of a post's width on each of its rows, in pixels: it thickens towards its foot."""
    widths = wide[at]
    if not seen.any():
        return np.full(len(widths), 1.5)
    rows = np.flatnonzero(seen)
    pieces = np.array_split(rows, max(1, min(6, len(rows) // 8)))
    typical = [float(np.median(widths[piece])) for piece in pieces]
    middles = [float(piece.mean()) for piece in pieces]
    return np.interp(np.arange(len(widths)), middles, typical) / 2 + 0.5
