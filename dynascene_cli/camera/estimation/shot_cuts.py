"""Where a clip's tracks begin anew: cuts, and stretches in which nothing could be followed."""

from fractions import Fraction

import numpy as np

from dynascene_cli.camera.estimation.estimate import FeatureTracks
from dynascene_cli.errors import InputError

FEWEST_CROSSING = 8
CROSSING_SHARE = 0.04
"""Tracks that must lead from one frame to the next, at least, and as a share of the median."""


def cut_frames(tracks: FeatureTracks) -> tuple[int, ...]:
    """The frames that begin a new shot: hardly any point is seen both before them and after.

    A flash or a stretch without background counts once, at the first frame after it.
    """
    if not tracks.track_count or tracks.frame_count < 2:
        return ()
    starts = np.flatnonzero(np.diff(tracks.track, prepend=-1))
    first = tracks.frame[starts]
    last = tracks.frame[np.append(starts[1:], len(tracks.track)) - 1]
    changes = np.bincount(first + 1, minlength=tracks.frame_count + 2) - np.bincount(
        last + 1, minlength=tracks.frame_count + 2
    )
    crossing = np.cumsum(changes)[first.min() + 1 : last.max() + 1]
    fewest = max(FEWEST_CROSSING, CROSSING_SHARE * float(np.median(crossing)))
    broken = crossing < fewest
    ends = broken & ~np.append(broken[1:], False)
    return tuple(int(i) for i in np.flatnonzero(ends) + first.min() + 1)


def check_one_shot(tracks: FeatureTracks, frame_rate: Fraction) -> None:
    """Refuse tracks of more than one shot.

    Raises:
        InputError: naming when each cut is, in seconds of the clip.
    """
    cuts = cut_frames(tracks)
    if not cuts:
        return
    times = [f"{float(frame / frame_rate):.2f} s" for frame in cuts]
    if len(cuts) == 1:
        message = f"the clip has a cut, or nothing to follow, at {times[0]}"
    else:
        message = f"the clip has cuts, or nothing to follow, at {', '.join(times[:5])}"
        message += " and later" if len(cuts) > 5 else ""
    raise InputError(
        f"{message}: a camera is estimated for one shot at a time",
        f"split the clip there, with --end {float(cuts[0] / frame_rate):.2f} for its first shot",
    )
