"""What lies around the frame comes from the photo as far as it reaches."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.geometry import project
from dynascene_cli.scene import SceneLabels, Surroundings, build_scene, guess_geometry
from dynascene_cli.scene.outlined_people import SOMEBODY
from dynascene_cli.shot import Image, Margins
from dynascene_cli.video import cover_window, cover_with_room, resize_to_cover, room_around

RNG = np.random.default_rng(3)


def textured(height: int, width: int) -> Image:
    """A sky over ground, with texture that no patch search would invent alike."""
    rows = np.linspace(0, 255, height)[:, None, None]
    noise = RNG.integers(0, 60, (height, width, 3))
    return np.clip(rows * [0.4, 0.6, 0.2] + noise, 0, 255).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(20, 90),
    st.integers(20, 90),
    st.integers(16, 60),
    st.integers(16, 60),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_room_around_a_frame_is_what_was_cropped(
    width: int, height: int, frame_width: int, frame_height: int, x: float, y: float
) -> None:
    picture = textured(height, width)
    size = frame_width, frame_height
    window = cover_window((width, height), size, (x, y))
    room = room_around((width, height), size, window)
    whole = np.array([width, height]) * window.scale
    kept = np.array([room.left + frame_width + room.right, room.top + frame_height + room.bottom])
    assert (kept <= whole + 1e-3).all()
    assert (kept > whole - 2).all()
    wide = cover_with_room(picture, size, window, room)
    assert wide.shape == (kept[1], kept[0], 3)
    inner = wide[room.top : room.top + frame_height, room.left : room.left + frame_width]
    # Lanczos sees beyond the crop in one of them.
    apart = np.abs(inner.astype(int) - resize_to_cover(picture, *size, (x, y)))[4:-4, 4:-4]
    assert apart.max(initial=0) <= 2


def test_margins_are_the_photo_as_far_as_it_reaches() -> None:
    whole, room = textured(90, 160), Margins(30, 10, 18, 0)
    frame = whole[10:90, 30:142].copy()
    guess = guess_geometry(frame, horizon=0.4)
    around = Surroundings(room, lambda: whole)
    margins = Margins(24, 16, 40, 8)
    scene = build_scene(frame, guess, margins, around=around)
    image = scene.layers[0].image
    assert image.shape == (80 + 24, 112 + 64, 3)
    assert (scene.photo == frame).all()
    assert scene.geometry == guess.geometry
    # 24 of 30 columns on the left, all 18 on the right, all 10 rows above.
    assert (image[6 : 6 + 90, : 24 + 112 + 18] == whole[:, 6:]).all()
    alone = build_scene(frame, guess, margins)
    assert (alone.layers[0].image[6 : 6 + 90, :24] != whole[:, 6:30]).any()


def test_who_is_outlined_in_the_frame_is_outlined_in_its_surroundings() -> None:
    whole, room = textured(60, 120), Margins(30, 0, 0, 0)
    frame = whole[:, 30:]
    labels = SceneLabels(np.zeros((60, 90), np.uint8), np.ones((6, 9), np.float32))
    outlined = np.zeros((60, 90), np.uint8)
    outlined[20:40, 10:20] = SOMEBODY
    guess = guess_geometry(frame, horizon=0.4, labels=replace(labels, people=outlined))
    _, widened = Surroundings(room, lambda: whole).widen(frame, guess, room)
    assert widened.labels is not None
    assert widened.labels.people is not None
    assert (widened.labels.people[:, 30:] == outlined).all()


@pytest.mark.parametrize("room", [Margins(7, 0, 0, 0), Margins(0, 5, 12, 3)])
def test_a_widened_photo_is_the_same_place(room: Margins) -> None:
    whole = textured(60 + room.top + room.bottom, 90 + room.left + room.right)
    frame = whole[room.top : room.top + 60, room.left : room.left + 90]
    guess = guess_geometry(frame, horizon=0.45, roll_deg=3.0)
    picture, widened = Surroundings(room, lambda: whole).widen(frame, guess, room)
    assert (picture == whole).all()
    point = np.array([[1.5, 1.0, 9.0]])
    narrow, wide = (
        project(found.geometry.intrinsics, found.geometry.extrinsics, point)[0]
        for found in (guess, widened)
    )
    assert wide == pytest.approx([narrow[0] + room.left, narrow[1] + room.top])
    inside = np.s_[room.top : room.top + 60, room.left : room.left + 90]
    assert (widened.ground[inside] == guess.ground).all()
