"""What a clip and a plate look like, measured once a shot: light, softness, grain, contrast."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing.grain import grain_level, missing_grain
from dynascene_cli.compositing.light import DECODE, LUMA
from dynascene_cli.compositing.sharpness import SHARP, edge_softness, missing_blur
from dynascene_cli.compositing.warp import similarity_scale
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

EXPOSURE_LIMIT = 0.5
"""Stops."""

WHITE_BALANCE_LIMIT = 0.08
"""Share of a channel's light, against green."""

CLOSENESS = 0.5
"""The share of a measured difference that is taken out: pictures keep some of their own light."""

BLUR_LIMIT = 1.6 / 1080
"""The most blur that a plate is given, as a share of the frame's height."""


@dataclass(frozen=True, eq=False)
class LookSample:
    """One moment of a shot: the clip's frame and alpha, its plate, and the similarity between.

    ``frame`` (H, W, 3) and ``alpha`` (H, W) in clip pixels; ``plate`` in output pixels;
    ``clip_to_frame`` (2, 3) carries the former to the latter.
    """

    frame: Image
    alpha: NDArray[np.uint8]
    plate: Image
    clip_to_frame: Floats = field(default_factory=lambda: np.eye(2, 3))


@dataclass(frozen=True)
class Look:
    """What would bring plate and person together; ``CompositeSettings`` says what is used.

    ``plate_gains`` multiply the plate's linear R, G, B (the person's are their inverse);
    ``plate_blur`` is a Gaussian's standard deviation in output pixels; ``grain`` a standard
    deviation in levels of 255; ``contrast`` 0..1 is how hard the plate's own shadows are.
    """

    plate_gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    plate_blur: float = 0.0
    grain: float = 0.0
    contrast: float = 0.5


def measure_look(samples: Iterable[LookSample]) -> Look:
    """The look of a shot from a few of its frames (five spread over it are enough).

    Raises:
        InputError: there is no sample.
    """
    lights, clip_soft, plate_soft, clip_grain, plate_grain, contrasts = [], [], [], [], [], []
    height = 0
    for sample in samples:
        height = sample.plate.shape[0]
        scale = similarity_scale(sample.clip_to_frame)
        person = sample.alpha > 250
        behind = sample.alpha < 5
        middle, middle_on_plate = _middle_rows(person, sample.clip_to_frame)
        ground = sample.plate[min(middle_on_plate, height - 8) :]
        surroundings = sample.frame[middle:][behind[middle:]]
        lights.append(_light_differences(sample.frame[person], surroundings, ground))
        near = cv2.dilate(sample.alpha, np.ones((7, 7), np.uint8)) > 127
        clip_soft.append(_scaled(edge_softness(sample.frame, near), scale))
        plate_soft.append(edge_softness(sample.plate))
        clip_grain.append(_scaled(_clip_grain(sample.frame, person, behind), min(scale, 1.0)))
        plate_grain.append(grain_level(sample.plate))
        contrasts.append(_contrast(ground))
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
    )


def plate_gains(differences: Floats) -> tuple[float, float, float]:
    """Gains of linear R, G, B from differences (stops of light, log2 R/G, log2 B/G), limited."""
    exposure = float(np.clip(CLOSENESS * differences[0], -EXPOSURE_LIMIT, EXPOSURE_LIMIT))
    balance = 2.0 ** (CLOSENESS * np.asarray(differences[1:]))
    red, blue = np.clip(balance, 1 - WHITE_BALANCE_LIMIT, 1 + WHITE_BALANCE_LIMIT)
    luminance = LUMA[0] * red + LUMA[1] + LUMA[2] * blue
    gain = 2.0**exposure / luminance
    return float(gain * red), float(gain), float(gain * blue)


def _middle_rows(person: NDArray[np.bool_], similarity: Floats) -> tuple[int, int]:
    """The row of the clip, and of the plate, below which the person's lower half is.

    What lies there is lit as the person is; the sky above is a light, not lit by one.
    """
    rows = np.flatnonzero(person.any(axis=1))
    middle = (rows[0] + rows[-1]) / 2 if len(rows) else person.shape[0] / 2
    on_plate = similarity[1] @ [person.shape[1] / 2, middle, 1.0]
    return int(middle), max(int(on_plate), 0)


def _light_differences(person: Image, surroundings: Image, ground: Image) -> Floats:
    """How the clip's light exceeds the plate's: stops, log2 R/G, log2 B/G.

    One person's clothes say little about the light on them, and neither does what happens to be
    behind them; a difference counts as far as both agree on it. Pixels (N, 3) or (H, W, 3).
    """
    target = _light(ground.reshape(-1, 3))
    of_person = _light(person) - target
    of_surroundings = _light(surroundings) - target
    agreed = np.minimum(np.abs(of_person), np.abs(of_surroundings))
    agreed[np.sign(of_person) != np.sign(of_surroundings)] = 0.0
    return np.nan_to_num(agreed * np.sign(of_person))


def _light(pixels: Image) -> Floats:
    """Stops of bright reflections, and log2 R/G and B/G of light, from pixels (N, 3); NaN if few.

    Shades of grey (Finlayson and Trezzi, "Shades of Gray and Colour Constancy", CIC 2004): a
    Minkowski mean leans on bright pixels, whose colour is the light's more than the thing's.
    """
    pixels = pixels[:: max(1, len(pixels) // 50_000)]
    pixels = pixels[(pixels.max(axis=1) < 250) & (pixels.max(axis=1) > 8)]
    if len(pixels) < 500:
        return np.full(3, np.nan)
    light = DECODE[pixels].astype(float)
    luminance = light @ LUMA
    red, green, blue = np.mean(light**4, axis=0) ** 0.25
    return np.array(
        [np.log2(np.percentile(luminance, 75)), np.log2(red / green), np.log2(blue / green)]
    )


def _contrast(ground: Image) -> float:
    """0 for flat light, 1 for hard sun, from the spread of light over the ground, in stops."""
    pixels = ground[::4, ::4].reshape(-1, 3)
    luminance = np.maximum(DECODE[pixels] @ np.asarray(LUMA, np.float32), 1e-3)
    low, high = np.percentile(luminance, (10, 90))
    return float(np.clip((np.log2(high / low) - 1.0) / 4.0, 0.0, 1.0))


def _clip_grain(frame: Image, person: NDArray[np.bool_], behind: NDArray[np.bool_]) -> float | None:
    """The person's grain: the lower of what they and their background show, for both are bounds."""
    levels = [grain_level(frame, person), grain_level(frame, behind)]
    return min((level for level in levels if level is not None), default=None)


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _median(values: Iterable[float | None], default: float) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else default
