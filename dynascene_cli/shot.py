"""The nouns that every room shares: frozen, and ignorant of how they were made.

Conventions, everywhere: images are RGB uint8 (H, W, 3) as viewed on a bt709 screen; points are
(x, y) in pixels with pixel centres at +0.5 (the left edge of the picture is x = 0); axes are
OpenCV's (x right, y down, z forward); extrinsics are world-to-camera [R|t].
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats

DeepImage = NDArray[np.uint8] | NDArray[np.uint16]
"""A picture of 8 or 16 bits."""
Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LANDMARKS = (
    "head_top",
    "left_shoulder",
    "right_shoulder",
    "left_hip",
    "right_hip",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_toe",
    "right_toe",
)
"""The points of a person that PersonTracks follows, in the order of its second axis."""


EDGES = ("left", "top", "right", "bottom")
"""The edges of a picture, in the order of a box's numbers."""


class FrameSource(Protocol):
    """Frames that lie on disk and are streamed, never held together in memory."""

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        ...

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield frames first ≤ i < last (all from first when last is None), in order."""
        ...


@dataclass(frozen=True)
class ColourTags:
    """How a clip's colour is coded, by its tags and the usual guess where a tag is missing."""

    matrix: Literal["bt601", "bt709", "bt2020", "rgb"]
    full_range: bool
    transfer: Literal["sdr", "pq", "hlg"]


@dataclass(frozen=True)
class Clip:
    """A video, image sequence, animation or single image, opened lazily.

    ``width`` and ``height`` are after rotation. For each frame of the constant-rate, trimmed
    clip, ``source_frames`` is the index of the decoded frame that serves it and ``source_times``
    that frame's presentation time in seconds of the file. ``start`` and ``end`` count from the
    file's first frame; ``first_time`` is when the clip's first frame is due in seconds of the
    file, which is where its sound begins. ``first_number`` is the number of the first frame: that
    of its source file where they are numbered, else 1. The stored picture is mirrored from left to
    right if ``mirrored``, then turned by ``rotation`` degrees counter-clockwise. Frames of a
    ``counted`` clip are told by their order, since its times do not. ``timecode`` is that of the
    first frame.
    """

    path: Path
    kind: Literal["video", "sequence", "animation", "image"]
    width: int
    height: int
    frame_rate: Fraction
    source_frames: tuple[int, ...]
    source_times: tuple[Fraction, ...]
    rotation: int
    colour: ColourTags
    bit_depth: int
    codec: str
    variable_rate: bool
    has_audio: bool
    start: Fraction
    end: Fraction | None
    warnings: tuple[str, ...] = ()
    has_alpha: bool = False
    first_time: Fraction = Fraction(0)
    first_number: int = 1
    mirrored: bool = False
    counted: bool = False
    timecode: str | None = None

    @property
    def frame_count(self) -> int:
        """How many constant-rate frames the clip has."""
        return len(self.source_frames)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.frame_count / self.frame_rate)


@dataclass(frozen=True, eq=False)
class PersonTracks:
    """Where the person's landmarks are in every frame.

    ``points`` (F, len(LANDMARKS), 2) in clip pixels, NaN where unknown; ``visibility``
    (F, len(LANDMARKS)) in 0..1, 0 where unknown or outside the picture; ``boxes`` (F, 4) the
    matte's x0, y0, x1, y1, NaN where nobody is seen; ``detections`` (F, 4) the detector's box,
    moved along between its looks, NaN where it saw nobody or was not asked; ``touched`` (F, 4)
    which EDGES of the picture the matte reaches, there being more of the person beyond them;
    ``hidden_below`` the row from which on something drawn over the clip hides the feet;
    ``bases`` (F, 2) the first and last column of the lower end of the matte, which bears the body.
    These four are NaN, False throughout, below everything and NaN unless given.
    """

    points: Floats
    visibility: Floats
    boxes: Floats
    detections: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    touched: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 4), bool))
    hidden_below: float = np.inf
    bases: Floats = field(default_factory=lambda: np.zeros((0, 2)))

    def __post_init__(self) -> None:
        frames = len(self.points)
        if len(self.bases) != frames:
            object.__setattr__(self, "bases", np.full((frames, 2), np.nan))
        if len(self.detections) != frames:
            object.__setattr__(self, "detections", np.full((frames, 4), np.nan))
        if len(self.touched) != frames:
            object.__setattr__(self, "touched", np.zeros((frames, 4), bool))


@dataclass(frozen=True, eq=False)
class Matte:
    """One alpha per frame (uint8, 255 = person, (H, W) as the clip) and the person's tracks."""

    alpha: FrameSource
    tracks: PersonTracks


PathUnit = Literal["metres", "scene_depth", "subject_distance"]
Anchor = Literal["ground", "screen"]
Relight = Literal["off", "scene", "person"]


@dataclass(frozen=True, eq=False)
class CameraPath:
    """A camera's intrinsics and pose in every frame.

    ``intrinsics`` (F, 3, 3) in pixels of a ``width`` × ``height`` picture; ``extrinsics``
    (F, 3, 4) world-to-camera; ``unit`` is that of the translations. ``first_frame`` is the number
    that files give the first frame.
    """

    intrinsics: Floats
    extrinsics: Floats
    width: int
    height: int
    frame_rate: Fraction
    unit: PathUnit
    first_frame: int = 1

    @property
    def frame_count(self) -> int:
        """How many frames the path has."""
        return len(self.extrinsics)

    @property
    def is_still(self) -> bool:
        """Whether the camera neither moves, turns nor zooms."""
        return bool(
            np.ptp(self.extrinsics, axis=0).max() < 1e-9
            and np.ptp(self.intrinsics, axis=0).max() < 1e-6
        )


@dataclass(frozen=True, eq=False)
class GroundContact:
    """The ground in a camera path's world, and where a person touches it in every frame.

    The ground is the plane y = ``ground`` (y down); ``feet`` (F, 3) are the contact points and
    ``person_height`` is the standing person's, all in the path's unit.
    """

    ground: float
    feet: Floats
    person_height: float


@dataclass(frozen=True)
class Margins:
    """How far a canvas reaches beyond the frame on each side, in pixels."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    @property
    def sides(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What np.pad adds to rows and to columns."""
        return (self.top, self.bottom), (self.left, self.right)

    def beyond(self, inner: "Margins") -> "Margins":
        """How far they reach beyond smaller ones."""
        return Margins(
            self.left - inner.left,
            self.top - inner.top,
            self.right - inner.right,
            self.bottom - inner.bottom,
        )


LEAST_GROUND = 0.05
"""Share of ground in the picture below which a photo is a single card."""


@dataclass(frozen=True, eq=False)
class SceneGeometry:
    """What is known of the place in the photo, for a frame of ``width`` × ``height`` pixels.

    World: the photo's camera is at the origin, level (x right, y down along gravity, z forward);
    the ground is the plane y = ``camera_height``. The photo's camera is rolled by ``roll_deg``
    (clockwise positive) about its axis and looks level: its principal row is the ``horizon``, its
    principal column ``off_centre`` pixels right of mid-width.
    """

    width: int
    height: int
    focal: float
    horizon: float
    roll_deg: float
    camera_height: float
    sky_confidence: float
    ground_share: float
    interior: bool
    warnings: tuple[str, ...] = ()
    off_centre: float = 0.0

    @property
    def is_card(self) -> bool:
        """Whether the photo shows too little ground to be more than one distant card."""
        return self.ground_share < LEAST_GROUND

    @property
    def middle(self) -> float:
        """The principal point's column."""
        return self.width / 2 + self.off_centre

    @property
    def intrinsics(self) -> Floats:
        """(3, 3): the focal length in pixels, the principal point on the horizon."""
        return np.array(
            [[self.focal, 0.0, self.middle], [0.0, self.focal, self.horizon], [0.0, 0.0, 1.0]]
        )

    @property
    def extrinsics(self) -> Floats:
        """(3, 4): the photo's own pose, world-to-camera."""
        angle = np.radians(self.roll_deg)
        cosine, sine = np.cos(angle), np.sin(angle)
        rotation = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        return np.hstack([rotation, np.zeros((3, 1))])


@dataclass(frozen=True)
class Sunlight:
    """The sun over a place, and its shadows.

    ``azimuth_deg`` is clockwise from where the photo's camera looks: 90 is to the right, 180
    behind it; ``elevation_deg`` over the horizon. ``darkness`` is the share of light that a shadow
    takes, ``hardness`` how sharp its edge is, both 0..1.
    """

    azimuth_deg: float
    elevation_deg: float
    darkness: float = 0.55
    hardness: float = 0.7

    @property
    def direction(self) -> Floats:
        """(3,): the unit vector from the place towards the sun."""
        azimuth, elevation = np.radians([self.azimuth_deg, self.elevation_deg])
        level = np.cos(elevation)
        return np.array([level * np.sin(azimuth), -np.sin(elevation), level * np.cos(azimuth)])


@dataclass(frozen=True, eq=False)
class Cards:
    """The planes of a canvas and which of them each of its pixels lies on.

    ``planes`` (P, 3): 1/Z = a + b · x + c · y in 1/m at the photo's pose, x and y in canvas pixels
    with centres at +0.5; ``index`` (H, W) uint16.
    """

    index: NDArray[np.uint16]
    planes: Floats


@dataclass(frozen=True, eq=False)
class Outlines:
    """The pixels along which cards are cut from each other.

    ``pixels`` (E, 2) in the frame; ``near`` and ``far`` (E,) the inverse depths in 1/m of the two
    sides there; ``outward`` (E, 2) the unit vector from the nearer into the farther; ``weight``
    (E,) how much it is noticed, 0..1, when something is made up behind the nearer; ``torn`` (E,)
    likewise where both sides are one kind of thing, which comes apart whichever way they move;
    ``thick`` (E,) how many pixels the nearer reaches inwards, to the next outline.
    """

    pixels: Floats
    near: Floats
    far: Floats
    outward: Floats
    weight: Floats
    torn: Floats
    thick: Floats


@dataclass(frozen=True, eq=False)
class Layer:
    """A textured depth map over the scene's canvas.

    ``image`` (H, W, 3); ``depth`` (H, W) float32 z-depth in metres at the photo's pose;
    ``cut`` is the largest ratio of depths that one mesh cell may span (None: never cut);
    ``cards`` are the planes that a layer consists of, where it does.
    """

    image: DeepImage
    depth: NDArray[np.float32]
    cut: float | None = None
    cards: Cards | None = None

    @property
    def is_cut(self) -> bool:
        """Whether there may be gaps in it, through which the layer behind is seen."""
        return self.cut is not None or self.cards is not None


@dataclass(frozen=True, eq=False)
class Scene:
    """The photo as a place: its geometry and the textured layers on a canvas around the frame.

    ``photo`` (height, width, 3) covers the frame exactly; layers are ordered front to back and
    lie on a canvas that exceeds the frame by ``margins``.
    """

    photo: Image
    geometry: SceneGeometry
    margins: Margins
    layers: tuple[Layer, ...]
    median_depth: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the person stands.

    ``contact`` (F, 3): the ground-contact point in the scene's world, metres; ``height``: the
    standing person's height in metres; ``clip_to_frame`` (F, 2, 3): the similarity that carries
    clip pixels to pixels of the output frame; ``contact_pixels`` (F, 2) in the output frame.
    """

    contact: Floats
    height: float
    clip_to_frame: Floats
    contact_pixels: Floats


@dataclass(frozen=True, eq=False)
class Shot:
    """All that a renderer and the compositor need."""

    clip: Clip
    matte: Matte
    filmed: CameraPath
    path: CameraPath
    scene: Scene
    placement: Placement
