import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    centre,
    compose,
    ground_point,
    inverse,
    look_at,
    pluecker,
    pose,
    pose_from_centre,
    project,
    quaternion_to_rotation,
    rays,
    relative_to_first,
    resample,
    rotation_about,
    rotation_to_quaternion,
    slerp,
    transform,
)

K = np.array([[500.0, 0, 320], [0, 520, 170], [0, 0, 1]])
lengths = st.floats(-10, 10)
vectors = st.tuples(lengths, lengths, lengths).map(np.array)
fractions = st.floats(0, 1)


@st.composite
def quaternions(draw):
    q = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4)))
    assume(np.linalg.norm(q) > 1e-2)
    return q / np.linalg.norm(q)


@st.composite
def poses(draw):
    return pose(quaternion_to_rotation(draw(quaternions())), draw(vectors))


def angle_between(a, b):
    return 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)) * 2


@given(quaternions())
def test_a_quaternion_survives_being_a_rotation(q):
    R = quaternion_to_rotation(q)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(R) == pytest.approx(1)
    back = rotation_to_quaternion(R)
    assert back[0] >= 0
    np.testing.assert_allclose(back * np.sign(back @ q), q, atol=1e-14)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("degrees", [180, 179.999999, -90, 1e-9])
def test_a_rotation_survives_being_a_quaternion_even_at_half_a_turn(axis, degrees):
    R = rotation_about(axis, degrees)
    np.testing.assert_allclose(quaternion_to_rotation(rotation_to_quaternion(R)), R, atol=1e-15)


def test_rotations_follow_the_right_hand():
    np.testing.assert_allclose(rotation_about("x", 90) @ [0, 1, 0], [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(rotation_about("y", 90) @ [0, 0, 1], [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(rotation_about("z", 90) @ [1, 0, 0], [0, 1, 0], atol=1e-15)


def test_quaternions_are_wxyz():
    half = np.radians(30) / 2
    q = [np.cos(half), 0, np.sin(half), 0]
    np.testing.assert_allclose(quaternion_to_rotation(q), rotation_about("y", 30), atol=1e-15)


@given(poses(), vectors)
def test_the_inverse_undoes_a_pose(E, x):
    np.testing.assert_allclose(transform(inverse(E), transform(E, x)), x, atol=1e-12)
    np.testing.assert_allclose(compose(E, inverse(E)), np.eye(3, 4), atol=1e-12)


@given(poses(), poses(), poses(), vectors)
def test_composition_applies_the_inner_pose_first_and_is_associative(A, B, C, x):
    np.testing.assert_allclose(
        transform(compose(A, B), x), transform(A, transform(B, x)), atol=1e-12
    )
    np.testing.assert_allclose(compose(compose(A, B), C), compose(A, compose(B, C)), atol=1e-12)


@given(poses())
def test_a_pose_is_its_centre_and_rotation(E):
    C = centre(E)
    np.testing.assert_allclose(transform(E, C), 0, atol=1e-12)
    np.testing.assert_allclose(pose_from_centre(E[:, :3].T, C), E, atol=1e-12)


@given(poses(), poses(), poses())
def test_relative_to_first_starts_at_the_origin_and_keeps_the_motion(A, B, world):
    path = np.stack([A, B])
    relative = relative_to_first(path)
    np.testing.assert_allclose(relative[0], np.eye(3, 4), atol=1e-12)
    np.testing.assert_allclose(compose(relative[1], A), B, atol=1e-11)
    np.testing.assert_allclose(relative_to_first(compose(path, world)), relative, atol=1e-11)


@given(poses(), vectors)
def test_a_projected_point_lies_on_its_pixels_ray(E, x):
    depth = transform(E, x)[2]
    pixel = project(K, E, x)
    if depth <= 0:
        assert np.isnan(pixel).all()
        return
    assume(depth > 1e-3)
    ray = rays(K, pixel)
    assert ray[2] == 1
    np.testing.assert_allclose(transform(inverse(E), ray * depth), x, atol=1e-8)


@given(st.floats(-5, 5), st.floats(0.5, 3), st.floats(1, 30), st.floats(-20, 20), st.floats(-8, 8))
def test_a_pixel_on_the_ground_gives_the_point_it_shows(x, height, z, tilt, roll):
    E = pose_from_centre(rotation_about("x", tilt) @ rotation_about("z", roll), [0.1, -0.2, 0.3])
    point = np.array([x, height, z])
    pixel = project(K, E, point)
    assume(np.isfinite(pixel).all())
    np.testing.assert_allclose(ground_point(K, E, pixel, height), point, atol=1e-6)


def test_above_the_horizon_there_is_no_ground():
    pixels = np.array([[320.0, 170.0], [320.0, 20.0]])
    assert np.isnan(ground_point(K, np.eye(3, 4), pixels, 1.6)).all()


@given(vectors, vectors, st.floats(-170, 170))
def test_look_at_centres_the_target_and_rolls_clockwise(position, target, roll):
    level_distance = np.hypot(*(target - position)[[0, 2]])
    assume(level_distance > 1e-2)
    R = look_at(position, target, roll)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    seen = R.T @ (target - position)
    np.testing.assert_allclose(seen[:2], 0, atol=1e-9)
    assert seen[2] > 0
    level = look_at(position, target)
    assert level[1, 0] == pytest.approx(0, abs=1e-12)
    assert level[1, 1] > 0
    np.testing.assert_allclose(level @ rotation_about("z", roll), R, atol=1e-12)


def test_look_at_takes_many_cameras_at_once():
    positions = np.array([[0.0, 0, 0], [1, -1, 2]])
    many = look_at(positions, [0.0, 0, 5], [0.0, 12])
    for i, roll in enumerate([0.0, 12]):
        np.testing.assert_array_equal(many[i], look_at(positions[i], [0.0, 0, 5], roll))


@pytest.mark.parametrize("target", [[0, 0, 0], [0, 5, 0], [0, -5, 0]])
def test_look_at_refuses_what_has_no_level(target):
    with pytest.raises(InputError, match="look_at"):
        look_at([0, 0, 0], target)


@given(quaternions(), quaternions(), fractions)
def test_slerp_moves_evenly_along_the_shorter_way(a, b, u):
    q = slerp(a, b, u)
    assert np.linalg.norm(q) == pytest.approx(1)
    near = b if a @ b >= 0 else -b
    whole = angle_between(a, near)
    assert whole <= np.pi + 1e-9
    assert angle_between(a, q) == pytest.approx(u * whole, abs=1e-6)
    assert angle_between(q, near) == pytest.approx((1 - u) * whole, abs=1e-6)


@given(quaternions(), quaternions())
def test_slerp_ends_where_it_should(a, b):
    same = quaternion_to_rotation
    np.testing.assert_allclose(same(slerp(a, b, 0)), same(a), atol=1e-12)
    np.testing.assert_allclose(same(slerp(a, b, 1)), same(b), atol=1e-12)
    np.testing.assert_allclose(slerp(a, a, 0.3), a, atol=1e-12)


@given(poses(), poses(), poses())
def test_resample_passes_through_its_poses_and_holds_the_ends(A, B, C):
    path, times = np.stack([A, B, C]), [0.0, 0.4, 2.0]
    again = resample(path, times, [-1, 0, 0.4, 2, 7])
    np.testing.assert_allclose(again, path[[0, 0, 1, 2, 2]], atol=1e-7)
    middle = resample(path, times, [1.2])
    np.testing.assert_allclose(centre(middle)[0], (centre(B) + centre(C)) / 2, atol=1e-9)


def test_resample_holds_a_single_pose():
    E = np.eye(3, 4)[None]
    np.testing.assert_array_equal(resample(E, [0.0], [0.0, 1.0]), np.repeat(E, 2, axis=0))


@settings(max_examples=25)
@given(poses(), poses())
def test_pluecker_coordinates_are_those_of_the_pixels_rays(A, B):
    maps = pluecker(np.stack([K, K]), np.stack([A, B]), 4, 3)
    assert maps.shape == (2, 6, 3, 4)
    moment, direction = maps[:, :3], maps[:, 3:]
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(np.sum(moment * direction, axis=1), 0, atol=1e-9)
    pixel = np.array([3.5, 1.5])
    point = transform(inverse(B), rays(K, pixel) * 2.7)
    line = np.cross(point, direction[1, :, 1, 3])
    np.testing.assert_allclose(moment[1, :, 1, 3], line, atol=1e-9)


def test_pluecker_moments_vanish_at_the_origin():
    maps = pluecker(K[None], np.eye(3, 4)[None], 5, 4)
    np.testing.assert_allclose(maps[:, :3], 0, atol=1e-15)
    np.testing.assert_allclose(project(K, np.eye(3, 4), maps[0, 3:, 2, 3]), [3.5, 2.5])
