"""How much of the person the picture's left and right edges cut off."""

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.ground_contact import Contacts

SIDES = ("left", "right")


def share_beyond_sides(contacts: Contacts, clip_to_frame: Floats, width: int) -> Floats:
    """How much of the person's width is past the picture's left and right edges (F, 2).

    None of it in the frames in which the clip itself cuts that side.
    """
    x0, y0, x1, y1 = contacts.boxes.T
    middle = (y0 + y1) / 2
    left, right = (
        apply_similarity(clip_to_frame, np.stack([column, middle], axis=-1))[:, 0]
        for column in (x0, x1)
    )
    beyond = np.stack([-left, right - width], axis=1) / np.maximum(right - left, 1.0)[:, None]
    return np.where(contacts.cut[:, [0, 2]], 0.0, np.clip(np.nan_to_num(beyond), 0.0, 1.0))
