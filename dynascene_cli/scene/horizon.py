"""The horizon and the camera's height from all that a photo shows of them, with a spread.

Each source is turned into a likelihood over one grid of horizons and camera heights; each may be
wrong with some chance, so that none can overrule the rest alone. What is used is where most
of the posterior lies close together, and its spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.known_heights import KnownThing
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.vanishing_points import VanishingPoint
from dynascene_cli.shot import Mask

EYE_HEIGHT = 1.56
HEIGHT_SPREAD = 0.3
"""Metres at which people hold cameras, and the spread of its logarithm. With those that are raised,
the median is 1.6 m."""

RAISED_SHARE, RAISED_HEIGHT, RAISED_SPREAD = 0.1, 3.0, 0.7
"""Of photos, those taken from a bank, a bridge or a window; metres, and the spread of their
logarithm. Few far people outweigh eye height only where such photos are thought possible."""

USUAL_ROW, ROW_SPREAD = 0.5, 0.22
"""Photographers hold the camera about level: the horizon's row, a share of the height."""

USUAL_RANGE = 0.7
"""A source that is wrong says nothing of the horizon within so many heights of the picture."""

ROWS = np.arange(-0.6, 1.6, 0.005)
HEIGHTS = np.exp(np.linspace(np.log(0.4), np.log(12.0), 90))

CLOSE = 0.05
"""Horizons this near to each other, in shares of the height, put a person on the same ground."""

FINEST = 0.01
"""The labels' grid, a share of the height: nothing tells the horizon more finely."""

MEETING = 0.03
"""Ground and sky that come this near to each other, in shares of the height, meet."""


@dataclass(frozen=True)
class HorizonEvidence:
    """What one source says of the horizon's row at mid-width, as a share of the height.

    The horizon lies ``relation`` ``row``, to within ``spread``; ``confidence`` in 0..1 is the
    chance that the source is right at all.
    """

    row: float
    spread: float
    confidence: float
    source: str
    relation: Literal["about", "at or below", "at or above"] = "about"

    def log_likelihood(self, rows: Floats) -> Floats:
        """Of horizons at ``rows`` (N,)."""
        distance = (rows - self.row) / self.spread
        if self.relation == "at or below":
            distance = np.minimum(distance, 0.0)
        elif self.relation == "at or above":
            distance = np.maximum(distance, 0.0)
        right = np.exp(-0.5 * distance**2)
        if self.relation == "about":
            right *= USUAL_RANGE / (self.spread * np.sqrt(2 * np.pi))
        return np.asarray(np.log(self.confidence * right + 1 - self.confidence))


@dataclass(frozen=True)
class Viewpoint:
    """Where the photo's camera stood: the horizon's row (a share of the height) and metres.

    The row lies within ``row_spread`` of the true one, and the height's logarithm within
    ``height_spread``, with a chance of two thirds.
    """

    row: float
    row_spread: float
    camera_height: float
    height_spread: float

    def size_factor(self, foot: float) -> float:
        """How many times too tall or too small a person whose feet are at row ``foot`` may be.

        ``foot`` is a share of the height. Size is as far below the horizon as the feet stand, by
        the camera's height; one standard deviation.
        """
        below = max(foot - self.row, 0.02)
        return float(np.exp(np.hypot(min(self.row_spread / below, 2.0), self.height_spread)))


def estimate_viewpoint(
    evidence: Sequence[HorizonEvidence],
    things: Sequence[KnownThing] = (),
    *,
    row: float | None = None,
    camera_height: float | None = None,
) -> Viewpoint:
    """The viewpoint that evidence and things of known height agree on best.

    A given ``row`` or ``camera_height`` is certain, and tells more of the other.
    """
    rows = ROWS if row is None else np.array([row])
    heights = HEIGHTS if camera_height is None else np.array([camera_height])
    belief = -0.5 * ((rows - USUAL_ROW) / ROW_SPREAD) ** 2
    for source in evidence:
        belief = belief + source.log_likelihood(rows)
    joint = belief[:, None] + _usual_heights(heights)
    for thing in things:
        below = heights * thing.tall / thing.metres
        error = 0.012 + thing.spread * below
        distance = (thing.foot - rows[:, None] - below) / error
        density = USUAL_RANGE * np.exp(-0.5 * distance**2) / (error * np.sqrt(2 * np.pi))
        right = 0.9 * thing.weight
        joint = joint + np.log(right * density + 1 - right)
    chance = np.exp(joint - joint.max())
    chance /= chance.sum()
    by_row = chance.sum(axis=1)
    best = _likeliest(rows, by_row)
    near = np.exp(-0.5 * ((rows - best) / 0.03) ** 2)
    by_height = (chance * near[:, None]).sum(axis=0)
    by_height /= by_height.sum()
    logs = np.log(heights)
    # The median: between two heights that are both likely, the mean is neither.
    middle = float(np.interp(0.5, np.cumsum(by_height) - by_height / 2, logs))
    finest = FINEST if row is None else 0.0
    return Viewpoint(
        row=best,
        row_spread=float(np.hypot(finest, _spread(np.abs(rows - best), by_row))),
        camera_height=round(float(np.exp(middle)), 2),
        height_spread=_spread(np.abs(logs - middle), by_height),
    )


def _usual_heights(heights: Floats) -> Floats:
    """The logarithm of how often cameras are at ``heights`` (N,), by their logarithms."""
    held = np.exp(-0.5 * (np.log(heights / EYE_HEIGHT) / HEIGHT_SPREAD) ** 2) / HEIGHT_SPREAD
    raised = np.exp(-0.5 * (np.log(heights / RAISED_HEIGHT) / RAISED_SPREAD) ** 2) / RAISED_SPREAD
    return np.asarray(np.log((1 - RAISED_SHARE) * held + RAISED_SHARE * raised))


def _spread(distances: Floats, chances: Floats) -> float:
    """The distance within which two thirds of a distribution lie."""
    order = np.argsort(distances)
    within = np.cumsum(chances[order])
    return float(distances[order][np.searchsorted(within, 0.68 * within[-1])])


def _likeliest(rows: Floats, chances: Floats) -> float:
    """The middle of the chances of `rows` (N,) where most of them lie close together.

    The highest cell is often that of a precise source that is hardly believed.
    """
    cells = round(CLOSE / (ROWS[1] - ROWS[0]))
    if len(chances) <= 2 * cells:
        return float(rows[chances.argmax()])
    best = int(np.convolve(chances, np.ones(2 * cells + 1), "same").argmax())
    near = slice(max(0, best - cells), best + cells + 1)
    return float(rows[near] @ chances[near] / chances[near].sum())


def line_evidence(
    points: Sequence[VanishingPoint],
    focal: float,
    size: tuple[int, int],
    slope: float,
    source: str,
    belief: float,
) -> list[HorizonEvidence]:
    """Finite vanishing points of about level lines: those of lines below them weigh most.

    ``focal`` in pixels of a photo of ``size`` (width, height); ``slope`` is the horizon's;
    ``belief`` in 0..1 is how far lines that meet are to be believed in this photo.
    """
    height = size[1]
    found = []
    for point in points:
        x, y, z = point.direction
        if abs(y) >= 0.5 or z <= 0.3 or point.share <= 0.06:
            continue
        row = float((height / 2 + focal * y / z + slope * focal * x / z) / height)
        if -0.3 < row < 1.3:
            confidence = min(1.0, 2 * point.share) * (0.5 + 0.5 * point.below)
            # Points far to the side or above are found with a far greater error of their row.
            confidence *= min(1.0, z / 0.6) * min(1.0, point.segments / 15)
            found.append(HorizonEvidence(row, 0.03, belief * confidence, source))
    return found


LEVEL = ("floor", "road", "sidewalk", "sand", "runway", "rug", "pier", "stage")
ROUGH = ("grass", "earth", "field", "path", "land", "dirt_track", "bridge")
BUILT = (
    "structure",
    "vehicle",
    "furniture",
    "floor",
    "road",
    "sidewalk",
    "runway",
    "pier",
    "bridge",
)

UPRIGHT = ("structure", "plant", "slope", "vehicle", "person", "furniture", "animal")

CROSSING, CROSSING_SPREAD = 0.65, 0.3
"""How far down upright things the horizon crosses them, as a share of their height, and how much
that varies: far things stand with their feet near the horizon, near ones with them far below."""

LEAST_SKYLINE = 0.3
"""Share of the columns over which a sky tells of what stands before it."""

MISREAD = 0.15
"""Share of a sky's columns that may go on into water or haze."""

LEAST_AREA = 0.015
"""Smaller patches of a kind, as a share of the picture, say nothing of the horizon."""

LEAST_COLUMNS = 0.08


def builtness(labels: SceneLabels, lines: int) -> float:
    """How far straight lines are to be believed: 1 where much was built, less among hills.

    ``lines`` counts those that M-LSD sees: a landscape has few.
    """
    return min(1.0, max(0.35 + 2.5 * float(labels.mask(*BUILT).mean()), lines / 80))


def label_evidence(labels: SceneLabels, sky: Mask, slope: float) -> list[HorizonEvidence]:
    """What the borders of sky, ceiling, ground and water say of the horizon.

    Sky and ceilings lie above it. Level ground and water lie below it, and end at it where
    nothing stands in the way; a slope may rise above it. ``slope`` is the horizon's.
    """
    width = sky.shape[1]
    lift = slope * (np.arange(width) + 0.5 - width / 2) / sky.shape[0]
    sky = _from_top(sky)
    if not sky[-1].all():
        # Where sky reaches the lower rim beside columns of ground, ground was taken for it.
        sky = sky & ~sky[-1]
    evidence = _skyline(labels, sky, lift)
    above = (
        ("sky", sky, 0.85, 0.012),
        ("ceiling", _from_top(labels.mask("ceiling")), 0.5, 0.02),
    )
    for name, mask, confidence, spread in above:
        bottoms = _edges(mask, lift, lowest=True)
        if len(bottoms):
            row = float(np.quantile(bottoms, 1 - MISREAD))
            confidence *= labels.certainty_of(mask)
            evidence.append(HorizonEvidence(row, spread, confidence, name, "at or below"))
    below = (
        ("water", labels.mask("water"), 0.75, 0.012),
        ("level ground", labels.mask(*LEVEL), 0.85, 0.015),
        ("ground", labels.mask(*ROUGH), 0.5, 0.03),
    )
    for name, mask, confidence, spread in below:
        tops = _edges(_large_parts(mask), lift, lowest=False)
        if not len(tops):
            continue
        top = float(np.quantile(tops, 0.05))
        confidence *= labels.certainty_of(mask)
        evidence.append(HorizonEvidence(top, spread, confidence, name, "at or above"))
        edge = f"{name}'s edge"
        if _gap_above(_large_parts(mask), sky) < MEETING:
            evidence.append(HorizonEvidence(top - 0.005, spread, 0.8 * confidence, edge))
        elif not labels.interior:
            evidence.append(HorizonEvidence(top - 0.02, 0.035, 0.4 * confidence, edge))
    return evidence


def _skyline(labels: SceneLabels, sky: Mask, lift: Floats) -> list[HorizonEvidence]:
    """Where the horizon crosses what stands before the sky: most of the way down to its feet.

    ``sky`` (H, W) hangs from the picture's upper edge; ``lift`` (W,) levels its columns.
    """
    height = len(sky)
    bottom = sky.sum(axis=0) / height
    shores = _edges(_large_parts(labels.mask("water")), lift, lowest=False)
    farthest = float(np.quantile(shores, 0.05)) if len(shores) else 1.0
    # A sky that goes on below the far edge of water has taken in water, or haze, there.
    seen = (bottom > 0.01) & (bottom + lift < farthest + MEETING)
    if labels.interior or seen.mean() < LEAST_SKYLINE:
        return []
    upright = labels.mask(*UPRIGHT)[:, seen].sum(axis=0) / height
    tall = float(np.median(upright))
    row = float(np.median((bottom + lift)[seen])) + CROSSING * tall
    spread = 0.015 + CROSSING_SPREAD * tall
    confidence = 0.8 * labels.certainty_of(sky) * float(seen.mean())
    return [HorizonEvidence(row, spread, confidence, "skyline")]


def _from_top(mask: Mask) -> Mask:
    """Of each column, the mask's first run from the top."""
    ended = np.logical_or.accumulate(np.logical_or.accumulate(mask, axis=0) & ~mask, axis=0)
    return np.asarray(mask & ~ended)


def _large_parts(mask: Mask) -> Mask:
    """The connected parts of a mask that are large enough to be seen as one thing."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= LEAST_AREA * mask.size
    large[0] = False
    return np.asarray(large[parts])


def _edges(mask: Mask, lift: Floats, *, lowest: bool) -> Floats:
    """The lowest or topmost row of a mask in each column that has any of it, levelled.

    As shares of the height; none where few of the columns have enough of it.
    """
    height, width = mask.shape
    enough = mask.sum(axis=0) >= max(2, round(0.01 * height))
    if enough.sum() < LEAST_COLUMNS * width:
        return np.empty(0)
    rows = height - mask[::-1].argmax(axis=0) if lowest else mask.argmax(axis=0)
    return np.asarray((rows / height + lift)[enough])


def _gap_above(mask: Mask, sky: Mask) -> float:
    """How far above the topmost quarter of a mask's columns the sky ends, in shares of height."""
    height = mask.shape[0]
    both = mask.any(axis=0) & sky.any(axis=0)
    if both.mean() < 0.05:
        return 1.0
    top = mask.argmax(axis=0)[both]
    bottom = (height - sky[::-1].argmax(axis=0))[both]
    farthest = top <= np.quantile(top, 0.25)
    return float(np.median(top[farthest] - bottom[farthest])) / height
