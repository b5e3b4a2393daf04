"""What tracks must be before a camera can be read from them."""

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.estimation.estimate import FeatureTracks
from dynascene_cli.camera.estimation.keyframe_selection import LEAST_POINTS
from dynascene_cli.errors import InputError, StageError

LEAST_TRACKS = 60
"""Points that a typical frame must show."""

_HINT = "give a matte that leaves more of the background (--matte), or another --method"


def find_usable_frames(tracks: FeatureTracks) -> NDArray[np.bool_]:
    """Which frames (F,) see enough points to be solved.

    Raises:
        InputError: the clip is a single frame.
        StageError: a typical frame has too few tracks, or none lead from one part of the clip to
            the next.
    """
    if tracks.frame_count < 2:
        raise InputError(
            "one frame shows no camera move",
            "give a clip of at least two frames, or --camera static",
        )
    counts = np.bincount(tracks.frame, minlength=tracks.frame_count)
    if not counts.any():
        raise StageError("no frame has a point of the background to follow", _HINT)
    typical = int(np.median(counts))
    if typical < LEAST_TRACKS:
        raise StageError(
            f"only {typical} points of the background are followed in a typical frame, "
            f"and at least {LEAST_TRACKS} are needed",
            _HINT,
        )
    usable = counts >= LEAST_POINTS
    frames = np.flatnonzero(usable)
    starts = np.flatnonzero(np.diff(tracks.track, prepend=-1))
    begin, end = tracks.frame[starts], tracks.frame[np.append(starts[1:], len(tracks.frame)) - 1]
    change = np.bincount(begin, minlength=tracks.frame_count + 1)
    change -= np.bincount(end, minlength=tracks.frame_count + 1)
    across = np.cumsum(change)[frames[0] : frames[-1]]
    broken = np.flatnonzero(across < LEAST_POINTS)
    if len(broken):
        f = int(frames[0] + broken[0])
        raise StageError(
            f"only {int(across[broken[0]])} points lead from frame {f} to frame {f + 1}: "
            "a cut, or a moment without background",
            "estimate each part by itself (--start, --end), or repair the matte there",
        )
    return usable
