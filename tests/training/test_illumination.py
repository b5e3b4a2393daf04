from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.compositing.linear_light import DECODE, LUMA
from dynascene_cli.training.illumination import Light, expose, random_light, relight, white_gain
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.video.srgb_curve import display_light

GREY = np.full((6, 10, 3), 100, np.uint8)
COLOURS = np.random.default_rng(0).integers(0, 256, (9, 16, 3), dtype=np.uint8)
SETTINGS = TrainingSettings(synthetic_share=1)


def test_no_change_is_no_change() -> None:
    np.testing.assert_array_equal(relight(COLOURS, Light()), COLOURS)


def test_a_stop_less_is_half_the_light() -> None:
    expected = round(255 * float(display_light(DECODE[100] / 2)))
    assert np.unique(relight(GREY, Light(exposure=-1))).tolist() == [expected]


def test_contrast_turns_about_middle_grey() -> None:
    picture = np.array([[[27, 128, 228]]], np.uint8)
    assert relight(picture, Light(contrast=0.5)).ravel().tolist() == [77, 128, 178]


def test_above_daylight_is_redder_and_below_bluer() -> None:
    red, _, blue = relight(GREY, Light(mireds=80))[0, 0].astype(int)
    assert red > 105 and blue < 95
    red, _, blue = relight(GREY, Light(mireds=-80))[0, 0].astype(int)
    assert red < 95 and blue > 105


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    [
        (2000, 0.5267, 0.4133),
        (2856, 0.4476, 0.4074),
        (4000, 0.3805, 0.3768),
        (5000, 0.3451, 0.3516),
    ],
)
def test_light_has_the_colour_of_a_black_body(kelvin: float, x: float, y: float) -> None:
    """Chromaticities of Planck's law under the CIE 1931 observer; 6504 K is the start."""
    to_rgb = np.array(
        [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    )
    start = to_rgb @ [0.3135 / 0.3237, 1.0, 0.3628 / 0.3237]
    X, Y, Z = np.linalg.solve(to_rgb, white_gain(1e6 / kelvin - 1e6 / 6504) * start)
    found = np.array([X, Y]) / (X + Y + Z)
    assert found == pytest.approx([x, y], abs=0.003)


def test_a_gradient_ends_at_its_stops_and_is_none_in_the_middle() -> None:
    wide = np.full((3, 400, 3), 60, np.uint8)
    lit = DECODE[relight(wide, Light(gradient=2, gradient_angle=np.pi))][1, :, 0] / DECODE[60]
    assert lit[0] == pytest.approx(2, rel=0.04)
    assert lit[200] == pytest.approx(1, rel=0.04)
    assert lit[-1] == pytest.approx(0.5, rel=0.04)


def test_a_lamp_is_brightest_at_its_place_and_falls_off_as_a_gaussian() -> None:
    picture = np.full((100, 200, 3), 60, np.uint8)
    light = Light(local=1, local_centre=(0.25, 0.5), local_radius=0.2)
    stops = np.log2(DECODE[relight(picture, light)][..., 1] / DECODE[60])
    assert stops[50, 50] == pytest.approx(1, abs=0.06)
    assert stops[50, 70] == pytest.approx(np.exp(-0.5), abs=0.06)
    assert stops[50, 150] == pytest.approx(0, abs=0.01)


@given(gain=st.floats(0.05, 20))
def test_more_light_never_darkens_and_white_stays_white(gain: float) -> None:
    light = expose(np.linspace(0, 1, 500), gain)
    assert np.all(np.diff(light) >= -1e-12)
    assert light[-1] == pytest.approx(min(gain, 1))
    assert light[1] == pytest.approx(gain / 499, rel=0.05)


@given(mireds=st.floats(-150, 400))
def test_a_temperature_keeps_the_luminance_of_grey(mireds: float) -> None:
    gain = white_gain(mireds)
    assert gain @ LUMA == pytest.approx(1)
    assert np.all(gain > 0)
    assert (gain[0] - gain[2]) * mireds >= 0


@given(seed=st.integers(0, 2**32))
def test_random_light_lies_within_its_settings(seed: int) -> None:
    light = random_light(np.random.default_rng(seed), SETTINGS)
    assert abs(light.exposure) <= SETTINGS.exposure
    assert abs(light.contrast - 1) <= SETTINGS.contrast
    assert abs(light.mireds) <= SETTINGS.colour_temperature
    assert 0 <= light.gradient <= SETTINGS.light_gradient
    assert abs(light.local) <= SETTINGS.local_light


def test_ranges_of_nothing_change_nothing() -> None:
    none = replace(
        SETTINGS, exposure=0, contrast=0, colour_temperature=0, light_gradient=0, local_light=0
    )
    light = random_light(np.random.default_rng(1), none)
    np.testing.assert_array_equal(relight(COLOURS, light), COLOURS)
