"""The part of a photo that shows ground to stand on."""

import numpy as np

from dynascene_cli.scene import ground_crop
from dynascene_cli.scene.ade20k import NAMES
from dynascene_cli.scene.labels import SceneLabels


def shore() -> np.ndarray:
    """Grass in the left fifth, the sea elsewhere."""
    photo = np.full((360, 640, 3), (90, 120, 200), np.uint8)
    photo[:150] = 230
    photo[150:, :128] = (80, 160, 70)
    return photo


def labels_of(picture: np.ndarray) -> SceneLabels:
    """What ``shore`` shows, by its colours."""
    classes = np.full(picture.shape[:2], NAMES.index("sea"), np.uint8)
    classes[picture[..., 1] > 140] = NAMES.index("grass")
    classes[picture[..., 0] > 200] = NAMES.index("sky")
    return SceneLabels(classes, np.ones((36, 64), np.float32))


def test_a_tall_frame_moves_to_where_the_ground_is() -> None:
    crop = ground_crop(shore(), (202, 360), labels_of)
    assert crop is not None
    assert crop[0] < 0.3 and crop[1] == 0.5


def test_enough_ground_in_the_middle_is_left_there() -> None:
    turned = np.roll(shore(), 260, axis=1)
    assert ground_crop(turned, (202, 360), labels_of) is None


def test_a_frame_of_the_photos_shape_leaves_no_choice() -> None:
    assert ground_crop(shore(), (640, 360), labels_of) is None


def test_a_photo_without_ground_has_no_better_part() -> None:
    photo = shore()
    photo[150:, :128] = (90, 120, 200)
    assert ground_crop(photo, (202, 360), labels_of) is None


def test_a_step_is_not_worth_turning_to() -> None:
    photo = shore()
    photo[150:340, :128] = (90, 120, 200)
    assert ground_crop(photo, (202, 360), labels_of) is None
