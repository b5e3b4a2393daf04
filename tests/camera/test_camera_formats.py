"""Camera files: what is written is read back, and means what other programs say it means."""

import json
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from camera_paths import POINTS, assert_same, camera_paths, known_camera, pixels
from hypothesis import given, settings
from scipy.spatial.transform import Rotation

from dynascene_cli.camera.formats import FORMATS, is_camera_file, read_camera, write_camera
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import centre
from dynascene_cli.shot import CameraPath


def round_trip(camera: CameraPath, name: str, **options) -> CameraPath:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_camera(path, camera)
        assert [file.name for file in Path(folder).iterdir()] == [name]
        assert is_camera_file(path)
        return read_camera(path, **options)


@pytest.mark.parametrize("name", ["camera.json", "a.txt", "model", "transforms.json", "a.usda"])
def test_formats_that_carry_the_whole_camera_give_it_back(name):
    @settings(max_examples=40)
    @given(camera_paths())
    def check(camera):
        assert_same(round_trip(camera, name), camera)

    check()


@settings(max_examples=40)
@given(camera_paths(any_lens=False))
def test_a_nerfstudio_path_gives_a_centred_lens_back(camera):
    assert_same(round_trip(camera, "camera_path.json"), camera)


@settings(max_examples=60)
@given(camera_paths(any_lens=False))
def test_a_chan_gives_the_motion_and_the_lens_back(camera):
    size = (camera.width, camera.height)
    read = round_trip(camera, "a.chan", size=size, frame_rate=camera.frame_rate)
    assert_same(read, camera, unit=False)


def test_realestate10k_is_as_its_authors_describe_it(tmp_path):
    write_camera(tmp_path / "a.txt", known_camera(), name="beach")
    title, *lines = (tmp_path / "a.txt").read_text().splitlines()
    assert title.startswith("beach: OpenCV axes (x right, y down, z forward), world-to-camera")
    words = [float(word) for word in lines[1].split()]
    assert words[0] == 41708
    np.testing.assert_allclose(words[1:5], [500 / 640, 510 / 480, 330 / 640, 200 / 480])
    assert words[5:] == [0, 0, 1, 0, 0, -1, 0, 1, 0, 0.5, 0, 0, 1, -2]


def test_a_foreign_realestate10k_file_is_timed_by_its_microseconds(tmp_path):
    pose = "1 0 0 0 0 1 0 0 0 0 1 0"
    lines = [f"{100_100 + round(i * 1e6 / 30)} 0.8 1.4 0.5 0.5 0 0 {pose}" for i in range(5)]
    (tmp_path / "a.txt").write_text(
        "\n".join(["https://example.org/watch?fps=12&size=1x1", *lines, ""])
    )
    with pytest.raises(InputError) as told:
        read_camera(tmp_path / "a.txt")
    assert told.value.message == f"{tmp_path / 'a.txt'}: the picture's size is not in the file"
    assert told.value.hint == "give --size WxH"
    camera = read_camera(tmp_path / "a.txt", size=(1280, 720))
    assert camera.frame_rate == 30
    assert camera.unit == "scene_depth"
    np.testing.assert_allclose(camera.intrinsics[4], [[1024, 0, 640], [0, 1008, 360], [0, 0, 1]])


def test_nerfstudio_cameras_look_along_minus_z(tmp_path):
    camera = known_camera(any_lens=False)
    write_camera(tmp_path / "transforms.json", camera, name="the beach")
    document = json.loads((tmp_path / "transforms.json").read_text())
    assert [frame["file_path"] for frame in document["frames"]] == [
        f"images/the_beach_00000{number}.png" for number in (1, 2, 3)
    ]
    assert (document["w"], document["h"]) == (640, 480)
    assert document["frames"][2]["fl_x"] == 600
    second = np.array(document["frames"][1]["transform_matrix"])
    np.testing.assert_array_equal(second[:3, :3], np.diag([1, -1, -1]))
    np.testing.assert_array_equal(second[:3, 3], [1, -0.5, 2])
    write_camera(tmp_path / "camera_path.json", camera)
    viewed = json.loads((tmp_path / "camera_path.json").read_text())
    assert (viewed["render_width"], viewed["render_height"]) == (640, 480)
    first = viewed["camera_path"][0]
    assert first["camera_to_world"] == [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]
    assert first["fov"] == pytest.approx(2 * np.degrees(np.arctan(240 / 500)))
    assert first["aspect"] == pytest.approx(640 / 480)
    assert viewed["seconds"] == pytest.approx(3 * 1001 / 24000)


def test_transforms_with_an_angle_and_a_gap_are_read(tmp_path):
    frames = [
        {
            "file_path": f"images/frame_{number:05d}.png",
            "transform_matrix": [[1, 0, 0, x], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]],
        }
        for number, x in ((10, 3.0), (8, 1.0), (7, 0.0))
    ]
    path = tmp_path / "transforms_train.json"
    path.write_text(json.dumps({"camera_angle_x": np.pi / 2, "frames": frames}))
    told = []
    camera = read_camera(path, size=(400, 300), frame_rate=Fraction(24), warn=told.append)
    np.testing.assert_allclose(centre(camera.extrinsics)[:, 0], [0, 1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(camera.intrinsics[0], [[200, 0, 200], [0, 200, 150], [0, 0, 1]])
    assert told == [
        f"{path}: 1 of 4 images are missing, the first number 9: "
        "their cameras are filled in between"
    ]


def test_a_chan_is_what_nuke_reads(tmp_path):
    """Rotation order ZXY: z first, then x, then y, about fixed axes."""
    camera = known_camera(any_lens=False)
    write_camera(tmp_path / "a.chan", camera)
    rows = np.loadtxt(tmp_path / "a.chan")
    np.testing.assert_array_equal(rows[:, 0], [1, 2, 3])
    np.testing.assert_allclose(rows[1, 1:7], [1, 0.5, -2, 0, 0, 0])
    np.testing.assert_allclose(rows[2, 4:7], [0, -30, 0], atol=1e-12)
    turned = Rotation.from_euler("zxy", rows[:, [6, 4, 5]], degrees=True).as_matrix()
    seen = (POINTS * [1, -1, -1] - rows[:, None, 1:4]) @ turned
    half = np.tan(np.radians(rows[:, None, 7]) / 2)
    x = 320 + seen[..., 0] / -seen[..., 2] / half * 240
    y = 240 - seen[..., 1] / -seen[..., 2] / half * 240
    np.testing.assert_allclose(np.stack([x, y], axis=-1), pixels(camera), atol=1e-9)


@settings(max_examples=40)
@given(camera_paths(any_lens=False))
def test_any_rotation_means_the_same_to_nuke(camera):
    with tempfile.TemporaryDirectory() as folder:
        write_camera(Path(folder) / "a.chan", camera)
        rows = np.loadtxt(Path(folder) / "a.chan", ndmin=2)
    turned = Rotation.from_euler("zxy", rows[:, [6, 4, 5]], degrees=True).as_matrix()
    flip = np.diag([1.0, -1, -1])
    expected = flip @ np.swapaxes(camera.extrinsics[:, :, :3], 1, 2) @ flip
    np.testing.assert_allclose(turned, expected, atol=1e-6)


def test_chan_angles_run_on_past_half_a_turn(tmp_path):
    turns = Rotation.from_euler("y", np.arange(0, 720, 20)[:, None], degrees=True).as_matrix()
    one = known_camera(any_lens=False)
    camera = CameraPath(
        np.repeat(one.intrinsics[:1], len(turns), axis=0),
        np.concatenate([turns, np.zeros((len(turns), 3, 1))], axis=2),
        one.width,
        one.height,
        one.frame_rate,
        one.unit,
    )
    write_camera(tmp_path / "a.chan", camera)
    np.testing.assert_allclose(np.diff(np.loadtxt(tmp_path / "a.chan")[:, 5]), 20)


def test_a_lens_that_does_not_fit_in_is_told(tmp_path):
    told = []
    write_camera(tmp_path / "a.chan", known_camera(), warn=told.append)
    assert told == [
        f"{tmp_path / 'a.chan'}: pixels that are not square (2.0%) are not kept",
        f"{tmp_path / 'a.chan'}: the lens's shift is not kept: its axis meets the picture "
        "+10.0, -40.0 pixels (right, down) from the middle",
    ]


def test_json_carries_more_and_readers_leave_it_out(tmp_path):
    path = tmp_path / "camera.json"
    camera = known_camera()
    write_camera(path, camera, name="gym", extra={"estimate": {"confidence": "high"}})
    document = json.loads(path.read_text())
    assert (document["name"], document["estimate"]) == ("gym", {"confidence": "high"})
    assert_same(read_camera(path), camera)


def test_an_option_gives_the_rate_and_may_not_change_the_size(tmp_path):
    path = tmp_path / "camera.json"
    write_camera(path, known_camera())
    assert read_camera(path, frame_rate=Fraction(30)).frame_rate == 30
    assert read_camera(path, size=(640, 480)).width == 640
    with pytest.raises(InputError) as told:
        read_camera(path, size=(1280, 960))
    assert told.value.message == f"{path}: its picture is 640x480"


@pytest.mark.parametrize("name", ["a.obj", "a.json.gz"])
def test_an_unknown_suffix_lists_the_formats(name, tmp_path):
    for attempt in (lambda p: read_camera(p), lambda p: write_camera(p, known_camera())):
        with pytest.raises(InputError) as told:
            attempt(tmp_path / name)
        assert told.value.message == f"{tmp_path / name}: not a supported camera format"
        assert "FILE.chan (Nuke)" in told.value.hint
        assert "FOLDER (COLMAP)" in told.value.hint


def test_scripts_are_only_written(tmp_path):
    for one in FORMATS:
        if one.read is None:
            path = tmp_path / f"a{one.suffixes[0]}"
            write_camera(path, known_camera())
            with pytest.raises(InputError, match="only written"):
                read_camera(path)


PAGE = Path(__file__).parents[2] / "docs" / "camera-formats.md"


def test_the_documented_camera_path_is_one(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    (tmp_path / "a.json").write_text(page.split("```json")[1].split("```")[0])
    camera = read_camera(tmp_path / "a.json")
    np.testing.assert_allclose(centre(camera.extrinsics), [[0, 0, 0], [0, 0, 0.1]])


def test_every_format_is_documented():
    page = PAGE.read_text(encoding="utf-8")
    rows = [row.split("|")[1:5] for row in page.splitlines() if row.startswith("| `")][:10]
    read = {one.example: bool(one.read) for one in FORMATS}
    assert {cells[0].split("`")[1]: bool(cells[2].strip()) for cells in rows} == read
