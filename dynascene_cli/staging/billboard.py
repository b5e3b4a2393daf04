"""The person as an upright card on the ground: how views of it differ, and where pixels meet it."""

import numpy as np

from dynascene_cli.geometry import Floats, centre, project, rays
from dynascene_cli.shot import Mask

FARTHEST_HEIGHTS = 60.0
"""The ground is met at most this many camera heights away: beyond, the horizon is too near."""


def intersect_ground(
    intrinsics: Floats, extrinsics: Floats, pixels: Floats, camera_height: float
) -> tuple[Floats, Mask]:
    """Where pixels' rays meet the plane y = ``camera_height`` (F, 3), and which were lowered.

    A ray that meets it beyond FARTHEST_HEIGHTS camera heights, or never, is lowered to meet it
    there, so that every pixel has a point, and near the horizon a steady one.
    """
    directions = np.einsum("...ji,...j->...i", extrinsics[..., :3], rays(intrinsics, pixels))
    C = centre(extrinsics)
    level = np.linalg.norm(directions[..., [0, 2]], axis=-1)
    slope = np.maximum(level / FARTHEST_HEIGHTS, 1e-9)
    lowered = directions[..., 1] < slope
    descent = np.where(lowered, slope, directions[..., 1])
    distance = (camera_height - C[..., 1]) / descent
    points = C + directions * distance[..., None]
    points[..., 1] = camera_height
    return points, np.asarray(lowered)


def foot_from_height(
    intrinsics: Floats, extrinsics: Floats, pixels: Floats, seen_heights: Floats, height: float
) -> Floats:
    """Where an upright thing ``height`` metres tall has its foot (F, 3), by how tall it is seen.

    ``pixels`` (F, 2) of the foot, ``seen_heights`` (F,) in pixels: Z = f·height/seen (Hartley &
    Zisserman 2003, pinhole camera).
    """
    directions = np.einsum("...ji,...j->...i", extrinsics[..., :3], rays(intrinsics, pixels))
    depth = intrinsics[..., 1, 1] * height / seen_heights
    return np.asarray(centre(extrinsics) + directions * depth[..., None])


def card(
    intrinsics: Floats, extrinsics: Floats, contact: Floats, height: float
) -> tuple[Floats, Floats]:
    """A card's foot in the picture (F, 2), and the vector from there to its top (F, 2).

    ``contact`` (F, 3) in the world, ``height`` metres. NaN where either is behind the camera.
    """
    foot = project(intrinsics, extrinsics, contact)
    top = project(intrinsics, extrinsics, contact - np.array([0.0, height, 0.0]))
    return foot, top - foot


def similarities(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Floats:
    """The similarities (F, 2, 3) that carry one view of a card to another, foot and top exactly.

    Between equal views it is the identity to the bit.
    """
    (foot, up), (new_foot, new_up) = first, second
    length = np.sum(up * up, axis=-1)
    a = (up[..., 0] * new_up[..., 0] + up[..., 1] * new_up[..., 1]) / length
    b = (up[..., 0] * new_up[..., 1] - up[..., 1] * new_up[..., 0]) / length
    x = new_foot[..., 0] - (a * foot[..., 0] - b * foot[..., 1])
    y = new_foot[..., 1] - (b * foot[..., 0] + a * foot[..., 1])
    rows = [np.stack([a, -b, x], axis=-1), np.stack([b, a, y], axis=-1)]
    return np.stack(rows, axis=-2)


def compose_similarities(outer: Floats, inner: Floats) -> Floats:
    """The similarity that applies ``inner`` first (..., 2, 3)."""
    linear = outer[..., :2] @ inner[..., :2]
    shift = np.einsum("...ij,...j->...i", outer[..., :2], inner[..., 2]) + outer[..., 2]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def apply_similarity(similarity: Floats, points: Floats) -> Floats:
    """Points (..., 2) under similarities (..., 2, 3)."""
    moved = np.einsum("...ij,...j->...i", similarity[..., :2], points)
    return np.asarray(moved + similarity[..., 2])
