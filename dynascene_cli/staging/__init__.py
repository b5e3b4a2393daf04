"""The person into the place: where they stand, and the camera that films them."""

from dynascene_cli.staging.contact import Contacts, contact_points
from dynascene_cli.staging.following import person_heights, placement
from dynascene_cli.staging.limits import Staged, room_for, stage
from dynascene_cli.staging.standing import Stance, stance

__all__ = [
    "Contacts",
    "Staged",
    "Stance",
    "contact_points",
    "person_heights",
    "placement",
    "room_for",
    "stage",
    "stance",
]
