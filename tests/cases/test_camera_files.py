"""Camera files of other programs: lenses that are no pinhole, lines that are missing."""

import importlib.util
import json
import os
from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.geometry import centre
from dynascene_cli.shot import CameraPath

FRAMES = 6


@pytest.fixture
def truck():
    """A camera that moves to the right by 0.1 a frame."""
    extrinsics = np.repeat(np.eye(3, 4)[None], FRAMES, axis=0)
    extrinsics[:, 0, 3] = -0.1 * np.arange(FRAMES)
    lens = np.array([[100.0, 0, 48], [0, 100, 32], [0, 0, 1]])
    K = np.repeat(lens[None], FRAMES, axis=0)
    return CameraPath(K, extrinsics, 96, 64, Fraction(30), "scene_depth")


def across(camera):
    """Where the camera is, from left to right, in each frame."""
    return [round(float(x), 6) for x in centre(camera.extrinsics)[:, 0]]


WAY = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_realestate_text_without_its_first_line(tmp_path, truck, ending):
    path = tmp_path / "camera.txt"
    write_camera(path, truck)
    lines = path.read_text().splitlines()
    path.write_bytes(ending.join(lines[1:]).encode())
    told = []
    camera = read_camera(path, size=(96, 64), warn=told.append)
    assert across(camera) == WAY
    assert "first line" in told[0]


@pytest.mark.parametrize("second", ["", "\n", "1.5 2.5 -1 3.5 4.5 12\n"])
def test_colmap_images_with_and_without_second_lines(tmp_path, truck, second):
    write_camera(tmp_path / "model", truck)
    images = tmp_path / "model" / "images.txt"
    rows = [row for row in images.read_text().splitlines() if row and not row.startswith("#")]
    images.write_text("".join(f"{row}\n{second}" for row in rows))
    assert across(read_camera(tmp_path / "model")) == WAY


def test_an_image_may_have_a_name_of_any_number(tmp_path, truck):
    path = tmp_path / "transforms.json"
    write_camera(path, truck)
    document = json.loads(path.read_text())
    for index, frame in enumerate(document["frames"]):
        frame["file_path"] = f"{'1' * 5000}{index}.png"
    path.write_text(json.dumps(document))
    assert across(read_camera(path)) == WAY


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"camera_model": "OPENCV_FISHEYE"}, "OPENCV_FISHEYE"),
        ({"camera_model": "EQUIRECTANGULAR"}, "EQUIRECTANGULAR"),
        ({"is_fisheye": True}, "fisheye"),
        ({"ftheta_p0": 0.1}, "fisheye"),
        ({"equirectangular": True}, "equirectangular"),
        ({"k3": 0.2}, "k3"),
    ],
)
@pytest.mark.parametrize("one_frame", [False, True])
def test_a_lens_that_is_no_pinhole_is_refused_by_name(tmp_path, truck, change, told, one_frame):
    path = tmp_path / "transforms.json"
    write_camera(path, truck)
    document = json.loads(path.read_text())
    (document["frames"][2] if one_frame else document).update(change)
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=told):
        read_camera(path)


LOCKED = """#usda 1.0
( startTimeCode = 1
  endTimeCode = 6 )
def Camera "c" {
    float focalLength = 36
    float horizontalAperture = 36
    double3 xformOp:translate = (0.1, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
}
"""


def test_a_usd_camera_without_samples_stands_still(tmp_path, dynascene, person_clip, photo):
    path = tmp_path / "locked.usda"
    path.write_text(LOCKED)
    camera = read_camera(path, size=(96, 64))
    assert across(camera) == [0.001] * 6
    words = ("render", person_clip, "--scene", photo, "--camera", path, "--json")
    run = dynascene(*words, "-o", "out.mp4")
    assert run.code == 0, run.err
    assert run.json["frames"] == 12


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("projection", "orthographic"),
        ("cameraProjectionType", "fisheyePolynomial"),
        ("omni:lensdistortion:model", "opencvFisheye"),
    ],
)
def test_a_usd_lens_that_is_no_pinhole_is_refused_by_name(tmp_path, key, value):
    path = tmp_path / "lens.usda"
    path.write_text(LOCKED.replace("float focal", f'token {key} = "{value}"\n    float focal', 1))
    with pytest.raises(InputError, match=value):
        read_camera(path, size=(96, 64))


@pytest.mark.parametrize("name", ["camera.usdc", "camera.usd", "camera.usdz"])
def test_broken_binary_usd_is_refused(tmp_path, name, monkeypatch):
    path = tmp_path / name
    mark = b"PK\x03\x04" if name.endswith("z") else b"PXR-USDC"
    path.write_bytes(mark + os.urandom(200))
    if importlib.util.find_spec("pxr"):
        with pytest.raises(InputError, match="usd-core cannot read it"):
            read_camera(path, size=(96, 64))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingError, match="binary USD needs usd-core") as error:
        read_camera(path, size=(96, 64))
    assert "usdcat" in error.value.hint


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400, "NaN", "-Infinity"])
@pytest.mark.parametrize("place", ["fps", "pose", "lens"])
def test_numbers_that_are_none(tmp_path, truck, number, place):
    path = tmp_path / "camera.json"
    write_camera(path, truck)
    document = json.loads(path.read_text())
    if place == "fps":
        document["fps"] = "HERE"
    else:
        key = {"pose": "world_to_camera", "lens": "intrinsics"}[place]
        document["frames"][1][key][0][2] = "HERE"
    path.write_text(json.dumps(document).replace('"HERE"', number))
    with pytest.raises(InputError, match=r"finite|fps"):
        read_camera(path)
