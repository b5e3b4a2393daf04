"""Random light on a scene picture, so that the network learns to follow the person's instead.

The paper's adaptive background illumination adjustment (section 3.2, stage II, and appendix,
"Inconsistent Lighting during Inference"): the scene picture is changed, the target is not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dynascene_cli.compositing.linear_light import DECODE, LUMA
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.video.srgb_curve import display_light

MID_GREY = 0.5
"""The picture value that a change of contrast leaves as it is."""

DAYLIGHT = 6504.0
"""The correlated colour temperature, in kelvin, of the white that a picture starts from."""

CHROMATICITY_TO_RGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
"""CIE XYZ to linear bt709 (IEC 61966-2-1)."""


@dataclass(frozen=True)
class Light:
    """A change of a picture's light; the defaults change nothing.

    ``exposure`` in stops; ``contrast``: the slope about middle grey; ``mireds``: how much redder
    (above 0) or bluer the light is than daylight; ``gradient`` in stops from edge to edge,
    brighter towards ``gradient_angle`` (radians, clockwise from the right); ``local`` in stops at
    ``local_centre`` (fractions of width and height), falling off as a Gaussian whose deviation is
    ``local_radius`` of the picture's height.
    """

    exposure: float = 0.0
    contrast: float = 1.0
    mireds: float = 0.0
    gradient: float = 0.0
    gradient_angle: float = 0.0
    local: float = 0.0
    local_centre: tuple[float, float] = (0.5, 0.5)
    local_radius: float = 0.3


def random_light(rng: np.random.Generator, settings: TrainingSettings) -> Light:
    """A light whose every part is uniform within its range of the settings."""

    def around(amount: float) -> float:
        return float(rng.uniform(-amount, amount))

    return Light(
        exposure=around(settings.exposure),
        contrast=1 + around(settings.contrast),
        mireds=around(settings.colour_temperature),
        gradient=float(rng.uniform(0, settings.light_gradient)),
        gradient_angle=float(rng.uniform(0, 2 * np.pi)),
        local=around(settings.local_light),
        local_centre=(float(rng.uniform()), float(rng.uniform())),
        local_radius=float(rng.uniform(0.15, 0.5)),
    )


def relight(image: Image, light: Light) -> Image:
    """The picture (H, W, 3) in that light: gains of linear light, then contrast."""
    height, width = image.shape[:2]
    stops = light.exposure + _gradient(width, height, light) + _local(width, height, light)
    gain = np.exp2(stops)[..., None] * white_gain(light.mireds)
    values = (display_light(expose(DECODE[image], gain)) - MID_GREY) * light.contrast + MID_GREY
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def expose(linear: ArrayLike, gain: ArrayLike) -> Floats:
    """Linear light 0..1 times a gain above 0, whose highlights roll off instead of clipping.

    y = g·x / (1 + (g − 1)·xⁿ) for gains above 1: pure gain in the shadows, white stays white, and
    n = g / (g − 1) is the largest exponent for which y never falls.
    """
    x = np.asarray(linear, dtype=float)
    g = np.asarray(gain, dtype=float)
    above = np.maximum(g - 1, 0)
    n = g / np.maximum(above, 1e-3)
    return np.asarray(g * x / (1 + above * x**n))


def white_gain(mireds: float) -> Floats:
    """Gains (3,) of linear R, G, B when daylight's temperature moves by so many mireds.

    Grey keeps its luminance. Chromaticities are the black body's, by the cubic fit of Kang et al.
    2002; temperatures stay within its 1667 to 25,000 K.
    """
    kelvin = float(np.clip(1e6 / max(1e6 / DAYLIGHT + mireds, 1.0), 1667, 25_000))
    ratio = _black_body(kelvin) / _black_body(DAYLIGHT)
    luminance = ratio @ LUMA
    return np.asarray(ratio / luminance)


def _black_body(kelvin: float) -> Floats:
    """Linear bt709 (3,) of a black body's light with Y = 1, at 1667 to 25,000 K."""
    u = 1e3 / kelvin
    if kelvin <= 4000:
        x = -0.2661239 * u**3 - 0.2343589 * u**2 + 0.8776956 * u + 0.179910
    else:
        x = -3.0258469 * u**3 + 2.1070379 * u**2 + 0.2226347 * u + 0.240390
    if kelvin <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    rgb = CHROMATICITY_TO_RGB @ [x / y, 1.0, (1 - x - y) / y]
    return np.asarray(np.maximum(rgb, 0.01))


def _gradient(width: int, height: int, light: Light) -> Floats:
    """Stops (H, W), ± half the gradient at the borders where it ends, 0 in the middle."""
    x = (np.arange(width) + 0.5) / width - 0.5
    y = (np.arange(height) + 0.5) / height - 0.5
    along = np.cos(light.gradient_angle), np.sin(light.gradient_angle)
    reach = abs(along[0]) + abs(along[1])
    return np.asarray(light.gradient * (x * along[0] + y[:, None] * along[1]) / reach)


def _local(width: int, height: int, light: Light) -> Floats:
    x = (np.arange(width) + 0.5 - light.local_centre[0] * width) / height
    y = (np.arange(height) + 0.5 - light.local_centre[1] * height) / height
    square = x**2 + y[:, None] ** 2
    return np.asarray(light.local * np.exp(-square / (2 * light.local_radius**2)))
