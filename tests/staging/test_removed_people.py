"""Who of the people in a photo is painted over, and with which shadow."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stick_figure import photo, standing, still, tracks

from dynascene_cli.pipeline.removed_people import removed_people
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.scene import bystanders, guess_geometry
from dynascene_cli.scene.surroundings import Surroundings
from dynascene_cli.shot import Margins
from dynascene_cli.staging import stance
from dynascene_cli.video import CoverWindow

FILMED = photo(horizon=250.0)
FAR, NEAR, EDGE = (900, 300, 40, 110), (600, 330, 120, 380), (0, 330, 60, 200)
"""Bystanders: left, top, width and height; the person stands at 717, 250 to 675."""


def pavement(*people: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A grey pavement with dark people, each with a shadow to the right of their feet."""
    rng = np.random.default_rng(0)
    picture = rng.integers(150, 170, (720, 1280, 3), np.uint8)
    picture[:250] = 230
    mask = np.zeros((720, 1280), bool)
    for left, top, width, height in people:
        picture[top + height - 12 : top + height, left + width : left + 2 * width] = 70
        picture[top : top + height, left : left + width] = (40, 30, 90)
        mask[top : top + height, left : left + width] = True
    return picture, mask


def place_with(*people: tuple[int, int, int, int]) -> Place:
    picture, mask = pavement(*people)
    guess = guess_geometry(picture, horizon=250 / 720)
    guess.ground[250:] = True
    return Place(
        photo=picture,
        photo_size=(1280, 720),
        window=CoverWindow(1.0, 0.0, 0.0),
        guess=guess,
        people=mask,
        surroundings=Surroundings(Margins(), lambda: picture),
        depth=None,
        camera_height_given=False,
        key="",
        depends_on={},
        warnings=(),
    )


@pytest.fixture(scope="module")
def stands():
    return stance(tracks(standing(), FILMED), still(FILMED, 75), FILMED)


def test_a_bystander_has_their_shadow() -> None:
    picture, mask = pavement(FAR)
    ground = np.zeros_like(mask)
    ground[250:] = True
    (one,) = bystanders(picture, mask, ground)
    assert one.box == (900, 300, 940, 410)
    assert one.shadow[400:408, 944:976].all()
    assert not (one.shadow & one.mask).any()
    assert one.shadow.sum() < 2 * 12 * 40


def test_specks_are_nobody() -> None:
    picture, mask = pavement((500, 400, 3, 8))
    assert bystanders(picture, mask, ~mask) == ()


def test_whoever_stands_behind_stays(stands) -> None:
    assert removed_people("auto", place_with(FAR), stands, Margins()) is None


def test_whoever_stands_before_the_person_goes_with_their_shadow(stands) -> None:
    removed = removed_people("auto", place_with(FAR, NEAR), stands, Margins())
    assert removed is not None
    assert removed.mask[400, 650] and removed.mask[705, 730]
    assert not removed.mask[350, 920]
    assert "--keep-people" in removed.told[0]


def before_a_shelf() -> Place:
    """A tall bystander in front of a wall of small, hard-edged things."""
    place = place_with(NEAR)
    assert place.people is not None
    shelf = np.random.default_rng(1).integers(0, 2, (90, 80, 1)).repeat(3, axis=2) * 220
    picture = shelf.astype(np.uint8).repeat(8, axis=0).repeat(16, axis=1)
    picture[place.people] = (40, 30, 90)
    return replace(place, photo=picture)


def test_whom_painting_over_would_smear_stays_unless_asked_for(stands) -> None:
    place = before_a_shelf()
    kept = removed_people("auto", place, stands, Margins())
    assert kept is not None and not kept.mask.any()
    assert len(kept.told) == 1
    assert "--remove-people" in kept.told[0] and "smear" in kept.told[0]
    removed = removed_people("remove", place, stands, Margins())
    assert removed is not None and removed.mask[400, 650]
    assert any("smear" in told and "--keep-people" in told for told in removed.told)


def test_whoever_the_edge_cuts_goes_where_the_move_shows_past_it(stands) -> None:
    place = place_with(EDGE)
    assert removed_people("auto", place, stands, Margins()) is None
    removed = removed_people("auto", place, stands, Margins(left=200))
    assert removed is not None and removed.mask[400, 30]


def test_all_or_none_on_demand(stands) -> None:
    place = place_with(FAR, NEAR)
    assert removed_people("keep", place, stands, Margins(left=200)) is None
    removed = removed_people("remove", place, stands, Margins())
    assert removed is not None
    assert removed.mask[350, 920] and removed.mask[400, 650]


def test_a_place_without_somebody_is_another_scene(stands) -> None:
    place = place_with(FAR)
    removed = removed_people("remove", place, stands, Margins())
    assert removed is not None
    assert place.without(removed.mask).depends_on != place.depends_on


def test_both_choices_are_refused(dynascene, photo: Path, person_clip: Path) -> None:
    run = dynascene("render", person_clip, "--scene", photo, "--remove-people", "--keep-people")
    assert run.code == 2
    assert "--keep-people" in run.err
