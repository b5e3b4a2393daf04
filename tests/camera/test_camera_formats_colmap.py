"""COLMAP models, exchanged with pycolmap in a process of its own."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from camera_paths import assert_same, known_camera
from scipy.spatial.transform import Rotation

from dynascene_cli.camera.formats import (
    ColmapModel,
    read_camera,
    read_model,
    write_camera,
    write_model,
)
from dynascene_cli.errors import InputError

SYNTHESISED = """
import json, sys
import pycolmap
options = pycolmap.SyntheticDatasetOptions()
options.num_rigs, options.num_cameras_per_rig, options.num_frames_per_rig = 1, 1, 6
options.num_points3D = 20
options.camera_model_id = getattr(pycolmap.CameraModelId, sys.argv[2])
options.camera_params = json.loads(sys.argv[3])
model = pycolmap.synthesize_dataset(options)
model.write_text(sys.argv[1] + "/text")
model.write_binary(sys.argv[1] + "/binary")
"""
READ_BACK = """
import json, sys
import pycolmap
model = pycolmap.Reconstruction(sys.argv[1])
images = [model.images[i] for i in sorted(model.images)]
print(json.dumps({
    "names": [image.name for image in images],
    "poses": [image.cam_from_world().matrix().tolist() for image in images],
    "lenses": [model.cameras[i.camera_id].calibration_matrix().tolist() for i in images],
    "size": [model.cameras[1].width, model.cameras[1].height],
    "points": sorted(point.xyz.tolist() for point in model.points3D.values()),
}))
"""
needs_pycolmap = pytest.mark.skipif(
    importlib.util.find_spec("pycolmap") is None, reason="needs pycolmap"
)


def pycolmap(script: str, *words: object) -> str:
    command = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def synthesised(folder, model: str, parameters: list[float]) -> None:
    for encoding in ("text", "binary"):
        (folder / encoding).mkdir()
    pycolmap(SYNTHESISED, folder, model, json.dumps(parameters))


@needs_pycolmap
@pytest.mark.parametrize(
    ("model", "parameters", "lens"),
    [
        ("SIMPLE_PINHOLE", [900, 512, 384], (900, 900)),
        ("SIMPLE_RADIAL", [900, 512, 384, 0.001], (900, 900)),
        ("OPENCV", [900, 910, 512, 384, 0.0005, 0, 0, 0], (900, 910)),
    ],
)
def test_what_pycolmap_writes_is_read(model, parameters, lens, tmp_path):
    synthesised(tmp_path, model, parameters)
    text, binary = read_model(tmp_path / "text"), read_model(tmp_path / "binary")
    told = json.loads(pycolmap(READ_BACK, tmp_path / "binary"))
    for found in (text, binary):
        assert list(found.names) == told["names"]
        np.testing.assert_allclose(found.extrinsics, told["poses"], atol=1e-12)
        np.testing.assert_allclose(
            found.intrinsics[0], [[lens[0], 0, 512], [0, lens[1], 384], [0, 0, 1]]
        )
        np.testing.assert_array_equal(found.sizes, np.tile([1024, 768], (6, 1)))
        np.testing.assert_allclose(sorted(found.points.tolist()), told["points"], atol=1e-12)
        np.testing.assert_array_equal(found.track_lengths, np.full(20, 6))
        np.testing.assert_allclose(found.errors, 0, atol=1e-9)


@needs_pycolmap
@pytest.mark.parametrize("binary", [False, True])
def test_pycolmap_reads_what_is_written(binary, tmp_path):
    camera = known_camera()
    write_camera(tmp_path / "path", camera, name="gym")
    points = np.array([[1.0, 2, 3], [-4, 5, 6]])
    model = dataclasses.replace(read_model(tmp_path / "path"), points=points)
    write_model(tmp_path / "model", model, binary=binary)
    told = json.loads(pycolmap(READ_BACK, tmp_path / "model"))
    assert told["names"] == ["gym_000001.png", "gym_000002.png", "gym_000003.png"]
    np.testing.assert_allclose(told["poses"], camera.extrinsics, atol=1e-12)
    np.testing.assert_allclose(told["lenses"], camera.intrinsics, atol=1e-12)
    assert told["size"] == [640, 480]
    assert told["points"] == [[-4, 5, 6], [1, 2, 3]]
    again = read_model(tmp_path / "model")
    np.testing.assert_array_equal(again.points, points)
    np.testing.assert_allclose(again.extrinsics, camera.extrinsics, atol=1e-12)


def model_of(names: list[str], **changes) -> ColmapModel:
    count = len(names)
    turns = Rotation.from_euler("y", np.arange(count)[:, None] * 5, degrees=True).as_matrix()
    values = {
        "names": tuple(names),
        "intrinsics": np.tile([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]], (count, 1, 1)),
        "sizes": np.tile([640, 480], (count, 1)),
        "extrinsics": np.concatenate([turns, np.zeros((count, 3, 1))], axis=2),
        "bent": np.zeros(count),
        "points": np.zeros((0, 3)),
        "errors": np.zeros(0),
        "track_lengths": np.zeros(0, dtype=np.int64),
    }
    return ColmapModel(**{**values, **changes})


def test_images_come_by_their_numbers_and_gaps_are_filled(tmp_path):
    model = model_of(["f10.png", "f11.png", "f8.png", "f9.png", "f13.png"])
    (tmp_path / "sparse").mkdir()
    write_model(tmp_path / "sparse" / "0", model, binary=True)
    found = read_model(tmp_path)
    assert found.names == ("f8.png", "f9.png", "f10.png", "f11.png", "f13.png")
    told = []
    camera = read_camera(tmp_path, frame_rate=Fraction(24), warn=told.append)
    assert camera.frame_count == 6
    angles = Rotation.from_matrix(camera.extrinsics[:, :, :3]).as_euler("yxz", degrees=True)[:, 0]
    np.testing.assert_allclose(angles, [10, 15, 0, 5, 12.5, 20], atol=1e-9)
    assert told == [
        f"{tmp_path}: 1 of 6 images are missing, the first number 12: "
        "their cameras are filled in between"
    ]


def test_every_second_image_is_no_gap(tmp_path):
    write_model(tmp_path / "m", model_of(["f2.png", "f4.png", "f6.png"]))
    told = []
    camera = read_camera(tmp_path / "m", frame_rate=Fraction(12), warn=told.append)
    assert (camera.frame_count, told) == (3, [])


def test_one_lens_is_one_camera(tmp_path):
    write_model(tmp_path / "m", model_of(["a.png", "b.png", "c.png"]))
    lines = (tmp_path / "m" / "cameras.txt").read_text().splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert rows == ["1 PINHOLE 640 480 500.0 500.0 320.0 240.0"]


def test_a_lens_that_bends_is_refused_and_measured(tmp_path):
    write_model(tmp_path, model_of(["f1.png", "f2.png"]))
    cameras = tmp_path / "cameras.txt"
    cameras.write_text("1 SIMPLE_RADIAL 640 480 500 320 240 0.05\n")
    model = read_model(tmp_path)
    assert model.bent[0] == pytest.approx(0.05 * 0.8**3 * 500)
    with pytest.raises(InputError) as told:
        read_camera(tmp_path, frame_rate=Fraction(24))
    assert told.value.message == (
        f"{tmp_path}: f1.png: the lens bends the picture's corners by 12.8 pixels"
    )
    assert "undistort" in told.value.hint


def test_a_model_in_the_other_encoding_is_not_mixed(tmp_path):
    write_camera(tmp_path / "m", known_camera())
    before = {file.name: file.read_bytes() for file in (tmp_path / "m").iterdir()}
    with pytest.raises(InputError, match="in the other encoding"):
        write_model(tmp_path / "m", read_model(tmp_path / "m"), binary=True)
    assert {file.name: file.read_bytes() for file in (tmp_path / "m").iterdir()} == before
    assert_same(read_camera(tmp_path / "m"), known_camera())


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("cameras.txt", None, "{folder}/cameras.txt: no such file"),
        ("cameras.txt", "1 PINHOLE 640 480 500 320 240\n", "cameras.txt: line 1: 3 parameters"),
        ("cameras.txt", "inf PINHOLE 640 480 5 5 3 2\n", "line 1: inf is not a whole number"),
        ("cameras.txt", "1 PINHOLE 640 0 5 5 3 2\n", "a camera of 640 x 0 pixels"),
        ("cameras.txt", "1 FOV 640 480 500 500 320 240 0.1\n", "a camera of model FOV"),
        ("cameras.txt", "7 PINHOLE 640 480 500 500 320 240\n", "names camera 1, which is not in"),
        ("images.txt", "1 1 0 0 0 0 0 0 1\n\n", "images.txt: line 1: 9 values"),
        ("images.txt", "1 2 0 0 0 0 0 0 1 f1.png\n\n", "f1.png: its rotation is not one"),
        ("images.txt", "1 1 0 0 0 nan 0 0 1 f1.png\n\n", "frame 1: a number is not finite"),
        ("images.txt", "1 1 0 0 0 0 x 0 1 f1.png\n\n", "line 1: 'x' is not a number"),
        ("images.txt", "", "no image is registered"),
    ],
)
def test_what_is_wrong_with_a_text_model_is_told(file, content, message, tmp_path):
    write_model(tmp_path, model_of(["f1.png", "f2.png"]))
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(InputError) as told:
        read_camera(tmp_path, frame_rate=Fraction(24))
    assert message.format(folder=tmp_path) in told.value.message
    assert told.value.hint


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_a_binary_model_cut_anywhere_is_told(name, tmp_path):
    points = np.ones((2, 3))
    write_model(tmp_path, model_of(["f1.png", "f2.png"], points=points), binary=True)
    whole = (tmp_path / name).read_bytes()
    for length in range(len(whole)):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError, match="not whole"):
            read_model(tmp_path)
