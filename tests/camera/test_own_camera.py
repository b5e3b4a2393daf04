"""The clip's own camera, by the real commands: estimated, and the place filmed by it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from filmed_clips import FilmedClip, filmed_clip
from path_errors import ate_percent, rpe_degrees

from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.geometry import centre, relative_to_first
from dynascene_cli.video import open_clip, open_sink, read_frames

SIZE = {"width": 480, "height": 270, "frames": 24}


@pytest.fixture(scope="module")
def panned(tmp_path_factory: pytest.TempPathFactory) -> tuple[FilmedClip, Path, Path]:
    clip = filmed_clip("pan", **SIZE)
    return clip, *clip.record(tmp_path_factory.mktemp("panned"))


@pytest.fixture(scope="module")
def trucked(tmp_path_factory: pytest.TempPathFactory) -> tuple[FilmedClip, Path, Path]:
    clip = filmed_clip("truck-pan-street", **SIZE)
    return clip, *clip.record(tmp_path_factory.mktemp("trucked"))


def test_the_camera_of_a_clip_is_written_with_what_is_known_of_it(dynascene, tmp_path, trucked):
    clip, film, alphas = trucked
    run = dynascene("estimate-camera", film, "--matte", alphas, "--report", "--json")
    assert run.code == 0, run.err
    answer = run.json
    assert set(answer) >= {
        "output",
        "method",
        "confidence",
        "inliers",
        "median_px",
        "frames",
        "focal_px",
        "focal_observable",
        "warnings",
    }
    assert (answer["output"], answer["method"], answer["frames"]) == (
        "clip-camera.json",
        "tracks",
        24,
    )
    assert answer["confidence"] == "high"
    written = read_camera(tmp_path / "clip-camera.json")
    assert ate_percent(written, clip.path) < 2
    assert rpe_degrees(written, clip.path) < 0.1
    kept = json.loads((tmp_path / "clip-camera.json").read_text())["estimate"]
    assert kept["confidence"] == "high"
    assert kept["focal_px"] == answer["focal_px"]
    page = Path(answer["report"]).read_text(encoding="utf-8")
    assert "<img" in page and "http" not in page.split("<body")[1].split("base64")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clip-camera.json",
        "clip.dynascene",
    ]


def test_the_second_time_it_is_cached_in_any_format(dynascene, tmp_path, panned):
    _, film, alphas = panned
    words = ("estimate-camera", film, "--matte", alphas, "--json")
    dry = dynascene(*words, "--dry-run")
    assert dry.json["would_run"] == ["camera"]
    assert not list(tmp_path.iterdir())
    first = dynascene(*words, "-o", "camera.json")
    assert (first.code, first.json["cached"], first.json["confidence"]) == (0, [], "rotation")
    for name in (
        "camera.txt",
        "camera.chan",
        "camera.usda",
        "camera.jsx",
        "transforms.json",
        "colmap",
    ):
        again = dynascene(*words, "-o", name)
        assert (again.code, again.json["cached"]) == (0, ["camera"]), again.err
        assert (tmp_path / name).exists()
    assert dynascene(*words, "--dry-run").json["would_run"] == []
    forced = dynascene(*words, "--force", "-o", "again.json")
    assert forced.json["cached"] == []
    assert (tmp_path / "again.json").read_bytes() == (
        tmp_path / "camera.json"
    ).read_bytes().replace(b'"camera"', b'"again"')


def test_the_new_place_turns_exactly_as_the_old_one_did(dynascene, tmp_path, panned, photo):
    """Under a pan every plate frame is the first one, rotated by the true camera's homography."""
    clip, film, alphas = panned
    run = dynascene(
        "render", film, "--scene", photo, "--matte", alphas, "--layers", "layers", "--json"
    )
    assert run.code == 0, run.err
    assert run.json["camera"] == {"source": "auto", "confidence": "rotation"}
    plates = [
        frame.astype(float) for frame in read_frames(open_clip(tmp_path / "layers/plate.mov"))
    ]
    K, R = clip.path.intrinsics, clip.path.extrinsics[:, :, :3]
    to_index = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    for last in (8, 23):
        turned = K[last] @ R[last] @ R[0].T @ np.linalg.inv(K[0])
        warp = to_index @ turned @ np.linalg.inv(to_index)
        expected = cv2.warpPerspective(plates[0], warp, (480, 270), flags=cv2.INTER_CUBIC)
        seen = cv2.warpPerspective(np.ones((270, 480)), warp, (480, 270)) > 0.999
        seen = cv2.erode(seen.astype(np.uint8), np.ones((9, 9))) > 0
        assert seen.mean() > 0.5
        assert np.abs(expected - plates[last])[seen].mean() < 3.0
        assert np.abs(plates[0] - plates[last])[seen].mean() > 6.0


def test_the_person_stays_where_they_were_filmed(dynascene, tmp_path, trucked, photo):
    clip, film, alphas = trucked
    run = dynascene(
        "render", film, "--scene", photo, "--matte", alphas, "--layers", "layers", "--json"
    )
    assert run.code == 0, run.err
    assert run.json["camera"] == {"source": "auto", "confidence": "high"}
    mattes = list(read_frames(open_clip(tmp_path / "layers/matte.mov")))
    for index in (0, 12, 23):
        apart = np.abs(mattes[index][..., 0].astype(float) - clip.alpha(index))
        assert apart.mean() < 2
    shot = read_camera(tmp_path / "layers/camera.json")
    assert shot.unit == "metres"
    turns = [path.extrinsics[:, :, :3] for path in (clip.path, shot)]
    relative = [turn[23] @ turn[0].T for turn in turns]
    np.testing.assert_allclose(relative[0], relative[1], atol=0.01)
    assert np.ptp(centre(shot.extrinsics), axis=0).max() > 0.1


def test_a_preset_takes_the_filmed_motion_out_and_auto_plus_keeps_it(
    dynascene, tmp_path, trucked, photo
):
    _, film, alphas = trucked
    words = ("render", film, "--scene", photo, "--matte", alphas, "--json")
    still = dynascene(*words, "--camera", "static", "--layers", "still")
    assert still.code == 0, still.err
    assert still.json["camera"] == {"source": "static", "confidence": "high"}
    assert still.json["cached"] == []
    shot = read_camera(tmp_path / "still/camera.json")
    assert np.ptp(shot.extrinsics, axis=0).max() == 0
    both = dynascene(*words, "--camera", "auto+dolly-in", "--layers", "both")
    assert both.code == 0, both.err
    assert {"matte", "camera"} <= set(both.json["cached"])
    assert dynascene(*words, "--layers", "own").code == 0
    moved, filmed = (read_camera(tmp_path / name / "camera.json") for name in ("both", "own"))
    gained = centre(moved.extrinsics) - centre(filmed.extrinsics)
    assert np.abs(gained[0]).max() < 1e-6
    assert gained[-1, 2] > 0.1
    steady = dynascene(*words, "--stabilise", "--smooth", "1", "--layers", "steady")
    assert steady.code == 0, steady.err
    steadier = read_camera(tmp_path / "steady/camera.json")
    assert np.abs(centre(steadier.extrinsics) - centre(filmed.extrinsics)).max() > 1e-4


def test_low_confidence_and_nothing_to_follow(dynascene, tmp_path, photo):
    film = tmp_path / "green.mp4"
    with open_sink(film, width=160, height=96, frame_rate=Fraction(24)) as sink:
        for _ in range(12):
            sink.write(np.full((96, 160, 3), (40, 190, 60), np.uint8))
    alphas = tmp_path / "alphas"
    alphas.mkdir()
    for index in range(12):
        alpha = np.zeros((96, 160), np.uint8)
        alpha[20:90, 60:90] = 255
        cv2.imwrite(str(alphas / f"{index:05d}.png"), alpha)
    run = dynascene("estimate-camera", film, "--matte", alphas, "--json")
    assert run.code == 4
    assert "of the background to follow" in run.json["error"]
    assert not (tmp_path / "green-camera.json").exists()
    render = dynascene("render", film, "--scene", photo, "--matte", alphas, "--json")
    assert render.code == 0, render.err
    assert render.json["camera"]["confidence"] == "static"


def test_bad_input(dynascene, tmp_path, panned):
    _, film, alphas = panned
    short = tmp_path / "short"
    shutil.copytree(alphas, short)
    (short / "00023.png").unlink()
    white = tmp_path / "white"
    white.mkdir()
    for index in range(24):
        cv2.imwrite(str(white / f"{index:05d}.png"), np.full((270, 480), 255, np.uint8))
    cases = [
        (("--matte", short), 1, "23"),
        (("--matte", white), 1, "covers the whole picture"),
        (("--matte", alphas, "--end", "0.02"), 1, "one frame"),
        (("--matte", alphas, "-o", "camera.xyz"), 1, "camera.xyz"),
        (("--matte", alphas, "-o", alphas), 1, "would change the input"),
        (("--matte", alphas, "-o", "nowhere/camera.json"), 1, "nowhere"),
        (("--matte", alphas, "--method", "vggsfm"), 3, "vggsfm"),
        (("--matte", alphas, "--method", "guess"), 2, "guess"),
        (("--matte", alphas, "--focal-mm", "1"), 2, "focal-mm"),
    ]
    for words, code, said in cases:
        run = dynascene("estimate-camera", film, *words)
        assert run.code == code, (words, run.err)
        assert said in run.err
        assert run.err.count("error:") <= 1 and "Traceback" not in run.err
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".json", ".xyz")]


@pytest.mark.parametrize("scale", ["0", "-1", "nan"])
def test_a_scale_that_is_no_length(dynascene, trucked, photo, scale):
    _, film, alphas = trucked
    run = dynascene("render", film, "--scene", photo, "--matte", alphas, "--scale", scale)
    assert run.code == 1
    assert "--scale" in run.err


def test_a_camera_file_films_the_place_frame_by_frame_or_not_at_all(
    dynascene, tmp_path, trucked, photo
):
    _, film, alphas = trucked
    assert dynascene("estimate-camera", film, "--matte", alphas, "-o", "cam.json").code == 0
    words = ("render", film, "--scene", photo, "--matte", alphas, "--camera", "cam.json", "--json")
    whole = dynascene(*words, "--layers", "layers")
    assert whole.code == 0, whole.err
    assert np.ptp(read_camera(tmp_path / "layers/camera.json").extrinsics, axis=0).max() > 0.01
    trim = ("--start", "0.25", "--end", "0.5")
    part = dynascene(*words, *trim, "-o", "part.mp4", "--layers", "part")
    assert part.code == 0, part.err
    own = read_camera(tmp_path / "cam.json").extrinsics[6:12]
    shown = read_camera(tmp_path / "part/camera.json").extrinsics
    step = relative_to_first(own)[-1, :, 3] / relative_to_first(shown)[-1, :, 3]
    np.testing.assert_allclose(step, step[0], rtol=1e-3)
    np.testing.assert_allclose(
        relative_to_first(shown)[:, :, :3], relative_to_first(own)[:, :, :3], atol=1e-6
    )


def test_a_camera_file_of_another_length_is_refused(dynascene, tmp_path, trucked, photo):
    clip, film, alphas = trucked
    path = clip.path
    short = replace(path, intrinsics=path.intrinsics[:20], extrinsics=path.extrinsics[:20])
    write_camera(tmp_path / "cam.json", short)
    words = ("render", film, "--scene", photo, "--matte", alphas, "--camera", "cam.json", "--json")
    for trim in ((), ("--start", "0.25"), ("--start", "0.5", "--end", "1")):
        run = dynascene(*words, *trim, "-o", "part.mp4")
        assert run.code == 1
        assert "a camera of 20 frames" in run.json["error"]
    assert not (tmp_path / "part.mp4").exists()


def test_settings_that_change_nothing_are_told(dynascene, panned, photo):
    _, film, alphas = panned
    words = (
        "render",
        film,
        "--scene",
        photo,
        "--matte",
        alphas,
        "--draft",
        "--end",
        "0.3",
        "--json",
    )
    fixed = dynascene(*words, "--camera", "static", "--stabilise")
    assert fixed.code == 0, fixed.err
    assert any("nothing to steady: --camera static" in told for told in fixed.json["warnings"])
    strong = dynascene(*words, "--camera", "static", "--move-strength", "2")
    assert any("--move-strength changes nothing" in told for told in strong.json["warnings"])
    # The figure's feet are out of the picture.
    placed = dynascene(*words, "--position", "0.3,0.9")
    assert any(told.startswith("--position is not used") for told in placed.json["warnings"])


def test_being_ended_while_solving_keeps_the_tracks_and_exits_130(dynascene, tmp_path, panned):
    _, film, alphas = panned
    words = ["estimate-camera", str(film), "--matte", str(alphas)]
    command = [sys.executable, "-m", "dynascene_cli", *words]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(tmp_path.rglob("tracks.npz")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("error: interrupted")) == (130, 1), err
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert "tracks.npz" in left and not left & {"estimate.npz", "clip-camera.json"}
    assert not [name for name in left if ".part" in name]
    continued = dynascene(*words, "--json")
    assert (continued.code, continued.json["confidence"]) == (0, "rotation"), continued.err
