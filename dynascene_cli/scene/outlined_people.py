"""People of a photo outlined as a pose network sees them, where the labels agree that it is people.

The labels' network has a coarse grid: foam, shadows and reflections join somebody, feet and heads
do not. A pose's mask is as fine as the person is tall in 256 rows, and is brought to the photo's
own edges.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.morphology import disc
from dynascene_cli.scene.guided_filter import Guide
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.nearest_pixel import nearest_pixels
from dynascene_cli.scene.popup import Surface
from dynascene_cli.shot import Image, Mask

AS_LABELLED, NOBODY, SOMEBODY = range(3)

RADIUS, EDGE_VARIANCE = 0.02, 60.0
"""The guided filter's radius, as a share of somebody's height, and the variance of no edge."""

AGREED = 0.5
"""The share of somebody's pixels that must be labelled as people."""

SEEN_BEFORE = 0.5
"""Who shares so much of their pixels with somebody surer is the same person."""

LEAST_PART, SMALLEST_GAP = 0.05, 0.003
"""Smaller parts of somebody, as a share of the largest, and smaller holes in them, as a share of
their height squared, are mistakes of the mask."""

MISSED, MISSED_ASIDE = 0.05, 0.1
"""Who is seen over all of their box but for these shares of its height, above and below and at its
sides, is whole."""

FADING = 0.08
"""Over how much of their height somebody's mask fades towards the photo's edge that cuts them."""

LOOSE = 0.1
"""How far somebody may reach beyond their box, in its heights."""

REACH = 0.35
"""How far, in somebody's heights, labels reach beyond them by mistake."""

SLENDER = 0.15
"""What is labelled beside people in a group and is wider than this share of their height may be
somebody who was not seen."""

THIN = 4
"""A rim around people is thinner than this part of that."""


class SeenPerson(Protocol):
    """Somebody whom a detector sees in a photo, or may see."""

    @property
    def box(self) -> Floats:
        """Their x0, y0, x1, y1 in pixels, and the score."""
        ...

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the photo that the likelihood is of."""
        ...

    @property
    def likelihood(self) -> NDArray[np.float32] | None:
        """Which pixels (h, w) are theirs, in 0..1; None where no pose was made out."""
        ...


@dataclass(frozen=True, eq=False)
class _Outlined:
    """Somebody's pixels ``own`` (h, w) in a ``window`` of the photo, and how ``tall`` they are."""

    window: tuple[slice, slice]
    own: Mask
    tall: float
    is_whole: bool


def outline_people(photo: Image, labelled: Mask, people: Iterable[SeenPerson]) -> NDArray[np.uint8]:
    """Where (H, W) a photo shows SOMEBODY, and where people ``labelled`` in it (H, W) are NOBODY.

    ``people`` are those seen in it, the surest first. What is not told is AS_LABELLED. Only what is
    near people who were seen from head to foot is NOBODY.
    """
    found = np.full(labelled.shape, AS_LABELLED, np.uint8)
    if not labelled.any():
        return found
    doubtful = np.zeros_like(labelled)
    outlined = []
    for person in people:
        one = _outline(photo, labelled, person)
        if one is not None and _is_new(one, found):
            found[one.window][one.own] = SOMEBODY
            outlined.append(one)
            if one.is_whole:
                continue
        doubtful[_about(person.box)] = True
    somebody = found == SOMEBODY
    surplus = labelled & ~somebody
    _, groups = cv2.connectedComponents((labelled | somebody).astype(np.uint8), connectivity=4)
    for number, one in enumerate(outlined):
        if one.is_whole:
            others = [*outlined[:number], *outlined[number + 1 :]]
            alone = not any(_share_group(groups, one, other) for other in others)
            _take_surplus(found, surplus, doubtful, one, alone=alone)
    return found


def with_people(labels: SceneLabels, photo: Image, people: Iterable[SeenPerson]) -> SceneLabels:
    """Labels that know how the ``people`` seen in their photo (H, W, 3) are outlined."""
    return replace(labels, people=outline_people(photo, labels.mask("person"), people))


def redraw_people(surfaces: NDArray[np.uint8], outlines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Surfaces (H, W) whose people are those of ``outlines`` (H, W), where these tell."""
    surplus = (surfaces == Surface.PERSON) & (outlines == NOBODY)
    somebody = outlines == SOMEBODY
    around = (surfaces != Surface.PERSON) & ~somebody
    redrawn = surfaces
    if surplus.any() and around.any():
        redrawn = np.where(surplus, surfaces.ravel()[nearest_pixels(around)], surfaces)
    return np.where(somebody, np.uint8(Surface.PERSON), redrawn)


def _outline(photo: Image, labelled: Mask, person: SeenPerson) -> _Outlined | None:
    """Somebody as their pose shows them; None where it does not, or the labels disagree."""
    if person.likelihood is None:
        return None
    x0, y0, x1, y1 = person.box[:4]
    tall = float(y1 - y0)
    part = np.ascontiguousarray(photo[person.window])
    guide = Guide.of(part, max(2, round(RADIUS * tall)), EDGE_VARIANCE)
    likelihood = person.likelihood
    if y1 >= len(photo) - 1:
        likelihood = _carry_down(likelihood, round(FADING * tall))
    own = _tidy(guide.filter(likelihood) > 0.5, SMALLEST_GAP * tall * tall)
    agreed = np.count_nonzero(own & labelled[person.window])
    if agreed == 0 or agreed < AGREED * np.count_nonzero(own):
        return None
    rows, columns = (
        np.flatnonzero(own.any(axis=axis)) + span.start
        for axis, span in zip((1, 0), person.window, strict=True)
    )
    is_whole = (
        rows[0] - y0 <= MISSED * tall
        and y1 - 1 - rows[-1] <= MISSED * tall
        and columns[0] - x0 <= MISSED_ASIDE * tall
        and x1 - 1 - columns[-1] <= MISSED_ASIDE * tall
        and min(x0, columns[0]) >= 1
        and max(x1, columns[-1] + 1) <= photo.shape[1] - 1
    )
    return _Outlined(person.window, own, tall, bool(is_whole))


def _carry_down(likelihood: NDArray[np.float32], fading: int) -> NDArray[np.float32]:
    """A likelihood (h, w) whose lowest rows are as the last one that does not fade."""
    carried = likelihood.copy()
    carried[len(carried) - fading :] = carried[-1 - fading]
    return carried


def _is_new(one: _Outlined, found: NDArray[np.uint8]) -> bool:
    """Whether somebody is not among those outlined before."""
    return float((found[one.window][one.own] == SOMEBODY).mean()) <= SEEN_BEFORE


def _tidy(mask: Mask, smallest_gap: float) -> Mask:
    """A mask (h, w) without parts much smaller than its largest and without small holes."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept = (areas >= LEAST_PART * areas.max())[parts] & mask
    _, gaps, stats, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < smallest_gap
    return np.asarray(kept | small[gaps])


def _about(box: Floats) -> tuple[slice, slice]:
    """The rows and columns of somebody's box x0, y0, x1, y1, and a little around it."""
    margin = LOOSE * (box[3] - box[1])
    low = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    high = np.ceil(box[2:4] + margin).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _share_group(groups: NDArray[np.int32], one: _Outlined, other: _Outlined) -> bool:
    """Whether the labels join two people."""
    return bool(np.isin(groups[one.window][one.own], groups[other.window][other.own]).any())


def _take_surplus(
    found: NDArray[np.uint8], surplus: Mask, doubtful: Mask, one: _Outlined, *, alone: bool
) -> None:
    """Mark as NOBODY what of the labels' ``surplus`` (H, W) is near somebody who is whole.

    But not where others may be ``doubtful`` (H, W).
    """
    reach = round(REACH * one.tall)
    rows, columns = _around(one, reach, surplus.shape)
    own = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    top, left = one.window[0].start - rows.start, one.window[1].start - columns.start
    own[top : top + len(one.own), left : left + one.own.shape[1]] = one.own
    near = cv2.distanceTransform(1 - own, cv2.DIST_L2, 5) <= reach
    taken = near & surplus[rows, columns] & ~doubtful[rows, columns]
    if not alone:
        taken &= ~_wide(surplus[rows, columns], max(1, round(SLENDER * one.tall / 2)))
    found[rows, columns][taken] = NOBODY


def _around(one: _Outlined, reach: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    rows, columns = (
        slice(max(span.start - reach, 0), min(span.stop + reach, length))
        for span, length in zip(one.window, shape, strict=True)
    )
    return rows, columns


def _wide(mask: Mask, radius: int) -> Mask:
    """The parts of a mask (h, w), thin rims apart, into which a disc of a radius fits."""
    thin = disc(max(1, radius // THIN))
    solid = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, thin)
    _, parts = cv2.connectedComponents(solid)
    inside = cv2.erode(solid, disc(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    kept = np.isin(parts, np.unique(parts[inside > 0]))
    return np.asarray(cv2.dilate((kept & (solid > 0)).astype(np.uint8), thin) > 0)
