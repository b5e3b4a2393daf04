"""People cut by the frame, half hidden, walking in, holding things: by the command, on made clips.

The clips are made of one whose whole person is matted well, so that the answer is known.
"""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from dynascene_cli.commands.demo import MEDIA as DEMO_MEDIA
from dynascene_cli.inference.object_detector import COCO
from dynascene_cli.matting import make_matting_model
from dynascene_cli.matting.fusion import harden_off_edges
from dynascene_cli.matting.pose import SIDE, Pose
from dynascene_cli.matting.prop_evidence import is_truncated, looks_like_place
from dynascene_cli.matting.props import add_props, follow_props, no_props
from dynascene_cli.video import open_clip, open_sink, read_frames

COUNT = 6


@pytest.fixture(scope="module")
def person():
    """Frames (COUNT, 1440, 816, 3) of a whole person, and their alphas."""
    frames = list(read_frames(open_clip(DEMO_MEDIA / "gym.mp4"), 0, COUNT))
    model = make_matting_model("bundled")
    state = model.initial_state(np.full(4, np.nan))
    alphas = []
    for frame in frames:
        matte, state = model.step(frame, state)
        alphas.append(matte.alpha)
    return np.stack(frames), np.stack(alphas)


@pytest.fixture(scope="module")
def wall():
    """A place with nobody in it: what is filmed above the person."""
    rows = np.random.default_rng(3).integers(90, 150, (9, 16, 3)).astype(np.uint8)
    return cv2.resize(rows, (640, 480), interpolation=cv2.INTER_CUBIC)


def clip_of(path, frames):
    height, width = frames[0].shape[:2]
    with open_sink(path, width=width, height=height, frame_rate=Fraction(24)) as sink:
        for frame in frames:
            sink.write(np.ascontiguousarray(frame))
    return path


def matted(dynascene, clip, *words):
    """The alphas that the command writes for a clip, and its answer."""
    run = dynascene("matte", clip, "-o", "alpha.%05d.png", "--json", *words)
    assert run.code == 0, run.err
    files = sorted(clip.parent.glob("alpha.*.png"))
    return [np.asarray(PillowImage.open(file).convert("L")) for file in files], run.json


def agreement(found, known):
    """Intersection over union of two alphas' solid parts."""
    a, b = found >= 128, known >= 128
    return (a & b).sum() / max((a | b).sum(), 1)


def part_of(pictures, box):
    x0, y0, x1, y1 = box
    return [picture[y0:y1, x0:x1] for picture in pictures]


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((220, 270, 680, 670), id="waist-up"),
        pytest.param(
            (280, 290, 640, 530),
            id="chest-up",
            marks=pytest.mark.xfail(reason="a bust of 360 x 240 pixels is still lost in this clip"),
        ),
    ],
)
def test_a_person_cut_by_the_frame_is_whole_in_every_frame(dynascene, tmp_path, person, box):
    frames, alphas = person
    clip = clip_of(tmp_path / "cut.mp4", part_of(frames, box))
    found, answer = matted(dynascene, clip)
    assert len(found) == COUNT
    for alpha, known in zip(found, part_of(alphas, box), strict=True):
        assert agreement(alpha, known) > 0.9
        assert (alpha[-1] >= 128).sum() == pytest.approx((known[-1] >= 128).sum(), rel=0.2)
    assert not any("lost" in warning for warning in answer["warnings"])


def test_somebody_who_walks_in_from_the_edge_does_not_pop(dynascene, tmp_path, person, wall):
    frames, alphas = person
    box = (180, 260, 640, 1040)
    cut, known = part_of(frames, box)[0], part_of(alphas, box)[0]
    size = (round(cut.shape[1] * 460 / cut.shape[0]), 460)
    cut, known = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (cut, known))
    made, truth = [], []
    for index in range(10):
        x = -190 + 24 * index
        shift = np.float32([[1, 0, x], [0, 1, 10]])
        alpha = cv2.warpAffine(known, shift, (640, 480))
        share = alpha[..., None] / 255
        made.append(cv2.warpAffine(cut, shift, (640, 480)) * share + wall * (1 - share))
        truth.append(alpha)
    clip = clip_of(tmp_path / "enters.mp4", [np.round(frame).astype(np.uint8) for frame in made])
    found, _ = matted(dynascene, clip)
    shares = [(a >= 128).sum() / (k >= 128).sum() for a, k in zip(found, truth, strict=True)]
    seen = [share for share in shares if share > 0.3]
    assert len(seen) >= 8
    assert np.abs(np.diff(seen)).max() < 0.25
    assert np.mean([agreement(a, k) for a, k in zip(found[3:], truth[3:], strict=True)]) > 0.85


def test_a_desk_in_front_of_the_person_stays_in_the_place(dynascene, tmp_path, person):
    frames, alphas = person
    box = (180, 260, 680, 760)
    desk = 380
    rng = np.random.default_rng(1)
    top = cv2.GaussianBlur(rng.integers(60, 200, (120, 500, 3)).astype(np.uint8), (0, 0), 3)
    made = []
    for frame in part_of(frames, box):
        frame = frame.copy()
        frame[desk:] = top // 2 + np.array([70, 45, 20], np.uint8)
        frame[desk : desk + 12] = (230, 225, 215)
        made.append(frame)
    found, _ = matted(dynascene, clip_of(tmp_path / "desk.mp4", made))
    for alpha, known in zip(found, part_of(alphas, box), strict=True):
        assert agreement(alpha[:desk], known[:desk]) > 0.88
        assert (alpha[desk + 20 :] >= 128).mean() < 0.02


def test_of_two_people_one_is_followed(dynascene, tmp_path, person):
    frames, alphas = person
    box = (150, 240, 650, 680)
    whole = [np.hstack([frame, frame[:, ::-1]]) for frame in part_of(frames, box)]
    clip = clip_of(tmp_path / "two.mp4", whole)
    found, _ = matted(dynascene, clip, "--person", "left")
    for alpha, known in zip(found, part_of(alphas, box), strict=True):
        assert agreement(alpha[:, :500], known) > 0.9
        assert (alpha[:, 500:] >= 128).mean() < 0.01


def test_a_ball_that_leaves_the_hand_stays_with_the_person(dynascene, tmp_path, shared_media):
    frames = [
        cv2.resize(frame[:, 400:1040], (480, 540), interpolation=cv2.INTER_AREA)
        for frame in read_frames(open_clip(shared_media / "clips" / "juggle.mp4"), 11, 23)
    ]
    found, _ = matted(dynascene, clip_of(tmp_path / "ball.mp4", frames))
    white = cv2.inRange(frames[-1], (150, 150, 150), (255, 255, 255))
    ball = cv2.morphologyEx(white, cv2.MORPH_OPEN, np.ones((15, 15), np.uint8))[250:460]
    assert ball.any()
    assert found[-1][250:460][ball > 0].mean() / 255 > 0.9


def test_a_raised_hand_beside_the_detected_box_is_not_sliced(dynascene, tmp_path, shared_media):
    source = open_clip(shared_media / "clips" / "squats.mp4")
    x0, y0, x1, y1 = round(0.15 * 720), round(0.14 * 1280), round(0.95 * 720), round(0.45 * 1280)
    part = [
        cv2.resize(frame[y0:y1, x0:x1], (784, 540), interpolation=cv2.INTER_CUBIC)
        for frame in read_frames(source, 0, 11)
    ]
    alphas, _ = matted(dynascene, clip_of(tmp_path / "clip.mp4", part))
    rights = [int(np.flatnonzero((alpha > 127).any(axis=0))[-1]) for alpha in alphas[8:]]
    assert max(rights) - min(rights) < 30


def test_a_person_without_a_head_is_somebody(dynascene, tmp_path, shared_media):
    source = open_clip(shared_media / "clips" / "runwoman.mp4")
    frames = [frame[190:510, 60:480] for frame in read_frames(source, 0, 4)]
    found, _ = matted(dynascene, clip_of(tmp_path / "torso.mp4", frames))
    for alpha in found:
        assert 0.35 < (alpha >= 128).mean() < 0.8


def somebody(face, limbs):
    """The pose of somebody whose face is at one point, and all the rest at another."""
    return Pose(
        np.array([50.0, 50, 100, 0]),
        np.array([face] * 11 + [limbs] * 28, float),
        np.ones(39),
        1.0,
        np.zeros((SIDE, SIDE), np.float32),
        np.zeros((SIDE, SIDE, 3), np.uint8),
    )


def test_a_head_in_a_bathing_cap_is_no_ball():
    person, alpha = np.array([30.0, 0, 70, 100]), np.zeros((200, 200), np.uint8)
    alpha[10:100, 40:60] = 255
    cap = np.array([[40.0, 0, 60, 22, 0.6, COCO["frisbee"]]])
    for face, taken in (((50, 12), 0), ((50, 30), 1)):
        held = follow_props(no_props(), cap, somebody(face, (50, 20)), person, alpha)
        assert len(held.boxes) == taken


def test_what_a_hand_touches_is_taken_up_and_followed_and_furniture_is_not():
    hands = somebody((50, 8), (50, 50))
    person, alpha = np.array([30.0, 0, 70, 100]), np.zeros((200, 200), np.uint8)
    ball, suitcase = [45, 45, 57, 57, 0.6, COCO["sports ball"]], [48, 48, 60, 90, 0.4, 28]
    far = [150, 45, 162, 57, 0.9, COCO["sports ball"]]
    things = np.array([ball, suitcase, far], float)
    held = follow_props(no_props(), things, hands, person, alpha)
    assert held.kinds.tolist() == [COCO["sports ball"]]
    for step in range(1, 4):
        thrown = np.array([[45 + 8 * step, 45, 57 + 8 * step, 57, 0.3, COCO["sports ball"]]], float)
        held = follow_props(held, thrown, hands, person, alpha)
    np.testing.assert_allclose(held.boxes, [[69, 45, 81, 57]])
    unseen = follow_props(held, np.zeros((0, 6)), hands, person, alpha)
    np.testing.assert_allclose(unseen.boxes, [[77, 45, 89, 57]])


def test_a_ball_that_leaves_the_picture_is_not_followed_into_a_hand():
    person, alpha = np.array([30.0, 0, 70, 100]), np.zeros((200, 200), np.uint8)
    held = replace(
        no_props(),
        boxes=np.array([[40.0, 150, 60, 170]]),
        kinds=np.array([COCO["sports ball"]]),
        unseen=np.array([0]),
        motions=np.array([[0.0, 8]]),
        masks=np.zeros((1, SIDE, SIDE), np.float32),
        images=np.zeros((1, SIDE, SIDE, 3), np.uint8),
        crops=np.full((1, 4), np.nan),
    )
    hand = np.array([[38.0, 125, 60, 148, 0.3, COCO["teddy bear"]]])
    assert follow_props(held, hand, None, person, alpha).unseen.tolist() == [1]
    renamed = np.array([[41.0, 157, 61, 177, 0.3, COCO["teddy bear"]]])
    np.testing.assert_allclose(
        follow_props(held, renamed, None, person, alpha).boxes, renamed[:, :4]
    )


def test_a_box_around_ball_and_shoe_is_neither_the_ball_nor_another():
    person, alpha = np.array([30.0, 0, 70, 100]), np.zeros((200, 200), np.uint8)
    ball = np.array([[40.0, 70, 60, 90, 0.6, COCO["sports ball"]]])
    alpha[60:100, 40:50] = 255
    held = follow_props(no_props(), ball, None, person, alpha)
    assert len(held.boxes) == 1
    both = np.array([[40.0, 70, 60, 108, 0.4, COCO["frisbee"]]])
    after = follow_props(held, both, None, person, alpha)
    assert after.unseen.tolist() == [1]
    np.testing.assert_allclose(after.boxes, ball[:, :4])
    blurred = np.array([[40.0, 66, 60, 92, 0.4, COCO["frisbee"]]])
    np.testing.assert_allclose(
        follow_props(held, blurred, None, person, alpha).boxes, blurred[:, :4]
    )


def test_what_was_held_before_needs_a_fainter_look_to_be_taken_up_again():
    person, alpha = np.array([30.0, 0, 70, 100]), np.zeros((200, 200), np.uint8)
    alpha[60:100, 40:60] = 255
    faint = np.array([[35.0, 70, 65, 110, 0.3, COCO["sports ball"]]])
    assert len(follow_props(no_props(), faint, None, person, alpha).boxes) == 0
    before = no_props(np.array([COCO["sports ball"]]))
    assert follow_props(before, faint, None, person, alpha).kinds.tolist() == before.known.tolist()


def test_a_piece_of_the_place_is_no_thing():
    window = np.zeros((SIDE, SIDE), bool)
    window[80:180, 90:160] = True
    nowhere = np.zeros((SIDE, SIDE), bool)
    thing, piece = np.zeros((2, SIDE, SIDE), np.float32)
    thing[95:165, 100:150] = 1
    piece[60:200, 70:140] = 1
    assert not is_truncated(thing, window, nowhere)
    assert is_truncated(piece, window, nowhere)
    assert not is_truncated(piece, window, piece > 0)
    colours = np.random.default_rng(1).integers(0, 120, (SIDE, SIDE, 3)).astype(np.uint8)
    inside, around = thing > 0, ~window
    assert looks_like_place(colours, inside, around)
    colours[inside] += 130
    assert not looks_like_place(colours, inside, around)


def test_a_ball_that_never_stood_out_is_not_drawn():
    frame = np.full((200, 200, 3), 120, np.uint8)
    alpha = np.zeros((200, 200), np.uint8)
    alpha[60:180, 80:120] = 255
    person, ball = np.array([70.0, 50, 130, 190]), np.array([[130.0, 60, 160, 90]])
    held = replace(
        no_props(),
        boxes=ball,
        kinds=np.array([COCO["sports ball"]]),
        unseen=np.array([0]),
        motions=np.zeros((1, 2)),
        masks=np.zeros((1, SIDE, SIDE), np.float32),
        images=np.zeros((1, SIDE, SIDE, 3), np.uint8),
        crops=np.full((1, 4), np.nan),
    )
    plain, _, _ = add_props(frame, alpha, held, person, True)
    assert not plain[60:90, 132:].any()
    known = replace(held, masks=np.ones((1, SIDE, SIDE), np.float32))
    round_again, _, _ = add_props(frame, alpha, known, person, True)
    assert round_again[75, 145] > 200


def test_doubt_is_no_glass():
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[60:200, 60:200] = 0.6
    mask[20:40, 20:40] = 0.4
    decided = harden_off_edges(mask)
    assert decided[130, 130] > 0.95
    assert decided[30, 30] == 0
    assert decided[60, 130] == pytest.approx(0.6)
