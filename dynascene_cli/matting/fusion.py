"""One mask from several networks' masks of a person, weighed by how much of the body is seen.

BlazePose's mask is the best of a whole body and falls apart where the frame cuts it; selfie
segmentation and U²-Netp see a cut body whole. U²-Netp also takes what stands out of the place, so
it counts only near what another says is the person.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.numerics.morphology import disc

LEAST, MOST = 0.02, 0.98
"""Masks' values beyond which their networks are not to be believed."""
SELFIE_WEIGHT, SALIENT_WEIGHT, POSE_WEIGHT = 0.6, 1.0, 0.3
DECISION = 1.7
"""How much more decided the mix of a cut body's masks is than their mean."""
AGREED = 0.5
REACH = 0.05
"""What two masks must say to support a third, and how far, as a share of the mask's side."""
FAINT, EDGE = 0.3, 0.02
"""What a mask says at least where it may be the person, and half the width of its soft edge, as a
share of its side."""
MOST_LIMBS = 0.4
"""Share of a body that may reach out of its detected box: arms or legs."""
SHRUNK, GROWN = 0.5, 2.0
LEAST_PIXELS = 400
"""Areas of a mask per the last one's beyond which it fails, where the last one was of this size."""
HOLE_SHARE = 0.004
"""Holes in a mask that are smaller than this share of it are filled."""


@dataclass(frozen=True, eq=False)
class Opinions:
    """Masks (h, w) in 0..1 of one person; None where a network was not asked.

    ``salient_trust`` and ``elsewhere`` (h, w) in 0..1: how much U²-Netp's carried mask still
    holds, and where other people are; ``around`` (h, w): 1 around the person's box.
    """

    pose: FloatArray | None
    selfie: FloatArray | None
    salient: FloatArray | None
    salient_trust: FloatArray
    carried: FloatArray | None
    elsewhere: FloatArray
    around: FloatArray


def fuse_masks(opinions: Opinions, cut: float) -> FloatArray:
    """The person's mask (h, w): the nearer ``cut`` is to 1, the less the pose's alone."""
    pose = opinions.pose
    total = np.zeros(opinions.elsewhere.shape, np.float32)
    weight = np.full_like(total, 1e-6)
    alone = 1 - opinions.elsewhere
    selfie = None if opinions.selfie is None else opinions.selfie * opinions.around
    parts = (
        (pose, POSE_WEIGHT * np.ones_like(total)),
        (selfie, SELFIE_WEIGHT * alone),
        (_supported_salient_mask(opinions), SALIENT_WEIGHT * alone * opinions.salient_trust),
    )
    for mask, share in parts:
        if mask is not None:
            total += share * _logit(mask)
            weight += share
    decided = DECISION * total / weight
    if pose is not None:
        decided = cut * decided + (1 - cut) * _logit(pose)
    return fill_holes(harden_off_edges(np.asarray(1 / (1 + np.exp(-decided)), np.float32)))


def _logit(mask: FloatArray) -> FloatArray:
    inside = np.clip(mask, LEAST, MOST)
    return np.asarray(np.log(inside / (1 - inside)), np.float32)


def _supported_salient_mask(opinions: Opinions) -> FloatArray | None:
    """U²-Netp's mask where something else says that the person is near."""
    if opinions.salient is None:
        return None
    others = [opinions.selfie, opinions.pose, opinions.carried]
    agreed = np.max([mask for mask in others if mask is not None] or [opinions.salient], axis=0)
    return np.asarray(
        opinions.salient * opinions.around * nearness(agreed > AGREED, REACH), np.float32
    )


def attached_part(first: FloatArray, second: FloatArray, body: FloatArray) -> NDArray[np.bool_]:
    """What two masks (h, w) agree on, of that the pieces that reach into a body's place (h, w).

    Nothing where that is more than limbs.
    """
    both = (first > AGREED) & (second > AGREED)
    inside = body > AGREED
    _, pieces = cv2.connectedComponents(both.astype(np.uint8))
    attached = np.isin(pieces, np.unique(pieces[both & inside])) & both
    beyond = (attached & ~inside).sum() > MOST_LIMBS * (attached & inside).sum()
    return np.zeros_like(attached) if beyond else np.asarray(attached)


def keep_plausible(
    mask: FloatArray, carried: FloatArray, similarity: FloatArray, steady: bool
) -> FloatArray:
    """A mask (h, w), or where it fails, the last frame's as carried along (the same object if not).

    It fails where it covers under half of what was there and what is there still looks the same,
    or more than twice as much, though the detected box is ``steady``.
    """
    before, now = float((carried > 0.5).sum()), float((mask > 0.5).sum())
    if before < LEAST_PIXELS:
        return mask
    if now < SHRUNK * before:
        still = similarity if not steady else np.ones_like(similarity)
        kept = np.maximum(mask, carried * still)
        return np.asarray(kept, np.float32) if (kept > 0.5).sum() > now * 1.2 else mask
    if steady and now > GROWN * before:
        return np.asarray(mask * nearness(carried > 0.5, 2 * REACH), np.float32)
    return mask


def share_at_once(mask: FloatArray, other: FloatArray) -> float:
    """The share of a mask (h, w) that lies farther from another than anything moves in a frame."""
    person = mask > 0.5
    radius = max(1, round(REACH * max(mask.shape)))
    near = cv2.dilate((other > 0.5).astype(np.uint8), disc(radius)) > 0
    return float((person & ~near).sum() / max(int(person.sum()), 1))


def nearness(place: NDArray[np.bool_], reach: float) -> FloatArray:
    """1 within a reach (share of the side) of a place (h, w), falling to 0 softly beyond it."""
    radius = max(1, round(reach * max(place.shape)))
    dilated = cv2.dilate(place.astype(np.uint8), disc(radius)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(dilated, (0, 0), radius / 3), np.float32)


def harden_off_edges(mask: FloatArray) -> FloatArray:
    """A mask (h, w) that is half-transparent along its edge only: networks' doubt is no glass."""
    radius = max(1, round(EDGE * max(mask.shape)))
    reach = disc(radius)
    inside = cv2.erode((mask > FAINT).astype(np.uint8), reach) > 0
    outside = cv2.dilate((mask > 0.5).astype(np.uint8), reach) == 0
    raised = np.maximum(np.minimum(2 * mask, np.float32(MOST)), mask)
    decided = np.where(outside, np.float32(0), np.where(inside, raised, mask))
    return np.asarray(decided, np.float32)


def fill_holes(mask: FloatArray) -> FloatArray:
    """A mask (h, w) whose small enclosed holes are filled; the gaps between limbs are larger."""
    solid = (mask > 0.5).astype(np.uint8)
    count, labels, table, _ = cv2.connectedComponentsWithStats(1 - solid, connectivity=4)
    height, width = mask.shape
    left, top = table[:, cv2.CC_STAT_LEFT], table[:, cv2.CC_STAT_TOP]
    right = left + table[:, cv2.CC_STAT_WIDTH]
    bottom = top + table[:, cv2.CC_STAT_HEIGHT]
    enclosed = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    small = table[:, cv2.CC_STAT_AREA] < HOLE_SHARE * max(int(solid.sum()), 1)
    filled = enclosed & small
    filled[0] = False
    if count <= 1 or not filled.any():
        return mask
    return np.where(filled[labels], np.float32(MOST), mask)
