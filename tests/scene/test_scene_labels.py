"""What is in a photo, pixel by pixel: the shipped network, on photos and on bad input."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dynascene_cli.commands.demo import MEDIA as DEMO_MEDIA
from dynascene_cli.scene import (
    SceneLabels,
    guess_geometry,
    read_guess_file,
    scene_labels,
    write_guess_file,
)
from dynascene_cli.scene.ade20k import KINDS, NAMES
from dynascene_cli.video import read_photo, resize_to_cover


@pytest.fixture(scope="module")
def meadow() -> np.ndarray:
    return resize_to_cover(read_photo(DEMO_MEDIA / "picos.jpg").pixels, 640, 360)


@pytest.fixture(scope="module")
def meadow_labels(meadow: np.ndarray) -> SceneLabels:
    return scene_labels(meadow)


def test_every_class_is_of_exactly_one_kind() -> None:
    listed = [name for names in KINDS.values() for name in names.split()]
    assert sorted(listed) == sorted(NAMES)
    assert len(NAMES) == len(set(NAMES)) == 151


def test_a_mask_of_kinds_and_of_classes() -> None:
    classes = np.array([[NAMES.index("sky"), NAMES.index("car"), NAMES.index("bus")]], np.uint8)
    labels = SceneLabels(classes, np.ones((1, 3), np.float32))
    assert labels.mask("vehicle").tolist() == [[False, True, True]]
    assert labels.mask("sky", "bus").tolist() == [[True, False, True]]
    with pytest.raises(KeyError):
        labels.mask("submarine")


def test_a_mountain_meadow_under_a_sky(meadow: np.ndarray, meadow_labels: SceneLabels) -> None:
    sky = meadow_labels.mask("sky")
    assert sky[:20].mean() > 0.95
    assert not sky[200:].any()
    assert meadow_labels.mask("slope", "ground")[250:].mean() > 0.9
    assert not meadow_labels.interior
    assert meadow_labels.understood


def test_labels_follow_the_photos_own_edges(meadow: np.ndarray, meadow_labels: SceneLabels) -> None:
    """Where sky meets rock, the picture changes more than a few pixels to either side."""
    sky = meadow_labels.mask("sky").astype(np.uint8)
    grey = cv2.cvtColor(meadow, cv2.COLOR_RGB2GRAY)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    border = cv2.morphologyEx(sky, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    beside = cv2.dilate(border.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    beside &= ~(cv2.dilate(border.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
    assert slope[border].mean() > 1.5 * slope[beside].mean()


@pytest.mark.parametrize("shape", [(1, 1), (16, 300), (300, 16), (64, 64)])
def test_any_shape_of_picture_has_labels(shape: tuple[int, int]) -> None:
    labels = scene_labels(np.full((*shape, 3), 120, np.uint8))
    assert labels.classes.shape == shape
    assert 0 <= float(labels.certainty.min()) <= float(labels.certainty.max()) <= 1.001


def test_labels_are_kept_with_the_guess(
    tmp_path: Path, meadow: np.ndarray, meadow_labels: SceneLabels
) -> None:
    outlined = np.arange(meadow_labels.classes.size, dtype=np.int64) % 3
    known = replace(
        meadow_labels, people=outlined.astype(np.uint8).reshape(meadow_labels.classes.shape)
    )
    guess = guess_geometry(meadow, labels=known)
    write_guess_file(tmp_path / "place.npz", guess, None)
    kept, people = read_guess_file(tmp_path / "place.npz")
    assert people is None
    assert kept.labels is not None
    assert (kept.labels.people == known.people).all()
    assert (kept.labels.classes == meadow_labels.classes).all()
    assert (kept.labels.certainty == meadow_labels.certainty).all()
    assert (kept.sky == guess.sky).all()


def test_a_sky_where_the_labels_see_none_follows_the_colours(meadow: np.ndarray) -> None:
    walls = SceneLabels(
        np.full(meadow.shape[:2], NAMES.index("wall"), np.uint8), np.ones((9, 16), np.float32)
    )
    assert not guess_geometry(meadow, labels=walls).sky.any()
    told = guess_geometry(meadow, labels=walls, sky_confidence=1.0)
    assert told.sky.any()
    assert (told.sky == guess_geometry(meadow, sky_confidence=1.0).sky).all()


@pytest.mark.media
@pytest.mark.parametrize("name", ["livingroom", "palace"])
def test_a_ceiling_is_no_sky(shared_media: Path, name: str) -> None:
    photo = resize_to_cover(read_photo(shared_media / "scenes" / f"{name}.jpg").pixels, 960, 540)
    labels = scene_labels(photo)
    guess = guess_geometry(photo, labels=labels)
    assert not guess.sky.any()
    assert guess.geometry.interior


@pytest.mark.media
def test_a_street_has_a_road_cars_and_people(shared_media: Path) -> None:
    photo = resize_to_cover(read_photo(shared_media / "scenes" / "street.jpg").pixels, 960, 540)
    labels = scene_labels(photo)
    assert labels.mask("ground")[450:, 300:420].mean() > 0.9
    assert labels.mask("road")[450:, 400:480].mean() > 0.9
    assert labels.mask("vehicle")[440:, 600:].mean() > 0.4
    assert labels.mask("person")[380:470, 90:280].mean() > 0.25
