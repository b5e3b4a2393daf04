"""A frame that shows a part of a photo is read with the help of the rest."""

import numpy as np
import pytest

from dynascene_cli.commands.demo import MEDIA as DEMO_MEDIA
from dynascene_cli.pipeline.framed_photo import frame_photo
from dynascene_cli.scene import (
    Surroundings,
    frame_content,
    guess_geometry,
    labels,
    scene_labels,
)
from dynascene_cli.shot import Image
from dynascene_cli.video import (
    cover_window,
    cover_with_room,
    read_photo,
    resize_to_cover,
    room_around,
)

PHOTO = DEMO_MEDIA / "picos.jpg"


def framed(size: tuple[int, int]) -> tuple[Image, Surroundings]:
    photo = read_photo(PHOTO).pixels
    whole = photo.shape[1], photo.shape[0]
    window = cover_window(whole, size, (0.5, 0.5))
    room = room_around(whole, size, window)
    picture = resize_to_cover(photo, *size, (0.5, 0.5))
    return picture, Surroundings(room, lambda: cover_with_room(photo, size, window, room))


def test_a_narrow_frame_has_the_horizon_of_its_photo() -> None:
    narrow, around = framed((288, 512))
    seen = frame_content(narrow, around)
    assert seen.labels.classes.shape == (512, 288)
    assert seen.evidence is not None
    frame = guess_geometry(
        narrow, labels=seen.labels, things=seen.things, evidence=seen.evidence
    ).viewpoint
    whole = guess_geometry(around.picture, labels=around.labels).viewpoint
    height, top = len(around.picture), around.room.top
    assert frame.row == pytest.approx((whole.row * height - top) / 512, abs=0.011)


def test_evidence_is_carried_into_a_frame_from_above_and_below_it() -> None:
    wide, around = framed((720, 120))
    assert around.room.top > 0
    seen = frame_content(wide, around)
    whole = guess_geometry(around.picture, labels=around.labels)
    assert seen.evidence is not None
    roll = np.tan(np.radians(whole.geometry.roll_deg))
    shift = (around.room.left - around.room.right) / 2 * roll
    for here, there in zip(seen.evidence, whole.evidence, strict=True):
        row = there.row * len(around.picture) - around.room.top - shift
        assert here.row * 120 == pytest.approx(row, abs=0.5)
        assert here.spread * 120 == pytest.approx(there.spread * len(around.picture))
        assert (here.source, here.relation) == (there.source, there.relation)


def test_the_whole_photo_is_looked_at_once(monkeypatch) -> None:
    looked = []
    look = labels._look_closely
    monkeypatch.setattr(labels, "_look_closely", lambda seen: looked.append(seen) or look(seen))
    narrow, around = framed((288, 512))
    frame_content(narrow, around)
    for_both = len(looked)
    scene_labels(narrow)
    for_frame = len(looked) - for_both
    scene_labels(around.picture)
    assert for_both == len(looked) - for_both
    assert for_both > for_frame


def test_a_frame_of_the_photos_own_shape_is_looked_at_alone() -> None:
    frame, around = framed((512, 288))
    assert frame_content(frame, around).evidence is None


def test_a_small_frame_is_labelled_as_a_large_one_is() -> None:
    large = resize_to_cover(read_photo(PHOTO).pixels, 1296, 720)
    truth = scene_labels(large).classes[1::3, 1::3]
    small = frame_photo(PHOTO, "", (432, 240), (0.5, 0.5))
    assert small.content.labels.classes.shape == truth.shape
    wrong = np.mean(small.content.labels.classes != truth)
    wrong_alone = np.mean(scene_labels(small.picture).classes != truth)
    assert wrong < 0.6 * wrong_alone
