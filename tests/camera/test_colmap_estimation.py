"""The camera by COLMAP: real mapping on synthetic tracks, and what becomes of a model."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from geometric_tracks import TrackedScene, named_shot, tracked_scene
from hypothesis import given, settings
from hypothesis import strategies as st
from path_errors import ate_percent, focal_percent, rpe_degrees

from dynascene_cli import geometry
from dynascene_cli.camera.estimation import colmap
from dynascene_cli.camera.estimation.estimate import ClipFacts, FeatureTracks
from dynascene_cli.camera.estimation.registered_model import estimate_from_model, frame_name
from dynascene_cli.camera.estimation.subprocess_runner import run_isolated
from dynascene_cli.camera.formats.colmap import ColmapModel
from dynascene_cli.errors import MissingError, StageError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import CameraPath

needs_pycolmap = pytest.mark.skipif(
    importlib.util.find_spec("pycolmap") is None, reason="needs pycolmap"
)
RATE = Fraction(24)
SIZE = (1920, 1080)
CLIP = ClipFacts(RATE, SIZE)


@pytest.fixture(scope="module")
def truck() -> TrackedScene:
    return shot("truck-pan", 12)


def shot(name: str, frames: int, noise: float = 0.1) -> TrackedScene:
    extrinsics, focals = named_shot(name, frames)
    return tracked_scene(
        extrinsics, focals, per_frame=90, noise=noise, drift=0.0, outliers=0.0, life=60.0
    )


def true_path(scene: TrackedScene) -> CameraPath:
    """The scene's camera, for pictures of SIZE."""
    K = np.zeros((len(scene.focals), 3, 3))
    K[:, 0, 0] = K[:, 1, 1] = scene.focals * SIZE[0] / scene.tracks.width
    K[:, 0, 2], K[:, 1, 2], K[:, 2, 2] = SIZE[0] / 2, SIZE[1] / 2, 1
    return CameraPath(K, scene.extrinsics, *SIZE, frame_rate=RATE, unit="metres")


def true_model(scene: TrackedScene, frames: Floats | list[int]) -> ColmapModel:
    """A model of the scene's cameras in ``frames``, at SIZE, with a few of its points."""
    chosen = np.asarray(frames, dtype=int)
    pixels = scene.tracks.pixels[scene.tracks.frame == 0]
    K = true_path(scene).intrinsics[chosen]
    rays = geometry.rays(K[0] / [[2], [2], [1]], pixels)
    points = geometry.transform(geometry.inverse(scene.extrinsics[0]), rays * 6)
    return ColmapModel(
        names=tuple(frame_name(frame) for frame in chosen),
        intrinsics=K,
        sizes=np.tile(SIZE, (len(chosen), 1)),
        extrinsics=scene.extrinsics[chosen],
        bent=np.zeros(len(chosen)),
        points=points,
        errors=np.zeros(len(points)),
        track_lengths=np.full(len(points), 2),
    )


def without(tracks: FeatureTracks, frames: list[int]) -> FeatureTracks:
    kept = ~np.isin(tracks.frame, frames)
    return FeatureTracks(
        tracks.track[kept],
        tracks.frame[kept],
        tracks.pixels[kept],
        tracks.frame_count,
        tracks.width,
        tracks.height,
    )


@needs_pycolmap
def test_a_trucking_camera_is_recovered(truck: TrackedScene) -> None:
    found = colmap.estimate_by_colmap(truck.tracks, CLIP)
    truth = true_path(truck)
    assert found.method == "colmap"
    assert found.confidence == "high", found.reasons
    assert found.registered.all()
    assert ate_percent(found.path, truth) < 0.3
    assert rpe_degrees(found.path, truth) < 0.03
    assert (found.path.width, found.path.height, found.path.frame_rate) == (*SIZE, RATE)
    np.testing.assert_allclose(found.path.extrinsics[0], np.eye(3, 4), atol=1e-9)
    assert found.inliers > 0.98
    assert 0.05 < found.median_px < 0.2


@needs_pycolmap
def test_a_known_focal_length_is_kept(truck: TrackedScene) -> None:
    found = colmap.estimate_by_colmap(
        truck.tracks, replace(CLIP, focal=1660.0, focal_source="exif")
    )
    assert found.focal_source == "exif"
    assert found.focal_px == pytest.approx(1660.0)
    assert focal_percent(found.path, true_path(truck)) < 1e-6
    assert ate_percent(found.path, true_path(truck)) < 0.3


@needs_pycolmap
def test_a_camera_that_stands_still_leaves_no_model() -> None:
    with pytest.raises(StageError, match="COLMAP found no camera") as caught:
        colmap.estimate_by_colmap(shot("static", 6).tracks, CLIP)
    assert "--method tracks" in caught.value.hint
    assert caught.value.exit_code == 4


def test_no_path_is_believed_of_a_camera_that_only_turns() -> None:
    scene = shot("pan", 12)
    found = estimate_from_model(true_model(scene, list(range(12))), scene.tracks, CLIP, "colmap")
    assert found.confidence == "low"
    assert found.reasons[0].startswith("the path may be off by")
    assert rpe_degrees(found.path, true_path(scene)) < 0.03


@needs_pycolmap
def test_running_out_of_time_is_told(truck: TrackedScene) -> None:
    before = time.monotonic()
    with pytest.raises(StageError, match="global mapping took more than 0 s"):
        colmap.estimate_by_colmap(truck.tracks, CLIP, timeout_seconds=0.3)
    assert time.monotonic() - before < 5


@needs_pycolmap
def test_mapping_ends_with_the_process_that_asked_for_it(
    truck: TrackedScene, tmp_path: Path
) -> None:
    tracks = truck.tracks
    np.savez(
        tmp_path / "tracks.npz",
        track=tracks.track,
        frame=tracks.frame,
        pixels=tracks.pixels,
        size=np.array([tracks.width, tracks.height]),
        focal=830.0,
        focal_known=True,
    )
    command = [sys.executable, "-P", str(colmap.PROGRAM), str(tmp_path), "global"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert ended.returncode == 1
    assert not (tmp_path / "global" / "images.bin").exists()


def test_pycolmap_missing_names_what_to_install(
    truck: TrackedScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(MissingError) as caught:
        colmap.estimate_by_colmap(truck.tracks, CLIP)
    assert caught.value.hint == "pip install 'dynascene-cli[colmap]'"
    assert caught.value.exit_code == 3


@settings(max_examples=5)
@given(
    scale=st.floats(0.01, 100),
    axis=st.sampled_from("xyz"),
    degrees=st.floats(-180, 180),
    shift=st.tuples(*[st.floats(-50, 50)] * 3),
)
def test_a_models_world_does_not_matter(
    truck: TrackedScene,
    scale: float,
    axis: str,
    degrees: float,
    shift: tuple[float, float, float],
) -> None:
    model = true_model(truck, list(range(12)))
    turn = geometry.rotation_about(axis, degrees)
    elsewhere = geometry.compose(model.extrinsics, geometry.pose(turn.T, -turn.T @ shift))
    elsewhere[:, :, 3] *= scale
    points = (model.points @ turn.T + shift) * scale
    moved = ColmapModel(**vars(model) | {"extrinsics": elsewhere, "points": points})
    found = [estimate_from_model(one, truck.tracks, CLIP, "colmap") for one in (model, moved)]
    np.testing.assert_allclose(found[0].path.extrinsics, found[1].path.extrinsics, atol=1e-4)
    assert found[0].confidence == found[1].confidence == "high"


def test_frames_without_an_image_are_resected() -> None:
    scene = shot("handheld", 16, noise=0.0)
    frames = [0, 1, 2, 3, 6, 7, 8, 11, 12, 13]
    found = estimate_from_model(true_model(scene, frames), scene.tracks, CLIP, "vggsfm")
    assert found.method == "vggsfm"
    assert found.registered.all()
    assert found.details["frames_in_model"] == 10
    assert ate_percent(found.path, true_path(scene)) < 0.02
    assert rpe_degrees(found.path, true_path(scene)) < 0.002


def test_frames_without_points_are_filled_in_between() -> None:
    scene = shot("handheld", 16, noise=0.0)
    gap = [6, 7, 8]
    frames = [frame for frame in range(16) if frame not in gap]
    found = estimate_from_model(
        true_model(scene, frames), without(scene.tracks, gap), CLIP, "colmap"
    )
    assert np.flatnonzero(~found.registered).tolist() == gap
    assert found.confidence == "low"
    assert any("filled in" in reason for reason in found.reasons)
    assert np.isnan(found.frame_residuals[gap]).all()
    ends, between = [5.0, 9.0], [6.0, 7.0, 8.0]
    expected = geometry.resample(found.path.extrinsics[[5, 9]], ends, between)
    np.testing.assert_allclose(found.path.extrinsics[gap], expected, atol=1e-9)


def test_a_wrong_model_is_called_low(truck: TrackedScene) -> None:
    model = true_model(truck, list(range(12)))
    wrong = model.extrinsics.copy()
    wrong[6:] = geometry.compose(
        geometry.pose(geometry.rotation_about("y", 170.0), np.zeros(3)), wrong[6:]
    )
    found = estimate_from_model(
        ColmapModel(**vars(model) | {"extrinsics": wrong}),
        truck.tracks,
        CLIP,
        "colmap",
    )
    assert found.confidence == "low"
    assert found.reasons


def test_a_bent_lens_is_called_low(truck: TrackedScene) -> None:
    model = true_model(truck, list(range(12)))
    found = estimate_from_model(
        ColmapModel(**vars(model) | {"bent": np.full(12, 9.0)}),
        truck.tracks,
        CLIP,
        "colmap",
    )
    assert found.confidence == "low"
    assert found.reasons == ("the lens bends the picture's corners by 9.0 pixels",)


def test_a_model_of_one_frame_is_no_camera(truck: TrackedScene) -> None:
    with pytest.raises(StageError, match="colmap solved 1 of 12 frames"):
        estimate_from_model(true_model(truck, [3]), truck.tracks, CLIP, "colmap")


BEATING = """
import subprocess, sys, time
if len(sys.argv) > 2:
    subprocess.Popen([sys.executable, __file__, sys.argv[1]])
    time.sleep(60)
while True:
    with open(sys.argv[1], "a") as heart:
        heart.write("x")
    time.sleep(0.05)
"""


@pytest.fixture
def beating(tmp_path: Path) -> tuple[list[str], Path]:
    """A program whose child writes to a file as long as it lives, and that file."""
    script, heart = tmp_path / "beating.py", tmp_path / "heart"
    script.write_text(BEATING)
    return [sys.executable, str(script), str(heart), "parent"], heart


def still(heart: Path) -> bool:
    """Whether nothing is written to the file any more."""
    before = heart.stat().st_size
    time.sleep(0.4)
    return heart.stat().st_size == before


def test_a_program_out_of_time_ends_with_its_children(
    beating: tuple[list[str], Path], tmp_path: Path
) -> None:
    command, heart = beating
    outcome = run_isolated(command, tmp_path / "log", timeout_seconds=1.5)
    assert outcome.code is None
    assert heart.stat().st_size > 0
    assert still(heart)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interruption_ends_the_program_and_its_children(
    beating: tuple[list[str], Path], tmp_path: Path, hears_interruptions: Callable[[], None]
) -> None:
    command, heart = beating
    caller = (
        "from pathlib import Path\n"
        "from dynascene_cli.camera.estimation.subprocess_runner import run_isolated\n"
        f"run_isolated({command!r}, Path({str(tmp_path / 'log')!r}), timeout_seconds=60)\n"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", caller], stderr=subprocess.DEVNULL, preexec_fn=hears_interruptions
    )
    deadline = time.monotonic() + 20
    while not heart.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(asking.pid, signal.SIGINT)
    assert asking.wait(10) != 0
    assert still(heart)


def test_a_failing_programs_last_words_are_told(tmp_path: Path) -> None:
    words = "import sys; print('a\\nb'); print('c', file=sys.stderr); sys.exit('no weights')"
    outcome = run_isolated([sys.executable, "-c", words], tmp_path / "log", timeout_seconds=20)
    assert outcome.code == 1
    assert outcome.last_words.endswith("no weights")


def test_a_model_of_other_pictures_is_no_camera(truck: TrackedScene) -> None:
    model = true_model(truck, list(range(12)))
    names = (*model.names[:-1], "IMG_4711.png")
    with pytest.raises(StageError, match="IMG_4711"):
        estimate_from_model(
            ColmapModel(**vars(model) | {"names": names}),
            truck.tracks,
            CLIP,
            "vggsfm",
        )
