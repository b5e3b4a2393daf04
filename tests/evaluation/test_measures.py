"""Measures against values worked out by hand and check values that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.evaluation.metrics import interval, psnr, squared_error, ssim


def pictures(value: int, frames: int = 2, height: int = 20, width: int = 24) -> np.ndarray:
    return np.full((frames, height, width, 3), value, np.uint8)


def everywhere(made: np.ndarray) -> np.ndarray:
    return np.ones(made.shape[:3], bool)


def test_squared_error_of_a_constant_difference() -> None:
    made, truth = pictures(116), pictures(100)
    assert squared_error(made, truth, everywhere(made)) == 256.0
    assert psnr(256.0) == pytest.approx(24.05, abs=5e-3)


def test_squared_error_does_not_wrap_around() -> None:
    assert squared_error(pictures(0), pictures(255), everywhere(pictures(0))) == 255.0**2
    assert psnr(255.0**2) == 0.0


def test_psnr_of_noise_is_that_of_its_deviation() -> None:
    rng = np.random.default_rng(0)
    truth = pictures(128, 1, 432, 768)
    noisy = np.clip(np.round(truth + rng.normal(0, 20, truth.shape)), 0, 255).astype(np.uint8)
    assert psnr(squared_error(noisy, truth, everywhere(truth))) == pytest.approx(
        20 * np.log10(255 / 20), abs=0.02
    )


def test_pixels_that_do_not_count_change_nothing() -> None:
    made, truth = pictures(90), pictures(90)
    where = everywhere(made)
    where[:, :, 12:] = False
    made[:, :, 12:] = 7
    assert squared_error(made, truth, where) == 0.0
    assert psnr(0.0) == np.inf
    assert ssim(made, truth, where) == 1.0


def test_where_nothing_counts_there_is_no_number() -> None:
    made = pictures(1)
    nowhere = ~everywhere(made)
    assert np.isnan(squared_error(made, made, nowhere))
    assert np.isnan(ssim(made, made, nowhere))


def test_ssim_of_constants_is_its_luminance_term() -> None:
    made, truth = pictures(120), pictures(100)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 120 * 100 + c1) / (120**2 + 100**2 + c1)
    assert ssim(made, truth, everywhere(made)) == pytest.approx(expected, rel=1e-9)


def test_ssim_is_the_formula_of_one_window() -> None:
    rng = np.random.default_rng(1)
    made, truth = rng.integers(0, 256, (2, 1, 11, 11, 3), dtype=np.uint8)
    middle = np.zeros((1, 11, 11), bool)
    middle[0, 5, 5] = True
    # Only the middle counts, and its window reaches exactly to the border: nothing is mirrored.
    # Pixels that do not count are the truth's, so only one pixel differs.
    mixed = truth.copy()
    mixed[0, 5, 5] = made[0, 5, 5]
    bell = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(bell, bell)[..., None] / bell.sum() ** 2
    a, b = mixed[0].astype(float), truth[0].astype(float)
    mean_a, mean_b = (window * a).sum((0, 1)), (window * b).sum((0, 1))
    variance_a = (window * (a - mean_a) ** 2).sum((0, 1))
    variance_b = (window * (b - mean_b) ** 2).sum((0, 1))
    covariance = (window * (a - mean_a) * (b - mean_b)).sum((0, 1))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    expected /= (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    assert ssim(made, truth, middle) == pytest.approx(expected.mean(), rel=1e-6)


def test_interval_is_the_same_for_a_seed() -> None:
    values = np.random.default_rng(2).normal(10, 2, 80)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)


def test_interval_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(2).normal(10, 2, 400)
    low, high = interval(values, resamples=4000)
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_interval_lies_within_the_values(values: list[float]) -> None:
    low, high = interval(values, resamples=50)
    assert min(values) - 1e-6 <= low <= high <= max(values) + 1e-6


def test_interval_leaves_out_what_is_not_known() -> None:
    assert interval([1.0, np.nan, 1.0]) == (1.0, 1.0)
    assert np.isnan(interval([np.nan])).all()
