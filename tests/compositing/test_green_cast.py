import numpy as np
import pytest

from dynascene_cli.compositing.composite import CompositeSettings, Compositor
from dynascene_cli.compositing.green_cast import MOST_CAST, green_cast, take_out_green, tint
from dynascene_cli.compositing.linear_light import DECODE, LUMA
from dynascene_cli.compositing.look import LookSample, clip_moment, measure_look

WIDTH, HEIGHT = 120, 160
SKIN, TUBE_LIT_WALL, PALE_TEAL = (209, 163, 117), (196, 200, 192), (200, 225, 218)
SUNLIT_PAVING, GRASS = (182, 170, 172), (60, 120, 30)
NO_CONTACT = np.array([np.nan, np.nan])


def look(wall, ground, shirt=SKIN):
    frame = np.full((HEIGHT, WIDTH, 3), wall, np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[20:140, 30:90] = 255
    frame[20:140, 30:90] = SKIN
    frame[60:100, 30:90] = shirt
    plate = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
    return measure_look([LookSample(clip_moment(frame, alpha), plate)]), frame, alpha, plate


def skin_of(relight, wall=TUBE_LIT_WALL, ground=SUNLIT_PAVING):
    measured, frame, alpha, plate = look(wall, ground)
    settings = CompositeSettings(relight, False, False, False, False)
    made = Compositor(measured, settings, WIDTH, HEIGHT).frame(
        0, frame, alpha, plate, np.eye(2, 3), NO_CONTACT, 120.0
    )
    return made.picture[80, 60], made.background


def hue(display):
    """How magenta a colour is, in stops."""
    red, green, blue = DECODE[np.asarray(display, np.uint8)]
    return float(np.log2(red * blue / green**2) / 2)


@pytest.mark.parametrize("relight", ["scene", "person"])
def test_skin_that_was_filmed_under_tubes_loses_the_green_before_a_sunny_pavement(relight):
    skin, _ = skin_of(relight)
    assert hue(skin) - hue(SKIN) == pytest.approx(MOST_CAST, abs=0.04)


def test_relighting_turned_off_leaves_the_cast():
    assert skin_of("off")[0].tolist() == list(SKIN)


def test_a_clip_that_is_no_greener_than_the_photo_stays():
    assert look(SUNLIT_PAVING, TUBE_LIT_WALL)[0].green_cast == 0


def test_grass_behind_a_person_or_in_the_photo_tells_nothing_of_the_light():
    assert look(GRASS, SUNLIT_PAVING)[0].green_cast == 0
    assert look(TUBE_LIT_WALL, GRASS)[0].green_cast == 0


def test_white_clothes_tell_more_of_the_light_than_a_painted_backdrop():
    assert look(PALE_TEAL, SUNLIT_PAVING)[0].green_cast > 0.05
    assert look(PALE_TEAL, SUNLIT_PAVING, shirt=(240, 226, 240))[0].green_cast == 0


def test_taking_out_green_keeps_luminance_and_white():
    grey = np.full((1, 3), 0.2)
    made = take_out_green(grey, 0.1)
    assert made @ LUMA == pytest.approx(grey @ LUMA, rel=0.01)
    assert np.allclose(take_out_green(np.ones((1, 3)), 0.1), 1)


def test_a_cast_is_limited_and_needs_both_sides():
    assert green_cast(-0.5, 0.5) == MOST_CAST
    assert green_cast(None, 0.5) == green_cast(-0.5, None) == 0
    assert tint(np.zeros((0, 3), np.uint8)) is None
