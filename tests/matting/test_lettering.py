"""Lettering drawn over a clip is found where it lies on the person, and only there painted over."""

import cv2
import numpy as np
import pytest

from dynascene_cli.commands.demo import MEDIA as DEMO_MEDIA
from dynascene_cli.matting import (
    LetteringLine,
    cover_lettering,
    drop_uniform_ground,
    find_lettering,
    lines_of_array,
    lines_to_array,
    row_hiding_feet,
    trim_lettering,
)
from dynascene_cli.video import open_clip, read_frames, read_photo

WIDTH, HEIGHT = 640, 540
BODY = (slice(100, 500), slice(280, 380))


def person():
    """A grey body before a green place, and its alpha."""
    frame = np.full((HEIGHT, WIDTH, 3), (60, 130, 70), np.uint8)
    frame += np.random.default_rng(3).integers(0, 12, frame.shape, np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    frame[BODY], alpha[BODY] = (120, 120, 125), 255
    return frame, alpha


def drawn(frame, text="SING ALONG NOW", colour=(240, 10, 140), rim=(255, 255, 255), x=60):
    shown = frame.copy()
    for ink, thickness in ((rim, 14), (colour, 4)):
        cv2.putText(shown, text, (x, 440), cv2.FONT_HERSHEY_SIMPLEX, 1.6, ink, thickness)
    return shown


@pytest.mark.parametrize("colour", [(240, 10, 140), (250, 240, 20), (20, 90, 250)])
def test_a_line_is_found_by_its_colour_and_rows(colour):
    frame, alpha = person()
    (line,) = find_lettering(drawn(frame, colour=colour), alpha)
    assert np.abs(np.array(line.colour) - colour).max() < 12
    assert line.top == pytest.approx(405 / HEIGHT, abs=0.02)
    assert line.bottom == pytest.approx(443 / HEIGHT, abs=0.02)


def test_white_lettering_with_a_dark_rim_is_found():
    frame, alpha = person()
    assert find_lettering(drawn(frame, colour=(255, 255, 255), rim=(0, 0, 0)), alpha)


def test_words_that_are_not_on_the_person_and_words_on_a_shirt_alone_are_none():
    frame, alpha = person()
    assert find_lettering(drawn(frame, "BESIDE", x=20), alpha) == ()
    shirt = frame.copy()
    cv2.putText(shirt, "SHIRT", (285, 250), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (240, 10, 140), 3)
    assert find_lettering(shirt, alpha) == ()


def test_no_lettering_is_found_in_a_gym_or_a_meadow():
    for frame in read_frames(open_clip(DEMO_MEDIA / "gym.mp4"), 0, 2):
        whole = np.zeros(frame.shape[:2], np.uint8)
        whole[:, frame.shape[1] // 3 : frame.shape[1] // 2] = 255
        assert find_lettering(frame, whole) == ()
    meadow = read_photo(DEMO_MEDIA / "picos.jpg").pixels
    half = np.zeros(meadow.shape[:2], np.uint8)
    half[:, : meadow.shape[1] // 2] = 255
    assert find_lettering(meadow, half) == ()


def test_on_the_person_it_is_painted_over_and_beside_them_it_stays():
    frame, alpha = person()
    shown = drawn(frame, rim=(120, 120, 125))
    covered = cover_lettering(shown, alpha, find_lettering(shown, alpha))
    ink = np.abs(covered.astype(int) - (240, 10, 140)).max(axis=2) < 60
    assert not (ink & (alpha > 0)).any()
    assert (ink & (alpha == 0)).sum() > 500
    assert np.abs(covered[100:500, 290:370].astype(int) - 122).max() < 10
    assert cover_lettering(frame, alpha, ()) is frame


def test_the_rims_corners_are_trimmed_off_the_matte():
    frame, alpha = person()
    shown = drawn(frame)
    wide = alpha.copy()
    wide[415:421, 255:280] = 255
    lines = find_lettering(shown, alpha)
    trimmed = trim_lettering(shown, wide, lines)
    assert trimmed[415:421, 255:270].max() < 60
    np.testing.assert_array_equal(trimmed[:350], wide[:350])
    assert trimmed[BODY].mean() > 250


def test_lines_are_kept_as_numbers_and_each_once():
    lines = (LetteringLine((240, 10, 140), 0.8, 0.9), LetteringLine((255, 255, 255), 0.1, 0.2))
    moved = LetteringLine((236, 12, 141), 0.802, 0.9)
    table = np.vstack([lines_to_array(lines), lines_to_array((moved,)), lines_to_array(())])
    assert table.shape == (12, 5)
    assert lines_of_array(table) == lines


def test_a_patch_of_a_plain_ground_between_the_feet_goes():
    frame, alpha = person()
    frame[380:, :] = (250, 220, 10)
    frame[380:480, 280:310], frame[380:480, 350:380] = (200, 150, 140), (200, 150, 140)
    frame[480:500, 270:390] = (90, 40, 30)
    alpha[480:500, 270:390] = 255
    cleaned = drop_uniform_ground(frame, alpha)
    assert cleaned[400:470, 315:345].max() < 40
    assert cleaned[380:480, 282:306].min() > 200
    assert cleaned[482:498, 275:385].min() > 200
    np.testing.assert_array_equal(cleaned[:360], alpha[:360])


def test_whoever_wears_the_grounds_colour_keeps_their_shoes():
    frame, alpha = person()
    frame[380:, :] = frame[100:200, 280:380] = (250, 220, 10)
    assert drop_uniform_ground(frame, alpha) is alpha


def test_a_line_over_the_feet_hides_them_and_one_over_the_body_does_not():
    boxes = np.array([[200, 100, 300, 900], [200, 100, 300, 900], [np.nan] * 4])
    feet, chest, shins = (LetteringLine((240, 10, 140), *rows)
                          for rows in ((0.84, 0.91), (0.4, 0.5), (0.74, 0.79)))  # fmt: skip
    assert row_hiding_feet([chest, feet], boxes, 1000) == pytest.approx(829.5)
    assert row_hiding_feet([chest, shins], boxes, 1000) == np.inf
    assert row_hiding_feet([], boxes, 1000) == np.inf
    assert row_hiding_feet([feet], boxes[2:], 1000) == np.inf
