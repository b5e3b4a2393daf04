"""The pop-up: planes read off labels, straight under moves, cut where things end, filled behind."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets import (
    MOVES,
    STREETS,
    camera,
    crookedness,
    guess_of,
    path_of,
    seen,
)

from dynascene_cli.projection import ProjectionRenderer
from dynascene_cli.scene import build_scene, outlines, scene_popup
from dynascene_cli.scene.inpainting import fill
from dynascene_cli.scene.popup import Surface, pop_up
from dynascene_cli.scene.surfaces import add_posts
from dynascene_cli.scene.wall_base_lines import bend_through, bridge_jumps, walls
from dynascene_cli.shot import Margins, SceneGeometry

MARGINS = Margins(128, 32, 128, 32)


@pytest.mark.parametrize("street", STREETS)
def test_upright_sides_stay_upright_and_straight(street: str) -> None:
    photo = seen(street, camera(), samples=2)
    scene = build_scene(photo.image, guess_of(street, photo), MARGINS)
    for poses in MOVES.values():
        renderer = ProjectionRenderer(scene, path_of(poses))
        for number, pose in enumerate(poses):
            truth = seen(street, pose, samples=2)
            sides = crookedness(street, renderer.frame(number), truth)
            assert len(sides) >= 4
            for name, (bend, lean) in sides.items():
                assert bend <= 1.0, (name, bend)
                assert lean <= 1.0, (name, lean)


def test_every_wall_lies_where_it_stands() -> None:
    photo = seen("bend", camera(), samples=1)
    popup = scene_popup(photo.image, guess_of("bend", photo))
    assert popup is not None
    found = 1 / popup.inverse_depth(popup.index)
    solid = np.isfinite(photo.depth)
    error = np.abs(found[solid] / photo.depth[solid] - 1)
    assert np.percentile(error, 90) < 0.05
    ground = (photo.panel < 0) & solid
    assert found[ground] == pytest.approx(photo.depth[ground], rel=1e-3)


ROOM = SceneGeometry(160, 90, 150.0, 45.0, 0.0, 1.6, 0.0, 0.3, interior=True)


def test_at_its_own_pose_a_pop_up_is_the_photo() -> None:
    photo = seen("crossing", camera(), samples=1)
    scene = build_scene(photo.image, guess_of("crossing", photo), MARGINS)
    poses = (camera(), camera(0.4))
    assert (ProjectionRenderer(scene, path_of(poses)).frame(0) == photo.image).all()
    front, back = scene.layers
    assert front.cards is not None
    assert back.cards is None
    assert (back.depth >= front.depth * 0.999).all()


def test_a_ceiling_is_as_high_as_the_walls_that_carry_it() -> None:
    height, width = 90, 160
    surfaces = np.full((height, width), Surface.STRUCTURE, np.uint8)
    surfaces[65:] = Surface.GROUND
    surfaces[:20] = Surface.CEILING
    popup = pop_up(surfaces, ROOM)
    inverse = popup.inverse_depth(popup.index)
    wall = 20 / (1.6 * 150)
    assert inverse[40, 80] == pytest.approx(wall, rel=0.06)
    assert inverse[19, 80] == pytest.approx(wall, rel=0.1)
    assert inverse[0, 80] > inverse[19, 80]


def test_a_lamp_hangs_from_the_ceiling_and_a_cupboard_does_not() -> None:
    height, width = 90, 160
    surfaces = np.full((height, width), Surface.STRUCTURE, np.uint8)
    surfaces[65:] = Surface.GROUND
    surfaces[:30] = Surface.CEILING
    plain = pop_up(surfaces, ROOM)
    surfaces[:12, 60:80] = Surface.OTHER
    surfaces[18:30, 100:130] = Surface.FURNITURE
    popup = pop_up(surfaces, ROOM)
    before, after = (each.inverse_depth(each.index) for each in (plain, popup))
    assert after[:12, 60:80] == pytest.approx(before[:12, 60:80])
    assert popup.index[25, 115] != popup.index[5, 70]


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.2), st.floats(-2e-4, 2e-4), st.integers(0, 5))
def test_one_straight_wall_is_one_plane(near: float, slope: float, seed: int) -> None:
    columns = np.arange(-150.0, 150.0)
    inverse = near + slope * columns
    if inverse.min() < 0.01 or inverse.max() > 5 * inverse.min():
        return
    noise = np.random.default_rng(seed).normal(0, 0.002, len(columns))
    found = walls(columns, inverse + noise, np.full(300, 0.006), (-151.0, 151.0))
    at = np.array([-140.0, 0.0, 140.0])
    for x in at:
        wall = next(wall for wall in found if wall.first <= x < wall.last)
        assert wall.offset + wall.slope * x == pytest.approx(near + slope * x, abs=0.012)


def test_a_jump_of_the_base_parts_two_things() -> None:
    columns = np.arange(100.0)
    inverse = np.where(columns < 40, 0.2, 0.05)
    near, far = walls(columns, inverse, np.full(100, 0.004), (0.0, 100.0), frontal=True)
    assert near.last == pytest.approx(40, abs=2)
    assert (near.offset, far.offset) == pytest.approx((0.2, 0.05), abs=0.002)
    assert near.slope == far.slope == 0


def test_a_moderate_jump_is_bridged_over_half_of_the_farther_wall() -> None:
    columns = np.arange(120.0)
    inverse = np.where(columns < 40, 0.12, np.where(columns < 80, 0.06, 0.1))
    found = walls(columns, inverse, np.full(120, 0.004), (0.0, 120.0), frontal=True)
    bridged = bridge_jumps(found)
    assert (bridged[0].first, bridged[-1].last) == (0.0, 120.0)
    for left, right in pairwise(bridged):
        assert left.last == right.first
        assert left.inverse_depth(left.last) == pytest.approx(right.inverse_depth(left.last))
    at = [next(w.inverse_depth(x) for w in bridged if x < w.last) for x in (20, 60, 100)]
    assert at == pytest.approx([0.12, 0.06, 0.1], rel=0.05)


def test_a_slope_is_bent_at_jumps_of_any_size() -> None:
    columns = np.arange(120.0)
    inverse = np.where(columns < 40, 0.2, np.where(columns < 80, 0.02, 0.06))
    found = walls(columns, inverse, np.full(120, 0.004), (0.0, 120.0))
    bent = bend_through(found)
    assert (bent[0].first, bent[-1].last) == (0.0, 120.0)
    for left, right in pairwise(bent):
        assert left.last == right.first
        assert left.inverse_depth(left.last) == pytest.approx(right.inverse_depth(left.last))
    for wall in found:
        middle = (wall.first + wall.last) / 2
        own = next(w for w in bent if middle <= w.last)
        assert own.inverse_depth(middle) == pytest.approx(wall.inverse_depth(middle))


def test_a_large_jump_is_not_bridged() -> None:
    columns = np.arange(100.0)
    inverse = np.where(columns < 40, 0.2, 0.05)
    found = walls(columns, inverse, np.full(100, 0.004), (0.0, 100.0), frontal=True)
    assert bridge_jumps(found) == found


@pytest.mark.parametrize(
    ("surface", "seams"),
    [
        (Surface.VEHICLE, False),
        (Surface.PERSON, False),
        (Surface.SLOPE, False),
        (Surface.STRUCTURE, True),
    ],
)
def test_no_seam_goes_through_a_queue_or_a_group(surface: Surface, seams: bool) -> None:
    surfaces = np.full((180, 320), Surface.SKY, np.uint8)
    surfaces[80:] = Surface.GROUND
    surfaces[90:150, :120] = surface
    surfaces[90:120, 120:200] = surface
    surfaces[90:145, 200:] = surface
    geometry = SceneGeometry(320, 180, 300.0, 80.0, 0.0, 1.6, 0.0, 0.3, interior=False)
    popup = pop_up(surfaces, geometry)
    depth = 1 / popup.inverse_depth(popup.index)[100]
    ratios = depth[1:] / depth[:-1]
    torn = bool(np.abs(np.log(ratios)).max() > np.log(1.3))
    assert torn is seams
    assert depth[160] > 1.4 * depth[40]


@pytest.mark.parametrize("foot", [160, 180])
def test_somebody_stands_at_their_feet_not_at_the_hem_of_their_coat(foot: int) -> None:
    surfaces = np.full((180, 320), Surface.SKY, np.uint8)
    surfaces[80:] = Surface.GROUND
    surfaces[60:130, 130:170] = Surface.PERSON
    surfaces[130:foot, 136:144] = surfaces[130:foot, 156:164] = Surface.PERSON
    geometry = SceneGeometry(320, 180, 300.0, 80.0, 0.0, 1.6, 0.0, 0.3, interior=False)
    popup = pop_up(surfaces, geometry)
    stands_at = 300 * 1.6 / (foot - 80)
    depth = 1 / popup.inverse_depth(popup.index)[surfaces == Surface.PERSON]
    assert depth == pytest.approx(np.full(depth.size, stands_at), rel=0.02)


def test_an_outline_knows_how_thick_its_card_is() -> None:
    surfaces = np.full((180, 320), Surface.GROUND, np.uint8)
    surfaces[:80] = Surface.SKY
    surfaces[40:150, 100:112] = surfaces[40:150, 200:260] = Surface.PERSON
    geometry = SceneGeometry(320, 180, 300.0, 80.0, 0.0, 1.6, 0.0, 0.3, interior=False)
    found = outlines(pop_up(surfaces, geometry), Margins())
    aside = found.outward[:, 0] != 0
    for edge, thick in ((100, 12), (112, 12), (200, 60), (260, 60)):
        at_edge = aside & (found.pixels[:, 0] == edge) & (found.pixels[:, 1] < 120)
        assert at_edge.sum() == 80
        assert (found.thick[at_edge] == thick).all()


def test_holes_are_filled_from_their_kind() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 40, (96, 160, 3), np.uint8)
    image[:, 80:] += np.array([150, 0, 0], np.uint8)
    kinds = np.where(np.arange(160) < 80, 3, 4).astype(np.uint8) * np.ones((96, 1), np.uint8)
    hole = np.zeros((96, 160), np.bool_)
    hole[30:60, 70:90] = True
    kinds[hole] = 4
    filled = fill(image, hole, kinds=kinds).image
    assert filled[hole][:, 0].mean() > 140


def test_a_mast_belongs_to_what_it_stands_on() -> None:
    photo = np.full((120, 200, 3), 220, np.uint8)
    surfaces = np.full((120, 200), Surface.SKY, np.uint8)
    surfaces[80:] = Surface.STRUCTURE
    photo[80:] = 90
    photo[20:80, 100:103] = 60
    photo[10:14, 40:60] = 60
    found = add_posts(surfaces, photo)
    assert (found[25:80, 101] == Surface.STRUCTURE).all()
    assert (found[:70, :95] == Surface.SKY).all()


def test_a_mast_is_no_part_of_the_head_below_it() -> None:
    photo = np.full((120, 200, 3), 220, np.uint8)
    surfaces = np.full((120, 200), Surface.SKY, np.uint8)
    surfaces[80:, 95:110] = Surface.PERSON
    photo[80:, 95:110] = 90
    photo[20:80, 100:103] = 60
    found = add_posts(surfaces, photo)
    assert (found == surfaces).all()


def test_a_lamp_hangs_on_its_post() -> None:
    photo = np.full((240, 200, 3), 220, np.uint8)
    surfaces = np.full((240, 200), Surface.SKY, np.uint8)
    surfaces[160:] = Surface.PLANT
    photo[160:] = 90
    photo[80:160, 100:103] = 60
    photo[80:82, 100:140] = 60
    photo[78:84, 140:160] = 60
    surfaces[78:84, 140:160] = Surface.STRUCTURE
    photo[20:24, 40:60] = 60
    found = add_posts(surfaces, photo)
    lamp = photo[..., 0] == 60
    lamp[:70] = False
    assert (found[lamp] == Surface.PLANT).mean() > 0.9
    assert (found[:70] == Surface.SKY).all()


def test_a_photo_that_is_not_understood_has_no_pop_up() -> None:
    photo = seen("canyon", camera(), samples=1)
    guess = guess_of("canyon", photo)
    assert guess.labels is not None
    guess.labels.certainty[:] = 0.3
    assert scene_popup(photo.image, guess) is None
