import cv2
import numpy as np
import pytest

from dynascene_cli.compositing.composite import CompositeSettings, Compositor
from dynascene_cli.compositing.look import Look
from dynascene_cli.compositing.roi import Box
from dynascene_cli.compositing.shadow import contact_shadow, shadow_box

WIDTH, HEIGHT, TALL = 400, 400, 200.0
CONTACT = np.array([200.0, 320.0])
ONLY_SHADOW = CompositeSettings("off", light_wrap=False, plate_blur=False, grain=False)
NO_SHADOW = CompositeSettings("off", False, False, False, False)


def standing(gap=0):
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x in (185, 215):
        cv2.rectangle(alpha, (x - 8, 220 - gap), (x + 8, 319 - gap), 255, -1)
    cv2.rectangle(alpha, (178, 120 - gap), (222, 220 - gap), 255, -1)
    return alpha


def shadow(gap=0, contrast=0.5, contact=CONTACT):
    box = shadow_box(contact, TALL, WIDTH, HEIGHT)
    whole = Box(0, 0, WIDTH, HEIGHT)
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    box.crop(canvas)[:] = contact_shadow(standing(gap), whole, contact, TALL, contrast, box)
    return canvas


def picture(settings, gap=0):
    plate = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    return Compositor(Look(), settings, WIDTH, HEIGHT).frame(
        0, frame, standing(gap), plate, np.eye(2, 3), CONTACT, TALL
    )


def test_it_is_darkest_under_the_feet_and_gone_a_height_away():
    taken = shadow()
    assert taken[321, 185] > 150
    assert taken[321, 215] > 150
    assert taken[321, 185] > taken[321, 260] > taken[321, 320]
    assert taken[:, :55].max() == 0
    assert taken[:240].max() == 0


def test_its_box_has_no_visible_border():
    taken = shadow()
    x0, y0, x1, y1 = shadow_box(CONTACT, TALL, WIDTH, HEIGHT)
    border = [taken[y0, x0:x1], taken[y1 - 1, x0:x1], taken[y0:y1, x0], taken[y0:y1, x1 - 1]]
    assert max(edge.max() for edge in border) == 0


def test_a_jump_leaves_a_fainter_softer_shadow_at_the_contact():
    on_ground, low, high = shadow(0), shadow(20), shadow(80)
    peak = [taken[315:330].max() for taken in (on_ground, low, high)]
    assert peak[0] > peak[1] > peak[2] > 20
    rows = np.arange(HEIGHT)
    centre = (high.sum(axis=1) * rows).sum() / high.sum()
    assert abs(centre - CONTACT[1]) < 0.06 * TALL


def test_harder_light_makes_a_deeper_shadow():
    assert shadow(contrast=1.0).max() > shadow(contrast=0.0).max()


def test_it_darkens_the_ground_near_the_contact_alone():
    result = picture(ONLY_SHADOW)
    plain = picture(NO_SHADOW).picture
    assert np.array_equal(plain[standing() == 0], np.full_like(plain, 150)[standing() == 0])
    change = plain.astype(int) - result.picture
    assert change.min() >= 0
    assert change[324, 200].max() > 15
    assert change[:240].max() == 0
    assert np.array_equal(result.picture[standing() == 255], plain[standing() == 255])


def test_it_takes_away_light_in_proportion():
    result = picture(ONLY_SHADOW)
    y, x = 326, 200
    share = result.shadow[y, x, 3] / 255
    light = ((150 / 255 + 0.055) / 1.055) ** 2.4 * (1 - share)
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert abs(result.picture[y, x, 0] - expected) <= 1


@pytest.mark.parametrize("contact", [(np.nan, np.nan), (200.0, 900.0), (-900.0, 320.0)])
def test_without_a_contact_in_reach_there_is_none(contact):
    plate = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    result = Compositor(Look(), ONLY_SHADOW, WIDTH, HEIGHT).frame(
        0, plate, standing(), plate, np.eye(2, 3), np.array(contact), TALL
    )
    assert not result.shadow.any()
    assert np.array_equal(result.picture, plate)
