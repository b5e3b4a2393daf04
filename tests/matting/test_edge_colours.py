"""The colours on an edge's two sides, against sums and discriminants done the long way."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.matting.edge_colours import (
    COLOUR_NOISE,
    SEEN_SHARE,
    SEPARATION,
    UNDECIDED,
    WIDE_SHARE,
    edge_colours,
    fill_by_colour,
    interpolation_places,
)


def weighted(picture, chosen, y, x, near, wide):
    """Mean colour, covariance and share seen of chosen pixels around (y, x), by masks."""
    rows, columns = np.indices(chosen.shape)
    distance = np.maximum(np.abs(rows - y), np.abs(columns - x))
    weight = (distance <= near) / (2 * near + 1) ** 2
    weight = (weight + WIDE_SHARE * (distance <= wide) / (2 * wide + 1) ** 2) * chosen
    seen = weight.sum() + 1e-6
    colours = picture / 255
    mean = (weight[..., None] * colours).sum(axis=(0, 1)) / seen
    square = np.einsum("yx,yxi,yxj->ij", weight, colours, colours) / seen
    return mean, square - np.outer(mean, mean), seen


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(4, 9))
def test_the_discriminant_is_fishers(seed, near, wide):
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (14, 17, 3)).astype(np.uint8)
    side = random.integers(0, 3, (14, 17))
    band = random.random((14, 17)) < 0.2
    model = edge_colours(picture, side == 1, side == 2, band, near, wide)
    assert not model[~band].any()
    for y, x in np.argwhere(band):
        (one, spread_1, seen_1), (other, spread_0, seen_0) = (
            weighted(picture, side == each, y, x, near, wide) for each in (1, 2)
        )
        within = (spread_1 + spread_0) / 2 + COLOUR_NOISE * np.eye(3)
        direction = np.linalg.solve(within, one - other)
        separation = direction @ (one - other)
        scale = 1 / max(separation, 1e-3)
        constant = 0.5 - direction @ (one + other) / 2 * scale
        weight = separation / (separation + SEPARATION) * min(min(seen_1, seen_0) / SEEN_SHARE, 1)
        expected = [*(direction * scale / 255), constant, weight]
        np.testing.assert_allclose(model[y, x], expected, rtol=2e-4, atol=2e-5)


def test_bright_pictures_do_not_overflow_the_sums():
    picture = np.full((700, 400, 3), 255, np.uint8)
    picture[:, 200:] = 250
    person = np.zeros((700, 400), bool)
    person[:, :200] = True
    band = np.zeros_like(person)
    band[650, 198:202] = True
    model = edge_colours(picture, person, ~person, band, 3, 12)
    alpha = model[650, 198:202, :3] @ np.array([[255, 250]] * 3) + model[650, 198:202, 3:4]
    np.testing.assert_allclose(alpha, [[1, 0]] * 4, atol=1e-3)


def test_a_part_is_filled_from_its_reduced_size():
    picture = np.zeros((12, 10, 3), np.uint8)
    picture[..., 0] = np.arange(10) * 20
    alpha = np.full((12, 10), 7, np.uint8)
    regions = np.full((4, 3), UNDECIDED, np.uint8)
    regions[0] = 255
    masks = np.zeros((4, 3, 2), np.float32)
    masks[..., 0] = 0.5
    model = np.zeros((4, 3, 5), np.float32)
    model[..., 0], model[..., 4] = 1 / 255, [0, 0.5, 1]
    rows = interpolation_places((np.arange(8) + 0.5) / 2, 4)
    columns = interpolation_places((np.arange(6) + 0.5) / 2, 3)
    fill_by_colour(alpha, picture, (3, 2), regions, masks, model, rows, columns)
    weight = np.array([0, 0.125, 0.375, 0.625, 0.875, 1])
    expected = 127.5 + weight * (picture[0, 2:8, 0] - 127.5)
    np.testing.assert_array_equal(alpha[5:11, 2:8], np.tile(np.floor(expected + 0.5), (6, 1)))
    assert (alpha[3:5, 2:8] == 255).all()
    alpha[3:11, 2:8] = 7
    assert (alpha == 7).all()
