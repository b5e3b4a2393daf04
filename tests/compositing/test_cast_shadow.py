"""The sun's shadow: where it must fall by geometry, how dark, and where it ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.compositing.cast_shadow import CastShadow, cast_shadow, ground_map, shadow_map
from dynascene_cli.compositing.roi import Box
from dynascene_cli.shot import SceneGeometry, Sunlight

WIDTH, HEIGHT, CAMERA_HEIGHT = 320, 240, 1.6
K = np.array([[300.0, 0, 160], [0, 300, 90], [0, 0, 1]])
E = np.eye(3, 4)
CONTACT = np.array([0.0, CAMERA_HEIGHT, 5.0])


def pixel(point) -> np.ndarray:
    seen = K @ np.asarray(point)
    return seen[:2] / seen[2]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 360), st.floats(10, 70), st.floats(0.2, 1.8))
def test_the_shadow_of_a_point_lies_on_its_ray_from_the_sun(azimuth, elevation, height) -> None:
    sun = Sunlight(azimuth, elevation)
    if abs(np.cos(np.radians(azimuth))) < 0.5:
        return
    top = CONTACT - [0, height, 0]
    shade = top - sun.direction * height / -sun.direction[1]
    shade[1] = CAMERA_HEIGHT
    if shade[2] < 1:
        return
    to_figure = shadow_map(K, E, CONTACT, CAMERA_HEIGHT, sun)
    found = to_figure @ [*pixel(shade), 1.0]
    assert found[:2] / found[2] == pytest.approx(pixel(top), abs=1e-6)


def test_the_map_of_the_ground_is_the_identity_for_the_photo_s_camera() -> None:
    geometry = SceneGeometry(WIDTH, HEIGHT, 300.0, 90.0, 0.0, 1.6, 0.0, 0.5, interior=False)
    found = ground_map(geometry.intrinsics, geometry.extrinsics, 1.6, geometry) @ [50, 200, 1]
    assert found[:2] / found[2] == pytest.approx([50, 200])


def thrown(sun: Sunlight, ground=None) -> np.ndarray:
    head, foot = pixel(CONTACT - [0, 1.7, 0]), pixel(CONTACT)
    box = Box(int(foot[0]) - 12, int(head[1]), int(foot[0]) + 12, int(foot[1]))
    alpha = np.full((box.y1 - box.y0, box.x1 - box.x0), 255, np.uint8)

    def everywhere(part: Box) -> np.ndarray:
        return np.full(part.size[::-1], 255, np.uint8)

    cast = CastShadow(sun, shadow_map(K, E, CONTACT, CAMERA_HEIGHT, sun), ground or everywhere)
    reach, share = cast_shadow(alpha, box, foot, foot[1] - head[1], cast, (WIDTH, HEIGHT))
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    reach.crop(canvas)[:] = share
    return canvas


@pytest.mark.parametrize(("azimuth", "side"), [(60, -1), (-60, 1), (120, -1), (240, 1)])
def test_it_falls_away_from_the_sun(azimuth: float, side: int) -> None:
    shade = thrown(Sunlight(azimuth, 40))
    columns = np.arange(WIDTH) + 0.5 - pixel(CONTACT)[0]
    middle = (shade.sum(axis=0) * columns).sum() / shade.sum()
    assert np.sign(middle) == side
    rows = np.flatnonzero(shade.any(axis=1))
    foot = pixel(CONTACT)[1]
    ahead = abs(((azimuth + 180) % 360) - 180) < 90
    assert (rows[-1] > foot + 10) == ahead
    assert (rows[0] < foot - 10) == (not ahead)


def test_it_is_as_dark_and_as_long_as_the_sun_makes_it() -> None:
    assert thrown(Sunlight(150, 40, darkness=0.6)).max() == pytest.approx(0.6 * 255, abs=2)
    low, high = thrown(Sunlight(150, 25)), thrown(Sunlight(150, 60))
    assert np.count_nonzero(low) > 1.3 * np.count_nonzero(high)
    hard, soft = (thrown(Sunlight(150, 40, hardness=h)).astype(int) for h in (1.0, 0.0))
    assert np.abs(np.diff(hard, axis=1)).max() > 2 * np.abs(np.diff(soft, axis=1)).max()


def test_it_ends_at_walls() -> None:
    def left_half(part: Box) -> np.ndarray:
        columns = np.arange(part.x0, part.x1) < 150
        return np.repeat(columns[None] * np.uint8(255), part.size[1], axis=0)

    shade = thrown(Sunlight(60, 30), left_half)
    assert shade[:, :150].any()
    assert not shade[:, 151:].any()
