"""Painting in what was not photographed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.numerics.push_pull import push_pull
from dynascene_cli.scene import build_scene, guess_geometry
from dynascene_cli.scene.inpainting import fill
from dynascene_cli.shot import Margins

WIDTH, HEIGHT = 128, 72


def beach() -> np.ndarray:
    """Sky over sea over noisy sand."""
    rng = np.random.default_rng(3)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float64)
    picture[:30] = np.linspace([120, 160, 230], [190, 210, 240], 30)[:, None]
    picture[30:36] = [60, 110, 140]
    picture[36:] = np.array([200, 180, 140]) + rng.normal(0, 12, (36, WIDTH, 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def canvas(photo: np.ndarray, left: int, top: int, right: int, bottom: int):
    sides = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(photo.shape[:2], np.bool_), sides, constant_values=True)
    return np.pad(photo, (*sides, (0, 0))), hole


def test_sides_continue_the_rows() -> None:
    image, hole = canvas(beach(), 40, 0, 40, 0)
    filled = fill(image, hole).image
    assert (filled[~hole] == image[~hole]).all()
    expected = beach()[:30].mean(axis=1)
    for side in (filled[:30, :40], filled[:30, -40:]):
        assert np.abs(side.mean(axis=1) - expected).max() < 12
    assert np.abs(filled[40:, :40].mean((0, 1)) - [200, 180, 140]).max() < 12
    assert filled[40:, :40, 0].std() > 5, "the sand keeps its grain"


def test_every_source_is_a_known_pixel_near_the_targets_height() -> None:
    image, hole = canvas(beach(), 30, 0, 30, 0)
    filling = fill(image, hole)
    assert not hole[filling.rows, filling.cols].any()
    rows = np.arange(HEIGHT)[:, None]
    assert np.abs(filling.rows - rows).max() <= 12
    known_rows, known_cols = np.nonzero(~hole)
    assert (filling.rows[~hole] == known_rows).all()
    assert (filling.cols[~hole] == known_cols).all()


def test_the_same_seed_gives_the_same_bytes() -> None:
    image, hole = canvas(beach(), 40, 16, 40, 16)
    first = fill(image, hole, seed=5).image
    for _ in range(3):
        assert fill(image, hole, seed=5).image.tobytes() == first.tobytes()
    assert fill(image, hole, seed=6).image.tobytes() != first.tobytes()


def test_the_sky_above_a_roof_that_the_photo_cuts_stays_bright() -> None:
    photo = np.full((HEIGHT, WIDTH, 3), (200, 215, 240), np.uint8)
    photo[:, :50] = (50, 45, 45)
    photo[50:] = (90, 90, 90)
    image, hole = canvas(photo, 0, 24, 0, 0)
    sky = np.pad((photo == (200, 215, 240)).all(axis=-1), ((24, 0), (0, 0)))
    above = fill(image, hole, sky=sky).image[:23]
    assert np.abs(above.astype(int) - (200, 215, 240)).max() < 12


def test_only_sky_is_continued_above_the_photo() -> None:
    photo = beach()
    photo[:12, 50:80] = [90, 20, 20]
    image, hole = canvas(photo, 0, 20, 0, 0)
    sky = np.zeros_like(hole)
    sky[20:50] = True
    sky[20:32, 50:80] = False
    filling = fill(image, hole, sky=sky)
    assert sky[filling.rows[:18], filling.cols[:18]].all()


def test_barred_pixels_are_kept_and_never_copied() -> None:
    photo = beach()
    photo[40:70, 80:110] = [255, 0, 0]
    image, hole = canvas(photo, 40, 0, 0, 0)
    barred = np.zeros_like(hole)
    barred[38:72, 118:152] = True
    filling = fill(image, hole, barred=barred)
    assert not barred[filling.rows[hole], filling.cols[hole]].any()
    assert (filling.image[~hole] == image[~hole]).all()


@settings(max_examples=8, deadline=None)
@given(
    st.integers(9, 40), st.integers(9, 40), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)
)
def test_any_size_is_filled(height: int, width: int, left: int, top: int, right: int) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    image, hole = canvas(photo, left, top, right, 3)
    filled = fill(image, hole).image
    assert filled.shape == image.shape
    assert (filled[~hole] == image[~hole]).all()


def test_nothing_to_copy_from_is_refused() -> None:
    with pytest.raises(InputError, match="hole"):
        fill(np.zeros((20, 20, 3), np.uint8), np.ones((20, 20), np.bool_))


def test_a_scene_without_margins_is_the_photo() -> None:
    photo = beach()
    scene = build_scene(photo, guess_geometry(photo), Margins())
    assert (scene.photo == photo).all()
    assert len(scene.layers) == 1
    assert (scene.layers[0].image == photo).all()
    assert scene.layers[0].depth.shape == (HEIGHT, WIDTH)
    assert 1 < scene.median_depth < 100


def test_a_person_is_painted_over() -> None:
    photo = beach()
    person = np.zeros((HEIGHT, WIDTH), np.bool_)
    person[20:60, 60:72] = True
    photo[person] = [255, 0, 255]
    photo = cv2.GaussianBlur(photo, (3, 3), 0)
    scene = build_scene(
        photo, guess_geometry(photo, horizon=0.45), Margins(9, 5, 7, 3), remove=person
    )
    magenta = (scene.photo[..., 0].astype(int) - scene.photo[..., 1]) > 80
    assert not magenta.any()
    far = np.ones_like(person)
    far[16:64, 56:76] = False
    assert (scene.photo[far] == photo[far]).all()
    assert (scene.layers[0].image[5:-3, 9:-7] == scene.photo).all()


def test_a_photo_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="64x36"):
        build_scene(beach()[::2, ::2], guess_geometry(beach()), Margins())


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000))
def test_push_pull_keeps_what_is_known_and_stays_within_it(
    height: int, width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(-3, 5, (height, width)).astype(np.float32)
    weights = (rng.random((height, width)) < 0.3).astype(np.float32)
    weights[0, 0] = 1
    filled = push_pull(values, weights)
    known = weights > 0
    assert filled[known] == pytest.approx(values[known], abs=1e-5)
    assert filled.min() >= values[known].min() - 1e-4
    assert filled.max() <= values[known].max() + 1e-4


def test_deep_ground_is_painted_in_as_ground() -> None:
    """Under the photo there is more of its lowest rows, not what stands upon them."""
    rng = np.random.default_rng(2)
    photo = np.empty((90, 160, 3), np.uint8)
    photo[:60] = np.array([190, 110, 40]) + rng.integers(-25, 25, (60, 160, 1))
    photo[60:] = np.array([50, 130, 40]) + rng.integers(-25, 25, (30, 160, 1))
    sides = ((0, 80), (0, 0))
    hole = np.pad(np.zeros((90, 160), bool), sides, constant_values=True)
    filled = fill(np.pad(photo, (*sides, (0, 0))), hole).image[90:].astype(float)
    brown = filled[..., 0] > filled[..., 1]
    assert brown.mean() < 0.01
