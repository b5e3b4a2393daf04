import numpy as np
import pytest

from dynascene_cli.compositing.grain import Grain, grain_level, missing_grain


def flat(value=120, width=256, height=192):
    return np.full((height, width, 3), value, np.uint8)


def grained(level, index=0, seed=0, value=120):
    picture = flat(value)
    Grain(level, 256, 192, seed).add(picture, index)
    return picture


@pytest.mark.parametrize("level", [1.0, 2.5, 5.0])
def test_it_has_the_strength_that_was_asked_for(level):
    noise = grained(level) - 120.0
    assert np.abs(noise.std(axis=(0, 1)) - level).max() < 0.08 * level + 0.05
    assert abs(noise.mean()) < 0.05


@pytest.mark.parametrize("level", [1.5, 4.0])
def test_what_is_added_is_what_is_measured(level):
    assert grain_level(grained(level)) == pytest.approx(level, rel=0.15)


def test_texture_and_edges_do_not_pass_for_grain():
    picture = grained(2.0)
    picture[:, 100:200] = np.random.default_rng(0).integers(0, 255, (192, 100, 3))
    assert grain_level(picture) == pytest.approx(2.0, rel=0.2)


def test_it_is_new_in_every_frame_and_the_same_for_a_seed():
    first, second = grained(3, 0).astype(float) - 120, grained(3, 1).astype(float) - 120
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03
    assert np.array_equal(grained(3, 7, seed=4), grained(3, 7, seed=4))
    assert not np.array_equal(grained(3, 7, seed=4), grained(3, 7, seed=5))


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay(value):
    assert np.array_equal(grained(5, value=value), flat(value))


def test_only_what_is_missing_is_added():
    assert missing_grain(5.0, 3.0) == pytest.approx(4.0)
    assert missing_grain(2.0, 3.0) == 0.0
    assert missing_grain(0.2, 0.0) == 0.0
    assert missing_grain(40.0, 0.0) == 6.0


def test_a_picture_too_small_or_all_white_tells_nothing():
    assert grain_level(flat(width=40, height=40)) is None
    assert grain_level(flat(255)) is None
