"""The upright part of the picture around the followed person, which rests while they stay in it.

A matting network sees the person larger, and nobody who stands elsewhere, when it is shown this
part alone. The part moves in steps rather than with every frame, so that the network's sampling
grid, and with it the matte's edge, does not crawl.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import intersection_over_union
from dynascene_cli.inference.onnx_network import FloatArray

MARGIN = 0.25
"""Room on each side of a person's box, as a share of its longer side: raised arms stay inside."""
SPARE_MARGIN = 0.08
"""Room that must be left for a region to rest where it is."""
MAX_LOOSENESS = 2.0
"""Area of a resting region over the area that is needed, at most."""
SIZEABLE = 0.05
"""Share of the largest piece of an alpha from which another may be somebody else."""
SOLID = 0.5


def whole_region(height: int, width: int) -> Floats:
    """The region (4,) x0, y0, x1, y1 that is the whole picture."""
    return np.array([0.0, 0.0, width, height])


def person_region_around(box: Floats, height: int, width: int, held: Floats) -> Floats:
    """The region (4,) in whole pixels around a person's box; ``held`` where that still serves.

    ``held`` is the last frame's region, NaN if there was none.
    """
    needed = _pad_box(box, MARGIN, height, width)
    if np.isfinite(held).all():
        least = _pad_box(box, SPARE_MARGIN, height, width)
        holds = (held[:2] <= least[:2]).all() and (held[2:] >= least[2:]).all()
        if holds and _area(held) <= MAX_LOOSENESS * _area(needed):
            return held
    return needed


def touches_inner_edge(box: Floats, region: Floats, height: int, width: int) -> bool:
    """Whether a box reaches an edge of its region behind which the picture goes on."""
    low = (box[:2] <= region[:2] + 1) & (region[:2] > 0)
    high = (box[2:] >= region[2:] - 1) & (region[2:] < [width, height])
    return bool(low.any() or high.any())


def _pad_box(box: Floats, margin: float, height: int, width: int) -> Floats:
    room = margin * max(box[2] - box[0], box[3] - box[1])
    low = np.floor(np.maximum(box[:2] - room, 0))
    high = np.ceil(np.minimum(box[2:4] + room, [width, height]))
    return np.concatenate([low, np.maximum(high, low + 1)])


def _area(region: Floats) -> float:
    return float(np.prod(region[2:] - region[:2]))


def resample_region(
    values: NDArray[Any], past: Floats, present: Floats, size: tuple[int, int]
) -> NDArray[Any]:
    """Values (H, W, …) sampled over the region ``past``, resampled over ``present``.

    ``size`` is the (width, height) of the result; what the past did not see is 0.
    """
    height, width = values.shape[:2]
    rate = (present[2:] - present[:2]) / size / (past[2:] - past[:2]) * [width, height]
    start = (present[:2] - past[:2]) / (past[2:] - past[:2]) * [width, height]
    x = (start[0] + (np.arange(size[0]) + 0.5) * rate[0] - 0.5).astype(np.float32)
    y = (start[1] + (np.arange(size[1]) + 0.5) * rate[1] - 0.5).astype(np.float32)
    columns, rows = np.meshgrid(x, y)
    planes = values.reshape(height, width, -1)
    # Four channels are what OpenCV resamples at once.
    parts = [
        cv2.remap(np.ascontiguousarray(planes[..., i : i + 4]), columns, rows, cv2.INTER_LINEAR)
        for i in range(0, planes.shape[2], 4)
    ]
    joined = np.concatenate([part.reshape(size[1], size[0], -1) for part in parts], axis=2)
    return joined.reshape(size[1], size[0], *values.shape[2:])


def has_separate_pieces(alpha: FloatArray) -> bool:
    """Whether an alpha (H, W) falls into several pieces of which more than one may be a person."""
    _, _, table, _ = cv2.connectedComponentsWithStats((alpha >= SOLID).astype(np.uint8))
    areas = table[1:, cv2.CC_STAT_AREA]
    return bool((areas >= SIZEABLE * areas.max(initial=0)).sum() > 1)


def remove_other_people(
    alpha: FloatArray, region: Floats, ours: Floats, others: Floats
) -> FloatArray:
    """The alpha (H, W) of a region without the pieces that are other people's.

    ``ours`` (4+,) and ``others`` (N, 4+) are boxes of people in the picture's pixels. A piece goes
    where another's box holds more of it than ours does.
    """
    if len(others) == 0:
        return alpha
    solid = (alpha >= SOLID).astype(np.uint8)
    count, labels, table, _ = cv2.connectedComponentsWithStats(solid)
    height, width = alpha.shape
    scale = [width, height] / (region[2:] - region[:2])
    within = [_share_within(labels, table, (box[:4].reshape(2, 2) - region[:2]) * scale)
              for box in (ours, *others)]  # fmt: skip
    theirs = np.max(within[1:], axis=0)
    foreign = (theirs > within[0]) & (theirs > 0.5)
    foreign[0] = False
    if not foreign.any() or foreign[1:].all() or count <= 2:
        return alpha
    reach = np.ones((2 * round(0.02 * max(height, width)) + 1,) * 2, np.uint8)
    gone = cv2.dilate(foreign[labels].astype(np.uint8), reach) > 0
    kept = cv2.dilate((~foreign[labels] & (solid > 0)).astype(np.uint8), reach) > 0
    return np.where(gone & ~kept, np.float32(0), alpha)


def _share_within(labels: NDArray[Any], table: NDArray[Any], corners: Floats) -> Floats:
    """The share (N,) of each labelled piece that lies within a box of two corners (2, 2)."""
    height, width = labels.shape
    x0, y0, x1, y1 = np.clip(corners.round().astype(int).ravel(), 0, [width, height] * 2)
    inside = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=len(table))
    return inside / np.maximum(table[:, cv2.CC_STAT_AREA], 1)


def other_people(ours: Floats, people: Floats) -> Floats:
    """The boxes of (N, 4+) that are not the followed person's."""
    return people[intersection_over_union(ours, people) < 0.5] if len(people) else people
