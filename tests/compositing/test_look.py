import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.compositing.linear_light import LUMA
from dynascene_cli.compositing.look import Look, LookSample, clip_moment, measure_look, plate_gains
from dynascene_cli.compositing.sharpness import SHARP, edge_softness, missing_blur
from dynascene_cli.errors import InputError

WIDTH, HEIGHT = 320, 240


def patches(brightness, tint=(1.0, 1.0, 1.0), seed=0, blur=0.0):
    generator = np.random.default_rng(seed)
    grey = generator.uniform(0.3, 1.0, (HEIGHT // 16, WIDTH // 16, 1))
    large = np.repeat(np.repeat(grey, 64, 0), 64, 1) * brightness * tint
    large = np.clip(large, 0, 255).astype(np.uint8)
    if blur:
        large = cv2.GaussianBlur(large, (0, 0), 4 * blur)
    return cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def person():
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[40:200, 120:200] = 255
    return alpha


def look(frame, plate, similarity=None):
    similarity = np.eye(2, 3) if similarity is None else similarity
    return measure_look([LookSample(clip_moment(frame, person()), plate, similarity)])


@given(st.tuples(*[st.floats(-20, 20)] * 3))
def test_gains_keep_their_limits_whatever_was_measured(differences):
    red, green, blue = plate_gains(np.array(differences))
    assert 2**-0.5 - 1e-9 <= np.dot(LUMA, (red, green, blue)) <= 2**0.5 + 1e-9
    assert 0.92 - 1e-9 <= red / green <= 1.08 + 1e-9
    assert 0.92 - 1e-9 <= blue / green <= 1.08 + 1e-9


def test_a_plate_like_the_clip_is_left_alone():
    assert look(patches(200), patches(200, seed=1)).plate_gains == pytest.approx((1, 1, 1), abs=0.1)


def test_a_dark_plate_is_brightened_and_a_bright_one_darkened():
    assert 1.1 < min(look(patches(220), patches(110, seed=1)).plate_gains) <= 2**0.5
    assert 2**-0.5 <= max(look(patches(110), patches(220, seed=1)).plate_gains) < 0.95


def test_a_plate_is_warmed_towards_a_warm_clip():
    red, green, blue = look(patches(200, (1.0, 0.85, 0.65)), patches(190, seed=1)).plate_gains
    assert red > green > blue


def test_dark_clothes_alone_do_not_darken_the_plate():
    frame = patches(200)
    frame[person() > 0] = frame[person() > 0] // 4
    assert min(look(frame, patches(200, seed=1)).plate_gains) > 0.9


@pytest.mark.parametrize("blur", [0.6, 1.0, 1.6])
def test_softness_of_edges_is_measured(blur):
    found = edge_softness(patches(230, blur=blur))
    assert found == pytest.approx(np.hypot(SHARP, blur), rel=0.12)


def test_a_sharp_plate_is_blurred_to_a_soft_clip_and_never_the_reverse():
    soft = look(patches(230, blur=1.2), patches(230, seed=1)).plate_blur
    assert 0.3 <= soft <= 1.6 / 1080 * HEIGHT or soft == 0.0
    assert look(patches(230), patches(230, seed=1, blur=1.2)).plate_blur == 0.0
    assert missing_blur(1.5, 0.9, 3.0) == pytest.approx(1.2)
    assert missing_blur(0.9, 1.5, 3.0) == 0.0
    assert missing_blur(9.0, 0.9, 1.6) == 1.6


def test_grain_of_the_person_is_given_to_the_plate():
    generator = np.random.default_rng(3)
    noise = generator.normal(0, 3, (HEIGHT, WIDTH, 3))
    frame = np.clip(150 + noise, 0, 255).astype(np.uint8)
    plate = np.full_like(frame, 150)
    assert look(frame, plate).grain == pytest.approx(3.0, rel=0.4)
    assert look(plate, frame).grain == 0.0


def test_flat_light_has_little_contrast_and_hard_light_much():
    plate = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    assert look(patches(200), plate).contrast == 0.0
    plate[:, :160] = 20
    assert look(patches(200), plate).contrast > 0.8


def test_a_clip_of_nobody_still_has_a_look():
    nobody = clip_moment(patches(200), np.zeros((HEIGHT, WIDTH), np.uint8))
    sample = LookSample(nobody, patches(90, seed=2))
    assert measure_look([sample]).plate_gains == (1.0, 1.0, 1.0)


def test_no_sample_is_an_error():
    with pytest.raises(InputError, match="no frame to measure the look from"):
        measure_look([])


def test_a_look_is_plain_numbers():
    found = look(patches(220), patches(110, seed=1))
    assert all(type(gain) is float for gain in found.plate_gains)
    assert isinstance(found, Look)
    assert {type(found.plate_blur), type(found.grain), type(found.contrast)} == {float}


def test_a_plate_more_than_a_stop_darker_grades_the_person_towards_it():
    day, night = patches(220), patches(70)
    found = look(day, night)
    assert found.exposure_gap > 1
    assert found.is_mismatched
    assert np.dot(LUMA, found.person_gains) == pytest.approx(2**found.grade_stops)
    assert -0.6 <= found.grade_stops < -0.5
    near = look(day, patches(200))
    assert not near.is_mismatched
    assert near.person_gains == pytest.approx([1 / gain for gain in near.plate_gains])
    assert look(patches(60), day).exposure_gap < -1
    assert 0.5 < look(patches(60), day).grade_stops <= 0.6


def test_who_was_filmed_against_the_light_is_told_from_who_wears_dark_clothes():
    frame = patches(230)
    dark = frame.copy()
    dark[person() > 0] = dark[person() > 0] // 3
    assert look(dark, patches(200, seed=1)).silhouette == 0
    black = frame.copy()
    black[person() > 0] = 10
    found = look(black, patches(200, seed=1))
    assert 3.5 < found.silhouette < 9
    assert found.person_lift == min(0.5 * found.silhouette, 2.2)
    assert np.dot(LUMA, found.person_gains) == pytest.approx(1)
    assert look(black, np.full_like(frame, 12)).silhouette == 0
