import numpy as np
import pytest

from dynascene_cli.compositing.composite import CompositeSettings, Compositor
from dynascene_cli.compositing.linear_light import DECODE, LUMA
from dynascene_cli.compositing.look import LookSample, clip_moment, measure_look
from dynascene_cli.compositing.whites import WhiteCurve, white_curve

WIDTH, HEIGHT = 120, 160
WHITE, SKIN, RED = (245, 243, 250), (196, 150, 130), (220, 20, 40)
GREY_STREET, WHITE_SAND, MEADOW = (110, 110, 112), (244, 244, 240), (60, 120, 30)
NO_CONTACT = np.array([np.nan, np.nan])


def person(shirt=WHITE):
    """A frame of somebody with a face, a shirt and a red skirt, and their alpha."""
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[20:140, 30:90] = 255
    frame[20:50, 30:90], frame[50:95, 30:90], frame[95:140, 30:90] = SKIN, shirt, RED
    return frame, alpha


def plate(ground):
    picture = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    picture[60:] = ground
    return picture


def composite(ground, shirt=WHITE, relight="scene"):
    """The face, the shirt and the skirt in the finished picture, and the look."""
    frame, alpha = person(shirt)
    look = measure_look([LookSample(clip_moment(frame, alpha), plate(ground))])
    settings = CompositeSettings(relight, False, False, False, False)
    picture = (
        Compositor(look, settings, WIDTH, HEIGHT)
        .frame(0, frame, alpha, plate(ground), np.eye(2, 3), NO_CONTACT, 120.0)
        .picture
    )
    return picture[35, 60], picture[70, 60], picture[115, 60], look


def stops(display, before):
    light = [DECODE[np.asarray(value, np.uint8)] @ LUMA for value in (display, before)]
    return float(np.log2(light[0] / light[1]))


def test_a_white_shirt_is_softened_before_a_darker_photo_and_keeps_its_hue():
    _, shirt, _, _ = composite(GREY_STREET)
    assert -0.41 < stops(shirt, WHITE) < -0.3
    before, after = DECODE[np.array(WHITE)], DECODE[shirt]
    assert np.allclose(after / after.sum(), before / before.sum(), atol=0.005)


def test_faces_in_ordinary_light_and_saturated_clothes_stay():
    face, _, skirt, _ = composite(GREY_STREET)
    assert face.tolist() == list(SKIN)
    assert skirt.tolist() == list(RED)


def test_a_photo_with_whites_of_its_own_leaves_the_shirt():
    assert stops(composite(WHITE_SAND)[1], WHITE) > -0.1


def test_a_meadow_tells_nothing_of_white():
    *_, look = composite(MEADOW)
    assert look.plate_white is None
    assert look.white_curve("scene") is None


def test_who_wears_no_white_is_left_alone():
    _, shirt, _, look = composite(GREY_STREET, shirt=(150, 150, 152))
    assert look.person_white is None
    assert shirt.tolist() == [150, 150, 152]


def test_relighting_turned_off_leaves_whites():
    assert composite(GREY_STREET, relight="off")[1].tolist() == list(WHITE)


def test_a_person_who_was_graded_is_softened_by_what_is_still_missing():
    *_, look = composite((70, 70, 71))
    graded = look.white_curve("person")
    assert graded.top == pytest.approx(look.person_white * np.dot(LUMA, look.person_gains))
    assert graded.to < graded.top


def test_the_curve_is_smooth_and_rising_and_meets_its_end():
    curve = white_curve(0.9, 0.4)
    grey = np.linspace(0, 1, 2001)[:, None] * np.ones(3)
    softened = curve.soften(grey)[:, 0]
    slopes = np.diff(softened) / np.diff(grey[:, 0])
    assert np.all(slopes > 0.2)
    assert np.abs(np.diff(slopes)).max() < 0.01
    assert curve.soften(np.full((1, 3), 0.9))[0, 0] == pytest.approx(curve.to)
    assert white_curve(0.5, 0.6) is None


def test_display_values_and_light_are_softened_alike():
    colours = np.random.default_rng(4).integers(0, 256, (40, 50, 3), np.uint8)
    curve = WhiteCurve(0.95, 0.72)
    by_table = DECODE[curve.soften_display(colours)]
    assert np.abs(by_table - curve.soften(DECODE[colours])).max() < 0.005


def test_sixteen_bits_of_a_person_are_softened_too():
    frame, alpha = person()
    look = measure_look([LookSample(clip_moment(frame, alpha), plate(GREY_STREET))])
    settings = CompositeSettings("scene", False, False, False, False)
    compositor = Compositor(look, settings, WIDTH, HEIGHT)
    made = compositor.frame(0, frame, alpha, plate(GREY_STREET), np.eye(2, 3), NO_CONTACT, 120.0)
    filmed = frame.astype(np.uint16) * 257 + 60
    deep = compositor.deepened(made, 0, filmed, alpha, plate(GREY_STREET), np.eye(2, 3))
    shirt = deep.deep_picture[70, 60] / 257
    assert np.abs(shirt - made.picture[70, 60]).max() < 1
    assert np.any(shirt != made.picture[70, 60])
