"""What a person rests on where it is none of the feet that the landmarks show: hands, or feet that
the pose network took for something else, as it does of whoever is bent double or upside down."""

import numpy as np

from dynascene_cli.geometry import Floats

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


def follow_matte(feet: Floats, boxes: Floats, lengths: Floats, height: int) -> tuple[Floats, bool]:
    """The soles (F, 2, 2) of both feet, or where the matte ends if that is OFTEN far below them.

    Also whether the matte is followed; where it seldom ends far below the feet they are unknown.
    ``feet`` are those that are seen and ``boxes`` (F, 4) the matte's, in pixels of a clip of
    ``height``, like the body's ``lengths`` (F,); NaN where unknown. A matte that the clip's lower
    edge cuts tells nothing, unless it ends just above that edge in other frames.
    """
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
    middle = np.stack([boxes[:, [0, 2]].mean(axis=1), ends], axis=1)
    return np.repeat(middle[:, None], 2, axis=1), True
