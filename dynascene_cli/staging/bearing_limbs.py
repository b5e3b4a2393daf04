"""What a person rests on: how wide it is, and where it is none of the feet that the landmarks show.

Hands bear whoever is upside down, and of whoever is bent double the pose network takes the feet for
something else.
"""

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Mask, PersonTracks

EDGE_PIXELS = 2.0
"""A matte so near to the picture's edge reaches it."""

BELOW_FEET = 0.12
"""The matte goes on so far below the lower foot, in standing heights, where something else bears
the body: 0.37 of a dancer on his hands; at most 0.10 of people who stand, squat, juggle, dance."""

OFTEN = 0.2
"""Share of the frames with feet from which on the lower edge of the matte is followed throughout,
since landmarks that miss the ground so often are nowhere to be relied on."""

SEEN_INSIDE, FEWEST = 0.1, 3
"""Share and number of frames that must show where the body ends, inside the picture."""

GRAZED = 0.05
"""So near to the clip's lower edge, in standing heights, those ends lie where it cuts but soles."""

AT_CONTACT = 0.08
"""So near to the contact, in standing heights, the matte's lower end is what bears the body."""

WIDEST = 1.0
"""How wide it is at the most, in standing heights."""


def follow_matte(
    feet: Floats, tracks: PersonTracks, lengths: Floats, height: int
) -> tuple[Floats, bool]:
    """The soles (F, 2, 2) of both feet, or where the matte ends if that is OFTEN far below them.

    Also whether the matte is followed; where it seldom ends far below the feet they are unknown.
    ``feet`` are those that are seen and ``tracks`` the matte's, in pixels of a clip of ``height``,
    like the body's ``lengths`` (F,); NaN where unknown. A matte that the clip's lower edge cuts
    tells nothing, unless it ends just above that edge in other frames.
    """
    boxes = tracks.boxes
    lowest, ends = np.fmax(feet[:, 0, 1], feet[:, 1, 1]), boxes[:, 3]
    seen = np.isfinite(ends)
    with np.errstate(invalid="ignore"):
        inside = seen & (ends < height - EDGE_PIXELS)
    known = inside & np.isfinite(lowest)
    if not np.isfinite(lengths).any() or not known.any():
        return feet, False
    tall = float(np.nanmedian(lengths))
    far_below = known & (np.nan_to_num(ends - lowest) > BELOW_FEET * tall)
    shown = inside if inside.sum() == seen.sum() else inside & (ends >= height - GRAZED * tall)
    if shown.sum() < max(FEWEST, SEEN_INSIDE * seen.sum()) or far_below.sum() < OFTEN * known.sum():
        return np.where(far_below[:, None, None], np.nan, feet), False
    known_bases = np.isfinite(tracks.bases).all(axis=1, keepdims=True)
    columns = np.where(known_bases, tracks.bases, boxes[:, [0, 2]])
    middle = np.stack([columns.mean(axis=1), ends], axis=1)
    return np.repeat(middle[:, None], 2, axis=1), True


def bearing_columns(
    tracks: PersonTracks, points: Floats, heights: Floats, unsupported: Mask
) -> Floats:
    """The columns (F, 2) between which the person is borne, in clip pixels; NaN where not known.

    ``points`` (F, 2) are their contacts and ``heights`` (F,) how tall they would stand there.
    Nothing bears them, or it is not seen, where they are ``unsupported`` (F,).
    """
    with np.errstate(invalid="ignore"):
        ends_there = np.abs(tracks.boxes[:, 3] - points[:, 1]) <= AT_CONTACT * heights
        narrow = tracks.bases[:, 1] - tracks.bases[:, 0] <= WIDEST * heights
    return np.where((ends_there & narrow & ~unsupported)[:, None], tracks.bases, np.nan)
