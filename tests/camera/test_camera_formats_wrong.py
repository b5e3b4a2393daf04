"""Camera files that are wrong: one line that names the file, the frame and what would be right."""

import copy
import json
from fractions import Fraction

import numpy as np
import pytest
from camera_paths import known_camera
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.errors import InputError
from dynascene_cli.shot import CameraPath

SIZE = (640, 480)
RATE = Fraction(24)


def changed(document: dict, place: list, value: object) -> dict:
    """The document with another value, or without the key, at a place."""
    result = copy.deepcopy(document)
    inner = result
    for step in place[:-1]:
        inner = inner[step]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return result


def assert_told(path, message, size=SIZE):
    with pytest.raises(InputError) as told:
        read_camera(path, size=size, frame_rate=RATE)
    assert told.value.message == f"{path}: {message}"
    assert told.value.hint
    assert "\n" not in told.value.message + told.value.hint


MIRROR = [[-1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["frames"], None, "frames is missing: no camera path"),
        (["width"], None, "width or height is missing"),
        (["width"], 640.5, "its picture is 640.5 x 480"),
        (["height"], float("inf"), "its picture is 640 x inf"),
        (["unit"], "feet", 'unit is "feet"'),
        (["frame_count"], 4, "3 frames, but frame_count is 4"),
        (["frames"], [], "0 frames, but frame_count is 3"),
        (["frames", 1, "world_to_camera"], None, "frame 2: world_to_camera is missing"),
        (
            ["frames", 1, "world_to_camera"],
            MIRROR[:2],
            "frame 2: world_to_camera is no 3 x 4 matrix",
        ),
        (
            ["frames", 2, "world_to_camera"],
            MIRROR,
            "frame 3: its rotation is not one (determinant -1.000, its axes off by 0)",
        ),
        (
            ["frames", 0, "world_to_camera", 0, 0],
            1.1,
            "frame 1: its rotation is not one (determinant 1.100, its axes off by 0.21)",
        ),
        (
            ["frames", 0, "world_to_camera", 0, 3],
            float("nan"),
            "frame 1: a number is not finite",
        ),
        (["frames", 1, "intrinsics"], "x", "frame 2: intrinsics is no 3 x 3 matrix"),
        (
            ["frames", 1, "intrinsics", 0, 1],
            2,
            "frame 2: intrinsics have a skew or a last row of their own",
        ),
        (
            ["frames", 2, "intrinsics", 0, 0],
            0,
            "frame 3: the focal length is 0, 612 pixels",
        ),
    ],
)
def test_what_is_wrong_with_a_camera_path_is_told(place, value, message, tmp_path):
    path = tmp_path / "camera.json"
    write_camera(path, known_camera())
    document = changed(json.loads(path.read_text()), place, value)
    path.write_text(json.dumps(document))
    assert_told(path, message)


def test_a_camera_path_of_another_size_or_none_is_told(tmp_path):
    path = tmp_path / "camera.json"
    write_camera(path, known_camera())
    assert_told(path, "its picture is 640x480", size=(100, 100))
    assert_told(tmp_path / "none.json", "no such file")
    path.write_text("{")
    with pytest.raises(InputError, match=r"not JSON: .* at line 1, column 2"):
        read_camera(path)


POSE = "1 0 0 0 0 1 0 0 0 0 1 0"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0 0.8 0.8 0.5 0.5 0 0 1 0 0"], "line 2: 10 values"),
        (["0 0.8 x 0.5 0.5 0 0 " + POSE], "line 2: 'x' is not a number"),
        (["0 0.8 inf 0.5 0.5 0 0 " + POSE], "frame 1: a number is not finite"),
        (["0 -1 1 0.5 0.5 0 0 " + POSE], "frame 1: the focal length is -640, 480 pixels"),
        (
            ["0 1 1 0.5 0.5 0 0 " + POSE, "1 1 1 0.5 0.5 0 0 " + "0 " * 12],
            "frame 2: its rotation is not one (determinant 0.000, its axes off by 1)",
        ),
        ([], "there is no camera in it"),
    ],
)
def test_what_is_wrong_with_realestate10k_is_told(lines, message, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(["https://example.org", *lines]))
    assert_told(path, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 0 0 0 0 0\n", "line 1: 7 values"),
        ("1 0 0 0 0 0 0 fov\n", "line 1: 'fov' is not a number"),
        ("1 0 0 0 0 0 0 180\n", "line 1: a field of view of 180°"),
        ("1 0 0 0 0 0 0 40\n3 0 0 0 0 0 0 40\n", "line 2: frame 3 follows 1"),
        ("1 nan 0 0 0 0 0 40\n", "frame 1: a number is not finite"),
        ("# nothing\n", "there is no camera in it"),
    ],
)
def test_what_is_wrong_with_a_chan_is_told(text, message, tmp_path):
    path = tmp_path / "a.chan"
    path.write_text(text)
    assert_told(path, message)


def test_a_chan_says_which_option_it_needs(tmp_path):
    path = tmp_path / "a.chan"
    path.write_text("1 0 0 0 0 0 0 40\n")
    for options, hint in (({}, "give --size WxH"), ({"size": SIZE}, "give --fps F")):
        with pytest.raises(InputError) as told:
            read_camera(path, **options)
        assert told.value.hint == hint


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["frames", 1, "transform_matrix"], [1], "frame 2: transform_matrix is no 4 x 4 matrix"),
        (["frames", 2, "fl_x"], "wide", "frame 3: no focal length in pixels"),
        (
            ["frames", 0, "transform_matrix", 0, 0],
            2,
            "frame 1: its rotation is not one (determinant 2.000, its axes off by 3)",
        ),
        (["k1"], 0.1, "frame 1: the lens bends the picture's corners by 31.9 pixels"),
        (["w"], 0, "its picture is 0 x 480"),
    ],
)
def test_what_is_wrong_with_transforms_is_told(place, value, message, tmp_path):
    path = tmp_path / "transforms.json"
    write_camera(path, known_camera())
    path.write_text(json.dumps(changed(json.loads(path.read_text()), place, value)))
    assert_told(path, message)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["camera_path", 1, "fov"], None, "frame 2: fov is missing or no angle"),
        (
            ["camera_path", 0, "camera_to_world"],
            [1, 2],
            "frame 1: camera_to_world is no list of 16 numbers",
        ),
        (["camera_type"], "equirectangular", "camera_type is equirectangular"),
        (["camera_path"], [], "there is no camera in it"),
        (["render_height"], 480.2, "its picture is 640 x 480.2"),
    ],
)
def test_what_is_wrong_with_a_nerfstudio_path_is_told(place, value, message, tmp_path):
    path = tmp_path / "camera_path.json"
    write_camera(path, known_camera(any_lens=False))
    path.write_text(json.dumps(changed(json.loads(path.read_text()), place, value)))
    assert_told(path, message)


def test_rounded_rotations_become_exact(tmp_path):
    camera = known_camera()
    rounded = CameraPath(
        camera.intrinsics, np.round(camera.extrinsics, 4), 640, 480, RATE, "metres"
    )
    write_camera(tmp_path / "a.txt", rounded)
    turns = read_camera(tmp_path / "a.txt").extrinsics[:, :, :3]
    np.testing.assert_allclose(
        turns @ np.swapaxes(turns, 1, 2), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(turns, camera.extrinsics[:, :, :3], atol=1e-4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)
keys = st.sampled_from(
    ["frames", "width", "height", "fps", "unit", "camera_path", "w", "h", "render_width"]
)
frame_keys = st.sampled_from(["intrinsics", "world_to_camera", "transform_matrix", "fov", "fl_x"])


@given(st.dictionaries(keys, json_values, max_size=6), st.dictionaries(frame_keys, json_values))
def test_whatever_json_holds_it_is_a_camera_or_one_clear_line(tmp_path_factory, top, frame):
    path = tmp_path_factory.mktemp("any") / "camera.json"
    for document in ({**top, "frames": [frame]}, {**top, "camera_path": [frame]}, top):
        path.write_text(json.dumps(document))
        with pytest.raises(InputError) as told:
            read_camera(path, size=SIZE, frame_rate=RATE)
        assert "\n" not in told.value.message + told.value.hint
        assert told.value.hint


@given(st.binary(max_size=200), st.sampled_from([".txt", ".chan", ".usda", ".json"]))
def test_whatever_bytes_there_are_it_is_one_clear_line(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes(b"#usda 1.0\n" + content if suffix == ".usda" else content)
    with pytest.raises(InputError) as told:
        read_camera(path, size=SIZE, frame_rate=RATE)
    assert told.value.message.startswith(str(path))
