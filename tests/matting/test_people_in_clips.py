"""The bundled model on real clips: who is found, resumed to the bit, and who is refused."""

import io
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dynascene_cli.errors import InputError
from dynascene_cli.matting import (
    NobodyError,
    alpha_box,
    following_state,
    lost_ranges,
    make_matting_model,
    matte_of_given_alpha,
    people_in_photo,
    pixels_of_people,
    select_person,
)
from dynascene_cli.matting.external import PAUSE
from dynascene_cli.matting.person_detector import people_boxes
from dynascene_cli.shot import LANDMARKS, Clip, ColourTags

UNKNOWN = np.full(4, np.nan)
DEMO = Path(__file__).resolve().parents[2] / "dynascene_cli" / "demo_media" / "gym.mp4"


def frames_of(path, count, height=480):
    with av.open(str(path)) as container:
        for frame in islice(container.decode(video=0), count):
            picture = frame.to_ndarray(format="rgb24")
            scale = height / picture.shape[0]
            yield cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def pictures_of(frames):
    return lambda indices: [frames[index] for index in indices]


def clip_of(frames, path="clip.mp4"):
    count = len(frames)
    return Clip(
        path=Path(path),
        kind="video",
        width=frames[0].shape[1],
        height=frames[0].shape[0],
        frame_rate=Fraction(24),
        source_frames=tuple(range(count)),
        source_times=tuple(Fraction(i, 24) for i in range(count)),
        rotation=0,
        colour=ColourTags("bt709", False, "sdr"),
        bit_depth=8,
        codec="h264",
        variable_rate=False,
        has_audio=False,
        start=Fraction(0),
        end=None,
    )


@pytest.fixture(scope="module")
def gym():
    if not DEMO.is_file():
        pytest.skip("needs the demo clip")
    return list(frames_of(DEMO, 8, 640))


@pytest.fixture(scope="module")
def crowd(shared_media):
    return list(frames_of(shared_media / "clips" / "crowd.mp4", 4, 640))


def test_one_person_is_found(gym):
    boxes = people_boxes(gym[0])
    assert len(boxes) == 1
    casting = select_person(clip_of(gym), pictures_of(gym))
    assert casting.frame == 0
    np.testing.assert_array_equal(casting.box, boxes[0, :4])


def test_a_run_that_is_killed_and_resumed_gives_the_same_bytes(gym):
    model = make_matting_model("bundled")
    state = model.initial_state(UNKNOWN)
    whole = []
    for frame in gym:
        matte, state = model.step(frame, state)
        whole.append(matte)
    state = model.initial_state(UNKNOWN)
    for index, frame in enumerate(gym):
        saved = io.BytesIO()
        np.savez(saved, **state)
        saved.seek(0)
        with np.load(saved) as loaded:
            matte, state = model.step(frame, dict(loaded))
        np.testing.assert_array_equal(matte.alpha, whole[index].alpha)
        np.testing.assert_array_equal(matte.landmarks, whole[index].landmarks)


def test_landmarks_lie_on_the_person(gym):
    model = make_matting_model("bundled")
    matte, _ = model.step(gym[0], model.initial_state(UNKNOWN))
    assert matte.found
    x0, y0, x1, y1 = alpha_box(matte.alpha)
    points = dict(zip(LANDMARKS, matte.landmarks, strict=True))
    height = y1 - y0
    assert points["head_top"][1] == pytest.approx(y0, abs=0.03 * height)
    heels = max(points["left_heel"][1], points["right_heel"][1])
    assert heels == pytest.approx(y1, abs=0.06 * height)
    assert (matte.landmarks[:, 0] > x0 - 0.1 * height).all()
    assert (matte.landmarks[:, 0] < x1 + 0.1 * height).all()


def test_a_given_alpha_stays_as_it_is_and_gets_feet(gym):
    model = make_matting_model("bundled")
    own, _ = model.step(gym[0], model.initial_state(UNKNOWN))
    matte, state = matte_of_given_alpha(gym[0], own.alpha, following_state(UNKNOWN))
    assert matte.alpha is own.alpha
    height = np.ptp(alpha_box(own.alpha)[1::2])
    np.testing.assert_allclose(matte.landmarks, own.landmarks, atol=0.05 * height)
    empty, _ = matte_of_given_alpha(gym[0], np.zeros_like(own.alpha), state)
    assert not empty.found


def test_an_alpha_in_which_nobody_is_recognised_is_not_searched_again_for_a_while(gym):
    blank = np.full_like(gym[0], 90)
    alpha = np.zeros(blank.shape[:2], np.uint8)
    alpha[100:300, 40:160] = 255
    matte, state = matte_of_given_alpha(blank, alpha, following_state(UNKNOWN))
    assert matte.found
    assert np.isnan(matte.landmarks).all()
    own = make_matting_model("bundled").step(
        gym[0], make_matting_model("bundled").initial_state(UNKNOWN)
    )[0]
    unseen = []
    while np.isnan((matte := matte_of_given_alpha(gym[0], own.alpha, state))[0].landmarks).all():
        unseen.append(matte[0])
        state = matte[1]
        assert len(unseen) <= PAUSE
    assert len(unseen) == PAUSE
    assert all(each.found and not each.visibility.any() for each in unseen)
    height = np.ptp(alpha_box(own.alpha)[1::2])
    np.testing.assert_allclose(matte[0].landmarks, own.landmarks, atol=0.05 * height)


def test_a_frame_with_nobody_is_empty():
    model = make_matting_model("bundled")
    frame = np.full((240, 320, 3), 90, np.uint8)
    matte, state = model.step(frame, model.initial_state(UNKNOWN))
    assert not matte.found
    assert not matte.alpha.any()
    assert np.isnan(matte.landmarks).all()
    assert model.step(frame, state)[0].found is False


def test_a_clip_with_nobody_is_refused():
    blank = [np.full((240, 320, 3), 90, np.uint8)] * 3
    with pytest.raises(NobodyError, match=r"nobody was found in empty\.mp4"):
        select_person(clip_of(blank, "empty.mp4"), pictures_of(blank))


@pytest.mark.media
def test_several_people_have_to_be_chosen_from(crowd):
    clip = clip_of(crowd, "crowd.mp4")
    with pytest.raises(InputError, match=r"crowd\.mp4 shows [23] people of similar size") as raised:
        select_person(clip, pictures_of(crowd))
    assert "--person left, right, largest" in raised.value.hint
    left, right = (select_person(clip, pictures_of(crowd), side).box for side in ("left", "right"))
    first = select_person(clip, pictures_of(crowd), "1")
    np.testing.assert_array_equal(first.box, left)
    assert left[0] < right[0]
    assert first.warnings
    with pytest.raises(InputError, match="there is no person 9 in"):
        select_person(clip, pictures_of(crowd), "9")


@pytest.mark.media
def test_the_chosen_person_is_followed(crowd):
    box = select_person(clip_of(crowd), pictures_of(crowd), "right").box
    model = make_matting_model("bundled")
    matte, _ = model.step(crowd[0], model.initial_state(box))
    low, high = (
        np.maximum(box[:2], alpha_box(matte.alpha)[:2]),
        np.minimum(box[2:], alpha_box(matte.alpha)[2:]),
    )
    assert np.prod(high - low) > 0.6 * np.prod(box[2:] - box[:2])


@pytest.mark.media
def test_people_in_a_photo_are_marked(crowd):
    height, width = crowd[0].shape[:2]
    mask = pixels_of_people(people_in_photo(crowd[0]), (width, height))
    assert mask is not None
    boxes = people_boxes(crowd[0], 0.5)
    for x0, y0, x1, y1, _ in boxes.astype(int):
        assert mask[y0:y1, x0:x1].mean() > 0.25
    nobody = people_in_photo(np.full((200, 300, 3), 128, np.uint8))
    assert pixels_of_people(nobody, (300, 200)) is None


@pytest.mark.media
def test_rvm_resumes_to_the_same_bytes(shared_models, gym, tmp_path, monkeypatch):
    from dynascene_cli import weights

    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path))
    weights.add("rvm", shared_models / "rvm_mnv3.onnx")
    model = make_matting_model("rvm")
    state = model.initial_state(UNKNOWN)
    whole = []
    for frame in gym[:3]:
        matte, state = model.step(frame, state)
        whole.append((matte, state))
    saved = io.BytesIO()
    np.savez(saved, **whole[1][1])
    saved.seek(0)
    with np.load(saved) as loaded:
        again, _ = model.step(gym[2], dict(loaded))
    np.testing.assert_array_equal(again.alpha, whole[2][0].alpha)
    assert whole[2][0].found
    assert (again.alpha > 127).mean() > 0.02


def test_times_when_the_person_is_lost():
    found = [True] * 24 + [False] * 48 + [True] * 24 + [False] * 24
    assert lost_ranges(found, 24.0) == [(1.0, 3.0), (4.0, 5.0)]
