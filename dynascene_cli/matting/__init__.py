"""Person mattes: who is filmed, where they are in every frame, and where they end."""

from dynascene_cli.matting.base import CLICKS, MatteFrame, Matter, MatterState, Quality
from dynascene_cli.matting.corrections import KeptAlphas, blended_with_kept, read_kept
from dynascene_cli.matting.external import alpha_box, matte_of_given_alpha, touched_edges
from dynascene_cli.matting.landmark_smoothing import assembled_tracks
from dynascene_cli.matting.person_selection import (
    Casting,
    NobodyError,
    cast,
    frame_times,
    lost_ranges,
    people_in_photo,
)
from dynascene_cli.matting.pose_tracking import following_state
from dynascene_cli.matting.props import MAX_PROPS
from dynascene_cli.matting.registry import PROMPTED, choose_matter, choose_prompted, make_matter

__all__ = [
    "CLICKS",
    "MAX_PROPS",
    "PROMPTED",
    "Casting",
    "KeptAlphas",
    "MatteFrame",
    "Matter",
    "MatterState",
    "NobodyError",
    "Quality",
    "alpha_box",
    "assembled_tracks",
    "blended_with_kept",
    "cast",
    "choose_matter",
    "choose_prompted",
    "following_state",
    "frame_times",
    "lost_ranges",
    "make_matter",
    "matte_of_given_alpha",
    "people_in_photo",
    "read_kept",
    "touched_edges",
]
