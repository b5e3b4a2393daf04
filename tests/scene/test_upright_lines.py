"""The tilt of a camera from upright lines whose directions are known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.upright_lines import tilt, tilt_evidence

WIDTH, HEIGHT = 768, 432
CENTRE = (WIDTH / 2, HEIGHT / 2)


def posts(pitch: float, roll: float = 0.0, focal: float = 1.0, wander: float = 0.0) -> Floats:
    """Segments (40, 4) of upright posts seen by a camera that looks up by ``pitch`` degrees."""
    rng = np.random.default_rng(0)
    p, r = np.radians(pitch), np.radians(roll)
    down = np.array([np.sin(r) * np.cos(p), np.cos(r) * np.cos(p), -np.sin(p)])
    shown = rng.uniform((-0.45, -0.2), (0.45, 0.2), (40, 2)) / focal
    middles = np.column_stack([shown, np.ones(len(shown))]) * 8.0
    along = down + np.radians(wander) * rng.standard_normal(middles.shape)
    tops, feet = middles - along, middles + along
    ends = [focal * WIDTH * end[:, :2] / end[:, 2:] + CENTRE for end in (tops, feet)]
    return np.hstack(ends)


@settings(max_examples=20, deadline=None)
@given(st.floats(-20, 20), st.floats(-4, 4), st.sampled_from([0.7, 1.0, 1.5]))
def test_posts_tell_the_tilt(pitch: float, roll: float, focal: float) -> None:
    found = tilt(posts(pitch, roll, focal), focal * WIDTH, CENTRE)
    assert found is not None
    assert np.degrees(found.pitch) == pytest.approx(pitch, abs=0.7)
    assert found.lines > 20


def test_what_wanders_from_plumb_tells_it_less_surely() -> None:
    plumb, trunks = (tilt(posts(8.0, wander=w), WIDTH, CENTRE) for w in (0.0, 3.0))
    assert plumb is not None
    assert trunks is not None
    assert trunks.spread > 2 * plumb.spread
    assert np.degrees(trunks.pitch) == pytest.approx(8.0, abs=2 * np.degrees(trunks.spread))


def test_other_lines_among_them_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    clutter = rng.uniform(0, HEIGHT, (30, 4))
    found = tilt(np.vstack([posts(6.0), clutter]), WIDTH, CENTRE)
    assert found is not None
    assert np.degrees(found.pitch) == pytest.approx(6.0, abs=0.7)


def test_an_unknown_lens_leaves_a_tilted_horizon_more_open_than_a_level_one() -> None:
    size = (WIDTH, HEIGHT)
    (known,) = tilt_evidence(posts(8.0), 1.0, size)
    (unknown,) = tilt_evidence(posts(8.0), None, size)
    (level,) = tilt_evidence(posts(0.0), None, size)
    truth = 0.5 + np.tan(np.radians(8.0)) * WIDTH / HEIGHT
    assert known.row == pytest.approx(truth, abs=0.02)
    assert abs(unknown.row - truth) < 2 * unknown.spread
    assert known.spread < level.spread * 1.5 < unknown.spread
    assert level.row == pytest.approx(0.5, abs=0.02)


def test_the_middle_of_the_lens_is_what_counts() -> None:
    """Of a level photo's lower three quarters the horizon is above the middle."""
    (found,) = tilt_evidence(posts(0.0), None, (WIDTH, HEIGHT), middle=(0.5, 1 / 3))
    assert found.row == pytest.approx(1 / 3, abs=0.02)


def test_lines_that_lie_say_nothing() -> None:
    level = np.array([[10.0, 20 + 9 * k, 700.0, 30 + 8 * k] for k in range(40)])
    assert tilt(level, WIDTH, CENTRE) is None
    assert tilt_evidence(level, None, (WIDTH, HEIGHT)) == []
