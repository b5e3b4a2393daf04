"""The camera that filmed a clip: gravity, metres, and the person who stays where they stood."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stick_figure import Motion, grounded, moved, photo, standing, still, tracks, walking

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    Floats,
    centre,
    compose,
    pose,
    pose_from_centre,
    project,
    relative_to_first,
    rotation_about,
)
from dynascene_cli.shot import CameraPath, SceneGeometry
from dynascene_cli.staging import (
    FilmedPerson,
    FilmedWorld,
    Stance,
    Standing,
    StandingGround,
    align_world,
    contact_points,
    horizon_row,
    look_from,
    place_person,
    stance,
    stand_with_own_camera,
)
from dynascene_cli.staging.billboard import apply_similarity, card, intersect_ground
from dynascene_cli.staging.derotation import remove_rotation, restore_rotation
from dynascene_cli.staging.ground_fit import fit_ground, sure_ground

GROUND = photo(horizon=360.0)
"""Level ground 1.5 m under the filmed camera, and a lens whose axis meets its horizon."""

UNIT = 7.3
"""Metres to the estimate's unit."""


def filmed_with(move: str, pitch_deg: float = 8.0, roll_deg: float = 0.0) -> CameraPath:
    """A metric path over GROUND whose camera looks down by a pitch, rolled clockwise."""
    path = moved(GROUND, 75, move)
    tilt = (rotation_about("x", -pitch_deg) @ rotation_about("z", roll_deg)).T
    return replace(path, extrinsics=compose(pose(tilt, np.zeros(3)), path.extrinsics))


def estimated(truth: CameraPath) -> CameraPath:
    """The truth as an estimator tells it: from its first camera, in a unit of its own."""
    extrinsics = relative_to_first(truth.extrinsics)
    extrinsics[:, :, 3] /= UNIT
    return replace(truth, extrinsics=extrinsics, unit="scene_depth")


def background(truth: CameraPath, ground: bool, walls: bool = True, noise: float = 0.002) -> Floats:
    """Points on the ground and above it, in the estimate's world."""
    random = np.random.default_rng(3)
    floor = random.uniform([-6, 0, 2.5], [6, 0, 20], (300, 3)) * ([1, 1, 1] if ground else [0] * 3)
    wall = random.uniform([-9, 0.3, 15], [9, 6, 25], (500, 3))
    up = np.concatenate([floor[: 300 * ground], wall[: 500 * walls]])
    world = grounded(GROUND, up)
    first = world @ truth.extrinsics[0, :, :3].T + truth.extrinsics[0, :, 3]
    return np.asarray(first / UNIT * (1 + random.normal(0, noise, (len(first), 1))))


def world_of(
    truth: CameraPath,
    motion: Motion,
    points: Floats,
    noise: float = 0.0,
    lean_deg: float = 0.0,
    **options: float,
) -> FilmedWorld:
    person = tracks(motion, GROUND, noise, filmed=truth)
    measured = FilmedPerson(contact_points(person, truth), 1.7, lean_deg)
    settings = {"horizon": 360.0, **options}
    return align_world(estimated(truth), points, measured, **settings)


@given(
    turn=st.floats(-170, 170), tilt=st.floats(-20, 20), x=st.floats(0, 1280), y=st.floats(0, 720)
)
def test_steadied_pixels_come_back(turn: float, tilt: float, x: float, y: float) -> None:
    rotation = np.stack([np.eye(3), rotation_about("x", tilt) @ rotation_about("y", turn)])
    path = replace(still(GROUND, 2), extrinsics=pose(rotation, np.zeros((2, 3))))
    pixels = np.full((2, 3, 2), [x, y])
    np.testing.assert_allclose(
        restore_rotation(path, remove_rotation(path, pixels)), pixels, atol=1e-6
    )


def test_a_direction_stays_in_place_however_the_camera_turns() -> None:
    turns = np.stack([rotation_about("y", a) for a in np.linspace(0, 30, 20)])
    path = replace(still(GROUND, 20), extrinsics=pose(turns, np.zeros((20, 3))))
    pixels = project(path.intrinsics, path.extrinsics, np.array([-1.0, 0.5, 6.0]))
    assert np.ptp(remove_rotation(path, pixels), axis=0).max() < 1e-9
    assert remove_rotation(None, pixels) is pixels


@given(
    pitch=st.floats(-25, 25),
    roll=st.floats(-15, 15),
    distance=st.floats(0.05, 3),
    seed=st.integers(0, 99),
)
def test_ground_under_clutter_is_found(
    pitch: float, roll: float, distance: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    level = random.uniform([-4, 0, 1], [4, 0, 12], (150, 3))
    clutter = random.uniform([-4, -3, 2], [4, -0.2, 12], (300, 3))
    turn = rotation_about("x", pitch) @ rotation_about("z", roll)
    below_camera = np.concatenate([level, clutter]) + np.array([0, 1, 0])
    points = below_camera * distance @ turn.T
    points *= 1 + random.normal(0, 0.003, (len(points), 1))
    found = fit_ground(points[points[:, 2] > 0])
    assert found is not None
    assert found.distance == pytest.approx(distance, rel=0.02)
    assert np.degrees(np.arccos(min(found.down @ turn[:, 1], 1.0))) < 1.0


def test_a_wall_or_a_scatter_is_no_ground() -> None:
    random = np.random.default_rng(0)
    wall = random.uniform([-4, -3, 5], [4, 1, 5.001], (200, 3))
    cloud = random.uniform([-4, -3, 2], [4, 3, 12], (400, 3))
    assert fit_ground(wall) is None
    assert fit_ground(cloud) is None
    assert fit_ground(np.empty((0, 3))) is None


@pytest.mark.parametrize("move", ["truck", "dolly", "handheld", "crane"])
def test_seen_ground_tells_gravity_height_and_metres(move: str) -> None:
    truth = filmed_with(move, pitch_deg=8, roll_deg=3)
    world = world_of(truth, standing(), background(truth, ground=True), noise=0.5)
    assert (world.gravity, world.scale) == ("ground", "ground")
    assert world.camera_height == pytest.approx(1.5, rel=0.02)
    assert world.path.unit == "metres"
    assert horizon_row(world.path) == pytest.approx(horizon_row(truth), abs=8)
    np.testing.assert_allclose(centre(world.path.extrinsics), centre(truth.extrinsics), atol=0.05)
    assert world.warnings == ()


def roll_of(path: CameraPath) -> float:
    """Degrees by which the first camera leans from level, whichever way it faces."""
    right = path.extrinsics[0, 0, :3]
    return float(np.degrees(np.arcsin(right[1])))


@pytest.mark.parametrize(("lean", "roll"), [(0.0, 0.0), (14.0, 12.0), (-14.0, 0.0)])
def test_a_lean_of_the_ground_is_a_roll_only_if_the_person_leans_with_it(
    lean: float, roll: float
) -> None:
    truth = filmed_with("truck", pitch_deg=8, roll_deg=12)
    sloping = background(truth, ground=True)
    world = world_of(truth, standing(), sloping, noise=0.5, lean_deg=lean)
    assert (world.gravity == "ground") == (roll != 0)
    assert abs(roll_of(world.path)) == pytest.approx(roll, abs=1.0)


def test_a_camera_that_tilts_as_it_pans_is_level() -> None:
    turns = [rotation_about("x", 0.2 * a) @ rotation_about("y", -a) for a in np.linspace(0, 20, 75)]
    path = replace(still(GROUND, 75), extrinsics=pose(np.stack(turns), np.zeros((75, 3))))
    world = world_of(path, standing(), np.empty((0, 3)))
    assert world.gravity == "pan"
    assert roll_of(world.path) == pytest.approx(0, abs=1e-6)


def test_a_ground_that_hangs_on_a_few_points_is_none() -> None:
    random = np.random.default_rng(4)
    thicket = random.uniform([-4, -1, 1], [4, 1, 8], (150, 3))
    assert sure_ground(thicket) is None


def test_a_pans_axis_is_upright() -> None:
    turns = np.stack([rotation_about("y", a) for a in np.linspace(0, -30, 75)])
    tilt = rotation_about("x", -6).T
    path = replace(still(GROUND, 75), extrinsics=pose(tilt @ turns, np.zeros((75, 3))))
    world = world_of(path, standing(), np.empty((0, 3)))
    assert (world.gravity, world.scale) == ("pan", "no translation")
    np.testing.assert_allclose(
        world.path.extrinsics[:, :, :3], path.extrinsics[:, :, :3], atol=0.02
    )


def test_without_ground_the_horizon_is_the_photos_where_the_feet_allow_it() -> None:
    truth = filmed_with("truck", pitch_deg=0)
    points = background(truth, ground=False)
    allowed = world_of(truth, standing(), points, horizon=330.0)
    assert allowed.gravity == "level"
    assert horizon_row(allowed.path) == pytest.approx(330.0, abs=0.5)
    too_high = world_of(truth, standing(), points, horizon=-300.0)
    assert too_high.camera_height == pytest.approx(2.4, rel=0.03)
    assert horizon_row(too_high.path) > 100
    given_height = world_of(truth, standing(), points, camera_height=1.5)
    assert given_height.camera_height == 1.5
    assert horizon_row(given_height.path) == pytest.approx(360, abs=4)


@pytest.mark.parametrize(("photo_height", "on_them"), [(1.2, 1.2), (3.8, 1.59)])
def test_without_feet_the_photos_horizon_is_as_high_on_the_body_as_its_camera(
    photo_height: float, on_them: float
) -> None:
    truth = filmed_with("truck", pitch_deg=0)
    points, cut = background(truth, ground=False), standing(z=1.5)
    contacts = contact_points(tracks(cut, GROUND, filmed=truth), truth)
    assert not contacts.grounded
    world = world_of(truth, cut, points, photo_height=photo_height)
    assert world.camera_height == pytest.approx(on_them, abs=0.02)
    row = contacts.points[0, 1] - on_them / 1.7 * contacts.heights[0]
    assert horizon_row(world.path) == pytest.approx(row, abs=3)
    whole = world_of(truth, standing(z=9.0), points, photo_height=photo_height)
    assert whole.camera_height == world_of(truth, standing(z=9.0), points).camera_height


def test_metres_are_told_by_what_lies_at_the_feet_or_given_or_guessed() -> None:
    truth = filmed_with("truck", pitch_deg=0)
    far = background(truth, ground=False)
    beside_the_feet = np.tile(np.array([[0.8, 1.5, 5.0], [-0.2, 1.5, 4.8]]) / UNIT, (5, 1))
    near = world_of(truth, standing(), np.concatenate([far, beside_the_feet]))
    assert near.scale == "ground at the feet"
    np.testing.assert_allclose(centre(near.path.extrinsics), centre(truth.extrinsics), atol=0.05)
    told = world_of(truth, standing(), far, scale=UNIT)
    assert told.scale == "given"
    np.testing.assert_allclose(centre(told.path.extrinsics), centre(truth.extrinsics), atol=0.01)
    guessed = world_of(truth, standing(), far)
    assert guessed.scale == "guess" and "--scale" in guessed.warnings[0]


def look_from_height(height: float) -> tuple[FilmedWorld, FilmedWorld, FilmedPerson]:
    """The world of an orbit filmed from 1.5 m, the same from a height, and the person in it."""
    truth = filmed_with("orbit")
    person = FilmedPerson(contact_points(tracks(standing(), GROUND, filmed=truth), truth), 1.7)
    world = align_world(estimated(truth), background(truth, ground=True), person, horizon=300.0)
    return world, look_from(world, person, height), person


def test_who_was_filmed_from_lower_is_as_tall_as_people_in_the_photo() -> None:
    world, raised, person = look_from_height(1.7)
    assert world.camera_height == pytest.approx(1.5, rel=0.05)
    assert raised.camera_height == 1.7
    turned = raised.path.extrinsics[:, :, :3] @ np.swapaxes(world.path.extrinsics[:, :, :3], 1, 2)
    assert 0.5 < np.degrees(np.arccos((np.trace(turned[0]) - 1) / 2)) < 3.0
    feet, _ = intersect_ground(
        raised.path.intrinsics, raised.path.extrinsics, person.contacts.points, 1.7
    )
    _, up = card(raised.path.intrinsics, raised.path.extrinsics, feet, 1.7)
    tall = np.linalg.norm(up, axis=1)
    np.testing.assert_allclose(tall, person.contacts.heights, rtol=0.03)


def test_a_height_that_nobody_notices_or_that_is_far_off_changes_nothing() -> None:
    for height in (1.55, 6.0):
        world, seen, _ = look_from_height(height)
        assert seen is world


@pytest.mark.parametrize("scale", [0.0, -2.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_length_is_refused(scale: float) -> None:
    truth = filmed_with("truck")
    with pytest.raises(InputError, match="--scale"):
        world_of(truth, standing(), background(truth, ground=True), scale=scale)


@pytest.mark.parametrize("move", ["truck", "dolly", "handheld", "orbit"])
def test_a_moving_filmed_camera_is_taken_out_of_the_clip(move: str) -> None:
    """A still shot of a person who stood still shows them standing still, whoever filmed them."""
    truth = filmed_with(move)
    motion = standing()
    world = world_of(truth, motion, background(truth, ground=True, noise=0))
    person = tracks(motion, GROUND, filmed=truth)
    stands = stance(person, estimated(truth), GROUND, world=world)
    np.testing.assert_allclose(stands.contact[:, 1], GROUND.camera_height)
    assert np.ptp(stands.contact, axis=0).max() < 0.25
    shot = still(stands.geometry, 75)
    placed = place_person(stands, shot)
    soles = person.points[:, 7:].mean(axis=1)
    assert np.ptp(apply_similarity(placed.clip_to_frame, soles), axis=0).max() < 7.0
    sizes = np.hypot(placed.clip_to_frame[:, 0, 0], placed.clip_to_frame[:, 1, 0])
    heads = person.points[:, 0]
    tall = np.linalg.norm(soles - heads, axis=1) * sizes
    assert np.ptp(tall) < 0.03 * tall.mean()


def test_a_walk_keeps_its_metres_in_the_photo() -> None:
    truth = filmed_with("truck")
    motion = walking((1, 0.2), (-2.5, 6.0), frames=75)
    world = world_of(truth, motion, background(truth, ground=True))
    stands = stance(
        tracks(motion, GROUND, filmed=truth), estimated(truth), photo(horizon=300), world=world
    )
    walked = stands.contact[-1] - stands.contact[0]
    true_walk = motion.feet[-1].mean(axis=0) - motion.feet[0].mean(axis=0)
    half_a_step = 0.35
    np.testing.assert_allclose(walked[[0, 2]], true_walk[[0, 2]], atol=half_a_step)


def test_a_walk_that_the_clips_camera_pans_after_stays_in_the_photo() -> None:
    """In the clip they stay in the middle; over the photo's ground they go 3.5 m to the right."""
    motion = walking((1, 0), (0.0, 5.0), frames=75)
    middle = motion.feet.mean(axis=1)
    turned = [rotation_about("y", float(np.degrees(np.arctan2(x, z)))) for x, _, z in middle]
    panned = replace(
        still(GROUND, 75), extrinsics=pose_from_centre(np.stack(turned), np.zeros((75, 3)))
    )
    person = tracks(motion, GROUND, filmed=panned)
    assert np.ptp(person.boxes[:, 0]) < 0.1 * GROUND.width
    stands = stance(person, panned, GROUND, world=FilmedWorld(panned, 1.5, "given", "given"))
    placed = place_person(stands, still(GROUND, 75))
    soles = apply_similarity(placed.clip_to_frame, person.points[:, 7:].mean(axis=1))
    assert np.ptp(soles[:, 0]) > 0.3 * GROUND.width
    assert soles[:, 0].max() < GROUND.width


def test_the_camera_that_filmed_them_leaves_the_person_to_the_bit() -> None:
    truth = filmed_with("truck")
    world = world_of(truth, standing(), background(truth, ground=True))
    frame = photo(width=640, height=480, horizon=220)
    stands = stand_with_own_camera(
        tracks(standing(), GROUND, filmed=truth), world, frame, Standing()
    )
    placed = place_person(stands, stands.seen_from)
    cover = [[480 / 720, 0, (640 - 1280 * 480 / 720) / 2], [0, 480 / 720, 0]]
    np.testing.assert_array_equal(placed.clip_to_frame, stands.clip_to_frame)
    np.testing.assert_allclose(stands.clip_to_frame, np.repeat([cover], 75, axis=0))
    assert stands.geometry.camera_height == world.camera_height
    assert np.ptp(stands.contact, axis=0).max() < 0.1


def test_a_position_moves_the_person_and_their_camera_over_the_ground() -> None:
    truth = filmed_with("truck")
    motion = standing()
    world = world_of(truth, motion, background(truth, ground=True, noise=0))
    person = tracks(motion, GROUND, filmed=truth)
    own = stand_with_own_camera(person, world, GROUND, Standing())
    moved_aside = stand_with_own_camera(person, world, GROUND, Standing((0.3, 0.62)))
    np.testing.assert_array_equal(moved_aside.clip_to_frame, own.clip_to_frame)
    shift = moved_aside.contact - own.contact
    np.testing.assert_allclose(shift, shift[:1].repeat(75, axis=0), atol=1e-9)
    np.testing.assert_allclose(
        centre(moved_aside.seen_from.extrinsics) - centre(own.seen_from.extrinsics),
        shift,
        atol=1e-9,
    )
    placed = place_person(moved_aside, own.seen_from)
    at = placed.contact_pixels[0] / [own.seen_from.width, own.seen_from.height]
    np.testing.assert_allclose(at, (0.3, 0.62), atol=1e-6)
    spot = project(own.seen_from.intrinsics, own.seen_from.extrinsics, moved_aside.contact[0])
    soles = apply_similarity(placed.clip_to_frame, person.points[:, 7:].mean(axis=1))
    assert np.ptp(soles - spot, axis=0).max() < 5.0
    with pytest.raises(InputError, match=r"--position 0\.5,0\.1 is not on the ground"):
        stand_with_own_camera(person, world, GROUND, Standing((0.5, 0.1)))


def test_a_move_on_top_of_the_filmed_one_keeps_the_feet_on_their_spot() -> None:
    truth = filmed_with("handheld")
    motion = standing()
    world = world_of(truth, motion, background(truth, ground=True, noise=0))
    person = tracks(motion, GROUND, filmed=truth)
    stands = stand_with_own_camera(person, world, GROUND, Standing())
    nearer = centre(stands.seen_from.extrinsics) + np.linspace(0, 1, 75)[:, None] * [0, 0, 1.0]
    rotation = stands.seen_from.extrinsics[:, :, :3]
    shot = replace(
        stands.seen_from,
        extrinsics=pose(rotation, -np.einsum("fij,fj->fi", rotation, nearer)),
    )
    placed = place_person(stands, shot)
    spot = project(shot.intrinsics, shot.extrinsics, stands.contact.mean(axis=0))
    soles = apply_similarity(placed.clip_to_frame, person.points[:, 7:].mean(axis=1))
    assert np.ptp(soles - spot, axis=0).max() < 5.0
    size = placed.clip_to_frame[:, 0, 0]
    assert size[-1] / size[0] == pytest.approx(5.0 / 4.0, rel=0.05)


def away(start: tuple[float, float], ground: StandingGround, scene: SceneGeometry) -> Stance:
    """Somebody who walks away from a moving camera 1.5 m above the ground, in a photo."""
    walk, path = walking((0.3, 1), start, frames=75), moved(GROUND, 75, "truck")
    world = FilmedWorld(path, 1.5, "given", "given")
    person = tracks(walk, GROUND, filmed=path)
    return stance(person, path, scene, world=world, ground=ground)


def test_who_walks_into_a_photo_taken_from_above_is_not_in_front_of_it() -> None:
    """From higher up than they were filmed, the same metres lead further up in the picture."""
    ground = StandingGround.of(np.zeros((720, 1280), bool), lambda x, y: "water")
    stands = away((-0.5, 8.0), ground, photo(horizon=330.0, camera_height=3.5))
    assert stands.footing == "occupied"
    assert any("the person stands on water" in warning for warning in stands.warnings)


def test_a_walk_is_on_free_ground_where_the_photos_camera_sees_it() -> None:
    mask = np.zeros((720, 1280), bool)
    mask[400:, :500] = True
    scene = photo(horizon=300.0, camera_height=4.5)
    stands = away((-0.5, 4.0), StandingGround.of(mask, lambda x, y: "water"), scene)
    x, y = project(scene.intrinsics, scene.extrinsics, stands.contact).T
    assert stands.footing == "free"
    assert mask[np.minimum(y, 719).astype(int), x.astype(int)].all()
