from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.diffusion.configuration import FULL_SIZE, preset
from dynascene_cli.diffusion.sampling_size import (
    check_sampling_size,
    sampling_size,
    select_sampled_frames,
    smaller_size,
)
from dynascene_cli.errors import InputError


@pytest.mark.parametrize(
    ("plate", "sampled"),
    [
        ((1920, 1080), (768, 432)),
        ((768, 432), (768, 432)),
        ((1080, 1920), (432, 768)),
        ((640, 480), (664, 496)),
        ((96, 96), (576, 576)),
    ],
)
def test_sampling_keeps_the_aspect_at_the_papers_area(plate, sampled):
    assert sampling_size(*plate, FULL_SIZE) == sampled


@given(st.integers(16, 16384), st.integers(16, 16384))
def test_every_plate_has_a_size_that_can_be_sampled(width, height):
    for size in (
        sampling_size(width, height, FULL_SIZE),
        smaller_size(sampling_size(width, height, FULL_SIZE), FULL_SIZE),
    ):
        check_sampling_size(size, FULL_SIZE)


@given(st.integers(240, 1000), st.integers(240, 1000))
def test_the_aspect_is_off_by_less_than_a_latent(width, height):
    sampled = sampling_size(width, height, FULL_SIZE)
    assert abs(sampled[0] / sampled[1] * height - width) < 8 * width / min(sampled)


@given(st.integers(16, 16384), st.integers(16, 16384))
def test_a_small_network_samples_small_pictures_of_every_aspect(width, height):
    config = preset("mini")
    size = sampling_size(width, height, config)
    check_sampling_size(size, config)
    if max(width, height) <= 4 * min(width, height):
        assert 0.8 * 64 * 36 < size[0] * size[1] < 1.25 * 64 * 36
    assert sampling_size(1920, 1080, config) == (64, 36)


def test_half_the_memory_is_half_the_area():
    assert smaller_size((768, 432), FULL_SIZE) == (544, 304)


@pytest.mark.parametrize("size", [(100, 64), (64, 100), (56, 64), (0, 64), (-64, 64)])
def test_sizes_that_cannot_be_sampled_name_the_nearest(size):
    with pytest.raises(InputError, match="cannot be sampled: sides are multiples of 8") as raised:
        check_sampling_size(size, FULL_SIZE)
    nearest = raised.value.hint.removeprefix("the nearest is ").split("x")
    check_sampling_size((int(nearest[0]), int(nearest[1])), FULL_SIZE)


def test_at_most_thirty_frames_a_second_are_sampled_and_always_the_last():
    assert select_sampled_frames(6, Fraction(24)).tolist() == [0, 1, 2, 3, 4, 5]
    assert select_sampled_frames(6, Fraction(30)).tolist() == [0, 1, 2, 3, 4, 5]
    assert select_sampled_frames(6, Fraction(60000, 1001)).tolist() == [0, 2, 4, 5]
    assert select_sampled_frames(7, Fraction(50)).tolist() == [0, 2, 4, 6]
    assert select_sampled_frames(9, Fraction(120)).tolist() == [0, 4, 8]
    assert select_sampled_frames(1, Fraction(60)).tolist() == [0]
