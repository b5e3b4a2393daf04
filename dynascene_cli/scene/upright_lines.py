"""How far a camera was tilted, from how upright lines converge.

Upright things – walls, posts, trunks – are parallel: in a picture taken level their lines stand
parallel too, and in one of a camera that looks up or down they lean towards a point over or under
it, the more the farther aside they are.
"""

from dataclasses import dataclass

import numpy as np

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.horizon import HorizonEvidence

USUAL_FOCAL, FOCAL_SPREAD = 0.85, 0.25
"""A share of the frame's width (31 mm on full frame: telephones' 26 mm, and lenses of 35 mm), and
the spread of its logarithm. The more an unknown lens magnifies, the more tilt the same lean is."""

KNOWN_FOCAL_SPREAD = 0.05
"""Of a focal length that EXIF or somebody says."""

STEEPEST_LEAN = 25.0
"""Degrees from upright up to which a line may be one of something upright."""

FEWEST, ENOUGH = 6, 15
"""Steep lines without which nothing is said; lines of upright things that may be relied on."""

PITCHES = np.radians(np.arange(-30.0, 30.1, 0.5))
ROLLS = np.radians(np.arange(-6.0, 6.1, 0.5))
ROLL_SPREAD = np.radians(1.5)
"""By how much hand-held cameras are turned."""

WANDERINGS = np.radians([0.4, 0.8, 1.6, 3.0])
"""How far upright things may be from plumb: edges of buildings at one end, trunks at the other."""

SHARES = np.array([0.25, 0.5, 0.75])
"""Of steep lines, those of upright things, as it may be."""

END_ERROR = 0.7
"""Pixels by which an end of a line is off, across it."""

CROPPING = 0.04
"""Shares of the height by which a picture's middle is off the lens's: photos are cropped."""

RIGHT = 0.7
"""The chance that many steep lines tell the tilt: not where a photo was rectified or much
cropped."""

WIDEST = 0.4
"""Evidence of a wider spread, a share of the height, is none."""


@dataclass(frozen=True)
class Tilt:
    """How far a camera looks up, radians, with its spread; ``lines`` of upright things show it."""

    pitch: float
    spread: float
    lines: float


def tilt_evidence(
    segments: Floats,
    focal: float | None,
    size: tuple[int, int],
    middle: tuple[float, float] = (0.5, 0.5),
) -> list[HorizonEvidence]:
    """What the lean of a picture's segments (N, 4) says of its horizon.

    ``size`` (width, height) is the picture's; ``focal`` is a share of the width, None where it is
    unknown; ``middle`` is where the lens's axis meets the picture, in shares of its size.
    """
    width, height = size
    unsure = FOCAL_SPREAD if focal is None else KNOWN_FOCAL_SPREAD
    pixels = width * (USUAL_FOCAL if focal is None else focal)
    found = tilt(segments, pixels, (middle[0] * width, middle[1] * height))
    if found is None:
        return []
    below = pixels / height * float(np.tan(found.pitch))
    # Measured is how far the point is at which the lines meet; the focal length squared over that
    # is how far the horizon is.
    parts = (found.spread * pixels / height, 2 * unsure * below, CROPPING)
    spread = float(np.linalg.norm(parts))
    if spread > WIDEST:
        return []
    confidence = RIGHT * min(1.0, found.lines / ENOUGH)
    return [HorizonEvidence(middle[1] + below, spread, confidence, "upright lines")]


def tilt(segments: Floats, focal: float, centre: tuple[float, float]) -> Tilt | None:
    """The tilt that segments (N, 4) x0, y0, x1, y1 show; None where too few are upright.

    ``focal`` and ``centre`` in the segments' pixels. Every pitch and roll is weighed by how well it
    explains the lean of the steep segments, of which some share is of upright things that wander
    from plumb by some angle, and the rest leans anyhow.
    """
    span = segments[:, 2:] - segments[:, :2]
    leans = (np.arctan2(span[:, 0], span[:, 1]) + np.pi / 2) % np.pi - np.pi / 2
    steep = np.abs(leans) < np.radians(STEEPEST_LEAN)
    if steep.sum() < FEWEST:
        return None
    leans, lengths = leans[steep], np.linalg.norm(span[steep], axis=1)
    x, y = ((segments[steep, :2] + segments[steep, 2:]) / 2 - centre).T / focal
    pitch, roll = PITCHES[:, None, None], ROLLS[None, :, None]
    ought = np.arctan2(
        np.sin(roll) * np.cos(pitch) + x * np.sin(pitch),
        np.cos(roll) * np.cos(pitch) + y * np.sin(pitch),
    )
    squares = (leans - ought) ** 2
    weights, noise = lengths / lengths.max(), END_ERROR * np.sqrt(2) / lengths
    anyhow = 1 / np.radians(2 * STEEPEST_LEAN)
    fits = []
    for wandering in WANDERINGS:
        error = np.hypot(wandering, noise)
        density = np.exp(-0.5 * squares / error**2) / (error * np.sqrt(2 * np.pi))
        fits += [np.log(share * density + (1 - share) * anyhow) @ weights for share in SHARES]
    belief = np.stack(fits) - 0.5 * (ROLLS / ROLL_SPREAD) ** 2
    chance = np.exp(belief - belief.max())
    chance /= chance.sum()
    by_pitch = chance.sum(axis=(0, 2))
    mean = float(by_pitch @ PITCHES)
    spread = float(np.sqrt(by_pitch @ (PITCHES - mean) ** 2))
    by_share = chance.sum(axis=(1, 2)).reshape(len(WANDERINGS), len(SHARES)).sum(axis=0)
    return Tilt(mean, spread, float(by_share @ SHARES) * len(lengths))
