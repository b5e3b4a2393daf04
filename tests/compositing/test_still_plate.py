"""A plate that stays the same array is treated once, and no frame shows in the next."""

import numpy as np

from dynascene_cli.compositing.composite import CompositeSettings, Compositor
from dynascene_cli.compositing.look import Look

WIDTH, HEIGHT = 96, 64
LOOK = Look(plate_gains=(1.2, 1.1, 0.9), plate_blur=0.8, grain=2.0)


def composited(compositor, index, plate):
    rng = np.random.default_rng(index)
    frame = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[10:50, 20 + 5 * index : 40 + 5 * index] = 255
    feet = np.array([30.0 + 5 * index, 50.0])
    return compositor.frame(index, frame, alpha, plate, np.eye(2, 3), feet, 40.0)


def test_a_plate_seen_again_gives_the_same_frames_as_copies_of_it():
    plate = np.random.default_rng(9).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    same, fresh = (Compositor(LOOK, CompositeSettings(), WIDTH, HEIGHT) for _ in range(2))
    for index in range(4):
        one, other = composited(same, index, plate), composited(fresh, index, plate.copy())
        assert np.array_equal(one.picture, other.picture)
        assert np.array_equal(one.background, fresh.background(index, plate.copy()))
        assert np.array_equal(one.background, other.background)
    assert np.array_equal(plate, np.random.default_rng(9).integers(0, 256, plate.shape, np.uint8))
