"""Tracks as a sensor would have seen them that exposes all its rows at once.

Rows are read one after the other, so a fast pan slants the picture, and the slant looks like the
parallax of a camera that travels (Meingast, Geyer & Sastry 2005).
"""

from dataclasses import replace

import numpy as np

from dynascene_cli.camera.estimation.initialisation import TrackObservations

READOUTS = (0.25, 0.5, 0.75)
READOUT_STEP = 0.25
"""Shares of the time between frames in which a sensor may read its rows, and their spacing."""


def remove_rolling_shutter(
    observations: TrackObservations, height: float, readout: float
) -> TrackObservations:
    """Every sighting at the time of the picture's middle row, along its track's own motion.

    ``height`` is the picture's, in the observations' pixels; ``readout`` the share of the time
    between frames that passes from its first row to its last. Tracks of a single frame stay.
    """
    track, camera, pixels = observations.track, observations.camera, observations.pixels
    goes_on = np.append((track[1:] == track[:-1]) & (np.diff(camera) == 1), False)
    steps = np.where(goes_on[:, None], np.roll(pixels, -1, axis=0) - pixels, 0.0)
    came = np.roll(goes_on, 1)
    before = np.where(came[:, None], np.roll(steps, 1, axis=0), 0.0)
    counted = np.maximum(goes_on.astype(int) + came, 1)[:, None]
    velocity = (steps + before) / counted
    late = readout * pixels[:, 1:] / height
    return replace(observations, pixels=pixels - late * velocity)
