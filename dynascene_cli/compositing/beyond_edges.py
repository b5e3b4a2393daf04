"""What the clip's edge cuts off the person for a moment, carried on beyond it from other frames.

A head or a hand that leaves the clip goes on moving with what is still seen of it. What has left
is carried by the similarity that the optical flow next to the cut follows (DIS, Kroeger et al.
2016), frame by frame, and joined to the outline where that meets the edge.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Mask
from dynascene_cli.video import sixteen_bits

Gray = NDArray[np.uint8]

MARGIN = 0.3
"""How far beyond the clip's edges something is carried, as a share of its shorter side."""

FLOW_SIDE = 270
"""The clip's shorter side, in pixels, at which its motion is looked for."""

STRIP, LEAST_STRETCH = 3, 0.006
"""Pixels along an edge in which a cut is looked for, and its least length, as a share of the
clip's shorter side."""

REACH, LEAST_REACH = 1.5, 0.2
"""How far from the edge the motion is looked at: lengths of the cut, and at least this share of
the clip's shorter side; without that, a forearm tells nothing of its way along itself."""

FEWEST_POINTS, OUTLIER, MOST_RESIZED = 20, 0.006, 1.25
"""Of a motion that is believed: points of the flow, the share of the clip's shorter side by which
they may disagree, and the change of size in one frame."""

OFF_SEAM, SURROUNDINGS = 0.06, 0.02
"""Shares of the clip's shorter side: how far along the edge the outline is looked for, and how much
background is carried along, from which the person's own colours are told apart."""

BORDER = 0.008
"""How much next to an edge that cuts is not believed, as a share of the clip's shorter side: mattes
fade there, and coded pictures have dark lines."""

SOLID = np.interp(np.arange(256), [0, 160, 230, 255], [0, 160, 255, 255]).astype(np.uint8)
"""What nearly opaque alphas become that are carried on: else seams between them are streaks."""

QUARTER_TURNS = 3, 0, 1, 2
"""After so many a picture's left, top, right or bottom edge is its top one."""


@dataclass(frozen=True, eq=False)
class WideFrame:
    """A clip's frame (H, W, 3) and alpha (H, W), ``margin`` pixels wider at every side."""

    frame: Any
    alpha: Gray
    margin: int = 0

    def similarity(self, clip_to_frame: Floats) -> Floats:
        """The similarity (2, 3) of the clip's pixels as one of these."""
        shifted = clip_to_frame.copy()
        shifted[:, 2] -= clip_to_frame[:, :2] @ [self.margin, self.margin]
        return shifted

    def deepened(self, frame: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """The same with the clip's frame in 16 bits; beyond its edges there are 8."""
        if self.margin == 0:
            return frame
        deep = sixteen_bits(np.asarray(self.frame))
        deep[self.margin : -self.margin, self.margin : -self.margin] = frame
        return deep


def complete_beyond_edges(frames: Iterable[tuple[Any, Gray]], cut: Mask) -> Iterator[WideFrame]:
    """The clip's frames and alphas, wider where ``cut`` (F, 4) says that an edge's cut is seen.

    What begins after a whole frame is carried on from it; what the clip begins with is carried
    back from the first whole one, and waits for it.
    """
    cut_at_all = np.asarray(cut.any(axis=1))
    whole = np.flatnonzero(~cut_at_all)
    first = int(whole[0]) if len(whole) else len(cut)
    waiting: list[WideFrame] = []
    before: WideFrame | None = None
    for index, (frame, alpha) in enumerate(frames):
        seen = WideFrame(frame, alpha)
        if len(whole) and index < first:
            waiting.append(seen)
            continue
        if cut_at_all[index] and before is not None:
            seen = _carry(before, seen, cut[index])
        if waiting:
            done = [seen]
            for earlier in reversed(range(len(waiting))):
                done.append(_carry(done[-1], waiting[earlier], cut[earlier]))
            yield from reversed(done[1:])
            waiting = []
        before = seen if first <= index + 1 < len(cut) and cut_at_all[index + 1] else None
        yield seen


def _carry(before: WideFrame, seen: WideFrame, cut: NDArray[np.bool_]) -> WideFrame:
    """A frame with what of the neighbouring one lies beyond the edges that are ``cut`` (4,)."""
    margin = round(MARGIN * min(seen.alpha.shape))
    wide, before = (_widen(each, margin) for each in (seen, before))
    for turns, is_cut in zip(QUARTER_TURNS, cut, strict=True):
        if is_cut:
            wide = _turn(_carry_over_top(_turn(before, turns), _turn(wide, turns)), -turns)
    return wide


def _widen(seen: WideFrame, margin: int) -> WideFrame:
    if seen.margin:
        return seen
    sides = margin, margin, margin, margin
    frame = cv2.copyMakeBorder(np.asarray(seen.frame), *sides, cv2.BORDER_REPLICATE)
    alpha = cv2.copyMakeBorder(seen.alpha, *sides, cv2.BORDER_CONSTANT, value=0)
    return WideFrame(frame, np.asarray(alpha, np.uint8), margin)


def _turn(wide: WideFrame, turns: int) -> WideFrame:
    frame, alpha = (
        np.ascontiguousarray(np.rot90(each, turns)) for each in (wide.frame, wide.alpha)
    )
    return WideFrame(frame, alpha, wide.margin)


def _carry_over_top(before: WideFrame, wide: WideFrame) -> WideFrame:
    """The frame with what lies beyond its upper edge, of each stretch that this cuts."""
    margin, (height, width) = wide.margin, wide.alpha.shape
    side = min(height, width) - 2 * margin
    wide = _without_border(wide, round(BORDER * side))
    frame, alpha = wide.frame, wide.alpha
    motion = _Motion(before, wide)
    for start, end in _stretches(wide.alpha[margin : margin + STRIP], round(LEAST_STRETCH * side)):
        moved = motion.along(start, end)
        if moved is None:
            continue
        moved[0, 2] += _off_seam(before.alpha, moved, (start, end), wide)
        size = width, height
        there = SOLID[cv2.warpAffine(before.alpha, moved, size)]
        beyond = _joined(there[:margin], start, end, STRIP)
        if not beyond.any():
            continue
        around = cv2.dilate(
            beyond, np.ones((3, 3), np.uint8), iterations=round(SURROUNDINGS * side)
        )
        colours = cv2.warpAffine(before.frame, moved, size, borderMode=cv2.BORDER_REPLICATE)
        np.copyto(frame[:margin], colours[:margin], where=(around > 0)[..., None])
        np.maximum(alpha[:margin], there[:margin] * beyond, out=alpha[:margin])
    return WideFrame(frame, alpha, margin)


def _without_border(wide: WideFrame, rows: int) -> WideFrame:
    """The frame with what is next to its upper edge continued to that edge."""
    frame, alpha = wide.frame.copy(), wide.alpha.copy()
    for image in (frame, alpha):
        image[wide.margin : wide.margin + rows] = image[wide.margin + rows]
    return WideFrame(frame, alpha, wide.margin)


def _stretches(strip: Gray, least: int) -> list[tuple[int, int]]:
    """From where to where a strip (k, W) of alpha shows the person."""
    shown = (strip.max(axis=0) > 127).astype(np.uint8)
    closed = cv2.morphologyEx(shown[None], cv2.MORPH_CLOSE, np.ones((1, 2 * least + 1), np.uint8))
    steps = np.diff(np.pad(closed[0].astype(np.int8), 1))
    ends = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    return [(int(start), int(end)) for start, end in ends if end - start >= least]


def _joined(alpha: Gray, start: int, end: int, rows: int) -> Gray:
    """1 where (margin, W) an alpha beyond the edge joins the stretch of the edge, else 0."""
    _, parts = cv2.connectedComponents((alpha > 8).astype(np.uint8))
    touching = np.unique(parts[-rows:, start:end])
    return np.asarray(np.isin(parts, touching[touching > 0]), np.uint8)


def _off_seam(before: Gray, moved: Floats, stretch: tuple[int, int], wide: WideFrame) -> float:
    """How far along the edge the moved outline lies beside the stretch that it continues."""
    height, width = wide.alpha.shape
    reach = round(OFF_SEAM * (min(height, width) - 2 * wide.margin))
    left, right = max(0, stretch[0] - reach), stretch[1] + reach
    there = cv2.warpAffine(before, moved, (width, wide.margin + 1))[-2:, left:right].max(axis=0)
    shown = np.flatnonzero(there > 127)
    if len(shown) == 0:
        return 0.0
    return sum(stretch) / 2 - (left + (shown[0] + shown[-1] + 1) / 2)


class _Motion:
    """How the person moved from the neighbouring frame to this one."""

    def __init__(self, before: WideFrame, wide: WideFrame) -> None:
        self.margin = wide.margin
        inner = slice(wide.margin, -wide.margin)
        self.height, self.width = wide.alpha[inner, inner].shape
        self.side = min(self.height, self.width)
        self.reduction = max(1.0, self.side / FLOW_SIDE)
        size = round(self.width / self.reduction), round(self.height / self.reduction)
        first, second = (
            cv2.resize(
                cv2.cvtColor(each.frame[inner, inner], cv2.COLOR_RGB2GRAY),
                size,
                interpolation=cv2.INTER_AREA,
            )
            for each in (before, wide)
        )
        finder: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self.flow = finder.calc(first, second, None)
        there = cv2.resize(before.alpha[inner, inner], size, interpolation=cv2.INTER_AREA)
        self.rows, self.columns = np.nonzero(there > 127)

    def along(self, start: int, end: int) -> Floats | None:
        """The similarity (2, 3) of what is next to a stretch of the upper edge, or None.

        ``start`` and ``end`` and the similarity are of the wider frame.
        """
        reach = max(REACH * (end - start), LEAST_REACH * self.side)
        columns = self.columns * self.reduction + self.margin
        near = (
            (self.rows * self.reduction < reach)
            & (columns > start - reach / 3)
            & (columns < end + reach / 3)
        )
        if near.sum() < FEWEST_POINTS:
            return None
        rows, columns = self.rows[near], self.columns[near]
        points = np.stack([columns, rows], axis=1).astype(np.float32)
        there = points + self.flow[rows, columns]
        similarity, _ = cv2.estimateAffinePartial2D(
            points * self.reduction + self.margin,
            there * self.reduction + self.margin,
            ransacReprojThreshold=OUTLIER * self.side,
        )
        if similarity is None:
            return None
        scale = float(np.hypot(*similarity[:, 0]))
        if not 1 / MOST_RESIZED < scale < MOST_RESIZED:
            return None
        return np.asarray(similarity)
