import cv2
import numpy as np
import pytest

from dynascene_cli.matting import clear_backlit_hair, is_against_light

HEIGHT, WIDTH = 360, 480


def against_the_light(sky=(190, 210, 235), coat=(60, 20, 25)):
    """A dark head whose hair is blown to the left, as filmed and as a network draws its matte."""
    frame = np.full((HEIGHT, WIDTH, 3), sky, np.uint8)
    frame[:90] = np.array(sky) * 0.85
    frame[90:, 300:400] = coat
    frame[90:200, 300:400] = (25, 22, 20)
    hair = np.zeros((HEIGHT, WIDTH), np.uint8)
    for row in range(130, 190, 12):
        cv2.line(hair, (255, row), (305, row), 255, 3)
    frame[hair > 0] = (30, 26, 22)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[90:, 300:400] = 255
    alpha[125:188, 255:300] = 170
    return cv2.GaussianBlur(frame, (0, 0), 0.7), cv2.GaussianBlur(alpha, (0, 0), 1), hair > 0


def test_the_sky_between_strands_goes_and_the_strands_stay():
    frame, alpha, hair = against_the_light()
    assert is_against_light(frame, alpha)
    cleared = clear_backlit_hair(frame, alpha)
    veil = np.s_[130:180, 262:290]
    between = ~cv2.dilate(hair.astype(np.uint8), np.ones((5, 5))).astype(bool)[veil]
    assert alpha[veil][between].mean() > 150
    assert cleared[veil][between].mean() < 30
    assert np.array_equal(cleared[veil][hair[veil]], alpha[veil][hair[veil]])
    assert (cleared <= alpha).all()


def test_the_body_and_its_crisp_edges_stay():
    frame, alpha, _ = against_the_light()
    cleared = clear_backlit_hair(frame, alpha)
    assert np.array_equal(cleared[245:], alpha[245:])
    assert np.array_equal(cleared[:, 330:], alpha[:, 330:])


def test_a_lit_edge_of_another_colour_stays_though_it_is_as_bright_as_the_sky():
    frame, alpha, _ = against_the_light()
    frame[188:205, 300:306] = (245, 190, 170)
    cleared = clear_backlit_hair(frame, alpha)
    assert cleared[190:203, 302:305].min() > 200


@pytest.mark.parametrize("sky", [(70, 75, 80), (20, 20, 20)])
def test_who_stands_before_a_place_as_dark_is_not_against_the_light(sky):
    frame, alpha, _ = against_the_light(sky=sky, coat=(120, 90, 80))
    assert not is_against_light(frame, alpha)


def test_nobody_is_not_against_the_light():
    frame, _, _ = against_the_light()
    assert not is_against_light(frame, np.zeros((HEIGHT, WIDTH), np.uint8))


def test_a_crisp_matte_against_the_light_stays_as_it_is():
    frame, alpha, _ = against_the_light()
    crisp = np.where(alpha > 200, np.uint8(255), np.uint8(0))
    assert is_against_light(frame, crisp)
    assert np.array_equal(clear_backlit_hair(frame, crisp), crisp)
