"""``dynascene trajectory convert``, run as it is typed."""

import json
from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli.camera.formats import files, read_camera, write_camera
from dynascene_cli.geometry import centre
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.text_files import read_json

FILES = ["b.json", "b.txt", "model", "transforms.json", "camera_path.json", "b.usda", "b.chan"]


@pytest.fixture
def filmed(tmp_path) -> CameraPath:
    """Four frames of a level dolly, written to filmed.json."""
    K = np.tile([[800.0, 0, 320], [0, 800, 180], [0, 0, 1]], (4, 1, 1))
    E = np.tile(np.eye(3, 4), (4, 1, 1))
    E[:, 2, 3] = -np.arange(4) / 10
    camera = CameraPath(K, E, 640, 360, Fraction(25), "metres")
    write_camera(tmp_path / "filmed.json", camera)
    return camera


@pytest.mark.parametrize("name", [*FILES, "b.jsx", "b.py", "b.nk"])
def test_a_camera_becomes_any_format(name, filmed, dynascene, tmp_path):
    run = dynascene("trajectory", "convert", "filmed.json", name)
    assert (run.code, run.out, run.err) == (0, f"{name}\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["filmed.json", name])


@pytest.mark.parametrize("name", FILES)
def test_and_comes_back(name, filmed, dynascene, tmp_path):
    assert dynascene("trajectory", "convert", "filmed.json", name).code == 0
    needed = ("--size", "640x360", "--fps", 25) if name == "b.chan" else ()
    assert dynascene("trajectory", "convert", name, "again.json", *needed).code == 0
    again = read_camera(tmp_path / "again.json")
    np.testing.assert_allclose(again.extrinsics, filmed.extrinsics, atol=1e-9)
    np.testing.assert_allclose(again.intrinsics, filmed.intrinsics, atol=1e-6)
    assert (again.width, again.height, again.frame_rate) == (640, 360, 25)


def test_a_camera_file_is_parsed_once(filmed, dynascene, monkeypatch):
    parsed = []

    def count(path):
        parsed.append(path.name)
        return read_json(path)

    monkeypatch.setattr(files, "read_json", count)
    assert dynascene("trajectory", "convert", "filmed.json", "b.usda").code == 0
    assert parsed == ["filmed.json"]


def test_a_move_is_sampled_around_a_typical_person(dynascene, tmp_path):
    words = ("dolly-in", "b.usda", "--frames", 11, "--fps", 23.976, "--size", "1000x500")
    run = dynascene("trajectory", "convert", *words, "--subject-distance", 8, "--json")
    assert run.json == {
        "output": "b.usda",
        "frames": 11,
        "first_frame": 1,
        "fps": 24000 / 1001,
        "size": [1000, 500],
        "unit": "metres",
        "warnings": [],
    }
    camera = read_camera(tmp_path / "b.usda")
    np.testing.assert_allclose(centre(camera.extrinsics)[-1], [0, 0, 2], atol=1e-9)
    np.testing.assert_allclose(camera.intrinsics[0], [[1000, 0, 500], [0, 1000, 250], [0, 0, 1]])


def test_what_a_format_cannot_hold_is_warned_of(filmed, dynascene, tmp_path):
    document = json.loads((tmp_path / "filmed.json").read_text())
    for frame in document["frames"]:
        frame["intrinsics"][1][2] = 200
    (tmp_path / "filmed.json").write_text(json.dumps(document))
    run = dynascene("trajectory", "convert", "filmed.json", "b.chan", "--json")
    told = (
        "b.chan: the lens's shift is not kept: its axis meets the picture +0.0, +20.0 pixels "
        "(right, down) from the middle"
    )
    assert (run.code, run.json["warnings"], run.err) == (0, [told], f"warning: {told}\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("filmed.json", "b.c4d"),
            "error: b.c4d: not a supported camera format\nhint: one of FILE.json",
        ),
        (("filmed.json", "filmed.json"), "error: filmed.json: is the input"),
        (("filmed.json", "no/b.txt"), "error: no/b.txt: the folder no does not exist"),
        (("filmed.json", "b.txt", "--frames", 3), "error: --frames: filmed.json has its own"),
        (("filmed.json", "b.txt", "--size", "64x36"), "error: filmed.json: its picture is 640x360"),
        (("filmed.json", "b.txt", "--fps", 0), "error: --fps 0.0 is not a frame rate"),
        (("a.c4d", "b.txt"), "error: a.c4d: no such camera move"),
        (("gone.usda", "b.txt"), "error: gone.usda: no such file"),
        (("doly-in", "b.txt"), "error: doly-in: no such camera move\nhint: did you mean dolly-in?"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(words, error, filmed, dynascene, tmp_path):
    before = (tmp_path / "filmed.json").read_bytes()
    run = dynascene("trajectory", "convert", *words)
    assert run.code == 1
    assert run.err.startswith(error)
    assert [path.name for path in tmp_path.iterdir()] == ["filmed.json"]
    assert (tmp_path / "filmed.json").read_bytes() == before


def test_the_other_commands_take_camera_files_too(filmed, dynascene, tmp_path):
    assert dynascene("trajectory", "convert", "filmed.json", "b.chan").code == 0
    run = dynascene("trajectory", "check", "b.chan")
    assert "the camera goes 0.30 m and turns 0.0°" in run.out
    assert dynascene("trajectory", "plot", "filmed.json+pan-left", "-o", "b.png").code == 0
    assert dynascene("trajectory", "make", "filmed.json", "-o", "mine.json").code == 0
    made = json.loads((tmp_path / "mine.json").read_text())
    assert [keyframe["position"] for keyframe in made["keyframes"]] == [
        [0, 0, 0],
        [0, 0, 0.1],
        [0, 0, 0.2],
        [0, 0, 0.3],
    ]


@pytest.mark.parametrize("suffix", [".fbx", ".abc"])
def test_closed_formats_are_answered_with_the_way_round(dynascene, filmed, tmp_path, suffix):
    run = dynascene("trajectory", "convert", "filmed.json", f"b{suffix}")
    assert (run.code, "write .usda, and export it from there" in run.err) == (1, True)
    (tmp_path / f"a{suffix}").write_bytes(b"Kaydara FBX Binary")
    run = dynascene("trajectory", "convert", f"a{suffix}", "b.json")
    assert (run.code, "export .usda or .chan instead" in run.err) == (1, True)
