"""A camera that goes with the person: on a dolly beside them, or turning on its tripod."""

import numpy as np

from dynascene_cli.camera.moves.keyframes import Follow
from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.loess import offsets_to_lines, window_sigma


def steady_contacts(follow: Follow, contacts: Floats, seconds: Floats) -> Floats:
    """The person's way (F, 3) without its steps, for ground-contact points at ``seconds`` (F,)."""
    if len(seconds) < 2 or follow.seconds == 0:
        return contacts
    frame_rate = (len(seconds) - 1) / (seconds[-1] - seconds[0])
    return contacts + offsets_to_lines(contacts, window_sigma(follow.seconds, frame_rate))


def follow_offset(follow: Follow, contacts: Floats) -> Floats:
    """How far the camera has gone with the person (F, 3): level, and 0 at first."""
    return follow.share * (contacts - contacts[0]) * [1.0, 0.0, 1.0]


def follow_pan(follow: Follow, contacts: Floats, position: Floats) -> Floats:
    """How far the camera at ``position`` (F, 3) has panned with the person (F,), radians."""
    x, _, z = (contacts - position).T
    bearing = np.unwrap(np.arctan2(x, z))
    return np.asarray(follow.share * (bearing - bearing[0]))
