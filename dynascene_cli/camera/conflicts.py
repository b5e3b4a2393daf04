"""Where a camera path would go through the ground or the person."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.shot import LOWEST_ABOVE_GROUND, NEAREST_TO_SUBJECT, CameraPath


@dataclass(frozen=True)
class PathProblem:
    """What the camera passes through, when (seconds), and how near it comes there (metres)."""

    obstacle: Literal["ground", "person"]
    frame: int
    seconds: float
    distance: float
    needed: float


def path_problems(
    path: CameraPath, subject: Floats, camera_height: float, subject_distance: float
) -> list[PathProblem]:
    """The first frame, if any, at which the path meets the ground, and the person.

    The camera stays a tenth of ``camera_height`` above the plane y = ``camera_height``, and,
    also between frames, 0.3 of ``subject_distance`` from the vertical line through ``subject``
    (3,), the ground-contact point. Lengths in the path's unit.
    """
    centres = centre(path.extrinsics)
    found: tuple[tuple[Literal["ground", "person"], Floats, float], ...] = (
        ("ground", camera_height - centres[:, 1], LOWEST_ABOVE_GROUND * camera_height),
        ("person", _level_distances(centres, subject), NEAREST_TO_SUBJECT * subject_distance),
    )
    problems = []
    for obstacle, distances, needed in found:
        near = np.flatnonzero(distances < needed)
        if len(near):
            frame = int(near[0])
            seconds = float(frame / path.frame_rate)
            problems.append(PathProblem(obstacle, frame, seconds, float(distances[frame]), needed))
    return problems


def check_path(
    path: CameraPath,
    subject: Floats,
    camera_height: float,
    subject_distance: float,
    source: str = "--camera",
) -> None:
    """Refuse a path that path_problems finds fault with.

    Raises:
        InputError: the camera passes through the ground or the person: it names ``source``, the
            time and how near is near enough.
    """
    for problem in path_problems(path, subject, camera_height, subject_distance):
        does = f"comes within {problem.distance:.2f} m of"
        if problem.distance < 0:
            does = "goes through"
        raise InputError(
            f"{source}: the camera {does} the {problem.obstacle} at {problem.seconds:.2f} s",
            f"keep {problem.needed:.2f} m away, or lower --amount",
        )


def _level_distances(centres: Floats, subject: Floats) -> Floats:
    """The least level distance from the subject on the way that ends at each frame, (F,)."""
    points = (centres - subject)[:, [0, 2]]
    starts = np.concatenate([points[:1], points[:-1]])
    ways = points - starts
    lengths = np.maximum(np.sum(ways * ways, axis=1), 1e-12)
    nearest = np.clip(-np.sum(starts * ways, axis=1) / lengths, 0, 1)[:, None]
    return np.linalg.norm(starts + ways * nearest, axis=1)
