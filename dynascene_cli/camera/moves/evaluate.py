"""What moves do to a camera at given times, in the first shot camera's levelled frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.moves.follow import follow_offset, follow_pan, steady_contacts
from dynascene_cli.camera.moves.interpolation import (
    interpolate_orientations,
    interpolate_values,
    segments,
)
from dynascene_cli.camera.moves.keyframes import Keyframe, Trajectory
from dynascene_cli.camera.moves.shake import shake_curves
from dynascene_cli.camera.moves.tripod import tripod_angles, tripod_rotation
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    Floats,
    look_at,
    quaternion_to_rotation,
    rotation_about,
    rotation_to_quaternion,
)

NEAREST_DEPTH_RATIO = 0.05


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a move's units and directions refer to, in metres of the levelled frame.

    ``subject`` (3,) is the person's first ground-contact point, ``contacts`` (F, 3) are all of
    them, as many as the times that are asked for (None: they stand still); ``tilt`` (3, 3) the
    first camera's own rotation in that frame; ``focal`` in pixels of a picture ``width`` pixels
    wide.
    """

    subject: Floats
    subject_distance: float
    scene_depth: float
    tilt: Floats
    focal: float
    width: int
    contacts: Floats | None = None


@dataclass(frozen=True, eq=False)
class Motion:
    """Camera centres (F, 3) in metres, turns (F, 3, 3), and factors of the focal length (F,)."""

    position: Floats
    rotation: Floats
    focal_ratio: Floats


def evaluate_motion(
    moves: Sequence[Trajectory], around: Surroundings, clip_times: Floats, seconds: Floats
) -> Motion:
    """All the moves at once, at times given both as 0..1 of the clip and in seconds.

    Translations add; pan, tilt and roll add as on a tripod; focal ratios multiply; what pivots
    on the subject carries the other translations around with it. So the order of the moves does
    not matter. Then the focal length follows the subject where a move asks for it; then all
    that goes with the person where they go; last comes the shake.

    Raises:
        InputError: a move cannot be made here: it names the move.
    """
    arcs, offset = np.zeros((2, len(seconds), 3))
    turns, focal_ratio = [], np.ones(len(seconds))
    bearing = np.arctan2(around.subject[0], around.subject[2])
    heading = rotation_about("y", float(np.degrees(bearing)))
    for move in moves:
        times = clip_times if move.time_unit == "clip" else seconds
        coordinates, rotation, own_ratio = _evaluate_keyframes(move, times, around)
        if move.pivots:
            arcs = arcs + coordinates
            turned = ~_is_identity(rotation)
            rotation[turned] = heading @ rotation[turned] @ heading.T
        else:
            offset = offset + coordinates * _metres(move, around)
        turns.append(rotation)
        focal_ratio = focal_ratio * own_ratio
    position = positions_on_arcs(arcs) * np.hypot(around.subject[0], around.subject[2]) @ heading.T
    position = position + np.einsum("fij,fj->fi", _yaw(-arcs[:, 0]), offset)
    rotation = _joint_turn(turns)
    if any(move.keep_subject_size for move in moves):
        focal_ratio = focal_ratio * _depth_ratio(position, rotation, around)
    for move in moves:
        if move.follow is not None and around.contacts is not None:
            contacts = steady_contacts(move.follow, around.contacts, seconds)
            if move.follow.by == "truck":
                position = position + follow_offset(move.follow, contacts)
            else:
                pan = follow_pan(move.follow, contacts, position)
                still = np.zeros_like(pan)
                rotation = _joint_turn([rotation, tripod_rotation(pan, still, still)])
    for move in moves:
        if move.shake is not None:
            noise = shake_curves(seconds, move.shake.hz, move.shake.seed)
            pan, tilt, roll = np.radians(noise[:, :3] * move.shake.deg).T
            rotation = rotation @ tripod_rotation(pan, tilt, roll / 2)
            position = position + noise[:, 3:] * move.shake.pct / 100 * around.subject_distance
    return Motion(position, rotation, focal_ratio)


def arc_coordinates(positions: Floats) -> Floats:
    """Angle to the right (radians), logarithm of the distance, and height, about (0, ·, 1).

    For positions (N, 3) of a move that pivots on the subject; angles run on past half a turn.
    """
    x, y, z = positions.T
    return np.stack([np.unwrap(np.arctan2(x, 1 - z)), np.log(np.hypot(x, 1 - z)), y], axis=-1)


def positions_on_arcs(coordinates: Floats) -> Floats:
    """The positions (N, 3) of arc_coordinates."""
    angle, distance, y = coordinates[:, 0], np.exp(coordinates[:, 1]), coordinates[:, 2]
    return np.stack([distance * np.sin(angle), y, 1 - distance * np.cos(angle)], axis=-1)


def _evaluate_keyframes(
    move: Trajectory, times: Floats, around: Surroundings
) -> tuple[Floats, Floats, Floats]:
    """Coordinates (F, 3) in the move's own frame and unit, rotations, and focal ratios."""
    keyframes = move.keyframes
    knots = np.array([keyframe.time for keyframe in keyframes], dtype=float)
    index, fraction = segments(knots, [keyframe.easing for keyframe in keyframes], times)

    def curve(values: Floats) -> Floats:
        return interpolate_values(knots, values, index, fraction, move.interpolation)

    positions = np.array([keyframe.position for keyframe in keyframes], dtype=float)
    coordinates = curve(arc_coordinates(positions) if move.pivots else positions)
    rolls = np.array([[keyframe.roll_deg] for keyframe in keyframes], dtype=float)
    ratios = [_focal_ratio(move, keyframe, around) for keyframe in keyframes]
    focal_ratio = np.exp(curve(np.log(ratios)[:, None])[:, 0])
    targets = [keyframe.look_at for keyframe in keyframes]
    if all(target is not None for target in targets):
        centres = positions_on_arcs(coordinates) if move.pivots else coordinates
        try:
            rotation = look_at(centres, curve(np.array(targets)), curve(rolls)[:, 0])
        except InputError as error:
            message = f"{move.name}: between keyframes {error.message}"
            raise InputError(message, error.hint) from error
    else:
        quaternions = np.array([keyframe_quaternion(keyframe) for keyframe in keyframes])
        rotation = quaternion_to_rotation(
            interpolate_orientations(knots, quaternions, index, fraction, move.interpolation)
        )
    return coordinates, rotation, focal_ratio


def keyframe_quaternion(keyframe: Keyframe) -> Floats:
    """The unit quaternion (4,), wxyz, camera-to-world, of a keyframe and its roll."""
    if keyframe.look_at is not None:
        return rotation_to_quaternion(
            look_at(keyframe.position, keyframe.look_at, keyframe.roll_deg)
        )
    rotation = quaternion_to_rotation(keyframe.rotation_quat or (1.0, 0.0, 0.0, 0.0))
    return rotation_to_quaternion(rotation @ rotation_about("z", keyframe.roll_deg))


def focal_mm_ratio(focal_mm: float, sensor_width_mm: float, around: Surroundings) -> float:
    """The ratio of a focal length in millimetres to the shot's first."""
    return focal_mm * around.width / sensor_width_mm / around.focal


def _focal_ratio(move: Trajectory, keyframe: Keyframe, around: Surroundings) -> float:
    if keyframe.focal_mm is not None:
        return focal_mm_ratio(keyframe.focal_mm, move.sensor_width_mm, around)
    return 1.0 if keyframe.focal_ratio is None else keyframe.focal_ratio


def _metres(move: Trajectory, around: Surroundings) -> float:
    return {
        "subject_distance": around.subject_distance,
        "metres": 1.0,
        "scene_depth": around.scene_depth,
    }[move.units]


def _joint_turn(turns: Sequence[Floats]) -> Floats:
    """The moves' rotations as one; a single one that turns is kept to the bit."""
    turning = [turn for turn in turns if not _is_identity(turn).all()]
    if len(turning) <= 1:
        return (turning or turns)[0]
    pan, tilt, roll = np.sum([tripod_angles(turn) for turn in turning], axis=0).T
    return tripod_rotation(pan, tilt, roll)


def _depth_ratio(position: Floats, rotation: Floats, around: Surroundings) -> Floats:
    """How many times deeper the subject lies before the moved cameras than before the first.

    Held where the camera passes the person, which path_problems tells of.
    """
    first = around.subject @ around.tilt[:, 2]
    if first <= 0:
        raise InputError(
            "keep_subject_size: the person is not before the camera", "move them with --position"
        )
    depth = np.sum((around.subject - position) * (rotation @ around.tilt[:, 2]), axis=-1)
    moved = ~_is_identity(rotation) | np.any(position != 0, axis=-1)
    return np.where(moved, np.maximum(depth / first, NEAREST_DEPTH_RATIO), 1.0)


def _is_identity(rotation: Floats) -> NDArray[np.bool_]:
    return np.all(rotation == np.eye(3), axis=(-2, -1))


def _yaw(angle: Floats) -> Floats:
    return tripod_rotation(angle, np.zeros_like(angle), np.zeros_like(angle))
