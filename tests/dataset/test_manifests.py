"""Data sets on disk: written and read back exactly, and every fault told by its line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dynascene_cli.app import main
from dynascene_cli.camera.formats import write_camera
from dynascene_cli.dataset.clip_folder import write_film
from dynascene_cli.dataset.manifest import check, load_clip, read_manifest
from dynascene_cli.dataset.realestate import realestate_entries
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.errors import InputError
from dynascene_cli.video import write_image

SHOT = SyntheticSettings(frames=4)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory) -> Path:
    """A folder of two clips, made by the real command once."""
    folder = tmp_path_factory.mktemp("synthetic") / "clips"
    words = ["dataset", "synth", str(folder), "--count", "2", "--frames", "4", "--seed", "8"]
    assert main(words) == 0
    return folder


@pytest.fixture
def manifest(dynascene, synthetic) -> Path:
    shutil.copytree(synthetic, "clips")
    return Path("clips/manifest.jsonl").resolve()


def lines(manifest: Path) -> list[dict]:
    return [json.loads(line) for line in manifest.read_text().splitlines()]


def rewritten(manifest: Path, **changes) -> Path:
    first, *others = lines(manifest)
    first = {key: value for key, value in {**first, **changes}.items() if value is not None}
    manifest.write_text("".join(json.dumps(line) + "\n" for line in [first, *others]))
    return manifest


def test_clips_are_read_back_as_they_were_made(manifest):
    entries = read_manifest(manifest)
    assert [entry.name for entry in entries] == ["synthetic-train-8", "synthetic-train-9"]
    made, read = synthetic_clip(8, SHOT), load_clip(entries[0], 0, 4, (64, 36))
    for part in ("frames", "alphas", "scene", "plates"):
        assert np.array_equal(getattr(read, part), getattr(made, part)), part
    assert np.allclose(read.depths, made.depths, rtol=1e-6)
    assert np.allclose(read.camera.extrinsics, made.camera.extrinsics, atol=1e-6)
    assert np.allclose(read.camera.intrinsics, made.camera.intrinsics)
    assert read.camera.frame_rate == made.camera.frame_rate


def test_a_later_run_of_frames_has_its_own_world(manifest):
    read = load_clip(read_manifest(manifest)[0], 2, 2, (64, 36))
    assert np.array_equal(read.scene, synthetic_clip(8, SHOT).plates[2])
    assert np.allclose(read.camera.extrinsics[0], np.eye(3, 4), atol=1e-12)
    assert np.median(read.depths[0][np.isfinite(read.depths[0])]) == pytest.approx(1, abs=1e-5)


def test_every_other_frame_is_filmed_at_half_the_rate(manifest):
    made, read = synthetic_clip(8, SHOT), load_clip(read_manifest(manifest)[0], 1, 2, (64, 36), 2)
    for part in ("frames", "alphas", "plates"):
        assert np.array_equal(getattr(read, part), getattr(made, part)[[1, 3]]), part
    assert np.allclose(read.camera.intrinsics, made.camera.intrinsics[[1, 3]])
    assert np.allclose(read.camera.extrinsics[0], np.eye(3, 4), atol=1e-12)
    assert read.camera.frame_rate == made.camera.frame_rate / 2


def test_another_size_crops_the_pictures_and_the_camera_alike(manifest):
    read = load_clip(read_manifest(manifest)[0], 0, 4, (36, 36))
    made = synthetic_clip(8, SHOT)
    assert np.array_equal(read.frames, made.frames[:, :, 14:50])
    assert np.array_equal(read.depths[0], made.depths[0][:, 14:50])
    K = made.camera.intrinsics.copy()
    K[:, 0, 2] -= 14
    assert np.allclose(read.camera.intrinsics, K)
    half = load_clip(read_manifest(manifest)[0], 0, 4, (32, 18))
    assert np.allclose(half.camera.intrinsics[:, :2], made.camera.intrinsics[:, :2] / 2)


def test_synth_goes_on_where_it_was_stopped(manifest, dynascene):
    clips = sorted(manifest.parent.glob("clips/*"))
    before = {path: path.read_bytes() for path in manifest.parent.rglob("*") if path.is_file()}
    shutil.rmtree(clips[1])
    manifest.unlink()
    stamp = (clips[0] / "clip.mkv").stat().st_mtime_ns
    words = ("dataset", "synth", "clips", "--count", 2, "--frames", 4, "--seed", 8)
    assert dynascene(*words).code == 0
    assert (clips[0] / "clip.mkv").stat().st_mtime_ns == stamp
    after = {path: path.read_bytes() for path in manifest.parent.rglob("*") if path.is_file()}
    assert after == before
    other = dynascene(*words, "--fps", 12)
    assert other.code == 1
    assert "other settings" in other.err
    assert "part" not in " ".join(path.name for path in manifest.parent.rglob("*"))


def test_check_passes_what_synth_writes(manifest, dynascene):
    run = dynascene("dataset", "check", manifest, "--json")
    assert run.code == 0
    assert run.json == {"clips": 2, "frames": 8, "with_person": 2}


def test_check_names_the_bad_clips(manifest, dynascene):
    folder = manifest.parent / "clips" / "00000008"
    camera = json.loads((folder / "camera.json").read_text())
    camera["frames"] = camera["frames"][:3]
    camera["frame_count"] = 3
    (folder / "camera.json").write_text(json.dumps(camera))
    (folder / "depths.npz").write_bytes(b"none")
    run = dynascene("dataset", "check", manifest)
    assert run.code == 1
    assert "synthetic-train-8" in run.err and "synthetic-train-9" not in run.err
    assert "has 3 poses, the clip 4 frames" in run.err
    assert "cannot be read as depths" in run.err
    with pytest.raises(InputError, match="3 poses"):
        load_clip(read_manifest(manifest)[0], 0, 4, (64, 36))


@pytest.mark.parametrize(
    "changes, message, hint",
    [
        ({"clip": "gone.mp4"}, "line 1: clip: ", "check the path"),
        ({"camera": None}, "line 1: camera is missing", "path of the camera"),
        ({"plate": "x"}, "line 1: unknown key 'plate'", "did you mean plates?"),
        ({"fps": -1}, "line 1: fps is -1", "above 0"),
        ({"median_depth": "far"}, 'line 1: median_depth is "far"', "above 0"),
        ({"frames": 2.5}, "line 1: frames is 2.5", "whole number"),
    ],
)
def test_a_wrong_line_is_told(manifest, changes, message, hint):
    with pytest.raises(InputError) as error:
        read_manifest(rewritten(manifest, **changes))
    assert message in error.value.message
    assert hint in error.value.hint


@pytest.mark.parametrize("text, message", [("{", "line 1: not JSON"), ("[]", "not a JSON object"),
                                           ("\n", "holds no clip")])  # fmt: skip
def test_what_is_no_manifest_is_told(tmp_path, text, message):
    (tmp_path / "m.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "m.jsonl")


def test_a_clip_shorter_than_needed_is_told(manifest):
    with pytest.raises(InputError, match="synthetic-train-8 has 4 frames, not 24"):
        load_clip(read_manifest(manifest)[0], 0, 24, (64, 36))


def test_a_line_that_claims_other_frames_is_told(manifest):
    faults = check(read_manifest(rewritten(manifest, frames=5))[0])
    assert len(faults) == 1
    assert "has 4 frames, not 5" in faults[0]


def test_realestate10k_folders_are_clips_without_a_person(tmp_path):
    clip = synthetic_clip(9, SHOT)
    write_camera(tmp_path / "abc.txt", clip.camera)
    with pytest.raises(InputError, match="no frames beside"):
        realestate_entries(tmp_path)
    (tmp_path / "abc").mkdir()
    for number, frame in enumerate(clip.frames):
        write_image(tmp_path / "abc" / f"{number * 125000}.png", frame)
    (entry,) = realestate_entries(tmp_path)
    assert (entry.name, entry.frames, entry.matte) == ("abc", 4, None)
    assert check(entry) == []
    read = load_clip(entry, 0, 4, (64, 36))
    assert np.array_equal(read.frames, clip.frames)
    assert np.allclose(read.camera.extrinsics, clip.camera.extrinsics, atol=1e-6)
    assert read.plates is None and not read.alphas.any()


def test_a_file_that_was_changed_is_read_anew(manifest, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(manifest.parent, folder)
    entry = read_manifest(folder / manifest.name)[0]
    before = load_clip(entry, 0, 2, (32, 32)).frames
    other = read_manifest(folder / manifest.name)[1]
    shutil.copy(other.clip, entry.clip)
    after = load_clip(entry, 0, 2, (32, 32)).frames
    assert not np.array_equal(before, after)
    assert np.array_equal(after, load_clip(other, 0, 2, (32, 32)).frames)
    fewer = synthetic_clip(1, SyntheticSettings(size=(32, 32), frames=2, fps=8))
    write_film(entry.clip, fewer.frames, entry.fps)
    with pytest.raises(InputError, match="has 2 frames"):
        load_clip(entry, 0, 2, (32, 32))
