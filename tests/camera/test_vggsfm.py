"""The exchange of files with VGGSfM: a stand-in plays its part at the command line.

The stand-in writes real COLMAP models with pycolmap. The network itself is not run.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometric_tracks import TrackedScene, named_shot, tracked_scene
from path_errors import ate_percent, rpe_degrees

from dynascene_cli.camera.estimation import vggsfm
from dynascene_cli.camera.estimation.estimate import ClipFacts, Estimate
from dynascene_cli.errors import InputError, MissingError, StageError
from dynascene_cli.shot import CameraPath, Image

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pycolmap") is None, reason="needs pycolmap"
)
FRAMES = 10
SIZE = (1280, 720)
SMALL = (160, 90)
FOCAL = 830.0 * 1280 / 960

STAND_IN = """
import json, sys, time
from pathlib import Path
import numpy as np
from PIL import Image

here = Path(__file__).parent
settings = dict(word.split("=", 1) for word in sys.argv[1:])
scene = Path(settings["SCENE_DIR"].strip("'"))
images = sorted((scene / "images").iterdir())
masks = [np.array(Image.open(scene / "masks" / path.name)) for path in images]
(here / "seen.json").write_text(json.dumps({
    "settings": {name: settings[name] for name in settings if name != "SCENE_DIR"},
    "working_folder": str(Path.cwd()),
    "scene": str(scene),
    "images": [path.name for path in images],
    "size": Image.open(images[0]).size,
    "first_pixel": Image.open(images[0]).getpixel((0, 0)),
    "masks": len(list((scene / "masks").iterdir())),
    "mask_values": sorted({int(value) for mask in masks for value in np.unique(mask)}),
    "dropped": [[int(mask[:, 0].max()), int(mask[mask.shape[0] // 2, mask.shape[1] // 2])]
                for mask in masks],
}))
part = (here / "part.txt").read_text()
if part == "fails":
    sys.exit("RuntimeError: Found no NVIDIA driver on your system")
if part == "hangs":
    time.sleep(60)
if part == "leaves nothing":
    sys.exit()
import pycolmap
truth = np.load(here / "truth.npz")
width, height = Image.open(images[0]).size
model = pycolmap.Reconstruction()
camera = pycolmap.Camera(
    model=settings["camera_type"], width=width, height=height, camera_id=1,
    params=[float(truth["focal"]) * width, width // 2, height // 2],
)
model.add_camera_with_trivial_rig(camera)
for index, path in enumerate(images):
    pose = truth["extrinsics"][index]
    image = pycolmap.Image(name=path.name, camera_id=1, image_id=index + 1)
    model.add_image_with_trivial_frame(
        image, pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:, :3]), 3.0 * pose[:, 3])
    )
for point in truth["points"]:
    model.add_point3D(3.0 * point, pycolmap.Track())
(scene / "sparse").mkdir()
model.write_binary(scene / "sparse")
"""


@pytest.fixture(scope="module")
def scene() -> TrackedScene:
    return tracked_scene(
        *named_shot("truck-pan", FRAMES), per_frame=90, noise=0.1, drift=0.0, outliers=0.0, life=60
    )


@pytest.fixture
def program(scene: TrackedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where a stand-in for VGGSfM is installed; what it does stands in part.txt."""
    folder = tmp_path / "vggsfm"
    folder.mkdir()
    (folder / "video_demo.py").write_text(STAND_IN)
    (folder / "part.txt").write_text("solves")
    points = np.random.default_rng(0).uniform((-4, -2, 3), (4, 2, 15), (50, 3))
    np.savez(
        folder / "truth.npz", extrinsics=scene.extrinsics, focal=FOCAL / SIZE[0], points=points
    )
    monkeypatch.setenv("DYNASCENE_VGGSFM_PYTHON", sys.executable)
    monkeypatch.setenv("DYNASCENE_VGGSFM_FOLDER", str(folder))
    return folder


def frames(size: tuple[int, int]) -> Iterator[Image]:
    for _ in range(FRAMES):
        yield np.full((size[1], size[0], 3), (200, 100, 50), np.uint8)


def alphas(size: tuple[int, int]) -> Iterator[Image]:
    for _ in range(FRAMES):
        alpha = np.zeros((size[1], size[0]), np.uint8)
        alpha[size[1] // 3 : size[1] * 2 // 3, size[0] * 2 // 5 : size[0] * 3 // 5] = 255
        yield alpha


def estimated(
    scene: TrackedScene,
    size: tuple[int, int] = SIZE,
    timeout_seconds: float = 7200.0,
    **known: Any,
) -> Estimate:
    return vggsfm.estimate_by_vggsfm(
        frames(size),
        alphas(size),
        scene.tracks,
        ClipFacts(Fraction(24), size, **known),
        timeout_seconds,
    )


def true_path(scene: TrackedScene) -> CameraPath:
    K = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
    return CameraPath(
        np.tile(K, (FRAMES, 1, 1)), scene.extrinsics, *SIZE, frame_rate=Fraction(24), unit="metres"
    )


def test_its_model_becomes_the_clips_camera(scene: TrackedScene, program: Path) -> None:
    found = estimated(scene)
    assert found.method == "vggsfm"
    assert found.confidence == "high", found.reasons
    assert found.registered.all()
    assert ate_percent(found.path, true_path(scene)) < 0.3
    assert rpe_degrees(found.path, true_path(scene)) < 0.03
    assert (found.path.width, found.path.height) == SIZE
    assert found.path.intrinsics[0, 0, 0] == pytest.approx(FOCAL, rel=0.03)


def test_what_it_is_given(scene: TrackedScene, program: Path) -> None:
    estimated(scene)
    seen = json.loads((program / "seen.json").read_text())
    assert seen["settings"] == {"shared_camera": "True", "camera_type": "SIMPLE_PINHOLE"}
    assert seen["working_folder"] == str(program)
    assert seen["images"] == [f"{index:06d}.png" for index in range(FRAMES)]
    assert seen["masks"] == FRAMES
    assert seen["size"] == [1024, 576]
    assert seen["first_pixel"] == [200, 100, 50]
    assert seen["mask_values"] == [0, 255]
    assert seen["dropped"] == [[0, 255]] * FRAMES
    assert not Path(seen["scene"]).exists()


def test_a_known_focal_length_replaces_its_own(scene: TrackedScene, program: Path) -> None:
    found = estimated(scene, focal=1090.0, focal_source="exif")
    assert found.focal_px == pytest.approx(1090.0)
    assert found.focal_source == "exif"


def test_its_failure_is_told_by_its_last_words(scene: TrackedScene, program: Path) -> None:
    (program / "part.txt").write_text("fails")
    with pytest.raises(StageError, match=r"VGGSfM failed .*Found no NVIDIA driver") as caught:
        estimated(scene, SMALL)
    assert caught.value.exit_code == 4


def test_its_time_runs_out(scene: TrackedScene, program: Path) -> None:
    (program / "part.txt").write_text("hangs")
    with pytest.raises(StageError, match="VGGSfM took more than 2 s"):
        estimated(scene, SMALL, timeout_seconds=2)
    assert not Path(json.loads((program / "seen.json").read_text())["scene"]).exists()


def test_a_model_that_was_not_written_is_told(scene: TrackedScene, program: Path) -> None:
    (program / "part.txt").write_text("leaves nothing")
    with pytest.raises(StageError, match=r"without sparse/cameras\.bin"):
        estimated(scene, SMALL)


def test_without_vggsfm_its_licence_and_source_are_told(
    scene: TrackedScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DYNASCENE_VGGSFM_PYTHON", raising=False)
    monkeypatch.delenv("DYNASCENE_VGGSFM_FOLDER", raising=False)
    with pytest.raises(MissingError, match=r"CC-BY-NC-4\.0") as caught:
        estimated(scene, SMALL)
    assert "package index" in caught.value.message
    assert "github.com/facebookresearch/vggsfm" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("DYNASCENE_VGGSFM_PYTHON", "no such file"),
        ("DYNASCENE_VGGSFM_FOLDER", "no video_demo.py in it"),
    ],
)
def test_a_wrong_installation_is_named(
    scene: TrackedScene,
    program: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    wrong: str,
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match=f"{variable}.*{wrong}"):
        estimated(scene, SMALL)


def test_a_broken_model_is_told(scene: TrackedScene, program: Path) -> None:
    stand_in = program / "video_demo.py"
    stand_in.write_text(f'{STAND_IN}\n(scene / "sparse" / "images.bin").write_bytes(b"\\x07")\n')
    with pytest.raises(StageError, match="VGGSfM's model is broken"):
        estimated(scene, SMALL)
