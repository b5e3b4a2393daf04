from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.video.timeline import STANDARD_RATES, resample_frames, snap_rate, timeline

TICKS = [
    Fraction(1, 1000),
    Fraction(1, 600),
    Fraction(1, 12800),
    Fraction(1, 90000),
    Fraction(1, 48000),
]


@given(
    rate=st.sampled_from(STANDARD_RATES),
    tick=st.sampled_from(TICKS),
    count=st.integers(1, 400),
    declared=st.booleans(),
)
def test_constant_rate_neither_loses_nor_doubles_a_frame(rate, tick, count, declared):
    seconds = np.array([float(round(i / rate / tick) * tick) for i in range(count)])
    claims = (rate,) if declared else ()
    found = timeline(seconds, float(tick), float(1 / rate), claims)
    assert found.source_frames.tolist() == list(range(count))
    assert not found.variable
    if declared:
        assert found.rate == rate


@given(rate=st.fractions(Fraction(1), Fraction(240)), count=st.integers(2, 300))
def test_any_constant_rate_maps_one_to_one(rate, count):
    seconds = np.array([float(i / rate) for i in range(count)])
    found = timeline(seconds, 1 / 90000, 0.0, ())
    assert found.source_frames.tolist() == list(range(count))
    assert abs(float(found.rate / rate) - 1) < 1e-3 + 1 / count


@given(
    gaps=st.lists(st.integers(1, 12), min_size=1, max_size=120),
    last=st.integers(1, 6),
)
def test_varying_rate_shows_every_frame_when_it_is_current(gaps, last):
    seconds = np.cumsum([0, *gaps]) / 60
    found = timeline(seconds, 1 / 90000, last / 60, (Fraction(60),))
    shown = found.source_frames
    assert (np.diff(shown) >= 0).all()
    assert set(shown.tolist()) == set(range(len(seconds)))
    assert found.dropped == 0
    times = np.arange(len(shown)) / float(found.rate)
    period = 1 / float(found.rate)
    assert (np.abs(np.maximum(seconds[shown] - times, 0)) <= 0.5 * period + 1e-9).all()


def test_frames_left_out_of_a_grid_are_held():
    seconds = np.array([0, 1, 2, 5, 6, 7, 8, 11]) / 30
    found = timeline(seconds, 1 / 90000, 1 / 30, (Fraction(30),))
    assert found.rate == 30
    assert found.variable
    assert found.source_frames.tolist() == [0, 1, 2, 2, 2, 3, 4, 5, 6, 6, 6, 7]


def test_mild_jitter_is_a_constant_rate():
    rng = np.random.default_rng(1)
    seconds = np.arange(200) / 30 + np.concatenate([[0], rng.uniform(-0.006, 0.006, 199)])
    found = timeline(seconds, 1 / 90000, 1 / 30, ())
    assert found.rate == 30
    assert found.source_frames.tolist() == list(range(200))


def test_frames_too_close_together_are_counted():
    found = timeline(np.array([0, 0.001, 0.5, 0.9]), 1 / 90000, 0.1, ())
    assert found.dropped == 1


@pytest.mark.parametrize(
    ("given_rate", "meant"),
    [
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_rates_as_people_write_them(given_rate, meant):
    assert snap_rate(given_rate) == meant


def test_halved_rate_takes_every_second_frame():
    found = resample_frames(np.arange(10) / 50, 1 / 50, Fraction(25))
    assert found.source_frames.tolist() == [0, 2, 4, 6, 8]
    assert found.dropped == 5
