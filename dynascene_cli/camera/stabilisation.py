"""A filmed camera made steadier: its tremble smoothed away, or its shake taken out altogether."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from dynascene_cli.errors import InputError, StageError
from dynascene_cli.geometry import Floats, centre, pose_from_centre
from dynascene_cli.numerics.loess import fit_local_lines, offsets_to_lines, window_sigma
from dynascene_cli.shot import CameraPath

LONGEST_WINDOW_SECONDS = 10.0
ROTATION_STEPS = 3
NO_TURN = 1e-12

SHAKE_REACH = {"metres": 0.08, "scene_depth": 0.02, "subject_distance": 0.02}
SHAKE_REACH_RADIANS = math.radians(1.5)
SHAKE_REACH_LOG_FOCAL = 0.02
"""How far a stabilised camera may be from the filmed one: what is further off was meant."""

CHARACTERISTIC_SECONDS = 0.5
MOTION_WEIGHTS = (1.0, 2.0, 2.0, 2.0)
"""What being off, moving, accelerating and jerking cost, with time in CHARACTERISTIC_SECONDS."""

STEADY_KEPT = 0.9
"""Share of the speed's cost at which a clip's steady motion would begin to be slowed down."""

UNCHANGED = 1e-6
"""Share of the reach below which a correction is rounding."""


def check_strength(strength: float) -> None:
    """Refuse a strength of smoothing that is none.

    Raises:
        InputError: it is not between 0 and 10 seconds.
    """
    if not 0 <= strength <= LONGEST_WINDOW_SECONDS:
        raise InputError(
            f"--smooth {strength:g} is not between 0 and {LONGEST_WINDOW_SECONDS:g} seconds",
            "0.5 removes hand jitter, 2 the bobbing of steps",
        )


def smooth_path(path: CameraPath, strength: float) -> CameraPath:
    """The path without what swings faster than once in ``strength`` seconds.

    Each pose and focal length becomes that of the local line through its neighbours under a
    Gaussian of half of ``strength`` (locally weighted regression, Cleveland 1979), rotations in
    the tangent space of SO(3) at the result: zero phase, and a steady motion is kept up to both
    ends. 0 returns the path itself; 0.5 removes hand jitter, 2 the bobbing of steps. The
    first pose is smoothed like any other.

    Raises:
        InputError: the strength is not between 0 and 10 seconds.
    """
    check_strength(strength)
    if strength == 0 or path.frame_count < 3:
        return path
    sigma = window_sigma(strength, float(path.frame_rate))
    centres, log_focal = centre(path.extrinsics), np.log(path.intrinsics[:, :1, 0])
    values = np.concatenate([centres, log_focal], axis=1)
    shifts = offsets_to_lines(values, sigma)
    filmed = _orientations(path)
    smooth = filmed
    steps = _turns(filmed[:-1], filmed[1:])
    swept = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    for _ in range(ROTATION_STEPS):
        nearest = partial(_turn_offsets, smooth, filmed, swept)
        turns = fit_local_lines(np.ones(path.frame_count), sigma, nearest)
        smooth = smooth * Rotation.from_rotvec(turns)
    return _apply_corrections(path, shifts[:, :3], _turns(filmed, smooth), shifts[:, 3])


def stabilise_path(path: CameraPath) -> CameraPath:
    """The path that was meant: held still, or gliding, as if from a tripod or a dolly.

    Centre, rotation vector and log focal length become the series that deviate, move, accelerate
    and jerk least in the L1 norm (Grundmann, Kwatra & Essa 2011), each within the reach of a
    shaking hand: 1.5°, 8 cm or 2 % of the scene's depth, 2 % of the focal length. L1 makes them
    exactly constant, or exactly straight, for as long as they can be; a constant motion stays as
    it is.

    Raises:
        StageError: the linear program could not be solved.
    """
    if path.frame_count < 3:
        return path
    filmed = _orientations(path)
    centres = centre(path.extrinsics)
    log_focal = np.log(path.intrinsics[:, :1, 0])
    turned = _unwrap_rotations(_turns(filmed[0], filmed))
    reach = SHAKE_REACH[path.unit]
    rate = float(path.frame_rate)
    shifts = _minimise_motion(centres / reach, rate) * reach
    calm = turned + _minimise_motion(turned / SHAKE_REACH_RADIANS, rate) * SHAKE_REACH_RADIANS
    turns = _turns(filmed, filmed[0] * Rotation.from_rotvec(calm))
    turns[np.all(calm == turned, axis=1)] = 0
    zoom = _minimise_motion(log_focal / SHAKE_REACH_LOG_FOCAL, rate) * SHAKE_REACH_LOG_FOCAL
    return _apply_corrections(path, shifts, turns, zoom[:, 0])


def _turn_offsets(
    smooth: Rotation, filmed: Rotation, swept: Floats, here: slice, there: slice
) -> Floats:
    return _add_whole_turns(_turns(smooth[here], filmed[there]), swept[there] - swept[here])


def _minimise_motion(values: Floats, frame_rate: float) -> Floats:
    """What to add to values (F, N), in units of their reach, so that they move least."""
    return np.stack([_least_motion(column, frame_rate) for column in values.T], axis=1)


def _least_motion(values: Floats, frame_rate: float) -> Floats:
    """The correction (F,) in −1..1 that leaves the least L1 motion, by a linear program."""
    # A quarter of a second to import, which a listing of presets need not wait for.
    from scipy.optimize import linprog
    from scipy.sparse import csc_array, eye_array, hstack, vstack

    frames = len(values)
    if np.ptp(values) == 0:
        return np.zeros(frames)
    step = 1 / (frame_rate * CHARACTERISTIC_SECONDS)
    orders = [eye_array(frames, format="csr")]
    for _ in range(min(len(MOTION_WEIGHTS), frames) - 1):
        orders.append(orders[-1][1:] - orders[-1][:-1])
    motion = vstack(orders)
    # Slowing a steady motion by some at both ends saves twice that, and is off by half of it.
    fitting = STEADY_KEPT * frames * step / 4 * MOTION_WEIGHTS[0]
    costs = (MOTION_WEIGHTS[0], min(MOTION_WEIGHTS[1], fitting), *MOTION_WEIGHTS[2:])
    weights = np.concatenate(
        [
            np.full(order.shape[0], weight * step ** (1 - degree))
            for degree, (order, weight) in enumerate(zip(orders, costs, strict=False))
        ]
    )
    rows = len(weights)
    present = motion @ values
    present[:frames] = 0
    # The motion that is left is the difference of two parts ≥ 0, whose sum is its magnitude.
    found = linprog(
        np.concatenate([np.zeros(frames), weights, weights]),
        A_eq=csc_array(hstack([motion, -eye_array(rows), eye_array(rows)])),
        b_eq=-present,
        bounds=np.concatenate(
            [np.tile([-1.0, 1.0], (frames, 1)), np.tile([0.0, np.inf], (2 * rows, 1))]
        ),
        method="highs",
    )
    if found.x is None:
        raise StageError(f"the camera could not be stabilised: {found.message}", "try --smooth 2")
    correction = np.asarray(found.x[:frames], dtype=float)
    return np.where(np.abs(correction) < UNCHANGED, 0.0, correction)


def _orientations(path: CameraPath) -> Rotation:
    """Camera-to-world."""
    return Rotation.from_matrix(np.swapaxes(path.extrinsics[:, :, :3], 1, 2))


def _turns(first: Rotation, second: Rotation) -> Floats:
    """The rotation vectors (F, 3) that turn first into second, in first's own axes."""
    vectors = (first.inv() * second).as_rotvec()
    # Rounding: equal orientations differ by no turn at all.
    tiny = np.linalg.norm(vectors, axis=-1, keepdims=True) < NO_TURN
    return np.where(tiny, 0.0, vectors)


def _unwrap_rotations(vectors: Floats) -> Floats:
    """Rotation vectors (F, 3) that run on past half a turn instead of changing sides."""
    result = vectors.copy()
    for frame in range(1, len(result)):
        result[frame] = _add_whole_turns(result[frame], result[frame - 1])
    return result


def _add_whole_turns(vectors: Floats, expected: Floats) -> Floats:
    """Rotation vectors (…, 3) and the whole turns that bring them nearest to ``expected``."""
    angles = np.linalg.norm(vectors, axis=-1, keepdims=True)
    axes = vectors / np.where(angles > 0, angles, 1.0)
    along = np.sum(expected * axes, axis=-1, keepdims=True)
    return np.asarray(vectors + 2 * np.pi * np.round((along - angles) / (2 * np.pi)) * axes)


def _apply_corrections(path: CameraPath, shifts: Floats, turns: Floats, zoom: Floats) -> CameraPath:
    """The path with its centres shifted, its cameras turned in their own axes, its lens longer.

    Shifts and turns (F, 3), logarithms of focal ratios (F,). What none applies to stays as it is
    to the bit.
    """
    camera_to_world = (_orientations(path) * Rotation.from_rotvec(turns)).as_matrix()
    extrinsics = pose_from_centre(camera_to_world, centre(path.extrinsics) + shifts)
    kept = np.all(shifts == 0, axis=1) & np.all(turns == 0, axis=1)
    extrinsics[kept] = path.extrinsics[kept]
    intrinsics = path.intrinsics.copy()
    intrinsics[:, [0, 1], [0, 1]] *= np.exp(zoom)[:, None]
    return replace(path, intrinsics=intrinsics, extrinsics=extrinsics)
