"""What is taken out of an alpha is taken out where it lies, and the rest stays."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.matting.frame_reduction import take_out


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 10**6))
def test_all_that_a_share_reaches_is_taken_out(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = rng.integers(0, 256, (100, 70), dtype=np.uint8)
    gone = np.zeros((height, width), np.float32)
    row, column = rng.integers(height), rng.integers(width)
    gone[row : row + 4, column : column + 3] = rng.random()
    shown = cv2.resize(gone, (70, 100), interpolation=cv2.INTER_LINEAR)
    assert take_out(alpha, gone) == pytest.approx(np.round(alpha * (1 - shown)))


def test_nothing_gone_leaves_the_alpha() -> None:
    alpha = np.full((20, 30), 200, np.uint8)
    kept = take_out(alpha, np.zeros((5, 6), np.float32))
    assert (kept == alpha).all() and kept is not alpha
