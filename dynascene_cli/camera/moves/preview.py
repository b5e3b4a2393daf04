"""What a move does in a typical scene, before there is a clip or a photo."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from dynascene_cli.camera.moves.keyframes import Trajectory
from dynascene_cli.camera.moves.sample import Reference, sample
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.shot import CameraPath
from dynascene_cli.video.timeline import snap_rate

CLIP_SECONDS = 5
FRAME_RATE = Fraction(24)
WALKING_SPEED = 1.2
"""Metres a second, to the right: how a person walks who is followed."""


@dataclass(frozen=True)
class Extent:
    """The most that a camera goes (metres) and turns (degrees), and its least and most zoom."""

    travel: float
    turn_deg: float
    focal_ratio: tuple[float, float]


def typical_reference(
    subject_distance: float, camera_height: float, size: tuple[int, int] = (1920, 1080)
) -> Reference:
    """A level camera with a normal lens, the person's feet straight ahead, in metres.

    Raises:
        InputError: no such camera can be.
    """
    if not (0 < camera_height < math.inf and 0 < subject_distance < math.inf):
        raise InputError(
            f"--subject-distance {subject_distance:g} with --camera-height {camera_height:g}",
            "give metres, both above 0",
        )
    width, height = size
    return Reference(
        intrinsics=np.array([[width, 0.0, width / 2], [0, width, height / 2], [0, 0, 1]]),
        extrinsics=np.eye(3, 4),
        width=width,
        height=height,
        subject_distance=subject_distance,
        subject=np.array([0.0, camera_height, subject_distance]),
        scene_depth=2 * subject_distance,
        camera_height=camera_height,
    )


def preview_path(
    moves: Sequence[Trajectory],
    reference: Reference,
    amount: float = 1.0,
    seed: int | None = None,
    frame_count: int | None = None,
    frame_rate: Fraction | None = None,
) -> CameraPath:
    """The moves' path over their own duration, or over five seconds if that is the clip's.

    Raises:
        InputError: as for sample.
    """
    rates = [snap_rate(move.fps) for move in moves if move.fps is not None]
    rate = frame_rate or max(rates, default=FRAME_RATE)
    count = frame_count or round((duration(moves) or CLIP_SECONDS) * rate) + 1
    contacts = walk_contacts(moves, reference, count, rate)
    return sample(moves, replace(reference, contacts=contacts), count, rate, amount, seed)


def walk_contacts(
    moves: Sequence[Trajectory], reference: Reference, frame_count: int, frame_rate: Fraction
) -> Floats:
    """Where the typical person meets the ground (F, 3): they walk if a move follows them."""
    speed = WALKING_SPEED if any(move.follow is not None for move in moves) else 0.0
    seconds = np.arange(frame_count) / float(frame_rate)
    return np.asarray(reference.subject + seconds[:, None] * [speed, 0.0, 0.0])


def duration(moves: Sequence[Trajectory]) -> float | None:
    """Seconds until the last keyframe; None for moves that last as long as the clip."""
    ends = [move.keyframes[-1].time for move in moves if move.time_unit == "seconds"]
    return max(ends, default=None)


def extent(path: CameraPath) -> Extent:
    """How far the path leads from its first pose and focal length."""
    centres, rotations = centre(path.extrinsics), path.extrinsics[:, :, :3]
    travel = np.linalg.norm(centres - centres[0], axis=1).max()
    cosine = (np.trace(rotations @ rotations[0].T, axis1=1, axis2=2) - 1) / 2
    ratios = path.intrinsics[:, 0, 0] / path.intrinsics[0, 0, 0]
    return Extent(
        travel=round(float(travel), 4),
        turn_deg=round(float(np.degrees(np.arccos(np.clip(cosine, -1, 1)).max())), 3),
        focal_ratio=(round(float(ratios.min()), 4), round(float(ratios.max()), 4)),
    )
