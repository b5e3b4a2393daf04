"""The nouns of a camera move: a trajectory, its keyframes and its shake.

Positions are camera centres and rotations are camera-to-world, in the first shot camera's
levelled frame (x right, y down along gravity, z forward).
"""

from dataclasses import dataclass
from typing import Literal

from dynascene_cli.geometry import SENSOR_WIDTH_MM
from dynascene_cli.shot import PathUnit

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
TimeUnit = Literal["clip", "seconds"]
Interpolation = Literal["catmull-rom", "linear"]
FollowBy = Literal["pan", "truck"]


@dataclass(frozen=True)
class Keyframe:
    """Where the camera is at one time; ``easing`` paces the way to the next keyframe.

    Exactly one of ``look_at`` and ``rotation_quat`` (wxyz) is given, at most one of
    ``focal_ratio`` and ``focal_mm``; ``roll_deg`` is clockwise.
    """

    time: float
    position: Vector = (0.0, 0.0, 0.0)
    look_at: Vector | None = None
    rotation_quat: Quaternion | None = None
    roll_deg: float = 0.0
    focal_ratio: float | None = None
    focal_mm: float | None = None
    easing: str = "linear"


@dataclass(frozen=True)
class Shake:
    """An unsteady hand: degrees and per cent of the subject distance (RMS), up to ``hz``."""

    deg: float = 0.0
    pct: float = 0.0
    hz: float = 3.0
    seed: int = 0


@dataclass(frozen=True)
class Follow:
    """A camera that turns after the person, or goes with them, by a ``share`` of their way.

    ``seconds`` is how much of that way is looked at together, so that their steps do not show.
    """

    by: FollowBy = "pan"
    share: float = 1.0
    seconds: float = 1.5


@dataclass(frozen=True)
class Trajectory:
    """A camera move.

    With ``pivots`` z points level at the person, one unit is the level distance to them, and
    the camera moves between keyframes on arcs around them. With ``keep_subject_size`` the focal
    length follows the person's depth. With ``follow`` the whole move goes with the person.
    ``name`` is the preset or file that it was read from.
    """

    name: str
    keyframes: tuple[Keyframe, ...]
    units: PathUnit = "subject_distance"
    time_unit: TimeUnit = "clip"
    interpolation: Interpolation = "catmull-rom"
    sensor_width_mm: float = SENSOR_WIDTH_MM
    fps: float | None = None
    pivots: bool = False
    keep_subject_size: bool = False
    follow: Follow | None = None
    shake: Shake | None = None
    description: str = ""
