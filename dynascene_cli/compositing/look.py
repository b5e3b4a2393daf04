"""What a clip and a plate look like, measured once a shot: light, whites, softness, grain."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing.grain import grain_level, missing_grain
from dynascene_cli.compositing.green_cast import green_cast, tint
from dynascene_cli.compositing.linear_light import DECODE, LUMA, apply_gain
from dynascene_cli.compositing.roi import thin_pixels
from dynascene_cli.compositing.sharpness import SHARP, edge_softness, missing_blur
from dynascene_cli.compositing.warp import similarity_scale
from dynascene_cli.compositing.whites import WhiteCurve, person_white, plate_white, white_curve
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image, Relight

EXPOSURE_LIMIT = 0.5
"""Stops."""

WHITE_BALANCE_LIMIT = 0.08
"""Share of a channel's light, against green."""

CLOSENESS = 0.5
"""The share of a measured difference that is taken out: pictures keep some of their own light."""

MISMATCH = 1.0
"""Stops between clip and plate from which on they look like two pictures."""

MISMATCH_CLOSENESS, GRADE_LIMIT = 0.5, 0.6
"""The share of such a difference that a person is graded by, and the most, in stops: the ground
of a photo may be dark itself, and a face a little too bright looks better than a grey one."""

BACKLIT = 3.5
"""Stops by which a silhouette is darker than what was behind it; clothes make less difference."""

SILHOUETTE_CLOSENESS, MOST_LIFTED = 0.5, 2.2
"""The share of that by which a silhouette is lifted, and the most, in stops: its lit rim stays the
brighter side, and what the camera recorded in its shadows is not yet noise."""

BLUR_LIMIT = 1.6 / 1080
"""The most blur that a plate is given, as a share of the frame's height."""


@dataclass(frozen=True)
class ClipMoment:
    """What one frame of a clip shows of its light, softness and grain, whatever the plate.

    ``middle`` (x, y) in clip pixels is half-way between the person's head and feet. Lights are
    stops of light, log2 R/G and log2 B/G, NaN where too little is seen; ``softness`` in clip
    pixels and ``grain`` in levels of 255 are None where they cannot be told; ``white`` is the
    linear luminance of white clothes, None where nothing is white, and ``tint`` that of such
    clothes or else of what is behind, None where nothing is neutral.
    """

    middle: tuple[float, float]
    person_light: tuple[float, float, float]
    surroundings_light: tuple[float, float, float]
    softness: float | None
    grain: float | None
    white: float | None = None
    tint: float | None = None


@dataclass(frozen=True, eq=False)
class LookSample:
    """One moment of a shot: the clip's, its plate, and the similarity between.

    ``plate`` (H, W, 3) in output pixels; ``clip_to_frame`` (2, 3) carries clip pixels to those.
    """

    moment: ClipMoment
    plate: Image
    clip_to_frame: Floats = field(default_factory=lambda: np.eye(2, 3))


@dataclass(frozen=True)
class Look:
    """What would bring plate and person together; ``CompositeSettings`` says what is used.

    ``plate_gains`` multiply the plate's linear R, G, B (the person's are their inverse);
    ``plate_blur`` is a Gaussian's standard deviation in output pixels; ``grain`` a standard
    deviation in levels of 255; ``contrast`` 0..1 is how hard the plate's own shadows are;
    ``exposure_gap`` is by how many stops the clip is brighter than the plate, and ``silhouette``
    by how many a person filmed against the light is darker than it, 0 for others. ``person_white``
    and ``plate_white`` are linear luminances of what is white, None where nothing is;
    ``green_cast`` is by how many stops the clip's light is greener than the plate's.
    """

    plate_gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    plate_blur: float = 0.0
    grain: float = 0.0
    contrast: float = 0.5
    exposure_gap: float = 0.0
    silhouette: float = 0.0
    person_white: float | None = None
    plate_white: float | None = None
    green_cast: float = 0.0

    @property
    def is_mismatched(self) -> bool:
        """Whether clip and plate are so differently exposed that it shows."""
        return abs(self.exposure_gap) > MISMATCH

    @property
    def grade_stops(self) -> float:
        """Stops by which a person is graded towards a plate that is mismatched."""
        stops = -MISMATCH_CLOSENESS * self.exposure_gap
        return float(np.clip(stops, -GRADE_LIMIT, GRADE_LIMIT))

    @property
    def person_lift(self) -> float:
        """Stops by which the dark parts of a person filmed against the light are lifted."""
        return min(SILHOUETTE_CLOSENESS * self.silhouette, MOST_LIFTED)

    @property
    def person_gains(self) -> tuple[float, float, float]:
        """Gains of the person's linear R, G, B towards the plate.

        Who is lifted out of a silhouette gets the plate's white balance alone.
        """
        red, green, blue = (1 / gain for gain in self.plate_gains)
        if not self.is_mismatched and not self.silhouette:
            return red, green, blue
        stops = 0.0 if self.silhouette else self.grade_stops
        balance = 2.0**stops / (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)
        return float(red * balance), float(green * balance), float(blue * balance)

    def white_curve(self, relight: Relight) -> WhiteCurve | None:
        """What softens a person's whites, once relit, to the plate's; None: nothing has to."""
        if self.person_white is None or self.plate_white is None or relight == "off":
            return None
        person, plate = self.person_white, self.plate_white
        if relight == "person":
            person *= float(np.dot(LUMA, self.person_gains))
        else:
            plate = float(apply_gain(plate, np.dot(LUMA, self.plate_gains)))
        return white_curve(person, plate)


def clip_moment(frame: Image, alpha: NDArray[np.uint8]) -> ClipMoment:
    """What a frame (H, W, 3) with its alpha (H, W) shows."""
    person, behind = alpha > 250, alpha < 5
    rows = np.flatnonzero(person.any(axis=1))
    middle = (rows[0] + rows[-1]) / 2 if len(rows) else person.shape[0] / 2
    lower = np.s_[int(middle) :]
    near = cv2.dilate(alpha, np.ones((7, 7), np.uint8)) > 127
    # The person's grain is the lower of what they and their background show: both are bounds.
    levels = [grain_level(frame, person), grain_level(frame, behind)]
    white = person_white(frame[person])
    return ClipMoment(
        (person.shape[1] / 2, float(middle)),
        _light(frame[person]),
        _light(frame[lower][behind[lower]]),
        edge_softness(frame, near),
        min((level for level in levels if level is not None), default=None),
        white,
        tint(frame[behind if white is None else person]),
    )


def measure_look(samples: Iterable[LookSample]) -> Look:
    """The look of a shot from a few of its frames (five spread over it are enough).

    Raises:
        InputError: there is no sample.
    """
    lights, clip_soft, plate_soft, clip_grain, plate_grain, contrasts = [], [], [], [], [], []
    silhouettes, whites, plate_whites, casts = [], [], [], []
    height = 0
    for sample in samples:
        moment, height = sample.moment, sample.plate.shape[0]
        scale = similarity_scale(sample.clip_to_frame)
        # What lies below the person's middle is lit as they are; the sky is a light, not lit.
        middle = int(sample.clip_to_frame[1] @ [*moment.middle, 1.0])
        ground = sample.plate[min(max(middle, 0), height - 8) :]
        lights.append(_light_differences(moment, ground))
        silhouettes.append(_silhouette(moment, ground))
        clip_soft.append(_scale(moment.softness, scale))
        plate_soft.append(edge_softness(sample.plate))
        clip_grain.append(_scale(moment.grain, min(scale, 1.0)))
        plate_grain.append(grain_level(sample.plate))
        contrasts.append(_contrast(ground))
        whites.append(moment.white)
        plate_whites.append(plate_white(ground))
        casts.append(green_cast(moment.tint, tint(ground.reshape(-1, 3))))
    if not lights:
        raise InputError("no frame to measure the look from", "give at least one sample")
    blur = missing_blur(_median(clip_soft, SHARP), _median(plate_soft, 2.0), BLUR_LIMIT * height)
    after_blur = _median(plate_grain, 0.0) / (1 + blur) ** 2
    red, green, blue = plate_gains(np.median(lights, axis=0))
    return Look(
        (red, green, blue),
        blur,
        missing_grain(_median(clip_grain, 0.0), after_blur),
        _median(contrasts, 0.5),
        float(np.median(lights, axis=0)[0]),
        _median(silhouettes, 0.0),
        _median(whites),
        _median(plate_whites),
        _median(casts, 0.0),
    )


def plate_gains(differences: Floats) -> tuple[float, float, float]:
    """Gains of linear R, G, B from differences (stops of light, log2 R/G, log2 B/G), limited."""
    exposure = float(np.clip(CLOSENESS * differences[0], -EXPOSURE_LIMIT, EXPOSURE_LIMIT))
    balance = 2.0 ** (CLOSENESS * np.asarray(differences[1:]))
    red, blue = np.clip(balance, 1 - WHITE_BALANCE_LIMIT, 1 + WHITE_BALANCE_LIMIT)
    luminance = LUMA[0] * red + LUMA[1] + LUMA[2] * blue
    gain = 2.0**exposure / luminance
    return float(gain * red), float(gain), float(gain * blue)


def _light_differences(moment: ClipMoment, ground: Image) -> Floats:
    """How the clip's light exceeds that of the plate's ground (H, W, 3), as lights are told.

    One person's clothes say little about the light on them, and neither does what happens to be
    behind them; a difference counts as far as both agree on it.
    """
    target = np.array(_light(ground.reshape(-1, 3)))
    of_person = np.array(moment.person_light) - target
    of_surroundings = np.array(moment.surroundings_light) - target
    agreed = np.minimum(np.abs(of_person), np.abs(of_surroundings))
    agreed[np.sign(of_person) != np.sign(of_surroundings)] = 0.0
    return np.nan_to_num(agreed * np.sign(of_person))


def _silhouette(moment: ClipMoment, ground: Image) -> float:
    """By how many stops somebody filmed against the light is darker than the plate's ground."""
    behind = moment.surroundings_light[0] - moment.person_light[0]
    there = _light(ground.reshape(-1, 3))[0] - moment.person_light[0]
    return there if np.minimum(behind, there) >= BACKLIT else 0.0


def _light(pixels: Image) -> tuple[float, float, float]:
    """Stops of bright reflections, and log2 R/G and B/G of light, from pixels (N, 3); NaN if few.

    Shades of grey (Finlayson and Trezzi, "Shades of Gray and Colour Constancy", CIC 2004): a
    Minkowski mean leans on bright pixels, whose colour is the light's more than the thing's.
    """
    pixels = thin_pixels(pixels)
    pixels = pixels[(pixels.max(axis=1) < 250) & (pixels.max(axis=1) > 8)]
    if len(pixels) < 500:
        return math.nan, math.nan, math.nan
    light = DECODE[pixels].astype(float)
    luminance = light @ LUMA
    red, green, blue = np.mean(light**4, axis=0) ** 0.25
    return (
        float(np.log2(np.percentile(luminance, 75))),
        float(np.log2(red / green)),
        float(np.log2(blue / green)),
    )


def _contrast(ground: Image) -> float:
    """0 for flat light, 1 for hard sun, from the spread of light over the ground, in stops."""
    pixels = ground[::4, ::4].reshape(-1, 3)
    luminance = np.maximum(DECODE[pixels] @ np.asarray(LUMA, np.float32), 1e-3)
    low, high = np.percentile(luminance, (10, 90))
    return float(np.clip((np.log2(high / low) - 1.0) / 4.0, 0.0, 1.0))


def _scale(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


@overload
def _median(values: Iterable[float | None], default: float) -> float: ...
@overload
def _median(values: Iterable[float | None]) -> float | None: ...
def _median(values: Iterable[float | None], default: float | None = None) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else default
