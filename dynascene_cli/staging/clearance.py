"""How near a camera path comes to the ground and to the person: one judgement for every room."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, centre
from dynascene_cli.shot import CameraPath

NEAREST_TO_SUBJECT = 0.3
LOWEST_ABOVE_GROUND = 0.1
"""How near a shot's camera may come: subject distances to the person, its first heights over the
ground."""


@dataclass(frozen=True)
class PathProblem:
    """What the camera passes through, when (seconds), and how near it comes there (metres)."""

    obstacle: Literal["ground", "person"]
    frame: int
    seconds: float
    distance: float
    needed: float


def path_problems(
    path: CameraPath, contact: Floats, camera_height: float, subject_distance: float
) -> tuple[PathProblem, ...]:
    """The first frame, if any, at which the path meets the ground, and the person.

    The camera stays a tenth of ``camera_height`` above the plane y = ``camera_height``, and,
    also between frames, 0.3 of ``subject_distance`` from the vertical line through ``contact``,
    the person's ground-contact point, (3,) or (F, 3). Where the person has come nearer to the
    camera's first place, proportionally less is enough: what they do is no fault of the camera.
    Lengths in the path's unit.
    """
    centres = centre(path.extrinsics)
    contacts = np.broadcast_to(contact, centres.shape)
    walked = np.linalg.norm((contacts - centres[0])[:, [0, 2]], axis=1)
    come = np.minimum(walked / max(walked[0], 1e-9), 1.0)
    lowest = np.full(len(centres), LOWEST_ABOVE_GROUND * camera_height)
    found: tuple[tuple[Literal["ground", "person"], Floats, Floats], ...] = (
        ("ground", camera_height - centres[:, 1], lowest),
        (
            "person",
            _least_level_lengths(centres - contacts),
            NEAREST_TO_SUBJECT * subject_distance * come,
        ),
    )
    problems = []
    for obstacle, distances, needed in found:
        near = np.flatnonzero(distances < needed)
        if len(near):
            at = int(near[0])
            seconds = float(at / path.frame_rate)
            problem = PathProblem(obstacle, at, seconds, float(distances[at]), float(needed[at]))
            problems.append(problem)
    return tuple(problems)


def check_path(
    path: CameraPath,
    contact: Floats,
    camera_height: float,
    subject_distance: float,
    source: str = "--camera",
) -> None:
    """Refuse a path that path_problems finds fault with.

    Raises:
        InputError: the camera passes through the ground or the person: it names ``source``, the
            time and how near is near enough.
    """
    for problem in path_problems(path, contact, camera_height, subject_distance):
        does = f"comes within {problem.distance:.2f} m of"
        if problem.distance < 0:
            does = "goes through"
        raise InputError(
            f"{source}: the camera {does} the {problem.obstacle} at {problem.seconds:.2f} s",
            f"keep {problem.needed:.2f} m away, or lower --move-strength",
        )


def _least_level_lengths(vectors: Floats) -> Floats:
    """The least level length of vectors (F, 3) on the straight way that ends at each, (F,)."""
    points = vectors[:, [0, 2]]
    starts = np.concatenate([points[:1], points[:-1]])
    ways = points - starts
    lengths = np.maximum(np.sum(ways * ways, axis=1), 1e-12)
    nearest = np.clip(-np.sum(starts * ways, axis=1) / lengths, 0, 1)[:, None]
    return np.asarray(np.linalg.norm(starts + ways * nearest, axis=1))
