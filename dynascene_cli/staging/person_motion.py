"""The person under the shot camera: a card that stays on its spot of the ground."""

import numpy as np

from dynascene_cli.errors import StageError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath, Placement
from dynascene_cli.staging.billboard import (
    apply_similarity,
    card,
    compose_similarities,
    similarities,
)
from dynascene_cli.staging.stance import Stance, meet_ground


def place_person(stance: Stance, path: CameraPath) -> Placement:
    """Where the person of a stance appears under a shot camera.

    Anchored, they are an upright card that faces the camera: its foot stays on the ground, its
    top as high above it. The camera that they were seen from leaves the stance's similarity to
    the bit.
    Locked, their pixels stay, and the contact is where those meet the ground now.

    Raises:
        StageError: the path is not as long as the clip, or the person gets behind the camera.
    """
    if path.frame_count != len(stance.contact):
        raise StageError(
            f"the camera path has {path.frame_count} frames, the clip {len(stance.contact)}"
        )
    K, E = path.intrinsics, path.extrinsics
    if stance.anchor == "screen":
        pixels = apply_similarity(stance.clip_to_frame, stance.contacts.points)
        contact, _ = meet_ground(
            path,
            pixels,
            np.hypot(*stance.clip_to_frame[:, :, 0].T) * stance.contacts.heights,
            stance.height,
            stance.geometry.camera_height if stance.contacts.grounded else None,
        )
        return Placement(contact, stance.height, stance.clip_to_frame, pixels)
    seen_from = stance.seen_from
    before = card(seen_from.intrinsics, seen_from.extrinsics, stance.contact, stance.height)
    after = card(K, E, stance.contact, stance.height)
    if not (np.isfinite(after[0]).all() and np.isfinite(after[1]).all()):
        raise StageError("the person gets behind the camera", "try a lower --move-strength")
    moves = similarities(before, after)
    return Placement(
        contact=stance.contact,
        height=stance.height,
        clip_to_frame=compose_similarities(moves, stance.clip_to_frame),
        contact_pixels=after[0],
    )


def person_heights(placement: Placement, path: CameraPath) -> Floats:
    """How tall the standing person is in the picture, in pixels (F,)."""
    _, up = card(path.intrinsics, path.extrinsics, placement.contact, placement.height)
    return np.asarray(np.linalg.norm(up, axis=-1))
