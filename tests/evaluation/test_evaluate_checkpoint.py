"""``evaluate checkpoint``, ``conflicts`` and the paper's tables as a user runs them."""

import json
from pathlib import Path

import numpy as np
import pytest

from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.evaluation.clips.checkpoint import clip_pair, manifest_shot
from dynascene_cli.evaluation.clips.conflicts import expansion, straight
from dynascene_cli.evaluation.clips.paper_tables import METRICS, PUBLISHED


@pytest.fixture
def shots(dynascene) -> Path:
    run = dynascene(
        "dataset", "synth", "shots", "--count", 2, "--frames", 4, "--size", "64x64", "--held-out"
    )
    assert run.code == 0, run.err
    return Path("shots/manifest.jsonl")


def test_networks_and_baselines_are_measured_in_one_run(shots, dynascene):
    run = dynascene(
        "evaluate", "checkpoint", "tests-tiny", "--data", shots, "--frames", 4, "--size", "64x64",
        "--steps", 1, "--metrics", "psnr,background", "-o", "table.json", "-o", "table.html",
        "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert list(run.json["methods"]) == [
        "tests-tiny", "static_copy", "homography", "fixed_depth", "projection",
    ]  # fmt: skip
    assert (run.json["clips"], run.json["lengths"]) == (2, [3]), "the first frame was shown"
    metrics = run.json["methods"]["fixed_depth"]["metrics"]
    assert metrics["psnr"]["mean"] >= metrics["background_psnr"]["mean"]
    assert 5 < metrics["psnr"]["mean"] < 60
    assert Path("table.html").is_file()
    table = dynascene("evaluate", "table2", "table.json", "--json")
    assert table.code == 0, table.err
    ours = table.json["rows"][4:]
    assert [row["method"] for row in ours] == list(run.json["methods"])
    assert ours[0]["source"] == "standard, 2 clips"
    assert ours[3]["numbers"][1] == metrics["psnr"]["mean"]
    assert ours[3]["numbers"][0] is None


def test_a_clip_that_is_too_short_is_told(shots, dynascene):
    run = dynascene("evaluate", "checkpoint", "tests-tiny", "--data", shots, "--frames", 8,
                    "--size", "64x64")  # fmt: skip
    assert run.code == 1
    assert "has 4 frames, not 8" in run.err


def test_the_true_plates_are_perfect_under_the_person():
    clip = synthetic_clip(4, SyntheticSettings(frames=3, moves=("truck",), split="held-out"))
    pair = clip_pair(clip, clip.plates)
    made, truth = list(pair.made()), list(pair.truth())
    assert len(made) == pair.frame_count == 2
    difference = np.abs(np.array(made, int) - np.array(truth, int)).max(axis=-1)
    alphas = clip.alphas[1:]
    assert (difference[(alphas == 0) | (alphas == 255)] == 0).all()
    assert difference.mean() < 0.5, "at soft edges the person's own colour is an estimate"


def test_a_filmed_clip_is_shown_with_a_hole():
    clip = synthetic_clip(4, SyntheticSettings(frames=3, moves=("truck",), split="held-out"))
    filmed = type(clip)(clip.name, clip.frames, clip.alphas, clip.camera)
    shown = manifest_shot(filmed, 4).inputs.scene
    person = clip.alphas[0] > 128
    assert person.any() and (shown[person] == shown[person][0]).all()
    far = clip.alphas[0] == 0
    assert (shown[far] == clip.frames[0][far]).all(axis=1).mean() > 0.5


def test_going_forward_expands_the_picture():
    clip = synthetic_clip(6, SyntheticSettings((128, 72), 4, moves=("static",), person=0.0))
    height, width = clip.plates.shape[1:3]
    zoomed = []
    for share in (1.0, 1.05, 1.1, 1.15):
        rows = (np.arange(height) - height / 2 + 0.5) / share + height / 2 - 0.5
        columns = (np.arange(width) - width / 2 + 0.5) / share + width / 2 - 0.5
        zoomed.append(clip.plates[0][np.ix_(rows.round().astype(int), columns.round().astype(int))])
    everywhere = np.ones((4, height, width), bool)
    assert expansion(np.stack(zoomed), everywhere) == pytest.approx(np.log(1.15), rel=0.35)
    assert expansion(np.stack(zoomed[::-1]), everywhere) < -0.05
    assert expansion(clip.plates, everywhere) == pytest.approx(0, abs=1e-3)
    ahead = straight(clip.camera, 0.3)
    assert ahead.extrinsics[-1, :, 3] == pytest.approx([0, 0, -0.3])
    assert ahead.extrinsics[0] == pytest.approx(clip.camera.extrinsics[0])


def test_conflicts_are_tried_under_three_cameras(dynascene):
    run = dynascene("evaluate", "conflicts", "--shots", 1, "--frames", 3, "-o", "c.md", "--json")
    assert run.code == 0, run.err
    assert set(run.json["methods"]) == {"fixed_depth", "projection"}
    found = run.json["methods"]["fixed_depth"]
    grown = found["expansion"]
    assert grown["forward"]["mean"] > grown["none"]["mean"] > grown["opposite"]["mean"]
    assert grown["none"]["mean"] == pytest.approx(0, abs=5e-3)
    assert found["obeyed"] == 1
    assert "| fixed_depth |" in Path("c.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name, last", [("table2", "1064.36"), ("table3", "1064.36"),
                                        ("table4", "1064.36")])  # fmt: skip
def test_published_rows_are_the_papers(dynascene, name, last):
    run = dynascene("evaluate", name, "-o", "t.md", "-o", "t.tex", "-o", "t.json")
    assert run.code == 0, run.err
    assert last in run.out and "published" in run.out
    assert "8.12e-05" in Path("t.md").read_text(encoding="utf-8")
    assert r"\toprule" in Path("t.tex").read_text(encoding="utf-8")
    rows = json.loads(Path("t.json").read_text())["rows"]
    assert [tuple(row["numbers"]) for row in rows] == list(PUBLISHED[name].values())
    assert all(len(row["numbers"]) == len(METRICS) for row in rows)


def test_results_that_are_none_are_told(dynascene, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    run = dynascene("evaluate", "table3", "x.json")
    assert run.code == 1
    assert "x.json holds no results" in run.err
