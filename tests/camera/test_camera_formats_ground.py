"""The ground and the feet that go with a camera, in every format that keeps them."""

import json
import re
import shutil
import subprocess
import types
from dataclasses import replace

import numpy as np
import pytest
from camera_paths import known_camera
from scipy.spatial.transform import Rotation

from dynascene_cli.camera.formats import read_camera, read_ground, read_points, write_camera
from dynascene_cli.camera.moves.tripod import tripod_rotation
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import project
from dynascene_cli.shot import GroundContact

FEET = np.array([[0.5, 1.4, 6.0], [0.7, 1.4, 6.2], [0.9, 1.4, 6.5]])
CONTACT = GroundContact(1.4, FEET, 1.75)


def feet_pixels():
    """Where known_camera shows the feet, (F, 2)."""
    camera = known_camera()
    return project(camera.intrinsics, camera.extrinsics, FEET)


def test_a_camera_file_keeps_them_to_the_digit(tmp_path):
    write_camera(tmp_path / "a.json", known_camera(), contact=CONTACT)
    read = read_ground(tmp_path / "a.json", 3)
    assert (read.ground, read.person_height) == (1.4, 1.75)
    np.testing.assert_array_equal(read.feet, FEET)
    write_camera(tmp_path / "b.json", known_camera())
    assert read_ground(tmp_path / "b.json", 3) is None


@pytest.mark.parametrize(
    "change",
    [{"y": None}, {"feet": [[1, 2, 3]]}, {"feet": "none"}, {"person_height": "tall"}],
)
def test_what_is_no_ground_is_told(tmp_path, change):
    path = tmp_path / "a.json"
    write_camera(path, known_camera(), contact=CONTACT)
    document = json.loads(path.read_text())
    document["ground"].update(change)
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="point of the feet in each of its 3 frames"):
        read_ground(path, 3)


def test_usd_core_sees_the_feet_on_the_ground(tmp_path):
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Gf, Usd, UsdGeom

    camera = known_camera()
    write_camera(tmp_path / "a.usda", camera, contact=CONTACT)
    stage = Usd.Stage.Open(str(tmp_path / "a.usda"))
    assert stage.GetDefaultPrim().IsA(UsdGeom.Camera)
    corners = UsdGeom.Mesh(stage.GetPrimAtPath("/ground")).GetPointsAttr().Get()
    assert {round(corner[1], 3) for corner in corners} == {-140.0}
    feet = UsdGeom.Xformable(stage.GetPrimAtPath("/feet"))
    for index, expected in enumerate(feet_pixels()):
        place = feet.ComputeLocalToWorldTransform(index + 1).ExtractTranslation()
        assert place[1] == pytest.approx(-140)
        frustum = UsdGeom.Camera(stage.GetDefaultPrim()).GetCamera(index + 1).frustum
        matrix = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
        shown = matrix.Transform(Gf.Vec3d(place))
        at = (shown[0] + 1) / 2 * camera.width, (1 - shown[1]) / 2 * camera.height
        np.testing.assert_allclose(at, expected, atol=1e-2)


def test_blenders_script_adds_a_catcher_and_an_empty(tmp_path):
    """Against a stand-in for Blender, which was not run."""
    write_camera(tmp_path / "a.py", known_camera(), contact=CONTACT)
    meshes, objects, locations = {}, {}, []

    class Thing(types.SimpleNamespace):
        def __getattr__(self, name):
            return self.__dict__.setdefault(name, Thing())

        def keyframe_insert(self, data_path, frame):
            if self.name == "feet":
                locations.append((frame, list(self.location)))

    def new_mesh(name):
        meshes[name] = Thing(from_pydata=lambda *data: meshes.update({name: data}))
        return meshes[name]

    def new_object(name, data):
        objects[name] = Thing(name=name, data=data)
        return objects[name]

    scene = Thing(collection=Thing(objects=Thing(link=lambda _: None)))
    bpy = Thing(
        context=Thing(scene=scene),
        data=Thing(
            cameras=Thing(new=lambda name: Thing(name=name)),
            meshes=Thing(new=new_mesh),
            objects=Thing(new=new_object),
        ),
    )
    script = (tmp_path / "a.py").read_text().replace("import bpy\n", "")
    exec(compile(script, "a.py", "exec"), {"bpy": bpy})
    corners, _, faces = meshes["ground"]
    assert {corner[2] for corner in corners} == {-1.4}
    assert faces == [(0, 1, 2, 3)]
    assert objects["ground"].is_shadow_catcher is True
    expected = [(index + 1, [x, z, -y]) for index, (x, y, z) in enumerate(FEET)]
    assert locations == expected


def nuke_values(script, knob, node="Camera2"):
    """The values (F, N) of a knob of a Nuke script, of three frames from 1."""
    block = re.search(rf"^{node} {{\n(.*?)^}}", script, re.DOTALL | re.MULTILINE)[1]
    text = re.search(rf"^ {knob} (.*)$", block, re.MULTILINE)[1]
    curves = re.findall(r"\{curve ([^{}]*)\}", text)
    if not curves:
        return np.tile([float(word) for word in text.strip("{}").split()], (3, 1))
    keys = [re.findall(r"x(\d+) (\S+)", curve) for curve in curves]
    assert all([int(frame) for frame, _ in curve] == [1, 2, 3] for curve in keys)
    return np.array([[float(value) for _, value in curve] for curve in keys]).T


def test_a_nuke_script_projects_to_the_same_pixels(tmp_path):
    """By the projection that Nuke's camera describes; Nuke was not run."""
    camera = known_camera()
    warned = []
    write_camera(tmp_path / "a.nk", camera, name="the beach", contact=CONTACT, warn=warned.append)
    assert [text for text in warned if "shift" in text] == []
    script = (tmp_path / "a.nk").read_text()
    assert " name the_beach\n" in script
    angles = np.radians(nuke_values(script, "rotate"))
    turns = tripod_rotation(angles[:, 1], angles[:, 0], angles[:, 2])
    feet = nuke_values(script, "translate", "Axis2")
    local = np.einsum("fij,fi->fj", turns, feet - nuke_values(script, "translate"))
    scale = 2 * nuke_values(script, "focal") / nuke_values(script, "haperture")
    window = local[:, :2] / -local[:, 2:] * scale - nuke_values(script, "win_translate")
    u = (window[:, 0] + 1) / 2 * camera.width
    v = camera.height / 2 - window[:, 1] / 2 * camera.width
    expected = feet_pixels()
    np.testing.assert_allclose(u, expected[:, 0], atol=1e-6)
    square = camera.intrinsics[:, 0, 0] / camera.intrinsics[:, 1, 1]
    centre = camera.intrinsics[:, 1, 2]
    np.testing.assert_allclose(v, (expected[:, 1] - centre) * square + centre, atol=1e-6)
    np.testing.assert_allclose(nuke_values(script, "translate", "Card2")[0], [0.5, -1.4, -6])


STUB = """
var made = [];
function layer(kind, name) {
    var one = {kind: kind, name: name, values: {}};
    made.push(one);
    one.property = function (group) {
        return {
            property: function (key) { return one.property(key); },
            setValue: function (value) { one.values[group] = value; },
            setValuesAtTimes: function (times, values) { one.values[group] = values; }
        };
    };
    return one;
}
var AutoOrientType = {NO_AUTO_ORIENT: 1};
function composition(name, width, height) {
    var one = layer("composition", name);
    one.size = [width, height];
    one.layers = {
        addCamera: function (name) { return layer("camera", name); },
        addSolid: function (colour, name, width, height) {
            var solid = layer("solid", name);
            solid.size = [width, height];
            return solid;
        },
        addNull: function () { return layer("null", ""); },
        add: function (item) { return layer("nested", item.name); }
    };
    return one;
}
var app = {beginUndoGroup: function () {}, endUndoGroup: function () {},
    project: {items: {addComp: composition}}};
"""


def test_after_effects_script_run_against_a_stub(tmp_path):
    """The layers that the script makes, put through After Effects' transforms and zoom."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    one = known_camera()
    square = one.intrinsics.copy()
    square[:, 1, 1] = square[:, 0, 0]
    camera = replace(one, intrinsics=square)
    write_camera(tmp_path / "a.jsx", camera, contact=CONTACT)
    script = STUB + (tmp_path / "a.jsx").read_text() + "\nconsole.log(JSON.stringify(made));"
    (tmp_path / "run.js").write_text(script)
    run = subprocess.run([node, tmp_path / "run.js"], capture_output=True, text=True, check=True)
    layers = json.loads(run.stdout)
    made = {each["kind"]: each for each in layers if each["kind"] != "composition"}
    room = np.array(next(each["size"] for each in layers if each["kind"] == "composition"))
    eye, solid = made["camera"]["values"], made["solid"]
    assert (made["null"]["name"], solid["guideLayer"], solid["threeDLayer"]) == ("feet", True, True)
    half = solid["size"][0] / 2 * solid["values"]["ADBE Scale"][0] / 100
    lying = Rotation.from_euler("x", solid["values"]["ADBE Rotate X"], degrees=True).as_matrix()
    corners = np.array([[-half, -half, 0], [half, half, 0]]) @ lying.T
    corners += solid["values"]["ADBE Position"]
    np.testing.assert_allclose(corners[:, 1], 140 + room[1] / 2)
    np.testing.assert_allclose(np.ptp(corners[:, [0, 2]], axis=0), 20_000)
    expected = project(camera.intrinsics, camera.extrinsics, FEET)
    for index in range(3):
        angles = [eye[f"ADBE Rotate {axis}"][index] for axis in "XYZ"]
        turn = Rotation.from_euler("XYZ", angles, degrees=True).as_matrix()
        place = np.array(made["null"]["values"]["ADBE Position"][index])
        local = (place - eye["ADBE Position"][index]) @ turn
        seen = eye["ADBE Camera Zoom"][index] * local[:2] / local[2]
        shown = seen + made["nested"]["values"]["ADBE Position"][index]
        np.testing.assert_allclose(shown, expected[index], atol=1e-6)


def test_pycolmap_reads_the_points(tmp_path, dynascene):
    pycolmap = pytest.importorskip("pycolmap", reason="needs pycolmap")
    camera = known_camera()
    write_camera(tmp_path / "a.json", camera, contact=CONTACT)
    run = dynascene("trajectory", "convert", "a.json", "model")
    assert (run.code, run.err) == (0, "")
    assert (
        "Ground: y = 1.4; the person is 1.75 tall (one unit is one metre)."
        in (tmp_path / "model" / "points3D.txt").read_text()
    )
    model = pycolmap.Reconstruction(str(tmp_path / "model"))
    points = np.array([model.points3D[key].xyz for key in sorted(model.points3D)])
    assert len(points) == 21 * 21 + 3
    assert (points[:, 1] == 1.4).all()
    np.testing.assert_array_equal(points[-3:], FEET)
    for index, image in enumerate(model.images[key] for key in sorted(model.images)):
        shown = image.project_point(points[-3 + index])
        np.testing.assert_allclose(shown, feet_pixels()[index], atol=1e-6)


def test_points_of_the_place_go_with_the_camera(tmp_path, dynascene):
    points = np.array([[0.25, -1.0, 4.0], [2.0, 1.5, 9.125]])
    write_camera(tmp_path / "a.json", known_camera(), contact=CONTACT, points=points)
    for name in ("model", "b.json"):
        assert dynascene("trajectory", "convert", "a.json", name).code == 0
        np.testing.assert_array_equal(read_points(tmp_path / name), points)
    assert dynascene("trajectory", "convert", "model", "c.usda").code == 0
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(tmp_path / "c.usda"))
    shown = UsdGeom.Points(stage.GetPrimAtPath("/points")).GetPointsAttr().Get()
    np.testing.assert_allclose(np.array(shown), points * [100, -100, -100])
    assert read_camera(tmp_path / "c.usda").frame_count == 3
    for wrong in (3, [[1, 2]], ["x"], [[1, 2, "x"]]):
        document = {**json.loads((tmp_path / "a.json").read_text()), "points": wrong}
        (tmp_path / "w.json").write_text(json.dumps(document))
        run = dynascene("trajectory", "convert", "w.json", "w.usda")
        assert (run.code, "points is no list of [x, y, z]" in run.err) == (1, True)


def test_convert_carries_them_and_says_where_it_cannot(dynascene, tmp_path):
    write_camera(tmp_path / "a.json", known_camera(any_lens=False), contact=CONTACT)
    assert dynascene("trajectory", "convert", "a.json", "b.json").code == 0
    np.testing.assert_array_equal(read_ground(tmp_path / "b.json", 3).feet, FEET)
    run = dynascene("trajectory", "convert", "a.json", "b.usda")
    assert (run.code, run.err) == (0, "")
    assert 'def Xform "feet"' in (tmp_path / "b.usda").read_text()
    run = dynascene("trajectory", "convert", "a.json", "b.chan")
    assert run.code == 0
    assert "the ground and the feet on it are not kept" in run.err
