"""Lettering that was drawn over a clip, such as words of a song, where it lies on the person.

A line of lettering is a row of thin pieces of one vivid or white colour and of like height, that
stand out sharply from all that is around them, some of them beside the person. What of it lies on
the person is painted over with the colours next to it; where it hides the person altogether, its
rim's colour is what is left, without the rim's corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.frame_reduction import reduce_frame
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.shot import Image, Mask

HEIGHT = 540
"""Rows at which a frame is looked at, at most."""
LOWEST, TALLEST = 0.012, 0.14
"""Heights of a piece of a glyph, and of one glyph, as shares of the picture's."""
WIDEST = 1.6
"""Width of a piece per the tallest glyph's height."""
THIN = 0.16
"""Half a stroke's width per the height of its piece, at most."""
FILLED = 0.75
"""Share of its box that a piece of a glyph fills at most."""
LEAST_PIECES, LEAST_BESIDE = 5, 3
BLED, AROUND = 2, 4
"""Pixels into which colours bleed when a clip is coded, and the farthest around a piece."""
ON_PERSON = 0.2
"""Share of a piece that lies on the person from which it counts as theirs."""
LEAST_WIDTH = 0.25
"""A line's extent at the least, as a share of the picture's width."""
ALIKE = 0.35
"""How far the middles of pieces may lie above one another, per the line's height."""
NEAR = 36
"""Difference of a channel within which a pixel has a line's colour."""
LEAST_SHARE, MOST_SHARE = 4e-4, 0.08
"""Shares of the picture that a line's colour may cover."""
CONTRAST, LOWEST_SHARE = 90, 10
"""Difference of a channel that all but so many per cent of what is around the pieces have."""
MOST_LINES = 4
VIVID, WHITE = 110, 228
RIM = 3
"""Pixels around strokes, at HEIGHT rows, that blend into what is beneath."""
RIM_SHARE = 0.15
"""How far the rim around lettering reaches over it, per the line's height."""
FEET, TOES = 0.3, 0.06
"""Shares of the person's height at their lower end: a line within the first that reaches into the
second hides their feet."""
CORNERS = 0.2
"""Half the width of what is trimmed off a matte beside lettering, per the line's height."""


@dataclass(frozen=True)
class LetteringLine:
    """A line of lettering: its colour (RGB), and its first and last row as shares of the height."""

    colour: tuple[float, float, float]
    top: float
    bottom: float

    def is_like(self, other: "LetteringLine") -> bool:
        """Whether two lines are one, seen in different frames."""
        apart = max(abs(a - b) for a, b in zip(self.colour, other.colour, strict=True))
        overlap = min(self.bottom, other.bottom) - max(self.top, other.top)
        return apart <= NEAR / 2 and overlap > 0.8 * (self.bottom - self.top)


def lines_to_array(lines: Sequence[LetteringLine]) -> Floats:
    """Lines as numbers (MOST_LINES, 5): colour, top, bottom; NaN where there are fewer."""
    table = np.full((MOST_LINES, 5), np.nan)
    for row, line in zip(table, lines, strict=False):
        row[:] = *line.colour, line.top, line.bottom
    return table


def lines_of_array(table: Floats) -> tuple[LetteringLine, ...]:
    """The lines (n, 5) of several frames, each once."""
    lines: list[LetteringLine] = []
    for red, green, blue, top, bottom in table[np.isfinite(table).all(axis=1)].tolist():
        line = LetteringLine((red, green, blue), top, bottom)
        if not any(line.is_like(known) for known in lines):
            lines.append(line)
    return tuple(lines)


def row_hiding_feet(lines: Sequence[LetteringLine], boxes: Floats, height: int) -> float:
    """The row from which on lettering hides the feet in a clip of a ``height``; inf for none.

    ``boxes`` (F, 4) are the person's, NaN where nobody is seen.
    """
    known = boxes[np.isfinite(boxes).all(axis=1)]
    if len(known) == 0:
        return np.inf
    top, bottom = np.median(known[:, [1, 3]], axis=0)
    tall = bottom - top
    rows = [
        (line.top - RIM_SHARE * (line.bottom - line.top)) * height
        for line in lines
        if line.top * height > bottom - FEET * tall and line.bottom * height > bottom - TOES * tall
    ]
    return float(min(rows, default=np.inf))


def find_lettering(frame: Image, alpha: Image) -> tuple[LetteringLine, ...]:
    """The lines of lettering of a frame (H, W, 3) that reach over its alpha's person (H, W)."""
    small, seen = reduce_frame(frame, alpha, HEIGHT)
    lines, person = [], seen > 64
    for colour in _vivid_colours(small):
        pieces = _pieces(small, colour)
        row = _row_of(pieces, small.shape[0], small.shape[1])
        if row is None or not _stands_out(small, colour, np.isin(pieces.labels, row + 1)):
            continue
        on_person = _mean_at(person, pieces.labels, len(pieces.boxes)) > ON_PERSON
        if on_person[row].any() and (~on_person[row]).sum() >= LEAST_BESIDE:
            top, bottom = pieces.boxes[row, 1].min(), pieces.boxes[row, 3].max()
            lines.append(LetteringLine(colour, *(float(y) / small.shape[0] for y in (top, bottom))))
    return tuple(lines[:MOST_LINES])


def cover_lettering(frame: Image, alpha: Image, lines: Sequence[LetteringLine]) -> Image:
    """A frame (H, W, 3) whose lettering is painted over where its alpha (H, W) shows the person."""
    covered = frame
    for line in lines:
        rows, reach = _rows_of(line, frame.shape[0]), _rim(frame.shape[0])
        strokes, person = _strokes(frame[rows], line, reach), alpha[rows] > 0
        columns = np.flatnonzero((person & (strokes > 0)).any(axis=0))
        if len(columns) == 0:
            continue
        covered = covered.copy() if covered is frame else covered
        margin = rows.stop - rows.start
        around = slice(max(0, columns[0] - margin), columns[-1] + 1 + margin)
        part, holes = (np.ascontiguousarray(each[:, around]) for each in (covered[rows], strokes))
        painted = cv2.inpaint(part, holes, reach, cv2.INPAINT_TELEA)
        covered[rows, around] = np.where(person[:, around, None], painted, part)
    return covered


def trim_lettering(frame: Image, alpha: Image, lines: Sequence[LetteringLine]) -> Image:
    """An alpha (H, W) without the corners that lettering of a frame (H, W, 3) adds to it."""
    trimmed = alpha
    for line in lines:
        rows, reach = _rows_of(line, frame.shape[0]), _rim(frame.shape[0])
        height = rows.stop - rows.start
        near = cv2.dilate(_strokes(frame[rows], line, reach), disc(max(1, height // 8)))
        if not (near * (alpha[rows] > 0)).any():
            continue
        trimmed = trimmed.copy() if trimmed is alpha else trimmed
        smooth = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, disc(max(1, round(CORNERS * height))))
        weight = cv2.GaussianBlur(near.astype(np.float32), (0, 0), max(1.0, reach / 2))
        mixed = alpha[rows] + weight * (smooth[rows].astype(np.float32) - alpha[rows])
        trimmed[rows] = np.round(mixed).astype(np.uint8)
    return trimmed


def _rows_of(line: LetteringLine, height: int) -> slice:
    """The rows of a picture in which a line lies, and a third of its height around."""
    margin = (line.bottom - line.top) / 3
    top, bottom = (line.top - margin) * height, (line.bottom + margin) * height
    return slice(max(0, int(top)), min(height, int(bottom) + 1))


def _rim(height: int) -> int:
    return max(1, round(RIM * height / HEIGHT))


def _strokes(band: Image, line: LetteringLine, reach: int) -> Image:
    """1 on a line's strokes in its band (h, W, 3) of a picture, and ``reach`` pixels around."""
    return np.asarray(cv2.dilate(_has_colour(band, line.colour), disc(reach)), np.uint8)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Connected pieces of a colour: ``labels`` (h, w) counted from 1, and ``boxes`` (n, 4)."""

    labels: NDArray[np.int32]
    boxes: Floats


def _vivid_colours(picture: Image) -> list[tuple[float, float, float]]:
    """Vivid colours and white that cover a little of a picture (h, w, 3), most frequent first."""
    red, green, blue = cv2.split(picture)
    low, high = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    chosen = picture[(cv2.subtract(high, low) > VIVID) | (low > WHITE)]
    bins = (chosen.astype(np.int64) >> 5) @ [64, 8, 1]
    counts = np.bincount(bins, minlength=512)
    found: list[tuple[float, float, float]] = []
    for index in np.argsort(-counts)[:24]:
        if counts[index] < LEAST_SHARE * low.size / 2:
            break
        red, green, blue = np.median(chosen[bins == index], axis=0).tolist()
        if all(max(abs(red - r), abs(green - g), abs(blue - b)) > NEAR for r, g, b in found):
            found.append((red, green, blue))
    return found


def _has_colour(picture: Image, colour: tuple[float, float, float]) -> Image:
    """1 where a picture (h, w, 3) has a colour, about."""
    low, high = (np.clip(np.array(colour) + d, 0, 255) for d in (-NEAR, NEAR))
    return np.asarray(cv2.inRange(picture, low, high) > 0, np.uint8)


def _stands_out(picture: Image, colour: tuple[float, float, float], glyphs: Mask) -> bool:
    """Whether the pieces (h, w) of a colour differ sharply from all that is around them."""
    drawn = glyphs.astype(np.uint8)
    around = (cv2.dilate(drawn, disc(AROUND)) > 0) & (cv2.dilate(drawn, disc(BLED)) == 0)
    apart = np.abs(picture[around] - np.array(colour)).max(axis=1)
    return bool(len(apart) and np.percentile(apart, LOWEST_SHARE) >= CONTRAST)


def _pieces(picture: Image, colour: tuple[float, float, float]) -> _Pieces:
    """The pieces of a colour that could be of glyphs: of their size, and made of thin strokes."""
    mask = _has_colour(picture, colour)
    share = mask.mean()
    height = picture.shape[0]
    nothing = _Pieces(np.zeros(mask.shape, np.int32), np.zeros((0, 4)))
    if not LEAST_SHARE < share < MOST_SHARE:
        return nothing
    count, labels, table, _ = cv2.connectedComponentsWithStats(mask)
    thickness = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    thickest = np.zeros(count, np.float32)
    np.maximum.at(thickest, labels.ravel().astype(np.intp), thickness.ravel())
    x, y, w, h, area = table.T[:5].astype(float)
    kept = (h >= LOWEST * height) & (h <= TALLEST * height) & (w <= WIDEST * TALLEST * height)
    kept &= (thickest <= np.maximum(THIN * np.maximum(h, w), 1.5)) & (area <= FILLED * w * h)
    kept[0] = False
    number = np.zeros(count, np.int32)
    number[kept] = np.arange(1, kept.sum() + 1)
    return _Pieces(number[labels], np.stack([x, y, x + w, y + h], axis=1)[kept])


def _row_of(pieces: _Pieces, height: int, width: int) -> NDArray[np.int_] | None:
    """The pieces that make the longest line, if there is one."""
    boxes = pieces.boxes
    best: NDArray[np.int_] | None = None
    for tall in np.sort(boxes[:, 3] - boxes[:, 1])[::-1][:8]:
        for middle in np.unique((boxes[:, 1] + boxes[:, 3]) // 2)[:64]:
            inside = np.flatnonzero(
                (boxes[:, 1] >= middle - (0.5 + ALIKE) * tall)
                & (boxes[:, 3] <= middle + (0.5 + ALIKE) * tall)
            )
            large = (boxes[inside, 3] - boxes[inside, 1]) >= 0.5 * tall
            if len(inside) < LEAST_PIECES or large.sum() < LEAST_BESIDE:
                continue
            if np.ptp(boxes[inside][:, [0, 2]]) < max(LEAST_WIDTH * width, 3 * tall):
                continue
            if best is None or len(inside) > len(best):
                best = inside
    return best


def _mean_at(values: Mask, labels: NDArray[np.int32], count: int) -> Floats:
    """The mean of values (h, w) over each label from 1 to ``count``."""
    sums = np.bincount(labels.ravel(), values.ravel().astype(float), minlength=count + 1)
    return np.asarray((sums / np.maximum(np.bincount(labels.ravel(), minlength=count + 1), 1))[1:])
