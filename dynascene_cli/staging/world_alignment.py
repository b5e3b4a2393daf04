"""The filmed camera in a level world of metres: gravity, height above the ground, and scale.

An estimated path knows neither what is down nor how long a metre is. The points of the background
tell the ground, a pan its axis, and the person, whose height is known, how long a metre is.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    Floats,
    centre,
    compose,
    pose,
    project,
    rays,
    rotation_about,
    rotation_to_quaternion,
)
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging.ground_contact import Contacts
from dynascene_cli.staging.ground_fit import Ground, sure_ground

LEAST_PAN_DEG = 5.0
PAN_ENERGY = 0.95
STEEPEST_PAN_AXIS_DEG = 30.0
"""A pan tells gravity where its turns share one axis, this near to the picture's own down."""

MOST_ROLL_DEG, AGREEING_DEG = 4.0, 5.0
"""A camera is held this level unless its roll is meant. Ground that leans further is a slope or a
mistake, and a pan's axis leans when the camera tilts as it pans: more roll is believed only where
the person's back leans with it, as nearly as this."""

NEAR_THE_FEET = 0.6
FEWEST_NEAR = 6
LOWEST_MEASURED, HIGHEST_MEASURED = 0.15, 30.0
"""Camera heights in metres that are believed where the ground was seen."""

BACKDROP_DISTANCES = 2.0
"""Where nothing else is known the background's median is this many times as far as the person."""

SAMPLED_FRAMES = 24
CAMERA_HEIGHT, USUAL_DISTANCE = 1.6, 4.0
"""Metres, where no foot can be seen."""

LOWEST_CAMERA, HIGHEST_CAMERA = 0.8, 2.4
"""Metres between which a clip is believed to be filmed from."""

EYE_HEIGHT = 0.936
"""Share of the standing height (Drillis & Contini 1966)."""

LEAST_FALL = 0.05
"""Feet whose rays fall less than this per length say nothing of the camera's height."""

ROUNDS = 3

NOTICED, MOST_TILT_DEG = 1.1, 3.0
"""A person so many times too tall or small is noticed. A tilt up to the second makes them as tall
as the photo asks for: nobody sees it, and a pan's axis tells no better what is level."""

BISECTIONS = 24


@dataclass(frozen=True, eq=False)
class FilmedWorld:
    """The filmed camera over level ground.

    ``path`` is in metres; its first camera is at the origin and faces along z, but for pitch and
    roll. The ground is the plane y = ``camera_height``. ``gravity`` and ``scale`` name what they
    were told by.
    """

    path: CameraPath
    camera_height: float
    gravity: str
    scale: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FilmedPerson:
    """The person of a clip as what tells metres and what is upright.

    ``height`` is in metres; ``lean_deg`` is how far their back leans in the picture, from head to
    hips, to the right of straight down.
    """

    contacts: Contacts
    height: float
    lean_deg: float = 0.0


def check_scale(scale: float | None) -> None:
    """Refuse metres of one unit that are no length.

    Raises:
        InputError: ``scale`` is given, and not a positive number.
    """
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise InputError(f"--scale {scale:g} is no length", "give metres, above 0")


def align_world(
    path: CameraPath,
    points: Floats,
    person: FilmedPerson,
    *,
    horizon: float,
    camera_height: float | None = None,
    photo_height: float | None = None,
    scale: float | None = None,
) -> FilmedWorld:
    """The filmed camera's path in a level world of metres.

    ``path`` starts at [I|0], in any unit, at the size of the ``person``'s clip; ``points`` (P, 3)
    are background points in its world. Gravity is the ground's that the points show, else the axis
    of a pan, else the level at which the clip's horizon lies on the row ``horizon`` (clip pixels)
    as nearly as a believable camera height allows; for a person without feet, who may stand
    above the photo's ground, it is as high on them as ``photo_height``, of the photo's camera, in
    metres, or their eyes. The camera's height follows from the person's and their standing feet.
    The first camera is taken to be level, but for a roll that the ground shows and that is small or
    that the person's back shows too.
    ``scale`` overrides the metres of one unit, ``camera_height`` the metres over the ground.

    Raises:
        InputError: ``scale`` is not a positive number.
    """
    check_scale(scale)
    ground, pan_axis = sure_ground(points), _pan_axis(path)
    if ground is not None and not _is_earned(ground.down, person.lean_deg):
        ground = None
    if ground is not None:
        down, gravity = ground.down, "ground"
    elif pan_axis is not None:
        meant = abs(person.lean_deg) > MOST_ROLL_DEG and _is_earned(pan_axis, person.lean_deg)
        down, gravity = pan_axis if meant else _remove_roll(pan_axis), "pan"
    else:
        if camera_height is None and photo_height is not None and not person.contacts.grounded:
            camera_height = min(photo_height, EYE_HEIGHT * person.height)
        down, gravity = _level(path, person, horizon, camera_height), "level"
    level = _level_rotation(down)
    levelled = replace(
        path, extrinsics=pose(path.extrinsics[:, :, :3] @ level.T, path.extrinsics[:, :, 3])
    )
    height, metres, told = _measure(
        levelled, points @ level.T, person, ground, camera_height, scale
    )
    warnings: tuple[str, ...] = ()
    if told == "guess":
        warnings = (
            "the clip's camera path has no known scale: its background is assumed "
            "to be twice as far away as the person; --scale METRES changes that",
        )
    extrinsics = pose(levelled.extrinsics[:, :, :3], levelled.extrinsics[:, :, 3] * metres)
    in_metres = replace(levelled, extrinsics=extrinsics, unit="metres")
    return FilmedWorld(in_metres, height, gravity, told, warnings)


def look_from(world: FilmedWorld, person: FilmedPerson, camera_height: float) -> FilmedWorld:
    """The world seen from ``camera_height`` metres, by a constant tilt of its camera.

    The person is then as tall as people are in a photo that was taken from there. The same world
    where that is no difference or takes too large a tilt, or where no ground decides.
    """
    ratio = camera_height / world.camera_height
    if not person.contacts.grounded or 1 / NOTICED < ratio < NOTICED:
        return world
    metres = 1.0 if world.scale == "given" else ratio
    rotations, moves = world.path.extrinsics[:, :, :3], world.path.extrinsics[:, :, 3] * metres
    path = replace(world.path, extrinsics=pose(rotations, moves))

    def tilted(degrees: float) -> CameraPath:
        tilt = pose(rotation_about("x", degrees), np.zeros(3))
        return replace(path, extrinsics=compose(tilt, path.extrinsics))

    def height(degrees: float) -> float:
        over_feet, _, frames = _height_over_feet(tilted(degrees), person)
        rises = centre(path.extrinsics)[frames, 1]
        return float(np.median(over_feet + rises)) if len(frames) else np.nan

    low, high = -MOST_TILT_DEG, MOST_TILT_DEG
    ends = height(low), height(high)
    rising = ends[1] > ends[0]
    if not min(ends) < camera_height < max(ends):
        return world
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if (height(middle) < camera_height) == rising else (low, middle)
    return replace(world, path=tilted((low + high) / 2), camera_height=camera_height)


def _measure(
    levelled: CameraPath,
    points: Floats,
    person: FilmedPerson,
    ground: Ground | None,
    camera_height: float | None,
    scale: float | None,
) -> tuple[float, float, str]:
    """The camera's height in metres, the metres of one unit, and what told these."""
    lowest, highest = LOWEST_CAMERA, HIGHEST_CAMERA
    if ground is not None:
        lowest, highest = LOWEST_MEASURED, HIGHEST_MEASURED
    over_feet, distances, frames = _height_over_feet(levelled, person)
    rises = centre(levelled.extrinsics)[frames, 1]
    below = _ground_at_the_feet(levelled, points, person.contacts)
    height, metres, told = camera_height or CAMERA_HEIGHT, 1.0, "no translation"
    # Each needs the other: the feet tell the height over them, the scale where the first camera is.
    for _ in range(ROUNDS):
        if camera_height is None and len(frames):
            measured = float(np.median(over_feet + metres * rises))
            height = float(np.clip(measured, lowest, highest))
        if np.ptp(centre(levelled.extrinsics), axis=0).max() < 1e-9:
            break
        if scale is not None:
            metres, told = scale, "given"
        elif ground is not None:
            metres, told = height / ground.distance, "ground"
        elif below is not None:
            metres, told = height / below, "ground at the feet"
        else:
            away = float(np.median(distances)) if len(frames) else USUAL_DISTANCE
            metres, told = BACKDROP_DISTANCES * away, "guess"
    return height, metres, told


def horizon_row(path: CameraPath) -> float:
    """The row at mid-width on which a level world's horizon lies in the first frame."""
    K, R = path.intrinsics[0], path.extrinsics[0, :, :3]
    down = np.linalg.inv(K).T @ R[:, 1]
    return float(-(down[0] * path.width / 2 + down[2]) / down[1])


def _level_rotation(down: Floats) -> Floats:
    """The rotation (3, 3) from the first camera's axes to level ones that face the same way."""
    right = np.cross(down, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    return np.stack([right, down, np.cross(right, down)])


def _is_earned(down: Floats, lean_deg: float) -> bool:
    """Whether the roll that ``down`` (3,) gives the first camera is small, or the person's too."""
    roll = float(np.degrees(np.arctan2(down[0], down[1])))
    meant = abs(lean_deg) > MOST_ROLL_DEG and abs(roll - lean_deg) < AGREEING_DEG
    return meant or abs(roll) <= MOST_ROLL_DEG


def _remove_roll(down: Floats) -> Floats:
    return np.array([0.0, np.hypot(down[0], down[1]), down[2]])


def _pan_axis(path: CameraPath) -> Floats | None:
    """The axis (3,) about which the camera turns, in the first camera, if it pans."""
    quaternions = rotation_to_quaternion(path.extrinsics[:, :, :3])
    sines = np.linalg.norm(quaternions[:, 1:], axis=1)
    angles = 2 * np.arctan2(sines, quaternions[:, 0])
    turns = quaternions[:, 1:] * (angles / np.maximum(sines, 1e-12))[:, None]
    _, energies, axes = np.linalg.svd(turns, full_matrices=False)
    axis = axes[0] * np.sign(axes[0, 1])
    wide = np.degrees(np.ptp(turns @ axis)) >= LEAST_PAN_DEG
    alone = energies[0] ** 2 >= PAN_ENERGY * np.sum(energies**2)
    upright = axis[1] >= np.cos(np.radians(STEEPEST_PAN_AXIS_DEG))
    return axis if wide and alone and upright else None


def _level(
    path: CameraPath, person: FilmedPerson, horizon: float, camera_height: float | None
) -> Floats:
    """Down (3,) in the first camera, held without roll: the horizon where the feet allow it."""
    foot = float(person.contacts.points[0, 1])
    metre = float(person.contacts.heights[0]) / person.height
    lowest, highest = camera_height or LOWEST_CAMERA, camera_height or HIGHEST_CAMERA
    row = np.clip(horizon, foot - highest * metre, foot - lowest * metre)
    slope = (path.intrinsics[0, 1, 2] - row) / path.intrinsics[0, 1, 1]
    return np.array([0.0, 1.0, slope]) / np.hypot(1.0, slope)


def _height_over_feet(
    path: CameraPath, person: FilmedPerson
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """The camera's height over the feet and their level distance, metres, and in which frames.

    An upright person's head and foot have rays of one level distance; their fall differs by the
    person's height.
    """
    contacts = person.contacts
    head = contacts.points - np.stack([np.zeros(len(contacts.heights)), contacts.heights], axis=-1)
    to_world = np.swapaxes(path.extrinsics[:, :, :3], 1, 2)
    down, up = (
        np.einsum("fij,fj->fi", to_world, rays(path.intrinsics, pixels))
        for pixels in (contacts.points, head)
    )
    fall, rise = (ray[:, 1] / np.hypot(ray[:, 0], ray[:, 2]) for ray in (down, up))
    frames = np.flatnonzero(~contacts.airborne & (fall > LEAST_FALL) & (fall > rise))
    distances = person.height / (fall - rise)[frames]
    return distances * fall[frames], distances, frames


def _ground_at_the_feet(path: CameraPath, points: Floats, contacts: Contacts) -> float | None:
    """How far below the first camera the points around the feet lie, in the path's unit.

    ``points`` (P, 3) in the level world.
    """
    sampled = np.unique(np.linspace(0, path.frame_count - 1, SAMPLED_FRAMES).astype(int))
    heights = []
    for frame in sampled:
        seen = project(path.intrinsics[frame], path.extrinsics[frame], points)
        aside, under = ((seen - contacts.points[frame]) / contacts.heights[frame]).T
        near = (np.abs(aside) < NEAR_THE_FEET) & (under > 0) & (under < NEAR_THE_FEET)
        heights += points[near, 1].tolist()
    heights = [height for height in heights if height > 0]
    return float(np.median(heights)) if len(heights) >= FEWEST_NEAR else None
