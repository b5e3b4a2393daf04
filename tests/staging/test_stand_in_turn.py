"""A turn and a zoom that show the person as a longer way would."""

import numpy as np
import pytest
from stick_figure import moved, photo, standing, still, tracks

from dynascene_cli.geometry import centre
from dynascene_cli.staging import Stance, stance, stand_in, tell_stand_in
from dynascene_cli.staging.billboard import apply_similarity
from dynascene_cli.staging.person_motion import person_heights, place_person

PHOTO = photo(horizon=250.0)


@pytest.fixture(scope="module")
def stands() -> Stance:
    return stance(tracks(standing(z=6.0), PHOTO), still(PHOTO, 75), PHOTO)


def middles(stands, path):
    boxes = stands.contacts.boxes
    middle = np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)], axis=1)
    return apply_similarity(place_person(stands, path).clip_to_frame, middle)


@pytest.mark.parametrize("move", ["dolly", "truck", "pedestal"])
def test_the_person_is_seen_where_and_as_large_as_the_whole_way_shows_them(stands, move):
    limited, asked = (moved(PHOTO, 75, move, amount) for amount in (0.3, 0.8))
    path = stand_in(stands, limited, asked, 1.0)
    heights = [person_heights(place_person(stands, each), each) for each in (path, asked)]
    np.testing.assert_allclose(heights[0], heights[1], rtol=0.025)
    np.testing.assert_allclose(middles(stands, path), middles(stands, asked), atol=8)
    np.testing.assert_allclose(centre(path.extrinsics), centre(limited.extrinsics), atol=1e-9)
    told = tell_stand_in(stands, limited, asked, 1.0)
    assert told is not None and ("zoom by" in told) == (move == "dolly")


def test_none_of_it_is_the_limited_path(stands):
    limited, asked = moved(PHOTO, 75, "truck", 0.3), moved(PHOTO, 75, "truck", 0.8)
    path = stand_in(stands, limited, asked, 0.0)
    np.testing.assert_allclose(path.extrinsics, limited.extrinsics, atol=1e-12)
    np.testing.assert_array_equal(path.intrinsics, limited.intrinsics)
    assert tell_stand_in(stands, limited, limited, 1.0) is None


def test_a_turn_stands_in_for_so_much_at_most(stands):
    path = stand_in(stands, moved(PHOTO, 75, "truck", 0.0), moved(PHOTO, 75, "truck", 4.0), 1.0)
    forward = path.extrinsics[:, 2, :3]
    pans = np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))
    assert np.abs(pans).max() == pytest.approx(6.0, abs=0.1)
