import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.dataset.person_hole import person_hole
from dynascene_cli.training.masks import fill_hidden, random_mask


@given(
    seed=st.integers(0, 2**32),
    width=st.integers(8, 40),
    height=st.integers(8, 40),
    low=st.floats(0, 1),
    reach=st.floats(0, 1),
)
def test_what_is_hidden_has_its_share(
    seed: int, width: int, height: int, low: float, reach: float
) -> None:
    high = min(low + reach, 1)
    hidden = random_mask(width, height, (low, high), np.random.default_rng(seed))
    assert hidden.shape == (height, width)
    rounding = 0.5 / hidden.size
    assert low - rounding <= hidden.mean() <= high + rounding


def test_shapes_are_strips_rectangles_and_blobs() -> None:
    """A third hides strips along borders: what is left is one rectangle (but for its last row)."""
    left_is_rectangle = 0
    for seed in range(300):
        hidden = random_mask(32, 24, (0.2, 0.5), np.random.default_rng(seed))
        rows, columns = np.nonzero(~hidden)
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        left_is_rectangle += len(rows) >= box - 2 * max(np.ptp(rows), np.ptp(columns)) - 2
    assert 80 <= left_is_rectangle <= 180


def test_the_persons_hole_is_widened_by_pixels_of_a_full_size_picture() -> None:
    alpha = np.zeros((216, 384), np.uint8)
    alpha[100, 200] = 255
    alpha[10, 10] = 5
    hole = person_hole(alpha, dilation=16)
    rows, columns = np.nonzero(hole)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (92, 108, 192, 208)
    assert not hole[92, 192]
    np.testing.assert_array_equal(person_hole(alpha, dilation=0), alpha == 255)


def test_fills_are_black_or_the_mean_of_what_is_left() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0] = [[10, 20, 30], [20, 40, 60]]
    picture[1] = 200
    hidden = np.array([[False, False], [True, True]])
    assert fill_hidden(picture, hidden, "black")[1].max() == 0
    assert fill_hidden(picture, hidden, "mean")[1].tolist() == [[15, 30, 45]] * 2
    np.testing.assert_array_equal(fill_hidden(picture, hidden, "mean")[0], picture[0])
    assert picture[1].min() == 200
    assert fill_hidden(picture, np.ones((2, 2), bool), "mean").max() == 0


def test_a_share_of_nothing_hides_nothing() -> None:
    assert not random_mask(8, 8, (0, 0), np.random.default_rng(0)).any()


@pytest.mark.parametrize("alpha", [0, 255])
def test_nobody_has_no_hole_and_a_picture_full_of_person_is_all_hole(alpha: int) -> None:
    hole = person_hole(np.full((9, 16), alpha, np.uint8), 16)
    assert hole.all() == hole.any() == (alpha == 255)
