"""Posts that rise into the sky: found whole whatever is behind them, and one card of the pop-up."""

import cv2
import numpy as np

from dynascene_cli.scene.popup import Surface, pop_up
from dynascene_cli.scene.standing_posts import WORKING_PIXELS, standing_posts
from dynascene_cli.shot import SceneGeometry

HEIGHT, WIDTH, FOOT = 270, 480, 200
POST = np.s_[20:FOOT, 200:206]
SIGN = np.s_[100:116, 194:212]


def street() -> tuple[np.ndarray, np.ndarray]:
    """A post with a sign before sky, trees and a wall, and what its labels make of its pixels."""
    photo = np.full((HEIGHT, WIDTH, 3), 225, np.uint8)
    leaves = np.random.default_rng(1).integers(70, 170, (80, WIDTH, 1), np.uint8)
    photo[60:140] = leaves
    photo[140:160] = 120
    photo[160:] = 150
    surfaces = np.full((HEIGHT, WIDTH), Surface.SKY, np.uint8)
    surfaces[60:140] = Surface.PLANT
    surfaces[140:160] = Surface.STRUCTURE
    surfaces[160:] = Surface.GROUND
    surfaces[160:FOOT, 198:208] = Surface.STRUCTURE
    return photo, surfaces


def with_post(photo: np.ndarray) -> np.ndarray:
    photo = photo.copy()
    photo[POST] = 30
    photo[SIGN] = 240
    return photo


def test_a_post_is_one_card_whatever_it_is_seen_before() -> None:
    photo, surfaces = street()
    surfaces[SIGN] = Surface.STRUCTURE
    found = standing_posts(surfaces, with_post(photo))
    assert found[POST][:, 1:-1].mean() > 0.97
    assert found[SIGN].all()
    assert found.sum() < 2.2 * (found[POST].size + found[SIGN].size)

    surfaces[found] = Surface.POST
    geometry = SceneGeometry(WIDTH, HEIGHT, 430.0, 140.0, 0.0, 1.6, 0.0, 0.3, interior=False)
    popup = pop_up(surfaces, geometry)
    depth = 1 / popup.inverse_depth(popup.index)
    stands_at = 1.6 * 430 / (FOOT - 140)
    np.testing.assert_allclose(depth[POST][2:, 2:-2], stands_at, rtol=0.03)
    np.testing.assert_allclose(depth[SIGN], stands_at, rtol=0.03)


def test_what_hangs_in_the_sky_or_ends_behind_a_car_is_no_post() -> None:
    photo, surfaces = street()
    assert not standing_posts(surfaces, photo).any()
    hanging = photo.copy()
    hanging[20:90, 200:206] = 30
    assert not standing_posts(surfaces, hanging).any()
    surfaces[90:220, 150:260] = Surface.VEHICLE
    assert not standing_posts(surfaces, with_post(photo)).any()


def test_a_large_photo_s_post_is_found_as_a_small_one_s() -> None:
    photo, surfaces = street()
    large = cv2.resize(with_post(photo), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    wide = cv2.resize(surfaces, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    assert wide.size > WORKING_PIXELS
    found = standing_posts(wide, large)
    post = np.zeros_like(found)
    post[3 * POST[0].start : 3 * POST[0].stop, 3 * POST[1].start : 3 * POST[1].stop] = True
    assert found[post].mean() > 0.9
