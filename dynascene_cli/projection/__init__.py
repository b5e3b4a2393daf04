"""The weightless renderer: one photo, seen by another camera."""

from dynascene_cli.projection.coverage import (
    STRETCH_WARNING,
    MarginsPlan,
    needed_margins,
    uncovered_share,
)
from dynascene_cli.projection.renderer import ProjectionRenderer, effective_path, plate_frame

__all__ = [
    "STRETCH_WARNING",
    "MarginsPlan",
    "ProjectionRenderer",
    "effective_path",
    "needed_margins",
    "plate_frame",
    "uncovered_share",
]
