"""People less the shore, road or sky that a coarse network takes for a part of them."""

import numpy as np

from dynascene_cli.scene.popup import Surface
from dynascene_cli.scene.trimmed_people import trim_people

HEIGHT, WIDTH = 240, 320
TRUNK = np.s_[70:165, 135:172]
LEGS = np.s_[165:195, 140:166]
LABEL = np.s_[56:195, 132:188]


def shore(clothes: tuple[int, int, int]) -> np.ndarray:
    """Bare-legged, in ``clothes``, on sand, foam to the right of them."""
    noise = np.random.default_rng(0).integers(-12, 12, (HEIGHT, WIDTH, 1))
    photo = np.full((HEIGHT, WIDTH, 3), (215, 180, 140)) + noise
    photo[:, 172:] = (235, 235, 230) + noise[:, 172:]
    photo[TRUNK] = clothes
    photo[LEGS] = (205, 165, 130)
    return np.clip(photo, 0, 255).astype(np.uint8)


def labelled() -> np.ndarray:
    surfaces = np.full((HEIGHT, WIDTH), Surface.GROUND, np.uint8)
    surfaces[:40] = Surface.SKY
    surfaces[LABEL] = Surface.PERSON
    return surfaces


def test_the_shore_beside_somebody_stays_where_it_is() -> None:
    trimmed = trim_people(labelled(), shore((30, 30, 90)))
    people = trimmed == Surface.PERSON
    assert people[TRUNK].mean() > 0.95
    assert people[LEGS].mean() > 0.95
    assert people[56:195, 175:188].mean() < 0.05
    assert people[56:66, 132:188].mean() < 0.05
    assert (trimmed[LABEL][~people[LABEL]] == Surface.GROUND).all()


def test_who_is_not_told_from_the_background_stays_as_labelled() -> None:
    surfaces = labelled()
    assert (trim_people(surfaces, shore((215, 180, 140))) == surfaces).all()


def test_nobody_but_people_changes() -> None:
    surfaces = labelled()
    trimmed = trim_people(surfaces, shore((30, 30, 90)))
    others = surfaces != Surface.PERSON
    assert (trimmed[others] == surfaces[others]).all()
