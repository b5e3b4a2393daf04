"""The person into the place: where they stand, and the camera that films them."""

from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.conflicts import move_conflicts, size_conflict
from dynascene_cli.staging.ground_contact import Contacts, contact_points
from dynascene_cli.staging.held_framing import hold_framing, tell_turn
from dynascene_cli.staging.limits import Staged, is_before, room_for_move, stage
from dynascene_cli.staging.person_motion import person_heights, place_person
from dynascene_cli.staging.proportions import lean_of
from dynascene_cli.staging.stance import (
    Stance,
    Standing,
    covering,
    frame_path,
    stance,
    stand_with_own_camera,
)
from dynascene_cli.staging.stand_in_turn import stand_in, tell_stand_in
from dynascene_cli.staging.standing_ground import StandingGround
from dynascene_cli.staging.world_alignment import (
    FilmedPerson,
    FilmedWorld,
    align_world,
    check_scale,
    horizon_row,
    look_from,
)

__all__ = [
    "Contacts",
    "FilmedPerson",
    "FilmedWorld",
    "Staged",
    "Stance",
    "Standing",
    "StandingGround",
    "align_world",
    "apply_similarity",
    "check_scale",
    "contact_points",
    "covering",
    "frame_path",
    "hold_framing",
    "horizon_row",
    "is_before",
    "lean_of",
    "look_from",
    "move_conflicts",
    "person_heights",
    "place_person",
    "room_for_move",
    "size_conflict",
    "stage",
    "stance",
    "stand_in",
    "stand_with_own_camera",
    "tell_stand_in",
    "tell_turn",
]
