"""A person of known motion in metres, filmed by a known camera: tracks with their truth."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dynascene_cli.geometry import Floats, look_at, pose_from_centre, project, rotation_about
from dynascene_cli.shot import LANDMARKS, CameraPath, PersonTracks, SceneGeometry

FPS = 25.0
HEIGHT = 1.7


def photo(
    width: int = 1280,
    height: int = 720,
    horizon: float = 330.0,
    camera_height: float = 1.5,
    roll_deg: float = 0.0,
) -> SceneGeometry:
    return SceneGeometry(
        width=width,
        height=height,
        focal=float(width),
        horizon=horizon,
        roll_deg=roll_deg,
        camera_height=camera_height,
        sky_confidence=1.0,
        ground_share=0.5,
        interior=False,
    )


@dataclass(frozen=True, eq=False)
class Motion:
    """Feet (F, 2, 3) soles on or above the ground (y up, metres), and a bend of the back (F,)."""

    feet: Floats
    bend_deg: Floats


def standing(frames: int = 75, x: float = 0.3, z: float = 5.0) -> Motion:
    feet = np.zeros((frames, 2, 3))
    feet[:, :, 0] = [x - 0.12, x + 0.12]
    feet[:, :, 2] = z
    return Motion(feet, np.zeros(frames))


def jumping(frames: int = 75, first: int = 30, height: float = 0.4) -> Motion:
    motion = standing(frames)
    flight = np.sqrt(8 * height / 9.81)
    t = (np.arange(frames) - first) / FPS
    up = np.where((t > 0) & (t < flight), 9.81 / 2 * t * (flight - t), 0.0)
    motion.feet[:, :, 1] = up[:, None]
    return motion


def bending(frames: int = 75) -> Motion:
    bend = 70 * np.exp(-(((np.arange(frames) - frames / 2) / (frames / 8)) ** 2))
    return Motion(standing(frames).feet, bend)


def walking(
    direction: tuple[float, float], start: tuple[float, float], frames: int = 100
) -> Motion:
    """Steps of 0.7 m every 0.55 s, one foot still while the other swings."""
    step_frames, step = 14, 0.7
    way = np.array(direction) / np.linalg.norm(direction)
    beside = np.array([way[1], -way[0]]) * 0.1
    feet = np.zeros((frames, 2, 3))
    for frame in range(frames):
        number, phase = divmod(frame, step_frames)
        swing = np.clip((phase / step_frames - 0.15) / 0.7, 0, 1)
        for foot in range(2):
            moves = number % 2 == foot
            landed = (number + 1 - foot) // 2 if not moves else (number - foot) // 2
            along = step * (2 * landed + foot) + (2 * step * (3 * swing**2 - 2 * swing**3)) * moves
            lift = 0.1 * np.sin(np.pi * swing) * moves
            place = np.array(start) + way * along + beside * (1 - 2 * foot)
            feet[frame, foot] = place[0], lift, place[1]
    return Motion(feet, np.zeros(frames))


def tracks(
    motion: Motion,
    geometry: SceneGeometry,
    noise: float = 0.0,
    hidden: tuple[int, int] | None = None,
    filmed: CameraPath | None = None,
) -> PersonTracks:
    """What a tracker sees of a motion, with pixel noise, through ``filmed``.

    The camera is by default the photo's own, held; the ground is the photo's.
    """
    filmed = filmed or still(geometry, len(motion.feet))
    frames = len(motion.feet)
    middle = motion.feet.mean(axis=1)
    bend = np.radians(motion.bend_deg)
    hip = middle + np.array([0.0, 0.53 * HEIGHT, 0.0])
    spine = np.stack([np.sin(bend), np.cos(bend), np.zeros(frames)], axis=1)
    shoulder = hip + spine * (0.818 - 0.53) * HEIGHT
    head = hip + spine * 0.47 * HEIGHT
    aside = np.array([0.11 * HEIGHT, 0.0, 0.0])
    world = {
        "head_top": head,
        "left_shoulder": shoulder - aside,
        "right_shoulder": shoulder + aside,
        "left_hip": hip - aside / 2,
        "right_hip": hip + aside / 2,
    }
    for foot, side in enumerate(("left", "right")):
        sole = motion.feet[:, foot]
        world[f"{side}_ankle"] = sole + np.array([0.0, 0.08, 0.0])
        world[f"{side}_heel"] = sole - np.array([0.12, 0.0, 0.0])
        world[f"{side}_toe"] = sole + np.array([0.12, 0.0, 0.0])
    K, E = filmed.intrinsics, filmed.extrinsics
    points = np.stack(
        [project(K, E, grounded(geometry, world[name])) for name in LANDMARKS], axis=1
    )
    low = points.min(axis=1) - 4, points.max(axis=1) + 4
    size = [geometry.width, geometry.height]
    boxes = np.hstack([np.clip(corner, 0, size) for corner in low])
    points = points + np.random.default_rng(7).normal(0, noise, points.shape)
    inside = np.all((points >= 0) & (points <= size), axis=2)
    visibility = np.where(inside, 0.95, 0.1)
    if hidden is not None:
        visibility[hidden[0] : hidden[1], LANDMARKS.index("left_ankle") :] = 0.1
    return PersonTracks(points, visibility, boxes)


def seen(geometry: SceneGeometry, up_points: Floats) -> Floats:
    """Pixels of points given with y up from the ground."""
    return project(geometry.intrinsics, geometry.extrinsics, grounded(geometry, up_points))


def grounded(geometry: SceneGeometry, up_points: Floats) -> Floats:
    """World points of points given with y up from the ground."""
    return np.array([0.0, geometry.camera_height, 0.0]) + up_points * [1.0, -1.0, 1.0]


def still(geometry: SceneGeometry, frames: int, fps: float = FPS) -> CameraPath:
    """The photo's own pose, held."""
    return CameraPath(
        np.repeat(geometry.intrinsics[None], frames, axis=0),
        np.repeat(geometry.extrinsics[None], frames, axis=0),
        geometry.width,
        geometry.height,
        Fraction(fps),
        "metres",
    )


def moved(geometry: SceneGeometry, frames: int, move: str, amount: float = 1.0) -> CameraPath:
    """A few moves of about a metre, levelled as the photo is."""
    path = still(geometry, frames)
    u = np.linspace(0, 1, frames) * amount
    C = np.zeros((frames, 3))
    R = np.repeat(np.eye(3)[None], frames, axis=0)
    if move == "dolly":
        C[:, 2] = 1.2 * u
    elif move == "dolly-out":
        C[:, 2] = -1.2 * u
    elif move == "truck":
        C[:, 0] = -1.2 * u
    elif move == "pedestal":
        C[:, 1] = -0.6 * u
    elif move == "orbit":
        pivot = np.array([0.3, 0.0, 5.0])
        angle = np.radians(12) * u
        C = pivot - 5.0 * np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1)
        R = np.stack([rotation_about("y", float(a)) for a in np.degrees(angle)])
    elif move == "handheld":
        t = np.arange(frames) / FPS
        C = 0.03 * amount * np.stack([np.sin(7 * t), np.sin(5 * t + 1), np.sin(6 * t)], axis=1)
        R = np.stack(
            [
                rotation_about("x", 0.4 * amount * np.sin(9 * s))
                @ rotation_about("z", 0.5 * amount * np.sin(4 * s))
                for s in t
            ]
        )
    elif move == "tilt-up":
        R = np.stack([rotation_about("x", 8 * float(a)) for a in u])
    elif move == "crane":
        C[:, 1] = -0.8 * u
        R = np.stack([look_at(c, [0.3, 0.4, 5.0]) for c in C])
    else:
        raise ValueError(move)
    roll = geometry.extrinsics[:, :3].T
    return CameraPath(
        path.intrinsics,
        pose_from_centre(R @ roll, C),
        path.width,
        path.height,
        path.frame_rate,
        "metres",
    )
