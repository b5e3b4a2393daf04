import cv2
import numpy as np
import pytest

from dynascene_cli.compositing.foreground import estimate_foreground

SIDE = 540
SKIN, YELLOW, GREY = (205, 157, 150), (254, 228, 12), (120, 120, 124)


def leg(wider=0):
    """The alpha of an upright bar, some pixels wider at each side than it is."""
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    cv2.rectangle(alpha, (240 - wider, 40), (300 + wider, 500), 255, -1)
    return cv2.GaussianBlur(alpha, (0, 0), 2.0)


def over(foreground, background, alpha):
    a = alpha[..., None] / 255
    return np.round(a * np.asarray(foreground) + (1 - a) * np.asarray(background)).astype(np.uint8)


def filmed(place, person=SKIN):
    """The bar before a place, with colour at half the resolution, as video has it."""
    frame = over(person, place, leg())
    brightness, *colour = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    half = [
        cv2.resize(each, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA) for each in colour
    ]
    whole = [cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for each in half]
    return cv2.cvtColor(cv2.merge([brightness, *whole]), cv2.COLOR_YCrCb2RGB)


def stain(picture, row=270):
    """How much more yellow than the skin a row of a picture is at its most, in levels."""
    red, _, blue = picture[row].astype(int).T
    return int((red - blue).max()) - (SKIN[0] - SKIN[2])


def test_a_matte_that_is_too_wide_draws_no_outline_of_the_old_background():
    wide = leg(wider=3)
    found = estimate_foreground(filmed(YELLOW), wide, SIDE)
    assert stain(over(filmed(YELLOW), GREY, wide)) > 80
    assert stain(over(found.colours, GREY, found.alpha)) < 45


def test_alpha_that_is_right_and_what_is_opaque_stay():
    frame, alpha = filmed(YELLOW), leg()
    found = estimate_foreground(frame, alpha, SIDE)
    assert np.abs(found.alpha.astype(int) - alpha).max() < 40
    assert np.abs(found.alpha.astype(int) - alpha).mean() < 0.3
    assert np.all(found.alpha[alpha == 255] == 255)
    assert np.all(found.alpha[alpha == 0] == 0)
    assert np.array_equal(found.colours[alpha == 255], frame[alpha == 255])


@pytest.mark.parametrize("place", [(40, 30, 28), (250, 246, 244)])
def test_brightness_alone_narrows_nothing(place):
    alpha = leg(wider=2)
    assert np.array_equal(estimate_foreground(filmed(place, GREY), alpha, SIDE).alpha, alpha)


def test_a_soft_hand_beside_dark_trousers_is_not_taken_for_them():
    person = np.full((SIDE, SIDE, 3), (25, 24, 26), np.uint8)
    alpha = leg()
    person[250:290, 301:330] = SKIN
    alpha[250:290, 301:330] = 140
    frame = over(person, (140, 146, 158), alpha)
    hand = np.s_[260:280, 312:324]
    found = estimate_foreground(frame, alpha, SIDE)
    assert found.colours[hand][..., 0].mean() > 115
    assert np.all(found.alpha[hand] == 140)
