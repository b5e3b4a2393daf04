"""A camera file given as a move: the shot's camera moves as the filmed one did."""

from fractions import Fraction

import numpy as np
import pytest
from camera_paths import camera_paths, known_camera
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.camera import Reference, load_move, load_trajectory, sample
from dynascene_cli.camera.formats import write_camera
from dynascene_cli.camera.moves.replay import excerpt, resample_motion, trajectory_of_path
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import relative_to_first


def reference(width: int, height: int) -> Reference:
    return Reference(
        intrinsics=np.array([[900.0, 0, width / 2], [0, 900, height / 2], [0, 0, 1]]),
        extrinsics=np.eye(3, 4),
        width=width,
        height=height,
        subject_distance=1.0,
        subject=np.array([0.0, 0.5, 0.8]),
        scene_depth=1.0,
        camera_height=0.5,
    )


@settings(max_examples=40)
@given(camera_paths(frames=6))
def test_the_move_is_that_of_the_path(camera):
    move = trajectory_of_path(camera, "filmed")
    path = sample(
        move, reference(camera.width, camera.height), camera.frame_count, camera.frame_rate
    )
    np.testing.assert_allclose(path.extrinsics, relative_to_first(camera.extrinsics), atol=1e-6)
    zoom = camera.intrinsics[:, 0, 0] / camera.intrinsics[0, 0, 0]
    np.testing.assert_allclose(path.intrinsics[:, 0, 0], 900 * zoom)
    np.testing.assert_array_equal(path.extrinsics[0], np.eye(3, 4))
    assert move.units == camera.unit


@pytest.mark.parametrize(
    "name", ["camera.json", "a.txt", "model", "transforms.json", "a.usda", "camera_path.json"]
)
def test_any_camera_file_is_a_move(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_camera(tmp_path / name, known_camera())
    (move,) = load_move(name)
    assert move.name == name
    assert move.time_unit == "seconds"
    assert move.fps == pytest.approx(24000 / 1001)
    assert [keyframe.time for keyframe in move.keyframes] == pytest.approx(
        [0, 1001 / 24000, 2002 / 24000]
    )
    np.testing.assert_allclose(move.keyframes[1].position, [1, -0.5, 2], atol=1e-12)
    np.testing.assert_allclose(move.keyframes[2].focal_ratio, 1.2)
    np.testing.assert_allclose(
        move.keyframes[2].rotation_quat, [np.cos(np.pi / 12), 0, np.sin(np.pi / 12), 0], atol=1e-12
    )


def test_a_file_without_a_frame_rate_lasts_as_long_as_the_clip(tmp_path):
    write_camera(tmp_path / "a.chan", known_camera(any_lens=False))
    move = load_trajectory(tmp_path / "a.chan")
    assert (move.time_unit, move.fps) == ("clip", None)
    assert [keyframe.time for keyframe in move.keyframes] == [0, 0.5, 1]
    assert move.keyframes[2].focal_ratio == pytest.approx(1.2)


def test_camera_files_join_with_other_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_camera(tmp_path / "a+b.usda", known_camera())
    moves = load_move("a+b.usda+handheld")
    assert [move.name for move in moves] == ["a+b.usda", "handheld"]


def test_a_preset_is_not_hidden_by_a_folder_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_camera(tmp_path / "dolly-in", known_camera())
    assert (
        load_trajectory("dolly-in").description == "The camera rolls forwards, towards the person."
    )
    assert len(load_trajectory("./dolly-in").keyframes) == 3


def test_a_missing_camera_file_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as told:
        load_move("filmed.usda")
    assert told.value.message == "filmed.usda: no such file"


def test_one_frame_is_a_move_that_rests():
    camera = known_camera()
    one = type(camera)(
        camera.intrinsics[1:2], camera.extrinsics[1:2], 640, 480, Fraction(24), "metres"
    )
    path = sample(trajectory_of_path(one, "still"), reference(640, 480), 5, Fraction(24))
    np.testing.assert_array_equal(path.extrinsics, np.tile(np.eye(3, 4), (5, 1, 1)))


@settings(max_examples=20)
@given(camera_paths(frames=6))
def test_frame_by_frame_the_clips_frame_rate_makes_no_difference(camera):
    move = resample_motion(trajectory_of_path(camera, "filmed"))
    place = reference(camera.width, camera.height)
    path = sample(move, place, camera.frame_count, camera.frame_rate * Fraction(25, 24))
    np.testing.assert_allclose(path.extrinsics, relative_to_first(camera.extrinsics), atol=1e-6)


@settings(max_examples=20)
@given(camera_paths(frames=6), st.integers(0, 5), st.integers(1, 6))
def test_a_part_of_a_camera_moves_as_the_whole_did_there(camera, first, count):
    first = min(first, camera.frame_count - 1)
    move = excerpt(trajectory_of_path(camera, "filmed"), first, first + count)
    own = slice(first, first + count)
    path = sample(
        resample_motion(move), reference(640, 480), len(move.keyframes), camera.frame_rate
    )
    expected = relative_to_first(camera.extrinsics[own])
    np.testing.assert_allclose(path.extrinsics, expected, atol=1e-6)
    zoom = camera.intrinsics[own, 0, 0] / camera.intrinsics[first, 0, 0]
    np.testing.assert_allclose(path.intrinsics[:, 0, 0], 900 * zoom)
    assert move.keyframes[0].time == 0
