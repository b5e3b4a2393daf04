"""Where in a photo feet can stand."""

from dataclasses import replace

import numpy as np

from dynascene_cli.scene import feet_rows, free_ground, guess_geometry, plain_name
from dynascene_cli.scene.ade20k import NAMES
from dynascene_cli.scene.labels import SceneLabels


def beach() -> tuple[np.ndarray, SceneLabels]:
    """Sand at the left, sea at the right with a wave taken for sand, a bench on the sand."""
    rng = np.random.default_rng(0)
    photo = np.full((360, 640, 3), (150, 160, 175), np.uint8)
    photo[:, :250] = (215, 180, 130)
    photo = photo + rng.integers(0, 6, photo.shape, np.uint8)
    classes = np.full((360, 640), NAMES.index("sea"), np.uint8)
    classes[:, :250] = classes[250:330, 400:560] = NAMES.index("sand")
    classes[240:300, 60:120] = NAMES.index("bench")
    classes[:150] = NAMES.index("sky")
    return photo, SceneLabels(classes, np.ones((36, 64), np.float32))


def test_sand_is_free_and_the_wave_and_the_bench_are_not() -> None:
    photo, labels = beach()
    free = free_ground(photo, guess_geometry(photo, labels=labels, horizon=150 / 360))
    assert free is not None
    assert free[340, 200] and free[260, 180]
    assert not free[290, 480]
    assert not free[270, 90]
    assert not free[300, 620]


def test_things_are_named_in_plain_words() -> None:
    _, labels = beach()
    assert plain_name(labels, 620, 300) == "water"
    assert plain_name(labels, 90, 270) == "furniture"
    assert plain_name(labels, 480, 290) == "shallow water or its edge"
    assert plain_name(labels, 480, 20) == "what is no known ground"


def test_labels_that_are_not_sure_tell_of_no_ground() -> None:
    photo, labels = beach()
    unsure = replace(labels, certainty=np.full((36, 64), 0.3, np.float32))
    assert free_ground(photo, guess_geometry(photo, labels=unsure, horizon=0.4)) is None


def test_sand_without_a_shore_is_a_piece_of_the_sea() -> None:
    """Named sand with certainty, as large as a beach, and of the very colours of the sea."""
    photo, labels = beach()
    classes = labels.classes.copy()
    classes[160:, 420:] = NAMES.index("sand")
    classes[160:, :250] = NAMES.index("sky")
    photo = photo.copy()
    photo[160:, 420:] += np.array([6, 0, 12], np.uint8)
    wide = SceneLabels(classes, labels.certainty)
    free = free_ground(photo, guess_geometry(photo, labels=wide, horizon=150 / 360))
    assert free is not None and not free[:, 420:].any()


def test_ground_of_which_the_network_wavers_bears_nobody() -> None:
    photo, labels = beach()
    classes = np.where(labels.classes == NAMES.index("sea"), NAMES.index("wall"), labels.classes)
    certainty = labels.certainty.copy()
    guess = guess_geometry(photo, labels=SceneLabels(classes, certainty), horizon=150 / 360)
    free = free_ground(photo, guess)
    assert free is not None and free[340, 200] and free[290, 480]
    certainty[:, 32:] = 0.6
    guess = guess_geometry(photo, labels=SceneLabels(classes, certainty), horizon=150 / 360)
    free = free_ground(photo, guess)
    assert free is not None and free[340, 200] and not free[290, 480]


def test_what_stands_about_is_as_near_as_its_feet() -> None:
    _, labels = beach()
    labels.classes[200:320, 20:40] = NAMES.index("person")
    labels.classes[310:320, 40:60] = NAMES.index("person")
    rows = feet_rows(labels)
    assert rows[270, 90] == 300 and rows[200, 30] == 320
    assert rows[270, 150] == -1


def test_ground_that_is_merely_likely_bears_somebody_where_that_is_enough() -> None:
    photo, labels = beach()
    classes = np.where(labels.classes == NAMES.index("sea"), NAMES.index("wall"), labels.classes)
    certainty = labels.certainty.copy()
    certainty[:, 32:] = 0.6
    guess = guess_geometry(photo, labels=SceneLabels(classes, certainty), horizon=150 / 360)
    free = free_ground(photo, guess, sure=False)
    assert free is not None and free[340, 200] and free[290, 480]
    certainty[:, 32:] = 0.45
    guess = guess_geometry(photo, labels=SceneLabels(classes, certainty), horizon=150 / 360)
    free = free_ground(photo, guess, sure=False)
    assert free is not None and free[340, 200] and not free[290, 480]


def test_sea_that_is_called_sand_without_doubt_is_not_even_likely_ground() -> None:
    """A stretch of it without a visible shore, amid what is called sand but may be water."""
    photo, labels = beach()
    classes = labels.classes.copy()
    classes[200:, 250:] = NAMES.index("sand")
    photo = photo.copy()
    photo[240:340, 330:600] += np.array([6, 0, 12], np.uint8)
    guess = guess_geometry(photo, labels=SceneLabels(classes, labels.certainty), horizon=150 / 360)
    free = free_ground(photo, guess, sure=False)
    assert free is not None and free[340, 200] and not free[:, 300:].any()
