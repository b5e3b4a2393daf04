"""``dataset build`` over real files: what is kept, what falls and where, and going on."""

import json
import shutil
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from dynascene_cli.dataset.filmed.clip_stages import sampled_frames
from dynascene_cli.dataset.filmed.cuts import content_changes, cut_frames, divide_shots
from dynascene_cli.dataset.filmed.motion import grey_ssim, motion_score
from dynascene_cli.dataset.filmed.settings import BuildSettings
from dynascene_cli.dataset.filmed.sources import find_sources
from dynascene_cli.dataset.manifest import load_clip, read_manifest
from dynascene_cli.errors import InputError
from dynascene_cli.video import open_clip, open_sink, read_frames, read_photo, resize_to_cover

SIZE = (272, 480)
LENIENT = ("--min-side", 200, "--max-score", 0.99, "--person-share", "0.01,0.9")


def write(path: Path, frames, rate: int = 4) -> None:
    height, width = frames[0].shape[:2]
    with open_sink(path, width=width, height=height, frame_rate=Fraction(rate)) as sink:
        for frame in frames:
            sink.write(frame)


@pytest.fixture(scope="module")
def raw(tmp_path_factory, person_clip, photo) -> Path:
    """A person slowed down, a still of them, a meadow cut to its mirror, and a small video."""
    folder = tmp_path_factory.mktemp("raw")
    person = list(read_frames(open_clip(person_clip)))
    meadow = resize_to_cover(read_photo(photo).pixels, *SIZE)
    write(folder / "person.mp4", person)
    write(folder / "still.mp4", [person[0]] * 12)
    write(folder / "two shots.mp4", [meadow] * 16 + [255 - meadow] * 16)
    write(folder / "small.mp4", [meadow[:120, :160]] * 4)
    return folder


@pytest.fixture(scope="module")
def built(raw, tmp_path_factory, request) -> tuple[Path, dict]:
    """The data set of the raw videos and what the command answered."""
    from dynascene_cli.app import main

    folder = tmp_path_factory.mktemp("built") / "set"
    capture = request.config.pluginmanager.getplugin("capturemanager")
    answer = folder.with_name("answer.json")
    with capture.global_and_fixture_disabled(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNASCENE_WEIGHTS", str(folder.with_name("weights")))
        with answer.open("w") as stream:
            patch.setattr("sys.stdout", stream)
            words = ("dataset", "build", raw, "-o", folder, *LENIENT, "--licence", "mine")
            code = main([str(word) for word in (*words, "--json", "--quiet")])
    assert code == 0
    return folder, json.loads(answer.read_text())


def lines_of(manifest: Path) -> list[dict]:
    return [json.loads(line) for line in manifest.read_text().splitlines()]


def test_videos_fall_at_their_steps(built):
    folder, answer = built
    assert answer["funnel"] == {
        "resolution": {"in": 4, "fell": 1},
        "cuts": {"in": 4, "fell": 0},
        "people": {"in": 4, "fell": 2},
        "motion": {"in": 2, "fell": 1},
        "matte": {"in": 1, "fell": 0},
        "camera": {"in": 1, "fell": 0},
    }
    assert answer["clips"] == 1
    (line,) = lines_of(folder / "manifest.jsonl")
    assert line["source"].endswith("person.mp4")
    assert (line["frames"], line["fps"], line["start"], line["end"]) == (12, 4.0, 0.0, 3.0)
    assert line["licence"] == "mine"
    assert line["motion_score"] < 0.99
    cut = json.loads(next(folder.glob("sources/two-shots-*/source.json")).read_text())
    assert cut["cuts"] == [16]
    assert not (folder / "work").exists()


def test_the_clip_loads_as_training_does(built):
    folder, _ = built
    (entry,) = read_manifest(folder / f"{lines_of(folder / 'manifest.jsonl')[0]['split']}.jsonl")
    clip = load_clip(entry, 0, 12, (48, 80))
    assert clip.frames.shape == (12, 80, 48, 3)
    assert 0.02 < (clip.alphas > 128).mean() < 0.5
    assert clip.camera.frame_count == 12
    assert clip.scene is None, "the scene image has the person's hole"


def test_the_report_stands_alone(built):
    _folder, answer = built
    page = Path(answer["report"]).read_text(encoding="utf-8")
    assert "nobody is seen in" in page and "it moves too little" in page
    assert "160×120" in page
    assert "<td>0.64</td>" in page, "the paper's table 1"
    assert "http" not in page.replace("http-equiv", "")


def test_a_run_goes_on_to_the_same_manifest(built, raw, dynascene):
    folder, _ = built
    before = {path: path.read_bytes() for path in folder.glob("*.jsonl")}
    clip = next(folder.glob("clips/person-*"))
    record = next(folder.glob("sources/person-*/0000.json"))
    record.unlink()
    (folder / "manifest.jsonl").unlink()
    kept = (clip / "clip.mp4").stat().st_mtime_ns
    words = ("dataset", "build", raw, "-o", folder, *LENIENT, "--licence", "mine")
    assert dynascene(*words).code == 0
    assert (clip / "clip.mp4").stat().st_mtime_ns == kept
    assert {path: path.read_bytes() for path in folder.glob("*.jsonl")} == before
    shutil.rmtree(clip)
    record.unlink()
    assert dynascene(*words).code == 0
    assert {path: path.read_bytes() for path in folder.glob("*.jsonl")} == before
    other = dynascene("dataset", "build", raw, "-o", folder, "--min-side", 100)
    assert other.code == 1
    assert "clips of other settings" in other.err


def test_what_cannot_be_read_is_named_and_passed_over(raw, dynascene, tmp_path):
    (tmp_path / "bad.mp4").write_bytes((raw / "person.mp4").read_bytes()[:3000])
    (tmp_path / "list.txt").write_bytes(
        "﻿".encode() + f"bad.mp4\n{raw / 'small.mp4'}\tCC0\ngone.mp4\n".encode()
    )
    run = dynascene("dataset", "build", "list.txt", raw / "small.mp4", "-o", "set", "--json")
    assert run.code == 1
    assert "2 of 3 videos could not be read" in run.json["error"]
    assert "bad.mp4" in run.json["error"] and "gone.mp4" in run.json["error"]
    (record,) = (tmp_path / "set").glob("sources/*/source.json")
    assert json.loads(record.read_text())["licence"] == "CC0"
    assert (tmp_path / "set" / "report.html").is_file()
    assert (tmp_path / "set" / "manifest.jsonl").read_text() == ""


def test_a_copy_counts_once(raw, dynascene, tmp_path):
    shutil.copy(raw / "small.mp4", tmp_path / "copy.mp4")
    run = dynascene("dataset", "build", raw / "small.mp4", "copy.mp4", "-o", "set", "--json")
    assert run.code == 0
    assert run.json["funnel"]["resolution"]["in"] == 1
    assert "it counts once" in run.json["warnings"][0]


def test_a_folder_without_videos_is_told(dynascene, tmp_path):
    (tmp_path / "empty").mkdir()
    run = dynascene("dataset", "build", "empty", "-o", "set")
    assert run.code == 1
    assert "error: empty holds no video" in run.err
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    "option, value, told",
    [("--min-seconds", 20, "leave no length"), ("--split", "1,1,1", "does not add up to 1"),
     ("--person-share", "0.5,0.2", "is no range")],
)  # fmt: skip
def test_settings_that_cannot_be_met_are_told(raw, dynascene, option, value, told):
    run = dynascene("dataset", "build", raw, "-o", "set", option, value)
    assert run.code == 1
    assert told in run.err


def test_stats_count_a_clip_of_two_manifests_once(built, dynascene, tmp_path):
    folder, answer = built
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes("﻿".encode() + (folder / "manifest.jsonl").read_bytes())
    run = dynascene("dataset", "stats", folder, marked, "--json")
    assert run.code == 0, run.err
    assert run.json["clips"] == answer["clips"] == 1
    assert run.json["motion_score"] == answer["motion_score"]
    assert f"line 1: the clip of {folder / 'manifest.jsonl'}" in run.json["warnings"][0]
    assert dynascene("dataset", "check", folder / "manifest.jsonl").code == 0


def test_the_score_is_scikit_images():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (60, 80), dtype=np.uint8)
    second = np.clip(first + rng.normal(0, 30, first.shape), 0, 255).astype(np.uint8)
    assert grey_ssim(first, second) == pytest.approx(structural_similarity(first, second), 1e-12)
    assert grey_ssim(first, first) == 1.0


def test_more_motion_scores_lower():
    rng = np.random.default_rng(1)
    wall = np.repeat(np.repeat(rng.integers(0, 256, (60, 120, 3)), 8, 0), 8, 1).astype(np.uint8)
    slow, fast = ([wall[:, s * i : s * i + 768] for i in range(4)] for s in (2, 40))
    assert motion_score([wall] * 3) == 1.0
    assert motion_score(fast) < motion_score(slow) < 1.0


def test_cuts_are_where_the_picture_changes_and_flashes_are_none():
    dark, light = np.full((40, 64, 3), 20, np.uint8), np.full((40, 64, 3), 220, np.uint8)
    changes = content_changes([dark] * 20 + [light] + [dark] * 2 + [light] * 20)
    assert [round(change) > 27 for change in changes[19:24]] == [False, True, True, False, True]
    assert cut_frames(changes, 27) == [20]


@given(st.integers(1, 2000), st.sets(st.integers(1, 1999)), st.sampled_from([5, 24, 60]))
def test_clips_lie_within_shots_and_limits(frames, cuts, fps):
    cuts = sorted(cut for cut in cuts if cut < frames)
    clips, too_short = divide_shots(frames, cuts, Fraction(fps), 2.0, 10.0)
    borders = [0, *cuts, frames]
    assert too_short == sum(b - a < 2 * fps for a, b in pairwise(borders))
    for first, last in clips:
        assert not any(first < cut < last for cut in cuts)
        assert last - first <= 10 * fps
    assert sum(last - first for first, last in clips) == frames - sum(
        b - a for a, b in pairwise(borders) if b - a < 2 * fps
    )


@given(st.integers(0, 50), st.integers(1, 400), st.sampled_from([5.0, 23.976, 30.0]))
def test_looks_are_half_a_second_apart(first, count, rate):
    frames = sampled_frames((first, first + count), rate)
    assert frames[0] == first and frames[-1] < first + count
    # Of n frames at 8 a second, those of i ≤ n − 1 that are multiples of four.
    assert len(frames) == (int((count - 1) / rate * 8 + 1e-6) // 4) + 1


def test_a_list_is_read_with_its_notes(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "list.txt").write_text("a.mp4\tCC-BY-4.0\nb.mp4\n")
    sources = find_sources([tmp_path / "list.txt", tmp_path / "a.mp4"], "unknown")
    assert [(source.path.name, source.licence) for source in sources] == [
        ("a.mp4", "CC-BY-4.0"), ("b.mp4", "unknown"),
    ]  # fmt: skip
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(InputError, match="names no video"):
        find_sources([tmp_path / "none.txt"], "")


def test_splits_follow_the_source_alone():
    from dynascene_cli.dataset.filmed.build import split_of

    settings = BuildSettings(splits=(0.5, 0.3, 0.2))
    found = [split_of(f"{number:064x}", settings) for number in range(2000)]
    shares = [found.count(split) / 2000 for split in ("train", "val", "test")]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.04)
