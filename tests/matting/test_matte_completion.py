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


def wheeled(number):
    """Somebody who rides over the picture: body, frame of the bicycle, and discs of its wheels."""
    x = 70 + 7 * number
    body, bicycle, discs = (np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(3))
    cv2.rectangle(body, (x - 14, 70), (x + 14, 150), 255, -1)
    for hub in (x - 30, x + 30):
        cv2.circle(discs, (hub, 170), 24, 255, -1)
        cv2.circle(bicycle, (hub, 170), 23, 255, 3)
        cv2.line(bicycle, (hub, 170), (x, 140), 255, 4)
    return body, cv2.min(bicycle, 255 - body), cv2.min(discs, 255 - body)


@pytest.mark.parametrize("pan", [0.0, 5.0])
def test_the_place_is_gone_between_spokes(wall, pan):
    frames, bicycles, discs, patches = [], [], [], []
    for number in range(COUNT):
        frame = filmed(wall, number, min(pan, 120 / COUNT))
        patch = np.zeros((HEIGHT, WIDTH), np.uint8)
        patch[90:102, 85 + 7 * number : 95 + 7 * number] = 255
        body, bicycle, disc = wheeled(number)
        frame[body > 0], frame[bicycle > 0] = (40, 60, 160), (200, 30, 20)
        rows, columns = np.nonzero(cv2.max(bicycle, disc))
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)
        blurred = cv2.GaussianBlur(cv2.max(disc // 2, bicycle), (0, 0), 3)
        made = replace(
            empty_matte(HEIGHT, WIDTH),
            alpha=cv2.max(cv2.max(body, patch), blurred),
            body=cv2.max(body, patch),
            props=box[None],
            held=np.array([COCO["bicycle"]]),
        )
        frames.append((frame, made))
        bicycles.append(bicycle)
        patches.append((body, patch))
        discs.append(cv2.min(disc, 255 - cv2.dilate(bicycle, np.ones((5, 5), np.uint8))))
    for alpha, (_, made), bicycle, between, (body, patch) in zip(
        completed(frames), frames, bicycles, discs, patches, strict=True
    ):
        assert alpha[between > 0].mean() < 4 < 60 < made.alpha[between > 0].mean()
        assert share_of(alpha, bicycle) > 0.97
        assert (alpha[body > 0] > 240).all()
        assert share_of(alpha, patch) < 0.1


def test_what_stands_still_before_a_place_that_nothing_shows_stays_as_it_is(wall):
    """Nobody knows what is between the spokes of a bicycle that never moves."""
    body, bicycle, disc = wheeled(8)
    frame = filmed(wall, 0, 0.0)
    frame[body > 0], frame[bicycle > 0] = (40, 60, 160), (200, 30, 20)
    made = replace(
        empty_matte(HEIGHT, WIDTH),
        alpha=cv2.max(body, disc // 2),
        body=body,
        props=np.array([[70.0, 140.0, 182.0, 196.0]]),
        held=np.array([COCO["bicycle"]]),
    )
    for alpha in completed([(frame, made)] * 6):
        np.testing.assert_array_equal(alpha, made.alpha)
