"""The person's motion against the camera's: what is told, and what is left alone."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stick_figure import Motion, moved, photo, standing, still, tracks, walking

from dynascene_cli.shot import CameraPath
from dynascene_cli.staging import (
    Staged,
    Stance,
    Standing,
    move_conflicts,
    place_person,
    size_conflict,
    stance,
)
from dynascene_cli.staging.conflicts import trend

PHOTO = photo(horizon=250.0)
FRAMES = 100


def stands(motion: Motion, anchor: Literal["ground", "screen"] = "ground") -> Stance:
    return stance(
        tracks(motion, PHOTO), still(PHOTO, len(motion.feet)), PHOTO, Standing(anchor=anchor)
    )


def told(person: Stance, path: CameraPath) -> tuple[str, ...]:
    return move_conflicts(person, Staged(place_person(person, path), path, person.geometry, 1.0))


def contradictions(person: Stance, path: CameraPath) -> tuple[str, ...]:
    """What is told but that head or feet leave the picture."""
    return tuple(one for one in told(person, path) if "leave the picture" not in one)


def seen_by(path: CameraPath, person: Stance) -> Stance:
    """The stance of a person who was filmed by the path, at the same places of the ground."""
    placed = place_person(person, path)
    return replace(
        person, seen_from=path, clip_to_frame=placed.clip_to_frame, contact=placed.contact
    )


def coming() -> Stance:
    return stands(walking((0.0, -1.0), (0.2, 9.0), FRAMES))


def leaving() -> Stance:
    return stands(walking((0.0, 1.0), (0.2, 4.0), FRAMES))


@pytest.mark.parametrize(
    "move", ["dolly", "dolly-out", "truck", "pedestal", "orbit", "handheld", "tilt-up", "crane"]
)
def test_no_move_around_a_standing_person_is_a_conflict(move: str) -> None:
    person = stands(standing(FRAMES))
    assert contradictions(person, moved(person.geometry, FRAMES, move)) == ()


@pytest.mark.parametrize("person", [coming(), leaving()], ids=["coming", "leaving"])
def test_a_walk_before_a_still_camera_is_no_conflict(person: Stance) -> None:
    assert told(person, still(PHOTO, FRAMES)) == ()


def test_a_camera_that_is_the_clips_own_is_no_conflict() -> None:
    away = moved(PHOTO, FRAMES, "dolly-out", 1.5)
    assert told(seen_by(away, coming()), away) == ()


def test_a_camera_that_goes_with_the_person_is_no_conflict() -> None:
    assert contradictions(coming(), moved(PHOTO, FRAMES, "dolly")) == ()
    assert contradictions(leaving(), moved(PHOTO, FRAMES, "dolly-out")) == ()


def test_feet_that_a_move_leaves_behind_are_told_with_their_time() -> None:
    person = stands(standing(FRAMES))
    (sentence,) = told(person, moved(person.geometry, FRAMES, "dolly"))
    assert sentence.startswith("the person's feet leave the picture at 3.2 s: ")
    assert "(+tilt-down), a smaller --move-strength" in sentence
    assert told(person, moved(person.geometry, FRAMES, "dolly", 0.5)) == ()


def test_one_who_comes_while_the_camera_moves_away() -> None:
    (sentence,) = told(coming(), moved(PHOTO, FRAMES, "dolly-out", 1.5))
    assert sentence.startswith("the person grows by ")
    assert "while the camera moves away: a move inwards, such as dolly-in" in sentence


def test_one_who_walks_away_while_the_camera_comes_nearer() -> None:
    (sentence,) = told(leaving(), moved(PHOTO, FRAMES, "dolly", 0.8))
    assert sentence.startswith("the person shrinks by ")
    assert "while the camera comes nearer: a move outwards, such as dolly-out" in sentence


def test_a_zoom_is_called_a_zoom() -> None:
    path = still(PHOTO, FRAMES)
    path.intrinsics[:, [0, 1], [0, 1]] *= np.linspace(1, 0.75, FRAMES)[:, None]
    (sentence,) = told(coming(), path)
    assert "while the camera zooms out" in sentence


def test_a_person_of_one_spot_who_grows_is_not_explained() -> None:
    person = stands(standing(FRAMES))
    grown = replace(person.contacts, heights=person.contacts.heights * np.linspace(1, 1.5, FRAMES))
    (sentence,) = told(replace(person, contacts=grown), still(PHOTO, FRAMES))
    assert sentence.startswith("the person grows by ")
    assert "more than their way over the ground explains" in sentence


def test_a_locked_person_slides_unless_the_camera_is_their_own() -> None:
    person = stands(standing(FRAMES), anchor="screen")
    truck = moved(person.geometry, FRAMES, "truck")
    (sentence,) = told(person, truck)
    assert sentence == (
        "the person, locked to the picture, slides over the ground by 1.2 m: "
        "--person-anchor ground keeps their feet where they stand"
    )
    assert told(seen_by(truck, person), truck) == ()


def test_one_who_walks_out_of_the_picture_is_told_with_the_time() -> None:
    person = stands(walking((1.0, 0.0), (-2.0, 5.0), FRAMES))
    assert told(person, still(PHOTO, FRAMES)) == ()
    (sentence,) = told(person, moved(PHOTO, FRAMES, "truck", 1.5))
    assert "the person leaves the picture on the right at " in sentence
    assert sentence.endswith("or another --position keeps them framed")


def test_one_who_is_never_in_the_picture_does_not_leave_it() -> None:
    person = stands(standing(FRAMES, x=0.3))
    aside = still(PHOTO, FRAMES)
    aside.intrinsics[:, 0, 2] += 900
    assert told(person, aside) == ()


@given(start=st.floats(-5, 5), change=st.floats(-5, 5), frames=st.integers(2, 60))
def test_a_trend_is_the_change_of_a_line(start: float, change: float, frames: int) -> None:
    values = np.linspace(start, start + change, frames)
    assert trend(values) == pytest.approx(change, abs=1e-9)
    assert trend(values[::-1]) == pytest.approx(-change, abs=1e-9)


def test_who_was_filmed_from_lower_than_the_photo_is_told_to_look_tall() -> None:
    person = stands(standing(FRAMES))
    assert person.geometry.camera_height == 1.5
    told = size_conflict(person, 3.6, 0.4)
    assert told is not None and "2.4 times too tall" in told
    low = size_conflict(person, 0.75, 0.4)
    assert low is not None and "2.0 times too small" in low
    assert size_conflict(person, 1.8, 0.1) is None
    assert size_conflict(person, 3.6, 0.9) is None, "the photo hardly shows its camera's height"
