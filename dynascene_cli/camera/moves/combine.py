"""Moves made from moves: scaled by an amount, and several joined into one editable trajectory."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dynascene_cli.camera.moves.evaluate import (
    Motion,
    Surroundings,
    arc_coordinates,
    evaluate_motion,
    focal_mm_ratio,
    keyframe_quaternion,
    positions_on_arcs,
)
from dynascene_cli.camera.moves.keyframes import Keyframe, Quaternion, Trajectory, Vector
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats, quaternion_to_rotation, rotation_to_quaternion, slerp

JOINED_KEYFRAMES = 13
NO_TURN = (1.0, 0.0, 0.0, 0.0)


def check_amount(amount: float) -> None:
    """Make sure that a move can be multiplied by ``amount``.

    Raises:
        InputError: the amount is no number ≥ 0.
    """
    if not (math.isfinite(amount) and amount >= 0):
        raise InputError(f"--move-strength {amount:g} is not 0 or more", "1 is the move as written")


def scale_move(move: Trajectory, amount: float, around: Surroundings | None = None) -> Trajectory:
    """The move with translation, rotation, shake, following and the log of the zoom × amount.

    On a move that pivots, the angle around the person and the logarithm of the distance are
    what is scaled. Nobody is followed by more than the whole way. ``around`` is needed for
    keyframes in millimetres.

    Raises:
        InputError: the amount is no number ≥ 0, keyframes in millimetres have no focal length to
            be scaled from, or arcs between keyframes reach half a turn.
    """
    check_amount(amount)
    if amount == 1:
        return move
    positions = np.array([keyframe.position for keyframe in move.keyframes], dtype=float)
    if move.pivots:
        arcs = arc_coordinates(positions) * amount
        steps = np.abs(np.diff(arcs[:, 0]))
        if np.any(steps >= np.pi):
            raise InputError(
                f"{move.name}: keyframe {int(steps.argmax()) + 2}: half a turn or more around "
                "the person in one step",
                "add keyframes between, or lower --move-strength",
            )
        positions = positions_on_arcs(arcs)
    else:
        positions = positions * amount
    keyframes = tuple(
        _scale_keyframe(move, keyframe, position, amount, around)
        for keyframe, position in zip(move.keyframes, positions, strict=True)
    )
    shake = move.shake
    if shake is not None:
        shake = replace(shake, deg=shake.deg * amount, pct=shake.pct * amount)
    follow = move.follow
    if follow is not None:
        follow = replace(follow, share=min(follow.share * amount, 1.0))
    return replace(move, keyframes=keyframes, shake=shake, follow=follow)


def join_moves(moves: Sequence[Trajectory], name: str) -> Trajectory:
    """One trajectory that does what the moves do together, sampled as keyframes to be edited.

    Keyframes are the moves' own and a dozen between; beside moves that only shake or follow, a
    move keeps its own keyframes alone. Joined with a move that pivots on the subject, the others
    are seen from the level direction of the person too.

    Raises:
        InputError: the moves' units, time units or shakes do not go together in one file.
    """
    moving = [move for move in moves if not is_at_rest(move)]
    travelling = [move for move in moves if any(any(k.position) for k in move.keyframes)]
    lasting = [move for move in moves if len(move.keyframes) > 1]
    shaking = [move for move in moves if move.shake is not None]
    following = [move for move in moves if move.follow is not None]
    wrong = None
    if len({move.units for move in travelling}) > 1:
        wrong = "the moves differ in units"
    elif len({move.time_unit for move in lasting}) > 1:
        wrong = "the moves differ in time_unit"
    elif len(shaking) > 1:
        wrong = "more than one of the moves shakes"
    elif len(following) > 1:
        wrong = "more than one of the moves follows the person"
    elif len(moving) > 1 and any(k.focal_mm is not None for move in moves for k in move.keyframes):
        wrong = "focal_mm has no ratio outside a shot"
    if wrong is not None:
        names = "+".join(move.name for move in moves)
        raise InputError(f"{name}: {wrong}", f"give them to --camera as {names} instead")
    shake = shaking[0].shake if shaking else None
    follow = following[0].follow if following else None
    description = " ".join(move.description for move in moves if move.description)
    if len(moving) <= 1:
        only = (moving or list(moves))[0]
        return replace(only, name=name, shake=shake, follow=follow, description=description)
    times = np.array([keyframe.time for move in moves for keyframe in move.keyframes])
    if lasting:
        times = np.union1d(times, np.linspace(0, times.max(), JOINED_KEYFRAMES))
    else:
        times = np.zeros(1)
    bare = [replace(move, shake=None, follow=None, keep_subject_size=False) for move in moves]
    unit = Surroundings(np.array([0.0, 0.0, 1.0]), 1.0, 1.0, np.eye(3), 1.0, 1)
    motion = evaluate_motion(bare, unit, times, times)
    return Trajectory(
        name=name,
        keyframes=_sample_keyframes(motion, times),
        units=(travelling or moves)[0].units,
        time_unit=(lasting or moves)[0].time_unit,
        pivots=any(move.pivots for move in moves),
        keep_subject_size=any(move.keep_subject_size for move in moves),
        follow=follow,
        shake=shake,
        description=description,
    )


def _sample_keyframes(motion: Motion, times: Floats) -> tuple[Keyframe, ...]:
    quaternions = rotation_to_quaternion(motion.rotation)
    zooms = not np.all(motion.focal_ratio == 1)
    return tuple(
        Keyframe(
            time=float(times[i]),
            position=_vector(motion.position[i]),
            rotation_quat=_quaternion(quaternions[i]),
            focal_ratio=float(motion.focal_ratio[i]) if zooms else None,
        )
        for i in range(len(times))
    )


def is_at_rest(move: Trajectory) -> bool:
    """Whether the move has one keyframe, at the first camera's own pose."""
    keyframe, *others = move.keyframes
    return (
        not others
        and not any(keyframe.position)
        and np.array_equal(keyframe_quaternion(keyframe), NO_TURN)
        and keyframe.focal_ratio in (None, 1)
        and keyframe.focal_mm is None
    )


def _scale_keyframe(
    move: Trajectory,
    keyframe: Keyframe,
    position: Floats,
    amount: float,
    around: Surroundings | None,
) -> Keyframe:
    changed = replace(keyframe, position=_vector(position), roll_deg=keyframe.roll_deg * amount)
    if keyframe.look_at is not None:
        x, y, z = np.subtract(keyframe.look_at, keyframe.position)
        distance = math.sqrt(x * x + y * y + z * z)
        pan, tilt = math.atan2(x, z) * amount, math.atan2(y, math.hypot(x, z)) * amount
        direction = np.array(
            [math.sin(pan) * math.cos(tilt), math.sin(tilt), math.cos(pan) * math.cos(tilt)]
        )
        changed = replace(changed, look_at=_vector(position + direction * distance))
    if keyframe.rotation_quat is not None:
        quaternion = rotation_to_quaternion(quaternion_to_rotation(keyframe.rotation_quat))
        turned = slerp(np.array(NO_TURN), quaternion, amount)
        changed = replace(changed, rotation_quat=_quaternion(turned))
    if keyframe.focal_mm is not None:
        if around is None:
            raise InputError(
                f"{move.name}: focal_mm cannot be scaled outside a shot",
                "use focal_ratio, or give --move-strength to render",
            )
        ratio = focal_mm_ratio(keyframe.focal_mm, move.sensor_width_mm, around)
        changed = replace(changed, focal_mm=None, focal_ratio=ratio**amount)
    elif keyframe.focal_ratio is not None:
        changed = replace(changed, focal_ratio=keyframe.focal_ratio**amount)
    return changed


def _vector(values: Floats) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _quaternion(values: Floats) -> Quaternion:
    w, x, y, z = (float(value) for value in values)
    return w, x, y, z
