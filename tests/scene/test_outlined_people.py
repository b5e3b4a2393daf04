"""People outlined by their poses: what labels add to them, and what they leave out."""

from dataclasses import dataclass

import numpy as np
import pytest

from dynascene_cli.scene.outlined_people import (
    AS_LABELLED,
    NOBODY,
    SOMEBODY,
    outline_people,
    redraw_people,
)
from dynascene_cli.scene.popup import Surface

HEIGHT, WIDTH = 240, 320
TRUNK, LEGS = np.s_[60:130, 140:172], np.s_[130:200, 146:166]
LABEL = np.s_[50:180, 130:200]


@dataclass(frozen=True)
class Seen:
    box: np.ndarray
    likelihood: np.ndarray | None
    window: tuple[slice, slice] = (slice(0, HEIGHT), slice(0, WIDTH))


def body(down: int = 0, right: int = 0) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[TRUNK] = mask[LEGS] = True
    return np.roll(mask, (down, right), (0, 1))


def picture(*bodies: np.ndarray) -> np.ndarray:
    """People in dark clothes before light ground."""
    noise = np.random.default_rng(0).integers(-6, 6, (HEIGHT, WIDTH, 1))
    photo = np.full((HEIGHT, WIDTH, 3), (200, 190, 170)) + noise
    for mask in bodies:
        photo[mask] = (40, 40, 60)
    return photo.astype(np.uint8)


def labelled() -> np.ndarray:
    """The trunk and much around it, without the feet."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[LABEL] = True
    return mask


def person(right: int = 0, box: tuple[int, ...] = (140, 60, 172, 200)) -> Seen:
    at = np.array([box[0] + right, box[1], box[2] + right, box[3], 0.8])
    return Seen(at, body(right=right).astype(np.float32))


def test_labels_lose_what_is_beside_somebody_and_gain_their_feet() -> None:
    found = outline_people(picture(body()), labelled(), [person()])
    assert (found[body()] == SOMEBODY).mean() > 0.99
    assert (found[labelled() & ~body()] == NOBODY).mean() > 0.97
    assert (found[~labelled() & ~body()] == AS_LABELLED).mean() > 0.999


def test_a_blurred_mask_comes_to_the_photo_s_edges() -> None:
    blurred = np.zeros((HEIGHT, WIDTH), np.float32)
    blurred[body()] = 0.8
    blurred[np.roll(body(), 2, axis=1) & ~body()] = 0.6
    seen = Seen(person().box, blurred)
    found = outline_people(picture(body()), labelled(), [seen])
    assert ((found == SOMEBODY) != body()).sum() < 0.01 * body().sum()


@pytest.mark.parametrize(
    "seen",
    [
        Seen(person().box, None),
        Seen(person().box, np.roll(body(), 120, axis=1).astype(np.float32)),
    ],
)
def test_without_a_pose_that_the_labels_agree_with_they_stand(seen: Seen) -> None:
    assert (outline_people(picture(body()), labelled(), [seen]) == AS_LABELLED).all()


def test_who_is_not_seen_from_head_to_foot_loses_nothing() -> None:
    lower = person(box=(140, 60, 172, 230))
    found = outline_people(picture(body()), labelled(), [lower])
    assert (found[body()] == SOMEBODY).mean() > 0.99
    assert (found != NOBODY).all()


def test_who_is_cut_by_the_lower_edge_reaches_down_to_it() -> None:
    at_edge = body(down=HEIGHT - 200)
    fading = at_edge.astype(np.float32)
    fading[-6:] = 0.0
    seen = Seen(np.array([140, 100, 172, HEIGHT, 0.8]), fading)
    found = outline_people(picture(at_edge), np.roll(labelled(), 40, 0), [seen])
    assert (found[-1] == SOMEBODY).sum() == pytest.approx(20, abs=2)


def test_somebody_in_a_group_who_is_not_seen_stays() -> None:
    group = labelled()
    group[60:190, 130:290] = True
    hidden = body(right=100)
    photo = picture(body(), body(right=50), hidden)
    found = outline_people(photo, group, [person(), person(right=50)])
    assert (found[hidden & group] == AS_LABELLED).mean() > 0.95
    faint = Seen(person(right=100).box, None)
    found = outline_people(picture(body(), hidden), group, [person(), faint])
    assert (found[hidden & group] == AS_LABELLED).all()


def test_the_same_person_is_not_outlined_twice() -> None:
    wider = body() | body(right=14)
    again = Seen(np.array([140, 60, 186, 200, 0.3]), wider.astype(np.float32))
    once = outline_people(picture(body()), labelled(), [person()])
    twice = outline_people(picture(body()), labelled(), [person(), again])
    assert ((twice == SOMEBODY) == (once == SOMEBODY)).all()


def test_surfaces_follow_the_outlines() -> None:
    surfaces = np.full((HEIGHT, WIDTH), Surface.GROUND, np.uint8)
    surfaces[:100] = Surface.STRUCTURE
    surfaces[LABEL] = Surface.PERSON
    outlines = np.full((HEIGHT, WIDTH), AS_LABELLED, np.uint8)
    outlines[labelled()] = NOBODY
    outlines[body()] = SOMEBODY
    redrawn = redraw_people(surfaces, outlines)
    assert ((redrawn == Surface.PERSON) == body()).all()
    assert redrawn[55, 165] == Surface.STRUCTURE
    assert redrawn[170, 190] == Surface.GROUND
