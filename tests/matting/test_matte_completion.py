"""Parts of a person that the frames around tell of, where the networks miss them."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from dynascene_cli.inference.object_detector import COCO
from dynascene_cli.matting.base import empty_matte
from dynascene_cli.matting.completion import MatteCompletion
from dynascene_cli.video import open_clip, open_sink, read_frames

HEIGHT, WIDTH, COUNT = 240, 400, 30


@pytest.fixture(scope="module")
def wall():
    """A textured place, wider than the picture, that a camera pans over."""
    rows = np.random.default_rng(5).integers(110, 190, (24, 60, 3)).astype(np.uint8)
    return cv2.resize(rows, (WIDTH + 120, HEIGHT), interpolation=cv2.INTER_CUBIC)


def filmed(wall, number, pan):
    """A frame's background, the camera panned by ``pan`` pixels a frame."""
    return wall[:, round(pan * number) : round(pan * number) + WIDTH].copy()


def figure(number):
    """A body, and a limb that swings down from it: masks (H, W) of frame ``number``."""
    body, limb = (np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(2))
    cv2.rectangle(body, (150, 60), (190, 200), 255, -1)
    angle = np.deg2rad(-60 + 11 * number)
    end = (round(180 + 90 * np.cos(angle)), round(80 + 90 * np.sin(angle)))
    cv2.line(limb, (180, 80), end, 255, 14)
    return body, cv2.min(limb, 255 - body)


def scene(wall, pan):
    for number in range(COUNT):
        frame, (body, limb) = filmed(wall, number, pan), figure(number)
        frame[body > 0] = (40, 60, 160)
        frame[limb > 0] = (60, 30, 20)
        yield frame, body, limb


def completed(frames, beginning=True):
    return [made.alpha for made in MatteCompletion(beginning).complete(iter(frames))]


def share_of(alpha, part):
    return float((alpha[part > 0] > 128).mean())


@pytest.mark.parametrize("pan", [0.0, 2.0])
def test_a_limb_that_the_first_frames_miss_is_found_by_those_after(wall, pan):
    frames, limbs = [], []
    for number, (frame, body, limb) in enumerate(scene(wall, pan)):
        seen = body if number < 2 else cv2.max(body, limb)
        came = 0.2 if number == 2 else 0.0
        made = replace(empty_matte(HEIGHT, WIDTH), alpha=seen, found=True, came=came)
        frames.append((frame, made))
        limbs.append(limb)
    alphas = completed(frames)
    assert all(share_of(alphas[i], limbs[i]) > 0.9 for i in (0, 1))
    assert all((alphas[i][(limbs[i] == 0) & (frames[i][1].alpha == 0)] > 128).mean() < 0.01
               for i in (0, 1))  # fmt: skip
    assert all(np.array_equal(alphas[i], frames[i][1].alpha) for i in range(3, COUNT))
    later_chunk = completed(frames, beginning=False)
    assert np.array_equal(later_chunk[0], frames[0][1].alpha)


def test_a_beginning_that_came_whole_stays_as_it_is(wall):
    frames = []
    for frame, body, _ in scene(wall, 0.0):
        frames.append((frame, replace(empty_matte(HEIGHT, WIDTH), alpha=body, found=True)))
    assert all(
        np.array_equal(a, b[1].alpha) for a, b in zip(completed(frames), frames, strict=True)
    )


def test_a_racket_that_the_detector_missed_sticks_out_and_the_place_does_not(wall):
    racket = np.array([COCO["tennis racket"]])
    frames, limbs = [], []
    ghost = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(ghost, (150, 100), (90, 60), 255, 3)
    for number, (frame, body, limb) in enumerate(scene(wall, 1.0)):
        missed = 10 <= number <= 13
        alpha = cv2.max(body, ghost if missed else limb)
        held = racket if number < 10 else np.zeros(0, int)
        made = replace(empty_matte(HEIGHT, WIDTH), alpha=alpha, found=True, held=held)
        frames.append((frame, made))
        limbs.append(limb)
    alphas = completed(frames)
    for i in range(10, 14):
        assert share_of(alphas[i], limbs[i]) > 0.75
        assert (
            share_of(alphas[i], cv2.min(ghost, 255 - cv2.dilate(figure(i)[0], np.ones((9, 9)))))
            < 0.1
        )


@pytest.mark.media
def test_a_dancer_who_begins_with_legs_in_the_air_has_them(dynascene, tmp_path, shared_media):
    source = open_clip(shared_media / "clips" / "breakdance.mp4", start=1.0, end=2.15)
    clip = tmp_path / "dancer.mp4"
    with open_sink(clip, width=480, height=272, frame_rate=Fraction(24)) as sink:
        for frame in read_frames(source):
            small = cv2.resize(frame, (480, 272), interpolation=cv2.INTER_AREA)
            sink.write(np.asarray(small, np.uint8))
    run = dynascene("matte", clip, "-o", tmp_path / "alpha.%03d.png", "--json")
    assert run.code == 0, run.err
    alpha = cv2.imread(str(tmp_path / "alpha.001.png"), cv2.IMREAD_GRAYSCALE)
    near_shoe, far_leg = alpha[85:120, 370:385], alpha[85:92, 400:440]
    assert (near_shoe > 128).mean() > 0.9
    assert (far_leg > 128).mean() > 0.8
    assert not any("missing from the matte" in told for told in run.json["warnings"])


def test_what_is_taken_for_a_racket_but_looks_as_the_place_does_goes(wall):
    racket = np.array([COCO["tennis racket"]])
    frames, limbs = [], []
    patch = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.rectangle(patch, (90, 60), (140, 110), 255, -1)
    for number, (frame, body, limb) in enumerate(scene(wall, 1.0)):
        alpha = cv2.max(body, patch if 10 <= number <= 13 else limb)
        made = replace(
            empty_matte(HEIGHT, WIDTH), alpha=alpha, found=True, held=racket, body=body.copy()
        )
        frames.append((frame, made))
        limbs.append(limb)
    alphas = completed(frames)
    for i in range(10, 14):
        assert share_of(alphas[i], patch) < 0.02
        assert share_of(alphas[i], limbs[i]) > 0.75
        assert share_of(alphas[i], figure(i)[0]) > 0.99


@pytest.mark.media
def test_a_tennis_racket_is_whole_through_the_stroke(dynascene, tmp_path, shared_media):
    source = shared_media / "clips" / "tennis"
    run = dynascene(
        "matte", source, "--fps", "24", "--end", "1.2", "-o", tmp_path / "a.%05d.png", "--json"
    )
    assert run.code == 0, run.err
    alphas = [cv2.imread(str(path), 0) for path in sorted(tmp_path.glob("a.*.png"))]
    blurred, above_the_head = alphas[22][86:98, 80:104], alphas[23][42:50, 138:146]
    assert (blurred > 60).mean() > 0.9
    assert (above_the_head > 60).mean() > 0.7
    wall_beside_the_racket = alphas[19][92:102, 45:80]
    assert (wall_beside_the_racket > 60).mean() < 0.05
