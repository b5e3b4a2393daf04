"""Somebody who passes behind a post is shown whole; whoever only changes their shape stays so."""

import cv2
import numpy as np
import pytest

from dynascene_cli.matting import (
    HiddenRun,
    WholePerson,
    alpha_box,
    complete_hidden,
    find_passage,
    hidden_runs,
    reduce_image,
    reduction_for,
)

WIDTH, HEIGHT = 400, 240
FRAMES, BEFORE, AFTER = 22, 4, 17
POST = slice(185, 225)


def texture(seed, height, width, cells):
    noise = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3)).astype(np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


WALL = texture(0, HEIGHT, WIDTH, 24) // 3
SKIN = 90 + texture(1, 160, 80, 8) // 2
WOOD = texture(2, HEIGHT, WIDTH, 12) // 6 + np.uint8([10, 60, 10])


def body(height):
    """A figure's outline (160, 80) that is so high, standing at its lower edge."""
    outline = np.zeros((160, 80), np.uint8)
    top = 158 - height
    cv2.ellipse(outline, (40, top + height * 5 // 8), (26, height * 3 // 8), 0, 0, 360, 255, -1)
    cv2.circle(outline, (40, top + 18), 18, 255, -1)
    return outline


def filmed(index, *, step=12, height=150, post=POST):
    """A frame, the matte of what is seen of the figure, and that of all of it."""
    x, frame = 60 + step * index, WALL.copy()
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    whole[60:220, x : x + 80] = body(height)
    frame[60:220, x : x + 80] = np.where(
        whole[60:220, x : x + 80, None] > 0, SKIN, frame[60:220, x : x + 80]
    )
    seen = whole.copy()
    frame[:, post], seen[:, post] = WOOD[:, post], 0
    return frame, seen, whole


def passed(shots):
    frames, seen, whole = (list(each) for each in zip(*shots, strict=True))
    reduction = reduction_for(seen[BEFORE])
    run = HiddenRun(BEFORE, AFTER)
    images = [reduce_image(frame, reduction) for frame in frames]
    way = find_passage(
        run, 0, images, [reduce_image(each, reduction) for each in seen], (WIDTH, HEIGHT)
    )
    return way, frames, seen, whole


def completed(way, frames, seen, index):
    people = tuple(WholePerson(frames[each], seen[each]) for each in (BEFORE, AFTER))
    part = complete_hidden(way, index, people, WholePerson(frames[index], seen[index]))
    return (
        (frames[index], seen[index]) if part is None else part.laid_over(frames[index], seen[index])
    )


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_post_hides_is_carried_on(fails):
    """Also where the mattes fail while it does, as they do."""
    way, frames, seen, whole = passed([filmed(index) for index in range(FRAMES)])
    assert way is not None
    areas = []
    for index in range(BEFORE + 1, AFTER):
        hidden = (seen[index] < whole[index]).any()
        if fails and hidden:
            seen[index] = np.zeros_like(seen[index])
        frame, alpha = completed(way, frames, seen, index)
        assert overlap(alpha > 127, whole[index] > 127) > 0.93
        inside = cv2.erode(whole[index], np.ones((9, 9), np.uint8)) > 0
        truth = filmed(index, post=slice(0, 0))[0]
        assert np.abs(frame.astype(int) - truth)[inside].mean() < 12
        areas.append((alpha > 127).sum())
    assert max(areas) < 1.08 * min(areas)


def test_what_a_frame_shows_of_them_stays():
    way, frames, seen, whole = passed([filmed(index) for index in range(FRAMES)])
    index = (BEFORE + AFTER) // 2
    frame, alpha = completed(way, frames, seen, index)
    away = cv2.dilate(whole[index] - seen[index], np.ones((41, 41), np.uint8)) == 0
    assert (frame[away] == frames[index][away]).all()
    assert (alpha[away] == seen[index][away]).all()


def test_somebody_who_crouches_and_rises_stays_as_they_are():
    heights = 150 - np.round(70 * np.sin(np.pi * np.clip((np.arange(FRAMES) - 4) / 13, 0, 1)))
    for step in (0, 6):
        shots = [
            filmed(index, step=step, height=int(height), post=slice(0, 0))
            for index, height in enumerate(heights)
        ]
        assert passed(shots)[0] is None


def test_what_somebody_carries_before_them_hides_nothing():
    shots = []
    for index in range(FRAMES):
        held = slice(85 + 6 * index, 115 + 6 * index) if BEFORE < index < AFTER else slice(0, 0)
        shots.append(filmed(index, step=6, post=held))
    assert passed(shots)[0] is None


def test_somebody_who_crosses_the_other_way_is_no_post():
    shots = []
    for index in range(FRAMES):
        left = 300 - 12 * index
        shots.append(filmed(index, step=8, post=slice(max(0, left), max(0, left + 50))))
    assert passed(shots)[0] is None


def notes(area, **changed):
    area = np.array(area, float)
    frames = len(area)
    none = np.zeros(frames, bool)
    made = {"area": area, "filled": none, "found": ~none, "faded": np.zeros(frames)}
    return {**made, "touched": np.zeros((frames, 4), bool), **changed}


def test_it_is_looked_for_where_little_is_left_for_a_moment():
    area = [0.1] * 20 + [0.08, 0.05, 0.01, 0.02, 0.06] + [0.1] * 20
    assert list(hidden_runs(notes(area), 24.0)) == [HiddenRun(19, 25)]
    found = np.ones(45, bool)
    found[22:24] = False
    assert list(hidden_runs(notes(area, found=found), 24.0)) == [HiddenRun(19, 25)]


@pytest.mark.parametrize(
    "area",
    [
        [0.1] * 45,
        [0.1] * 20 + [0.07] * 5 + [0.1] * 20,
        [0.1] * 20 + [0.02] * 12 + [0.1] * 20,
        [0.02] * 5 + [0.1] * 40,
        [0.1] * 40 + [0.02] * 5,
    ],
    ids=["whole", "smaller", "too long", "not whole before", "not whole after"],
)
def test_it_is_not_looked_for_elsewhere(area):
    assert list(hidden_runs(notes(area), 10.0)) == []


def test_somebody_whom_the_picture_cuts_is_not_whole():
    area = [0.1] * 20 + [0.01] * 4 + [0.1] * 20
    touched = np.zeros((44, 4), bool)
    touched[:20, 3] = True
    assert list(hidden_runs(notes(area, touched=touched), 24.0)) == []


def test_a_part_is_laid_over_a_smaller_frame_too():
    way, frames, seen, whole = passed([filmed(index) for index in range(FRAMES)])
    index = (BEFORE + AFTER) // 2
    people = tuple(WholePerson(frames[each], seen[each]) for each in (BEFORE, AFTER))
    part = complete_hidden(way, index, people, WholePerson(frames[index], seen[index]))
    small = [cv2.resize(each[index], None, fx=0.5, fy=0.5) for each in (frames, seen)]
    _, alpha = part.resized(0.5).laid_over(*small)
    truth = alpha_box(whole[index]) / 2
    assert np.abs(alpha_box(alpha) - truth).max() < 3
