"""A person's landmarks and coarse mask by BlazePose (Bazarevsky et al. 2020), crop by crop.

A crop is (centre x, centre y, side, angle): a square of the picture, turned so that the body
stands upright in it. Each frame's landmarks give the next frame's crop.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike

from dynascene_cli import weights
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.shot import LANDMARKS, Image

SIDE = 256
BOX_MARGIN = 1.25
BODY_MARGIN = 1.3
CIRCLE_MARGIN = 1.05
"""Side of the crop per extent of a box, of a body's landmarks, and of MediaPipe's circle around
it (at least): wider loses detail, tighter loses limbs."""
HOLD_MARGIN = 1.1
"""Extent of a box, per its own, that a crop must hold."""
BODY = slice(0, 33)
SPECK_LEVEL, SPECK_SHARE = 0.15, 0.03
BODY_CENTRE, BODY_CIRCLE = 33, 34
EARS, SHOULDERS = (7, 8), (11, 12)
POINTS = (11, 12, 23, 24, 27, 28, 29, 30, 31, 32)
"""BlazePose's numbers of LANDMARKS after head_top."""
HEAD_ABOVE_EARS = 0.54
"""(height of the crown − of the ears) / (ears − shoulders): Drillis & Contini 1966."""


@dataclass(frozen=True, eq=False)
class Pose:
    """What the network sees in one crop.

    ``points`` (39, 2) in the picture's pixels, ``visibility`` (39,) and ``presence`` in 0..1,
    ``logits`` (256, 256) float32 of being the person's, ``image`` the crop itself.
    """

    crop: Floats
    points: Floats
    visibility: Floats
    presence: float
    logits: FloatArray
    image: Image


@lru_cache(maxsize=1)
def _network() -> OnnxNetwork:
    return OnnxNetwork(weights.path_of("blazepose"))


def crop_to_picture(crop: ArrayLike, side: int = SIDE) -> Floats:
    """The similarity (2, 3) that carries pixels of a ``side`` × ``side`` crop to the picture."""
    x, y, extent, angle = np.asarray(crop, dtype=float)
    cosine, sine = np.cos(angle) * extent / side, np.sin(angle) * extent / side
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([linear, (np.array([x, y]) - linear @ [side / 2, side / 2])[:, None]])


def between_indices(affine: Floats) -> Floats:
    """The same map (2, 3) between array indices, whose pixel centres are whole numbers."""
    shifted = affine.copy()
    shifted[:, 2] += affine[:, :2] @ [0.5, 0.5] - 0.5
    return shifted


def crop_of_box(box: ArrayLike) -> Floats:
    """The upright crop (4,) around a box x0, y0, x1, y1."""
    x0, y0, x1, y1 = np.asarray(box, dtype=float)[:4]
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0) * BOX_MARGIN, 0.0])


def crop_of_pose(pose: Pose) -> Floats:
    """The crop (4,) that the landmarks ask for.

    It is turned as MediaPipe's body circle but drawn around the landmarks themselves, which
    gives the mask more detail; a folded body gets the circle.
    """
    spoke = pose.points[BODY_CIRCLE] - pose.points[BODY_CENTRE]
    angle = np.arctan2(spoke[1], spoke[0]) + np.pi / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = pose.points[BODY] @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    body = BODY_MARGIN * float((high - low).max())
    circle = CIRCLE_MARGIN * 2 * float(np.hypot(*spoke))
    return np.array([*((low + high) / 2 @ turn), max(body, circle, 16.0), angle])


def crop_with_box(crop: Floats, box: ArrayLike) -> Floats:
    """The crop (4,), enlarged and moved as far as it takes to hold a box x0, y0, x1, y1.

    The box counts by the middles of its edges: in a turned crop its corners are nobody's.
    """
    x0, y0, x1, y1 = np.asarray(box, dtype=float)[:4]
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    edges = np.array([[x0, y], [x1, y], [x, y0], [x, y1]])
    cosine, sine = np.cos(crop[3]), np.sin(crop[3])
    turn = np.array([[cosine, sine], [-sine, cosine]])
    middle = turn @ crop[:2]
    reach = (edges - [x, y]) * HOLD_MARGIN @ turn.T + turn @ [x, y]
    low = np.minimum(middle - crop[2] / 2, reach.min(axis=0))
    high = np.maximum(middle + crop[2] / 2, reach.max(axis=0))
    return np.array([*(turn.T @ ((low + high) / 2)), float((high - low).max()), crop[3]])


def pose_in(image: Image, crop: Floats, to_image: Floats | None = None) -> Pose:
    """The person in a crop of the picture.

    ``image`` is the picture, or a reduced part of it whose pixels ``to_image`` (2, 3) maps from
    the picture's: enough of it for the crop, at no less than its resolution.
    """
    to_picture = crop_to_picture(crop)
    warp = to_picture if to_image is None else _compose_maps(to_image, to_picture)
    cut = cv2.warpAffine(
        image,
        between_indices(warp),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    ).astype(np.uint8, copy=False)
    landmarks, presence, logits = _network().run(
        ["Identity", "Identity_1", "Identity_2"], {"input_1": _network_input(cut)}
    )
    table = landmarks.reshape(39, 5).astype(float)
    points = table[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
    visible = 1 / (1 + np.exp(-np.clip(table[:, 3:], -30, 30)))
    visibility = visible.min(axis=1)
    return Pose(crop, points, visibility, float(presence.item()), logits[0, ..., 0], cut)


def mask_of_pose(pose: Pose) -> FloatArray:
    """A pose's mask (256, 256) in 0..1 as the network gave it."""
    return np.asarray(1 / (1 + np.exp(-np.clip(pose.logits, -30, 30))), np.float32)


def mask_seen_twice(pose: Pose) -> FloatArray:
    """A pose's mask (256, 256) in 0..1, helped by the network's view of the mirror image.

    The two views' mistakes differ; the logits' mean decides more than the masks' mean would.
    """
    mirrored = _network().run(["Identity_2"], {"input_1": _network_input(pose.image[:, ::-1])})[0]
    logits = np.clip(pose.logits, -30, 30) + np.clip(mirrored[0, :, ::-1, 0], -30, 30)
    return np.asarray(1 / (1 + np.exp(logits * np.float32(-0.5))), np.float32)


def _network_input(image: Image) -> FloatArray:
    return np.multiply(image[None], np.float32(1 / 255), order="C", dtype=np.float32)


def _compose_maps(outer: Floats, inner: Floats) -> Floats:
    linear = outer[:, :2] @ inner[:, :2]
    return np.hstack([linear, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]])


def settling_poses(image: Image, box: ArrayLike) -> list[Pose]:
    """The person in a box, then twice in the crop drawn from the landmarks just found."""
    poses = [pose_in(image, crop_of_box(box))]
    for _ in range(2):
        poses.append(pose_in(image, crop_of_pose(poses[-1])))
    return poses


def remove_specks(mask: FloatArray, crop: Floats, points: Floats) -> FloatArray:
    """A crop's mask without small islands on which no landmark lies: bits of the background.

    ``points`` (n, 2) are the landmarks in the picture's pixels.
    """
    solid = (mask > SPECK_LEVEL).astype(np.uint8)
    count, labels, table, _ = cv2.connectedComponentsWithStats(solid)
    if count <= 2:
        return mask
    areas = table[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept = areas >= SPECK_SHARE * areas.max()
    warp = cv2.invertAffineTransform(crop_to_picture(crop))
    x, y = np.floor(points @ warp[:, :2].T + warp[:, 2]).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < SIDE) & (y < SIDE)
    kept[labels[y[inside], x[inside]]] = True
    kept[0] = True
    return np.where(kept[labels], mask, np.float32(0))


def landmarks_of(pose: Pose, alpha: Image) -> tuple[Floats, Floats]:
    """LANDMARKS (N, 2) in pixels and their visibility (N,), 0 outside the picture.

    ``alpha`` (H, W) uint8 is the person's matte: where it ends above the face is the crown.
    """
    height, width = alpha.shape
    points = np.vstack([_head_top(pose, alpha)[None], pose.points[list(POINTS)]])
    visibility = np.concatenate(
        [pose.visibility[list(EARS)].max(keepdims=True), pose.visibility[list(POINTS)]]
    )
    inside = (points >= 0).all(axis=1) & (points <= [width, height]).all(axis=1)
    assert len(points) == len(LANDMARKS)
    return points, np.where(inside, visibility, 0.0)


def _head_top(pose: Pose, alpha: Image) -> Floats:
    ears = pose.points[list(EARS)].mean(axis=0)
    reach = (ears - pose.points[list(SHOULDERS)].mean(axis=0)) * HEAD_ABOVE_EARS
    steps = np.linspace(0, 3, 96)
    samples = ears + steps[:, None] * reach
    x, y = np.floor(samples).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < alpha.shape[1]) & (y < alpha.shape[0])
    covered = np.zeros(len(steps), bool)
    covered[inside] = alpha[y[inside], x[inside]] >= 128
    end = int(np.argmin(covered)) if not covered.all() else len(steps)
    return samples[end - 1] if end > 0 and 0.4 < steps[end - 1] < 2.9 else ears + reach
