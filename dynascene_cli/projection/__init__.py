"""The weightless renderer: one photo, seen by another camera."""

from dynascene_cli.projection.coverage import (
    STRETCH_WARNING,
    MarginsPlan,
    needed_margins,
    uncovered_share,
)
from dynascene_cli.projection.invention import Invention, invention
from dynascene_cli.projection.renderer import (
    TOLERATED_SPECKS,
    ProjectionRenderer,
    effective_path,
    plate_frame,
)

__all__ = [
    "STRETCH_WARNING",
    "TOLERATED_SPECKS",
    "Invention",
    "MarginsPlan",
    "ProjectionRenderer",
    "effective_path",
    "invention",
    "needed_margins",
    "plate_frame",
    "uncovered_share",
]
