"""The scripts for Blender and After Effects: the numbers in them, put through their maths.

Neither script was run in the program itself.
"""

import json
import re
import types

import numpy as np
from camera_paths import POINTS, camera_paths, known_camera, pixels
from hypothesis import given, settings
from scipy.spatial.transform import Rotation

from dynascene_cli.camera.formats import write_camera
from dynascene_cli.shot import CameraPath


class Recorder:
    """Stands for what a Blender script touches: keeps every property, and what is keyed when."""

    def __init__(self, **values: object) -> None:
        self.keys: dict[int, dict[str, object]] = {}
        self.__dict__.update(values)

    def keyframe_insert(self, data_path: str, frame: int) -> None:
        self.keys.setdefault(frame, {})[data_path] = getattr(self, data_path)


def run_in_blender(script: str):
    """The scene, the camera object and its data, after the script has run."""
    made = types.SimpleNamespace(linked=[])
    scene = Recorder(
        render=Recorder(),
        collection=Recorder(objects=Recorder(link=made.linked.append)),
    )

    def new_data(name):
        made.data = Recorder(name=name)
        return made.data

    def new_object(name, data):
        made.object = Recorder(name=name, data=data)
        return made.object

    bpy = types.SimpleNamespace(
        context=types.SimpleNamespace(scene=scene),
        data=types.SimpleNamespace(
            cameras=types.SimpleNamespace(new=new_data),
            objects=types.SimpleNamespace(new=new_object),
        ),
    )
    source = script.replace("import bpy\n", "")
    exec(compile(source, "camera.py", "exec"), {"bpy": bpy})
    assert made.linked == [made.object]
    assert scene.camera is made.object
    return scene, made.object, made.data


def blender_pixels(scene, camera, data, points) -> np.ndarray:
    """Where Blender shows points of this package's world (x right, y forward, z up there)."""
    render = scene.render
    width, height = render.resolution_x, render.resolution_y
    aspect = render.pixel_aspect_x / render.pixel_aspect_y
    frames = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        w, x, y, z = camera.keys[frame]["rotation_quaternion"]
        turn = Rotation.from_quat([x, y, z, w]).as_matrix()
        lens = data.keys[frame]
        world = np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=-1)
        local = (world - camera.keys[frame]["location"]) @ turn
        on_sensor = local[:, :2] / -local[:, 2:] * lens["lens"] / data.sensor_width
        u = width * (0.5 + on_sensor[:, 0] - lens["shift_x"])
        v = height / 2 - width * aspect * (on_sensor[:, 1] - lens["shift_y"])
        frames.append(np.stack([u, v], axis=-1))
    return np.array(frames)


def test_blender_shows_the_same_picture(tmp_path):
    camera = known_camera()
    write_camera(tmp_path / "a.py", camera, name='the "beach" \\ 海')
    scene, made, data = run_in_blender((tmp_path / "a.py").read_text(encoding="utf-8"))
    assert made.name == data.name == 'the "beach" \\ 海'
    assert (made.rotation_mode, data.sensor_fit) == ("QUATERNION", "HORIZONTAL")
    assert (scene.frame_start, scene.frame_end) == (1, 3)
    assert (scene.render.fps, scene.render.fps_base) == (24, 1.001)
    assert data.sensor_width == 36
    assert data.keys[1]["lens"] == 500 * 36 / 640
    np.testing.assert_allclose(made.keys[2]["location"], [1, 2, 0.5])
    np.testing.assert_allclose(blender_pixels(scene, made, data, POINTS), pixels(camera))


@settings(max_examples=25)
@given(camera_paths(any_lens=False))
def test_blender_has_every_camera_where_it_is(tmp_path_factory, camera):
    path = tmp_path_factory.mktemp("blender") / "a.py"
    write_camera(path, camera)
    _, made, _ = run_in_blender(path.read_text())
    z_up = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    previous = None
    for index in range(camera.frame_count):
        w, x, y, z = made.keys[index + 1]["rotation_quaternion"]
        turn = Rotation.from_quat([x, y, z, w]).as_matrix()
        expected = z_up @ camera.extrinsics[index, :, :3].T @ np.diag([1, -1, -1])
        np.testing.assert_allclose(turn, expected, atol=1e-9)
        quaternion = np.array([w, x, y, z])
        assert previous is None or previous @ quaternion >= 0
        previous = quaternion


def ae_values(script: str) -> dict[str, object]:
    """The variables of an After Effects script."""
    found = re.findall(r"^    var (\w+) = (\[.*\]|\".*\");$", script, re.MULTILINE)
    found += re.findall(r"(\w+) = ([\d.]+)[,;]", script)
    return {name: json.loads(value) for name, value in found}


def ae_pixels(values: dict, unit_pixels: float, points: np.ndarray) -> np.ndarray:
    """Where After Effects shows points of this package's world."""
    room = np.array([values["roomWidth"], values["roomHeight"]])
    frames = []
    for index in range(len(values["times"])):
        angles = [values[f"{axis}Rotation"][index] for axis in "xyz"]
        turn = Rotation.from_euler("XYZ", angles, degrees=True).as_matrix()
        world = points * unit_pixels + [*(room / 2), 0]
        local = (world - values["position"][index]) @ turn
        in_room = room / 2 + values["zoom"][index] * local[:, :2] / local[:, 2:]
        frames.append(in_room - room / 2 + values["axis"][index])
    return np.array(frames)


def test_after_effects_shows_the_same_picture(tmp_path):
    one = known_camera()
    square = one.intrinsics.copy()
    square[:, 1, 1] = square[:, 0, 0]
    camera = CameraPath(square, one.extrinsics, 640, 480, one.frame_rate, "metres")
    write_camera(tmp_path / "a.jsx", camera, name='the "beach"')
    script = (tmp_path / "a.jsx").read_text()
    values = ae_values(script)
    assert values["name"] == 'the "beach"'
    assert (values["width"], values["height"]) == (640, 480)
    assert (values["roomWidth"], values["roomHeight"]) == (660, 560)
    np.testing.assert_allclose(values["times"], np.arange(3) * 1001 / 24000)
    np.testing.assert_allclose(ae_pixels(values, 100, POINTS), pixels(camera))


@settings(max_examples=40)
@given(camera_paths(any_lens=False))
def test_after_effects_turns_the_camera_as_it_is(tmp_path_factory, camera):
    path = tmp_path_factory.mktemp("ae") / "a.jsx"
    write_camera(path, camera)
    values = ae_values(path.read_text())
    assert values["roomWidth"] == camera.width
    angles = np.stack([values[f"{axis}Rotation"] for axis in "xyz"], axis=-1)
    turns = Rotation.from_euler("XYZ", angles, degrees=True).as_matrix()
    np.testing.assert_allclose(turns, np.swapaxes(camera.extrinsics[:, :, :3], 1, 2), atol=1e-6)
