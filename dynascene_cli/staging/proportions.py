"""How tall a person stands in the picture, from what of them can be seen."""

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import LANDMARKS, Mask, PersonTracks

VISIBLE = 0.5
SHOULDER_HEIGHT = 0.818
HIP_HEIGHT = 0.53
SHOULDER_BREADTH = 0.22
ANKLE_HEIGHT = 0.039
"""Shares of the standing height (Drillis & Contini 1966, in Winter, *Biomechanics*, 2009)."""

VISIBLE_SHARE_OF_A_CUT_BOX = 0.55
UPRIGHT_DEG = 20.0
UPRIGHT_SHARE = 0.8
DEPTH_CHANGE = 0.04

BENT = 1.1
"""A body so many times as long as its head is ever above the ground never stood upright."""


def landmark(tracks: PersonTracks, name: str, width: int, height: int) -> Floats:
    """A landmark's pixels (F, 2): NaN where it is hidden or outside the picture."""
    index = LANDMARKS.index(name)
    points = tracks.points[:, index].copy()
    with np.errstate(invalid="ignore"):
        inside = np.all((points >= 0) & (points <= [width, height]), axis=1)
    points[~(inside & (tracks.visibility[:, index] >= VISIBLE))] = np.nan
    return points


def midpoint_of(tracks: PersonTracks, part: str, width: int, height: int) -> Floats:
    """The middle (F, 2) of the left and right ``part``; NaN unless both are seen."""
    left = landmark(tracks, f"left_{part}", width, height)
    return np.asarray((left + landmark(tracks, f"right_{part}", width, height)) / 2)


def is_upright(tracks: PersonTracks, width: int, height: int) -> Mask:
    """In which frames (F,) the back is straight up; true where it cannot be seen."""
    back = midpoint_of(tracks, "hip", width, height) - midpoint_of(
        tracks, "shoulder", width, height
    )
    lean = np.degrees(np.arctan2(np.abs(back[:, 0]), back[:, 1]))
    return np.asarray(~(lean > UPRIGHT_DEG))


def lean_of(tracks: PersonTracks, width: int, height: int) -> float:
    """How far the back leans in the picture, in degrees, from shoulders to hips.

    To the right of straight down, the median of all frames; 0 where it is never seen.
    """
    back = midpoint_of(tracks, "hip", width, height) - midpoint_of(
        tracks, "shoulder", width, height
    )
    leans = np.degrees(np.arctan2(back[:, 0], back[:, 1]))
    known = leans[np.isfinite(leans)]
    return float(np.median(known)) if len(known) else 0.0


def height_without_feet(tracks: PersonTracks, width: int, height: int) -> Floats:
    """The standing height in pixels (F,) that the upper body alone implies; NaN where unknown.

    From head to hips where both are seen; else from shoulders to hips, head to shoulders, or the
    breadth of the shoulders; else from the box, taken for a person seen down to the thighs.
    """
    head = landmark(tracks, "head_top", width, height)[:, 1]
    shoulder = midpoint_of(tracks, "shoulder", width, height)[:, 1]
    hip = midpoint_of(tracks, "hip", width, height)[:, 1]
    breadth = np.abs(
        landmark(tracks, "left_shoulder", width, height)[:, 0]
        - landmark(tracks, "right_shoulder", width, height)[:, 0]
    )
    if np.isfinite(breadth).any():
        breadth = np.full_like(breadth, np.nanpercentile(breadth, 90))
    estimates = [
        (hip - head) / (1 - HIP_HEIGHT),
        (hip - shoulder) / (SHOULDER_HEIGHT - HIP_HEIGHT),
        (shoulder - head) / (1 - SHOULDER_HEIGHT),
        breadth / SHOULDER_BREADTH,
        (tracks.boxes[:, 3] - tracks.boxes[:, 1]) / VISIBLE_SHARE_OF_A_CUT_BOX,
    ]
    result = np.full(len(head), np.nan)
    for estimate in estimates:
        usable = np.isnan(result) & (estimate > 0)
        result[usable] = estimate[usable]
    return result


def body_lengths(tracks: PersonTracks, width: int, height: int) -> Floats:
    """The standing height in pixels (F,) that head, trunk and the longer leg add up to.

    However the body is bent at hips and neck or turned over; a bent knee, or a limb towards the
    camera, makes it shorter. NaN where any of them is unknown.
    """
    shoulder = midpoint_of(tracks, "shoulder", width, height)
    hip = midpoint_of(tracks, "hip", width, height)
    upper = np.linalg.norm(landmark(tracks, "head_top", width, height) - shoulder, axis=1)
    trunk = np.linalg.norm(hip - shoulder, axis=1)
    left, right = (
        np.linalg.norm(
            landmark(tracks, f"{side}_hip", width, height)
            - landmark(tracks, f"{side}_ankle", width, height),
            axis=1,
        )
        for side in ("left", "right")
    )
    return np.asarray((upper + trunk + np.fmax(left, right)) / (1 - ANKLE_HEIGHT))


def lengthen_bent(heights: Floats, lengths: Floats) -> Floats:
    """Standing ``heights`` (F,) of whom the clip may never show upright, by the body's lengths."""
    ratios = (lengths / heights)[np.isfinite(lengths)]
    if len(ratios) == 0:
        return heights
    factor = float(np.percentile(ratios, 100 * UPRIGHT_SHARE))
    return heights * factor if factor > BENT else heights


def ground_below(tracks: PersonTracks, heights: Floats, width: int, height: int) -> Floats:
    """Where a person of the standing ``heights`` (F,) meets the ground (F, 2), feet unseen.

    Measured from the hips, which a nod or a bow moves least; else the shoulders, head or box.
    """
    box = np.stack([tracks.boxes[:, [0, 2]].mean(axis=1), tracks.boxes[:, 1]], axis=1)
    anchors = [
        (midpoint_of(tracks, "hip", width, height), HIP_HEIGHT),
        (midpoint_of(tracks, "shoulder", width, height), SHOULDER_HEIGHT),
        (landmark(tracks, "head_top", width, height), 1.0),
        (box, 1.0),
    ]
    result = np.full((len(heights), 2), np.nan)
    for point, share in anchors:
        usable = np.isnan(result).any(axis=1) & np.isfinite(point).all(axis=1)
        result[usable] = point[usable]
        result[usable, 1] += share * heights[usable]
    return result


def standing_heights(measured: Floats, contact: Floats, usable: Mask) -> Floats:
    """How tall the person would stand in each frame, in pixels (F,), whatever they do there.

    ``measured`` (F,) are heights from the ground to the top of the head, ``contact`` (F, 2) the
    ground points. Whoever stays where they are keeps one height, that of their most upright
    frames. For one who walks in depth the height is linear in the contact's row, as it is for
    any level ground, and follows the upper edge of what was measured (expectile regression,
    Newey & Powell 1987).
    """
    row = contact[:, 1]
    known = usable & np.isfinite(measured)
    level = float(np.percentile(measured[known], 100 * UPRIGHT_SHARE))
    constant = np.full(len(row), level)
    if np.std(row) < DEPTH_CHANGE * level or known.sum() < 10:
        return constant
    basis = np.stack([np.ones(known.sum()), (row[known] - row.mean()) / level], axis=1)
    weights = np.ones(known.sum())
    for _ in range(20):
        root = np.sqrt(weights)[:, None]
        line = np.linalg.lstsq(basis * root, measured[known] * root[:, 0], rcond=None)[0]
        weights = np.where(measured[known] > basis @ line, UPRIGHT_SHARE, 1 - UPRIGHT_SHARE)
    if line[1] <= 0:
        return constant
    return np.maximum(line[0] + line[1] * (row - row.mean()) / level, 0.2 * level)
