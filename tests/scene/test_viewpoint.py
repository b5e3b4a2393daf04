"""Horizon and camera height from several sources, each of which may be wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.scene import find_known_things, guess_geometry, scene_labels
from dynascene_cli.scene.ade20k import NAMES
from dynascene_cli.scene.horizon import HorizonEvidence, estimate_viewpoint, label_evidence
from dynascene_cli.scene.known_heights import KnownThing
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.video import read_photo, resize_to_cover

VIEWPOINTS = json.loads((Path(__file__).parent / "viewpoints.json").read_text("utf-8"))["photos"]


def thing(row: float, camera_height: float, foot: float, weight: float = 0.8) -> KnownThing:
    """A person of 1.68 m whose feet are at a row of a photo taken from a height."""
    return KnownThing("person", foot, (foot - row) / camera_height * 1.68, 1.68, 0.08, weight)


@given(st.floats(0.2, 0.75), st.floats(1.0, 4.0))
def test_people_at_several_distances_tell_both(row: float, camera_height: float) -> None:
    feet = row + (1 - row) * np.array([0.15, 0.3, 0.5, 0.7, 0.95])
    seen = estimate_viewpoint([], [thing(row, camera_height, foot) for foot in feet])
    assert seen.row == pytest.approx(row, abs=0.05)
    assert seen.camera_height == pytest.approx(camera_height, rel=0.2)
    assert seen.row_spread < 0.2


def test_few_people_far_below_a_known_horizon_tell_of_a_raised_camera() -> None:
    sea = HorizonEvidence(0.48, 0.015, 0.7, "water's edge")
    feet = {0.92: 0.55, 0.66: 0.2, 0.64: 0.2}
    people = [thing(0.48, 3.9, foot, weight) for foot, weight in feet.items()]
    child = KnownThing("person", 0.66, 0.046, 1.68, 0.08, 0.5)
    seen = estimate_viewpoint([sea], [*people, child])
    assert seen.camera_height == pytest.approx(3.9, rel=0.15)


@given(st.floats(0.3, 0.7))
def test_one_wrong_source_does_not_overrule_two_that_agree(row: float) -> None:
    right = [HorizonEvidence(row, 0.03, 0.6, "lines"), HorizonEvidence(row, 0.02, 0.6, "water")]
    wrong = HorizonEvidence(row + 0.25, 0.02, 0.6, "edges")
    assert estimate_viewpoint([*right, wrong]).row == pytest.approx(row, abs=0.03)


def test_a_precise_source_that_is_hardly_believed_does_not_decide() -> None:
    broad = HorizonEvidence(0.6, 0.06, 0.7, "upright lines")
    precise = HorizonEvidence(0.4, 0.01, 0.25, "lines")
    assert estimate_viewpoint([broad, precise]).row == pytest.approx(0.6, abs=0.05)


def test_nothing_seen_is_eye_height_and_mid_height_with_a_wide_spread() -> None:
    seen = estimate_viewpoint([])
    assert seen.row == pytest.approx(0.5, abs=0.01)
    assert seen.camera_height == 1.6
    assert seen.row_spread > 0.15
    assert seen.size_factor(0.9) > 1.6


def test_what_is_given_is_certain_and_tells_more_of_the_rest() -> None:
    people = [thing(0.4, 2.5, foot) for foot in (0.6, 0.8)]
    seen = estimate_viewpoint([], people, row=0.4)
    assert (seen.row, seen.row_spread) == (0.4, 0)
    assert seen.camera_height == pytest.approx(2.5, rel=0.1)
    assert estimate_viewpoint([], people, camera_height=2.5).row == pytest.approx(0.4, abs=0.02)


def test_a_sea_under_a_sky_measures_the_horizon() -> None:
    classes = np.full((200, 300), NAMES.index("sky"), np.uint8)
    classes[83:] = NAMES.index("sea")
    labels = SceneLabels(classes, np.ones((20, 30), np.float32))
    seen = estimate_viewpoint(label_evidence(labels, labels.mask("sky"), 0.0))
    assert seen.row == pytest.approx(0.415, abs=0.015)
    assert seen.row_spread < 0.03


def test_a_road_behind_cars_only_bounds_the_horizon() -> None:
    classes = np.full((200, 300), NAMES.index("building"), np.uint8)
    classes[:60] = NAMES.index("sky")
    classes[150:] = NAMES.index("road")
    labels = SceneLabels(classes, np.ones((20, 30), np.float32))
    seen = estimate_viewpoint(label_evidence(labels, labels.mask("sky"), 0.0))
    assert 0.3 < seen.row < 0.76


def woods(band: int, ground: str = "grass") -> SceneLabels:
    """Sky over a band of trees, so many rows high from row 60 of 200, over ground."""
    classes = np.full((200, 300), NAMES.index(ground), np.uint8)
    classes[:60] = NAMES.index("sky")
    classes[60 : 60 + band] = NAMES.index("tree")
    return SceneLabels(classes, np.ones((20, 30), np.float32))


def skyline(labels: SceneLabels) -> HorizonEvidence:
    found = label_evidence(labels, labels.mask("sky"), 0.0)
    return next(item for item in found if item.source == "skyline")


def test_the_horizon_crosses_what_stands_before_the_sky_above_its_feet() -> None:
    far, near = skyline(woods(10)), skyline(woods(80))
    assert 0.3 < far.row < 0.35
    assert 0.5 < near.row < 0.6
    assert near.spread > 3 * far.spread


def test_parts_of_a_photo_that_is_not_understood_as_a_whole_count() -> None:
    photo = np.full((200, 300, 3), 120, np.uint8)
    classes = woods(10).classes
    certainty = np.full((20, 30), 0.5, np.float32)
    labels = SceneLabels(classes, certainty)
    assert not labels.understood
    assert guess_geometry(photo).viewpoint.row == pytest.approx(0.5, abs=0.01)
    seen = guess_geometry(photo, labels=labels).viewpoint
    assert seen.row == pytest.approx(0.33, abs=0.04)
    sure = guess_geometry(photo, labels=woods(10)).viewpoint
    assert sure.row_spread <= seen.row_spread


def test_a_sky_that_reaches_the_lower_rim_in_some_columns_was_misread_there() -> None:
    labels = woods(10)
    labels.classes[:, :100] = NAMES.index("sky")
    found = label_evidence(labels, labels.mask("sky"), 0.0)
    (bound,) = (item for item in found if item.source == "sky")
    assert bound.row == pytest.approx(0.3, abs=0.01)
    assert skyline(labels).confidence < skyline(woods(10)).confidence


def test_a_sky_that_goes_on_into_the_sea_says_nothing_of_what_stands_before_it() -> None:
    classes = np.full((200, 300), NAMES.index("sand"), np.uint8)
    classes[:70], classes[70:120] = NAMES.index("sky"), NAMES.index("sea")
    classes[70:110, 120:] = NAMES.index("sky")
    assert skyline(SceneLabels(classes, np.ones((20, 30), np.float32))).row < 0.4


@pytest.mark.media
@pytest.mark.parametrize(
    "name", ["street", "beach", "openroad", "lake", "dusk", "livingroom", "forest"]
)
def test_viewpoints_of_photos(shared_media: Path, name: str) -> None:
    truth = VIEWPOINTS[name]
    photo = resize_to_cover(read_photo(shared_media / truth["scene"]).pixels, 768, 432)
    labels = scene_labels(photo)
    seen = guess_geometry(photo, labels=labels, things=find_known_things(photo, labels)).viewpoint
    assert seen.row == pytest.approx(truth["horizon"], abs=0.05)
    if "camera_height" in truth:
        assert seen.camera_height == pytest.approx(truth["camera_height"], rel=0.25)
