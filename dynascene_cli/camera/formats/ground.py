"""The ground and the feet on it, in this package's own camera file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera.formats.files import matrix, number, read_document
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import GroundContact

GRID_REACH = 10
EXTENT = 200.0
"""Length of the sides of the ground's square in other programs, in the path's unit."""


def ground_document(contact: GroundContact) -> dict[str, Any]:
    """The keys ``ground`` of a camera file: the plane's y, the person's height, the feet (F, 3)."""
    return {
        "ground": {
            "y": contact.ground,
            "person_height": contact.person_height,
            "feet": contact.feet.tolist(),
        }
    }


def read_ground(path: Path, frame_count: int) -> GroundContact | None:
    """What a camera file says of the ground; None where it says nothing or is of another format.

    Raises:
        InputError: its numbers are none, or its feet are not one point a frame.
    """
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    document = read_document(path)
    ground = document.get("ground") if isinstance(document, dict) else None
    if not isinstance(ground, Mapping):
        return None
    y, height = number(ground.get("y")), number(ground.get("person_height"))
    try:
        feet = np.array(ground.get("feet"), dtype=float)
    except (TypeError, ValueError):
        feet = np.zeros(0)
    if y is None or height is None or feet.shape != (frame_count, 3):
        raise InputError(
            f"{path}: ground is not a plane with a point of the feet in each of its "
            f"{frame_count} frames",
            "remove the key ground, or write the layers again",
        )
    return GroundContact(y, feet, height)


def read_points(path: Path) -> Floats | None:
    """The sparse points (P, 3) in a camera file of this package; None where it has none.

    Raises:
        InputError: they are no points.
    """
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    document = read_document(path)
    listed = document.get("points") if isinstance(document, dict) else None
    if listed is None:
        return None
    points = matrix(listed, len(listed) if isinstance(listed, list) else 0, 3)
    if points is None or not np.isfinite(points).all():
        raise InputError(f"{path}: points is no list of [x, y, z]", "remove the key points")
    return points.reshape(-1, 3)


def ground_points(contact: GroundContact) -> Floats:
    """Points (P, 3) for programs that keep nothing else: a grid on the ground, and the feet.

    The grid has a point a unit, around the first feet.
    """
    x, _, z = contact.feet[0]
    steps = np.arange(-GRID_REACH, GRID_REACH + 1.0)
    right, forward = (part.ravel() for part in np.meshgrid(x + steps, z + steps))
    grid = np.stack([right, np.full_like(right, contact.ground), forward], axis=-1)
    return np.concatenate([grid, contact.feet])


def ground_square(contact: GroundContact) -> list[tuple[float, float, float]]:
    """The corners of a square of ground around the first feet, in this package's axes."""
    x, _, z = contact.feet[0]
    half = EXTENT / 2
    sides = ((-half, -half), (half, -half), (half, half), (-half, half))
    return [(x + right, contact.ground, z + forward) for right, forward in sides]
