"""What a camera that stands still has shown of the place before leaves the matte again."""

import cv2
import numpy as np

from dynascene_cli.matting.known_place import no_place, remove_known_place

HEIGHT, WIDTH = 270, 480


def place():
    """A place with a dark chair, and blinds."""
    shown = np.full((HEIGHT, WIDTH, 3), 170, np.uint8)
    shown[100:150, 200:240] = 30
    shown[20:80:4, 300:360] = 60
    return shown + np.random.default_rng(1).integers(0, 4, shown.shape, np.uint8)


def person_in(shown, x, colour=(200, 130, 110)):
    """The frame with somebody whose left side is at column x, and their matte."""
    frame, alpha = shown.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    frame[40:250, x : x + 60], alpha[40:250, x : x + 60] = colour, 255
    return frame, alpha


def known_after(shown, columns):
    known = no_place()
    for x in columns:
        frame, alpha = person_in(shown, x)
        cleaned, known = remove_known_place(frame, alpha, known)
        np.testing.assert_array_equal(cleaned, alpha)
    return known


def test_a_chair_and_blinds_that_were_the_place_before_go():
    shown = place()
    known = known_after(shown, [20, 25, 30, 35])
    frame, alpha = person_in(shown, 240)
    wrong = alpha.copy()
    wrong[110:140, 220:240] = 255
    wrong[30:60, 300:325] = 255
    cleaned, _ = remove_known_place(frame, wrong, known)
    assert cleaned[113:137, 223:236].max() < 30
    assert (cleaned[33:57, 303:322] > 128).mean() < 0.05
    np.testing.assert_array_equal(cleaned[40:250, 246:296], alpha[40:250, 246:296])


def test_a_plain_patch_of_the_persons_own_colour_stays():
    shown = place()
    shown[60:90, 250:270] = (200, 130, 110)
    known = known_after(shown, [20, 25, 30, 35])
    frame, alpha = person_in(shown, 240)
    cleaned, _ = remove_known_place(frame, alpha, known)
    assert cleaned[50:240, 246:294].min() > 250


def test_what_was_mostly_the_person_stays():
    shown = place()
    known = no_place()
    frame, alpha = person_in(shown, 240)
    held = alpha.copy()
    held[100:150, 200:240] = 255
    for with_chair in (False, True, True, True, True, False, False, True):
        given = held if with_chair else alpha
        cleaned, known = remove_known_place(frame, given, known)
        np.testing.assert_array_equal(cleaned, given)


def test_under_a_moving_camera_nothing_is_known():
    shown = place()
    known = no_place()
    for shift in range(0, 60, 12):
        moved = np.roll(cv2.GaussianBlur(shown, (0, 0), 1), shift, axis=1)
        moved[::7] = moved[::7] // 2
        frame, alpha = person_in(np.roll(moved, shift, axis=0), 240)
        alpha[100:150, 200:240] = 255
        cleaned, known = remove_known_place(frame, alpha, known)
        np.testing.assert_array_equal(cleaned, alpha)
