"""The wheels of a bicycle are found as rings, followed, and whole where grass hides a part."""

import cv2
import numpy as np
import pytest

from dynascene_cli.matting import (
    HiddenRun,
    Wheel,
    WheelView,
    complete_wheels,
    expected_radii,
    find_wheels,
    runs_between,
    track_wheel,
)

WIDTH, HEIGHT = 200, 120
BOX = np.array([40.0, 30, 160, 100])
TYRE, GROUND, GRASS = (30, 25, 35), (150, 140, 130), (120, 190, 40)
LEFT, RIGHT = Wheel(70, 70, 24, 0.8, 0.1), Wheel(130, 68, 24, 0.7, 0.1)
FRAMES = 9
OVERGROWN = (0, 1, 7, 8)


def moved(wheel, index):
    return Wheel(wheel.x + index, wheel.y - index / 2, wheel.radius, wheel.width, wheel.tilt)


def drawn(wheels, grass_from=None):
    """A frame of wheels before the ground, the matte of what is seen, and of all."""
    frame = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    for wheel in wheels:
        radius, _ = wheel.polar(*np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)))
        whole[(radius > 0.82) & (radius < 1.02)] = 255
    frame[whole > 0] = TYRE
    seen = whole.copy()
    if grass_from is not None:
        frame[grass_from:], seen[grass_from:] = GRASS, 0
    return frame, seen, whole


def shots():
    """Frames in which grass hides the lower quarter of the wheels, and others between."""
    for index in range(FRAMES):
        wheels = moved(LEFT, index), moved(RIGHT, index)
        yield drawn(wheels, 85 if index in OVERGROWN else None)


def tracked(pictures):
    views = {
        index: WheelView(frame.astype(np.float32), seen.astype(np.float32) / 255)
        for index, (frame, seen, _) in enumerate(pictures)
    }
    found = {index: find_wheels(view.alpha, BOX) for index, view in views.items()}
    radii = expected_radii(found, views)
    return [
        track_wheel(views, {i: each[side] for i, each in found.items()}, radii) for side in (0, 1)
    ]


def test_rings_are_found_where_they_are():
    found = find_wheels(drawn((LEFT, RIGHT))[1].astype(np.float32) / 255, BOX)
    for (wheel, clarity), truth in zip(found, (LEFT, RIGHT), strict=True):
        assert abs(wheel.x - truth.x) <= 3 and abs(wheel.y - truth.y) <= 3
        assert wheel.radius == pytest.approx(truth.radius, rel=0.12)
        assert clarity > 0.5


def test_a_disc_is_no_wheel():
    """A person's body is none, and what is found in it is not clear enough to be followed."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(alpha, (100, 66), 30, 1.0, -1)
    assert all(clarity < 0.5 for _, clarity in find_wheels(alpha, BOX))


def test_a_wheel_in_the_grass_is_where_the_rest_of_it_tells():
    tracks = tracked(list(shots()))
    for track, first in zip(tracks, (LEFT, RIGHT), strict=True):
        for index in range(FRAMES):
            wheel, truth = track.wheels[index], moved(first, index)
            assert abs(wheel.x - truth.x) < 2 and abs(wheel.y - truth.y) < 3
            assert wheel.radius == pytest.approx(truth.radius, rel=0.13)
            assert wheel.width == pytest.approx(truth.width, abs=0.13)


def test_wheels_that_are_never_clear_are_not_followed():
    pictures = [drawn((moved(LEFT, index), moved(RIGHT, index)), 50) for index in range(FRAMES)]
    assert all(track is None for track in tracked(pictures))


@pytest.mark.parametrize("index", OVERGROWN)
def test_what_grass_hides_of_a_wheel_is_put_in(index):
    pictures = list(shots())
    tracks = tracked(pictures)
    frame, seen, whole = pictures[index]
    colours, alpha = complete_wheels(
        frame, seen, [(track.wheels[index], track.look) for track in tracks]
    )
    tyre = cv2.erode(whole, np.ones((2, 2), np.uint8)) > 0
    assert (alpha[tyre] > 127).mean() > (seen[tyre] > 127).mean() + 0.03
    lost = tyre & (seen == 0) & (alpha > 200)
    assert lost.sum() > 30
    apart = np.abs(colours[lost].astype(int) - TYRE).max(axis=1)
    assert np.median(apart) < 40
    # The hollow stays hollow, and nothing is put in around the wheels.
    assert (alpha[cv2.dilate(whole, np.ones((7, 7), np.uint8)) == 0] == 0).all()


def test_ground_around_a_wheel_goes_and_a_foot_before_it_stays():
    pictures = list(shots())
    tracks = tracked(pictures)
    frame, seen, _ = pictures[4]
    rag, foot = np.zeros_like(seen), np.zeros_like(seen)
    left, right = (track.wheels[4] for track in tracks)
    cv2.circle(rag, (round(left.x - 20), round(left.y + 16)), 3, 255, -1)
    rag[seen > 0] = 0
    cv2.circle(foot, (round((left.x + right.x) / 2) - 8, round(left.y) + 4), 6, 255, -1)
    frame = frame.copy()
    frame[rag > 0], frame[foot > 0] = GRASS, (240, 240, 240)
    wheels = [(left, tracks[0].look), (right, tracks[1].look)]
    colours, alpha = complete_wheels(frame, cv2.max(cv2.max(seen, rag), foot), wheels)
    outside = (rag > 0) & (left.polar(*np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)))[0] > 1.12)
    assert outside.sum() > 5 and alpha[outside].mean() < 64
    assert (alpha[foot > 0] > 250).all()
    assert np.abs(colours[foot > 0].astype(int) - 240).mean() < 20


def test_a_run_ends_where_the_person_is_known_to_be_whole():
    run = HiddenRun(12, 23)
    assert runs_between(run, {}, 24.0) == [run]
    assert runs_between(run, {11: 0.1, 12: 0.1, 26: 0.3, 27: 0.3}, 24.0)[0] == HiddenRun(12, 26)
    # A frame that is far more certain is worth a longer run, and none is longer than a second.
    assert runs_between(run, {12: 0.1, 26: 0.9, 28: 0.2}, 24.0)[0] == HiddenRun(12, 28)
    assert runs_between(run, {12: 0.1, 26: 0.3}, 12.0) == [run]
