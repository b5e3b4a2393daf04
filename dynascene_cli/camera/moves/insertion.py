"""Another keyframe in a move, where the camera passes anyway."""

from dataclasses import replace

import numpy as np

from dynascene_cli.camera.moves.evaluate import (
    arc_coordinates,
    keyframe_quaternion,
    positions_on_arcs,
)
from dynascene_cli.camera.moves.interpolation import (
    interpolate_orientations,
    interpolate_values,
    segments,
)
from dynascene_cli.camera.moves.keyframes import Trajectory
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats

APART = 1e-3
"""The least time between two keyframes, in the move's unit."""


def insert_keyframe(move: Trajectory, time: float) -> Trajectory:
    """The move with a keyframe at ``time``, in its time unit, that is where the camera is then.

    Raises:
        InputError: there is one at that time already, or the time is before the clip.
    """
    keyframes = move.keyframes
    knots = np.array([key.time for key in keyframes], dtype=float)
    if time < 0 or np.abs(knots - time).min() < APART:
        raise InputError("a keyframe stands at this time already", "go to another frame")
    index, fraction = segments(knots, [key.easing for key in keyframes], np.array([time]))

    def between(values: Floats) -> Floats:
        return interpolate_values(knots, values, index, fraction, move.interpolation)[0]

    positions = np.array([key.position for key in keyframes], dtype=float)
    coordinates = between(arc_coordinates(positions) if move.pivots else positions)
    position = positions_on_arcs(coordinates[None])[0] if move.pivots else coordinates
    x, y, z = (float(part) for part in position)
    before = keyframes[int(index[0])]
    added = replace(before, time=time, position=(x, y, z))
    if all(key.look_at is not None for key in keyframes):
        x, y, z = (float(part) for part in between(np.array([key.look_at for key in keyframes])))
        roll = between(np.array([[key.roll_deg] for key in keyframes], dtype=float))
        added = replace(added, look_at=(x, y, z), roll_deg=float(roll[0]))
    else:
        turns = np.array([keyframe_quaternion(key) for key in keyframes])
        turn = interpolate_orientations(knots, turns, index, fraction, move.interpolation)[0]
        a, b, c, d = (float(part) for part in turn)
        added = replace(added, look_at=None, rotation_quat=(a, b, c, d), roll_deg=0.0)
    lengths = [key.focal_mm for key in keyframes if key.focal_mm is not None]
    if len(lengths) == len(keyframes):
        added = replace(added, focal_mm=float(np.exp(between(np.log(lengths)[:, None])[0])))
    elif not lengths:
        ratios = [1.0 if key.focal_ratio is None else key.focal_ratio for key in keyframes]
        ratio = float(np.exp(between(np.log(ratios)[:, None])[0]))
        added = replace(added, focal_ratio=None if set(ratios) == {1.0} else ratio)
    return replace(move, keyframes=tuple(sorted((*keyframes, added), key=lambda key: key.time)))
