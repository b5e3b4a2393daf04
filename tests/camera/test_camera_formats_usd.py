"""USD cameras: usd-core sees the same picture, and other programs' layers are read."""

import contextlib
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from camera_paths import POINTS, assert_same, camera_paths, known_camera, pixels
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.geometry import centre
from dynascene_cli.shot import GroundContact

CONTACT = GroundContact(1.4, np.array([[0.1, 1.4, 5.0]] * 3), 1.7)
TWO = """#usda 1.0
(
    endTimeCode = 3
    metersPerUnit = 0.01
    startTimeCode = 1
    timeCodesPerSecond = 25
    upAxis = "Z"
)
# A comment with { braces
def Xform "rig" (
    kind = "component"
)
{
    matrix4d xformOp:transform = ( (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 170, 1) )
    uniform token[] xformOpOrder = ["xformOp:transform"]
    def Mesh "thing" { int[] faceVertexCounts = [3] }
    def Camera "shot"
    {
        float focalLength = 35
        float focusDistance
        float horizontalAperture = 36 ( doc = "mm" )
        float verticalAperture = 24
        matrix4d xformOp:transform.timeSamples = {
            1: ( (1, 0, 0, 0), (0, 0, 1, 0), (0, -1, 0, 0), (0, 0, 0, 1) ),
            3: ( (1, 0, 0, 0), (0, 0, 1, 0), (0, -1, 0, 0), (200, 300, 0, 1) ),
        }
        uniform token[] xformOpOrder = ["xformOp:transform"]
    }
}
"""


def projected(path, camera) -> np.ndarray:
    """POINTS in pixels by usd-core's own frustum, at each time code."""
    pxr = pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Gf, Usd, UsdGeom

    assert pxr
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y
    assert UsdGeom.GetStageMetersPerUnit(stage) == 0.01
    assert stage.GetTimeCodesPerSecond() == pytest.approx(float(camera.frame_rate))
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1, camera.frame_count)
    prim = UsdGeom.Camera(stage.GetDefaultPrim())
    found = []
    for code in range(1, camera.frame_count + 1):
        frustum = prim.GetCamera(code).frustum
        matrix = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
        for x, y, z in POINTS:
            screen = matrix.Transform(Gf.Vec3d(100 * x, -100 * y, -100 * z))
            found.append([(screen[0] + 1) / 2 * camera.width, (1 - screen[1]) / 2 * camera.height])
    return np.array(found).reshape(camera.frame_count, len(POINTS), 2)


def test_usd_core_projects_to_the_same_pixels(tmp_path):
    camera = known_camera()
    write_camera(tmp_path / "a.usda", camera, name="2nd shot")
    np.testing.assert_allclose(
        projected(tmp_path / "a.usda", camera), pixels(camera), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("suffix", [".usda", ".usd", ".usdc"])
def test_text_and_binary_hold_the_same(tmp_path, suffix):
    pytest.importorskip("pxr", reason="needs usd-core")
    camera = replace(known_camera(), unit="scene_depth")
    path = tmp_path / f"a{suffix}"
    write_camera(path, camera, contact=CONTACT)
    assert path.read_bytes().startswith(b"PXR-USDC" if suffix == ".usdc" else b"#usda")
    assert_same(read_camera(path), camera)
    from pxr import Usd

    stage = Usd.Stage.Open(str(path))
    assert {prim.GetName() for prim in stage.Traverse()} == {"camera", "ground", "feet"}
    np.testing.assert_allclose(projected(path, camera), pixels(camera), rtol=0, atol=1e-3)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_package_with_what_it_refers_to_is_read(tmp_path):
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Sdf, Usd, UsdUtils

    camera = known_camera()
    write_camera(tmp_path / "shot.usdc", camera)
    stage = Usd.Stage.CreateNew(str(tmp_path / "set.usda"))
    shot = Sdf.Layer.FindOrOpen(str(tmp_path / "shot.usdc"))
    UsdUtils.CopyLayerMetadata(shot, stage.GetRootLayer())
    stage.DefinePrim("/rig").GetReferences().AddReference("./shot.usdc")
    stage.Save()
    assert UsdUtils.CreateNewUsdzPackage(str(tmp_path / "set.usda"), str(tmp_path / "set.usdz"))
    assert_same(read_camera(tmp_path / "set.usdz"), camera)


def test_damaged_binary_layers_are_refused_or_read(tmp_path):
    pytest.importorskip("pxr", reason="needs usd-core")
    write_camera(tmp_path / "a.usdc", known_camera())
    whole = bytearray((tmp_path / "a.usdc").read_bytes())
    draw = random.Random(0)
    for number in range(12):
        damaged = whole[: draw.randrange(8, len(whole))] if number % 2 else whole[:]
        for _ in range(draw.randrange(1, 8)):
            damaged[draw.randrange(8, len(damaged))] = draw.randrange(256)
        (tmp_path / "b.usdc").write_bytes(damaged)
        with contextlib.suppress(InputError):
            read_camera(tmp_path / "b.usdc", size=(96, 64), frame_rate=Fraction(24))


def test_packages_are_not_written_and_binary_needs_usd_core(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="packages are only read"):
        write_camera(tmp_path / "a.usdz", known_camera())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingError, match="binary USD needs usd-core") as error:
        write_camera(tmp_path / "a.usdc", known_camera())
    assert error.value.hint == "pip install 'dynascene-cli[usd]'; or write a.usda"
    assert not any(tmp_path.iterdir())


def test_the_lens_is_in_millimetres_as_usd_means_them(tmp_path):
    """UsdGeomCamera's focal length and apertures are in tenths of a scene unit."""
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Usd, UsdGeom

    camera = known_camera()
    write_camera(tmp_path / "a.usda", camera)
    stage = Usd.Stage.Open(str(tmp_path / "a.usda"))
    prim = UsdGeom.Camera(stage.GetDefaultPrim())
    millimetres = UsdGeom.GetStageMetersPerUnit(stage) / 10 * 1000
    focal = prim.GetFocalLengthAttr().Get(1) * millimetres
    assert focal == pytest.approx(500 * 36 / 640, abs=1e-4)
    assert prim.GetHorizontalApertureAttr().Get(1) * millimetres == pytest.approx(36, abs=1e-4)


def test_layers_of_one_metre_a_unit_are_read_as_before(tmp_path):
    camera = known_camera()
    for unit in ("metres", "scene_depth"):
        write_camera(tmp_path / "a.usda", replace(camera, unit=unit))
        read = read_camera(tmp_path / "a.usda")
        assert_same(read, replace(camera, unit=unit))
        text = (
            (tmp_path / "a.usda").read_text().replace("metersPerUnit = 0.01", "metersPerUnit = 1")
        )
        (tmp_path / "b.usda").write_text(text)
        np.testing.assert_allclose(
            read_camera(tmp_path / "b.usda").extrinsics[:, :, 3], read.extrinsics[:, :, 3] * 100
        )


@settings(max_examples=15)
@given(camera_paths())
def test_usd_core_has_every_camera_where_it_is(tmp_path_factory, camera):
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Usd, UsdGeom

    path = tmp_path_factory.mktemp("usd") / "a.usda"
    write_camera(path, camera)
    stage = Usd.Stage.Open(str(path))
    prim = UsdGeom.Camera(stage.GetDefaultPrim())
    for index in range(camera.frame_count):
        matrix = np.array(prim.ComputeLocalToWorldTransform(index + 1))
        np.testing.assert_allclose(
            matrix[3, :3] / 100, centre(camera.extrinsics[index]) * [1, -1, -1], atol=1e-9
        )
        forward = camera.extrinsics[index, 2, :3] * [1, -1, -1]
        np.testing.assert_allclose(-matrix[2, :3], forward, atol=1e-9)


def test_a_layer_of_another_program_is_read(tmp_path):
    path = tmp_path / "layer.usda"
    path.write_text(TWO)
    camera = read_camera(path, size=(1920, 1080))
    assert (camera.frame_rate, camera.unit, camera.frame_count) == (25, "metres", 3)
    focal = 35 * 1920 / 36
    np.testing.assert_allclose(camera.intrinsics[1], [[focal, 0, 960], [0, focal, 540], [0, 0, 1]])
    np.testing.assert_allclose(
        centre(camera.extrinsics), [[0, -1.7, 0], [1, -1.7, 1.5], [2, -1.7, 3]], atol=1e-12
    )
    np.testing.assert_allclose(
        camera.extrinsics[:, :, :3], np.tile(np.eye(3), (3, 1, 1)), atol=1e-12
    )


def test_what_usd_core_writes_is_read(tmp_path):
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Gf, Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(tmp_path / "b.usda"))
    stage.SetTimeCodesPerSecond(30)
    stage.SetStartTimeCode(1)
    stage.SetEndTimeCode(2)
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    prim = UsdGeom.Camera.Define(stage, "/world/cam")
    prim.CreateFocalLengthAttr(24.0)
    prim.CreateHorizontalApertureAttr(36.0)
    prim.CreateHorizontalApertureOffsetAttr(1.8)
    op = prim.AddTransformOp()
    for code, x in ((1, 0.0), (2, 0.5)):
        op.Set(Gf.Matrix4d().SetTranslate(Gf.Vec3d(x, 1.6, 0)), code)
    stage.Save()
    camera = read_camera(tmp_path / "b.usda", size=(640, 480))
    assert camera.frame_rate == Fraction(30)
    np.testing.assert_allclose(centre(camera.extrinsics), [[0, -1.6, 0], [0.5, -1.6, 0]])
    np.testing.assert_allclose(camera.intrinsics[0, 0], [24 * 640 / 36, 0, 320 - 32], rtol=1e-6)


def test_every_kind_of_transform_is_composed_as_usd_core_does(tmp_path):
    pytest.importorskip("pxr", reason="needs usd-core")
    from pxr import Gf, Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(tmp_path / "c.usda"))
    stage.SetTimeCodesPerSecond(24)
    stage.SetStartTimeCode(1)
    stage.SetEndTimeCode(5)
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    ignored = UsdGeom.Xform.Define(stage, "/ignored")
    ignored.AddTranslateOp().Set(Gf.Vec3d(9, 9, 9))
    rig = UsdGeom.Xform.Define(stage, "/ignored/rig")
    rig.SetResetXformStack(True)
    rig.AddRotateYXZOp().Set(Gf.Vec3f(10, 20, 30))
    rig.AddScaleOp().Set(Gf.Vec3f(2, 2, 2))
    prim = UsdGeom.Camera.Define(stage, "/ignored/rig/cam")
    moved = prim.AddTranslateOp()
    moved.Set(Gf.Vec3d(0, 1, 0), 1)
    moved.Set(Gf.Vec3d(4, 1, -2), 5)
    pivot = prim.AddTranslateOp(opSuffix="pivot")
    pivot.Set(Gf.Vec3d(0.3, 0, 0.1))
    turned = prim.AddRotateZXYOp()
    turned.Set(Gf.Vec3f(0, 0, 0), 1)
    turned.Set(Gf.Vec3f(8, -40, 4), 5)
    prim.AddRotateXOp(opSuffix="tilt").Set(-3.0)
    prim.AddOrientOp().Set(Gf.Quatf(0.8, 0, 0.6, 0))
    prim.AddTranslateOp(opSuffix="pivot", isInverseOp=True)
    stage.Save()
    camera = read_camera(tmp_path / "c.usda", size=(640, 480))
    assert camera.frame_count == 5
    for code in range(1, 6):
        expected = np.array(prim.ComputeLocalToWorldTransform(code))
        np.testing.assert_allclose(
            centre(camera.extrinsics[code - 1]), expected[3, :3] * [1, -1, -1], atol=1e-6
        )
        forward, down = camera.extrinsics[code - 1, [2, 1], :3] * [1, -1, -1]
        np.testing.assert_allclose(forward, -expected[2, :3] / 2, atol=1e-6)
        np.testing.assert_allclose(down, -expected[1, :3] / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TWO.replace("Camera", "Xform"), "no camera in it"),
        (TWO[: TWO.index("3: (") + 20], "it ends too early"),
        (
            TWO.replace('["xformOp:transform"]\n    }', '["xformOp:transform", "x"]\n    }'),
            "shot: x is no transform that is known",
        ),
        (
            TWO.replace("3: ( (1, 0", "3: ( (2, 0"),
            "frame 2: its rotation is not one (determinant 1.000",
        ),
        (
            TWO.replace("3: ( (1, 0, 0, 0), ", "3: ( "),
            "shot: xformOp:transform is no transform that is known",
        ),
        (TWO.replace("horizontalAperture = 36", "horizontalAperture = 0"), "an aperture is not"),
        (TWO.replace("endTimeCode = 3", "endTimeCode = nan"), "time codes from 1 to nan"),
        (TWO.replace("endTimeCode = 3", "endTimeCode = 1e9"), "time codes from 1 to 1e+09"),
        (TWO.replace("focalLength = 35", "focalLength = -35"), "frame 1: the focal length is -"),
        (
            TWO.replace(
                "def Camera", 'def Camera "o" { token projection = "orthographic" } def Camera', 1
            ),
            "o's projection is orthographic",
        ),
    ],
)
def test_what_is_wrong_with_a_layer_is_told(content, message, tmp_path):
    path = tmp_path / "layer.usda"
    path.write_text(content)
    with pytest.raises(InputError) as told:
        read_camera(path, size=(1920, 1080))
    assert told.value.message.startswith(f"{path}: {message}")
    assert told.value.hint


@given(
    st.integers(0, len(TWO)),
    st.integers(0, 40),
    st.sampled_from(["", "(", ")", "{", "}", '"', "=", ",", "1", "nan", "None", "1e400", "0", ":"]),
)
def test_whatever_is_changed_it_is_a_camera_or_one_clear_line(tmp_path_factory, place, length, put):
    path = tmp_path_factory.mktemp("any") / "a.usda"
    path.write_text(TWO[:place] + put + TWO[place + length :])
    try:
        camera = read_camera(path, size=(1920, 1080))
    except InputError as error:
        assert error.message.startswith(str(path))
        assert error.hint
    else:
        assert np.isfinite(camera.extrinsics).all()


def test_a_layer_needs_the_size_of_the_picture(tmp_path):
    (tmp_path / "a.usda").write_text(TWO)
    with pytest.raises(InputError) as told:
        read_camera(tmp_path / "a.usda")
    assert told.value.hint == "give --size WxH"
