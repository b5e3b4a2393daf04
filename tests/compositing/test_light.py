from functools import partial

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.compositing.blend import look_up
from dynascene_cli.compositing.linear_light import (
    DECODE,
    ENCODE,
    ENCODE_STEPS,
    apply_gain,
    display_light,
    expose,
    lift,
    light_table,
    linear_light,
)


def test_every_display_value_survives_the_tables():
    steps = (DECODE * ENCODE_STEPS + 0.5).astype(int)
    assert np.array_equal(ENCODE[steps], np.arange(256))


def test_middle_grey_is_about_a_fifth_of_the_light():
    assert abs(DECODE[119] - 0.1845) < 1e-3


@given(st.floats(0, 1))
def test_display_light_inverts_linear_light(value):
    assert abs(display_light(linear_light(value)) - value) < 1e-7


@given(st.floats(0.5, 1.9), st.floats(0, 0.99), st.floats(0.001, 0.01))
def test_a_gain_keeps_the_order_of_light_and_white(gain, light, step):
    assert apply_gain(light, gain) < apply_gain(light + step, gain)
    assert abs(apply_gain(1.0, gain) - 1.0) < 1e-12


@given(st.floats(0.25, 0.99), st.floats(0.001, 1), st.floats(0.001, 1))
def test_a_lower_exposure_keeps_the_ratios_of_light(gain, light, other):
    found = expose(light, gain) / expose(other, gain)
    assert found == pytest.approx(light / other)


def test_a_higher_exposure_does_not_clip_white():
    assert abs(expose(1.0, 1.5) - 1.0) < 1e-12
    assert expose(0.1, 1.5) > 0.149


def test_a_gain_is_pure_in_the_dark():
    assert abs(apply_gain(0.01, 1.4) / 0.01 - 1.4) < 1e-3


def test_gains_of_one_change_no_value():
    table = light_table(partial(apply_gain, gain=(1.0, 1.0, 1.0)))
    assert np.array_equal(table, np.repeat(np.arange(256)[:, None], 3, axis=1))


def test_each_channel_is_looked_up_in_its_own_column():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 256, (256, 3), np.uint8)
    image = rng.integers(0, 256, (30, 50, 3), np.uint8)[3:, 4:41]
    assert np.array_equal(look_up(image, table), cv2.LUT(np.ascontiguousarray(image), table[None]))


@given(st.floats(0, 2.2))
def test_a_lift_brightens_the_dark_most_and_keeps_order_and_white(stops):
    table = light_table(partial(lift, stops=stops)).astype(int)
    assert (np.diff(table, axis=0) >= 0).all() and (table >= np.arange(256)[:, None]).all()
    assert (table[0] == 0).all() and (table[255] == 255).all()
    assert abs(np.log2(DECODE[table[70, 0]] / DECODE[70]) - stops) < 0.55
    black, dark = (np.log2(DECODE[table[level, 0]] / DECODE[level]) for level in (12, 70))
    assert black <= dark + 0.25
