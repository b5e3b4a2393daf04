"""``evaluate clips`` as a user runs it: folders of clips, tables, and what does not fit."""

import csv
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from dynascene_cli.camera.formats import write_camera
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.clip_folder import write_film
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.evaluation.networks.inception import Inception
from dynascene_cli.evaluation.networks.resnet3d import ResNet3D
from dynascene_cli.video import write_image

RATE = Fraction(8)
SETTINGS = SyntheticSettings((160, 96), 8, moves=("truck", "pan"))


@pytest.fixture(scope="module")
def shots() -> list[TrainingClip]:
    return [synthetic_clip(seed, SETTINGS) for seed in (11, 12, 13)]


@pytest.fixture
def folders(shots, tmp_path, dynascene) -> Path:
    """truth/ and mattes/ of three shots; same/, and late/ by a frame; all lossless."""
    for name in ("truth", "same", "late", "mattes"):
        (tmp_path / name).mkdir()
    for number, shot in enumerate(shots):
        name = f"shot{number}"
        later = np.concatenate([shot.frames[:1], shot.frames[:-1]])
        for folder, frames in (("truth", shot.frames), ("same", shot.frames), ("late", later)):
            write_film(tmp_path / folder / f"{name}.mkv", frames, RATE)
        write_film(tmp_path / "mattes" / f"{name}.mkv", shot.alphas, RATE)
    return tmp_path


def numbers(summary: dict) -> dict[str, float]:
    return {name: found["mean"] for name, found in summary["metrics"].items()}


@pytest.mark.parametrize("protocol", ["standard", "paper"])
def test_the_truth_is_perfect_and_a_late_frame_is_not(folders, dynascene, protocol):
    run = dynascene(
        "evaluate", "clips", "--pred", "same", "--pred", "by-a-frame=late", "--truth", "truth",
        "--mattes", "mattes", "--protocol", protocol, "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert run.json["protocol"] == protocol
    assert (run.json["clips"], run.json["frames"]) == (3, 24)
    perfect, late = (numbers(run.json["methods"][name]) for name in ("same", "by-a-frame"))
    assert (perfect["l1"], perfect["psnr"], perfect["ssim"]) == (0, 100, 1)
    assert (perfect["background_psnr"], perfect["foreground_mae"]) == (100, 0)
    assert perfect["warping_error"] == perfect["warping_error_truth"]
    assert late["l1"] > 0 and late["psnr"] < 50 and late["ssim"] < 0.99
    assert late["background_psnr"] < 50 and late["foreground_mae"] > 1
    assert late["warping_error"] > late["warping_error_truth"]
    skipped = run.json["methods"]["same"]["skipped"]
    assert set(skipped) == {"lpips", "fid", "fvd-i3d", "fvd-3dres"}
    assert "not on this machine" in skipped["fid"] and "models pull inception-fid" in skipped["fid"]
    assert "8 frames, 10 are needed" in skipped["fvd-i3d"]


def test_tables_are_written_by_their_suffix(folders, dynascene):
    outputs = [f"-otable.{suffix}" for suffix in ("json", "csv", "tex", "md", "html")]
    run = dynascene(
        "evaluate", "clips", "--pred", "late", "--truth", "truth", "--metrics", "psnr,ssim",
        *outputs,
    )  # fmt: skip
    assert run.code == 0, run.err
    data = json.loads(Path("table.json").read_text())
    psnr = data["methods"]["late"]["metrics"]["psnr"]
    assert psnr["low"] <= psnr["mean"] <= psnr["high"] and psnr["clips"] == 3
    told = f"{psnr['mean']:.2f} ({psnr['low']:.2f} to {psnr['high']:.2f})"
    assert told in run.out
    assert told in Path("table.md").read_text(encoding="utf-8")
    assert told in Path("table.html").read_text(encoding="utf-8")
    assert f"{told} & " in Path("table.tex").read_text(encoding="utf-8")
    assert r"PSNR $\uparrow$" in Path("table.tex").read_text(encoding="utf-8")
    rows = list(csv.DictReader(Path("table.csv").read_text().splitlines()))
    means = [row for row in rows if row["clip"] == ""]
    assert {row["metric"] for row in means} == {"psnr", "ssim"}
    each = [float(row["value"]) for row in rows if row["clip"] and row["metric"] == "psnr"]
    assert np.mean(each) == pytest.approx(psnr["mean"])
    page = Path("table.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 3 and "among the worst" in page
    assert "http" not in page


def test_cameras_are_followed_or_not(dynascene, tmp_path):
    """Against the true camera: the clip itself, one played backwards, and one without texture."""
    shot = synthetic_clip(3, SyntheticSettings((320, 180), 16, 16.0, moves=("truck", "orbit")))
    made = {"same": shot.frames, "backwards": shot.frames[::-1], "grey": shot.frames * 0 + 90}
    for name, frames in {**made, "truth": shot.frames, "mattes": shot.alphas}.items():
        (tmp_path / name).mkdir()
        write_film(tmp_path / name / "shot.mkv", frames, Fraction(16))
    (tmp_path / "cameras").mkdir()
    write_camera(tmp_path / "cameras" / "shot.json", shot.camera)
    words = ("evaluate", "clips", "--truth", "truth", "--metrics", "camera", "--mattes", "mattes")
    methods = [word for name in made for word in ("--pred", name)]
    run = dynascene(*words, *methods, "--cameras", "cameras", "--json")
    assert run.code == 0, run.err
    same, backwards, grey = (numbers(run.json["methods"][name]) for name in made)
    assert same["camera_failed"] == 0
    assert same["rot_err_per_frame"] < 0.005 and same["trans_err_per_frame"] < 0.01
    assert same["rot_err_per_frame"] == pytest.approx(same["rot_err"] / 15)
    assert backwards["trans_err_per_frame"] > 0.5
    assert grey["camera_failed"] == 1 and grey["rot_err"] is None
    bad = dynascene(*words, "--pred", "same", "--cameras", "truth")
    assert bad.code == 1
    assert "shot has no camera in truth" in bad.err


def test_mattes_are_measured_as_mattes(folders, dynascene):
    run = dynascene(
        "evaluate", "clips", "--pred", "mattes", "--truth", "mattes", "--metrics", "matting",
        "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert set(numbers(run.json["methods"]["mattes"]).values()) == {0.0}


def test_networks_are_found_by_name(folders, shots, dynascene, tmp_path):
    """Of random weights in the true layouts: what is the same is at no distance, and is marked."""
    torch.manual_seed(0)
    for name, network in (("inception-fid", Inception()), ("resnet3d50-kinetics", ResNet3D())):
        torch.save({f"module.{k}": v for k, v in network.state_dict().items()}, "weights.pth")
        assert dynascene("models", "add", name, "weights.pth").code == 0
    wrong = dynascene("models", "add", "i3d-kinetics400", "weights.pth")
    assert wrong.code == 1
    assert "holds no weights of i3d-kinetics400" in wrong.err
    words = ("evaluate", "clips", "--size", "32x32", "--json", "--metrics")
    for folder, frames in (("short", shots[0].frames[:2]), ("long", shots[0].frames.repeat(2, 0))):
        (tmp_path / folder).mkdir()
        for number in range(2):
            write_film(tmp_path / folder / f"shot{number}.mkv", frames, RATE)
    found = {}
    for metric, folder in (("fid", "short"), ("fvd-3dres", "long")):
        run = dynascene(*words, metric, "--pred", folder, "--truth", folder, "-ofound.md")
        assert run.code == 0, run.err
        assert len(run.json["weights"]) == 1
        found |= run.json["methods"][folder]["distances"]
    for name, samples in (("fid", 4), ("fvd_3dres", 2)):
        assert (found[name]["samples"], found[name]["dimension"]) == (samples, 2048)
        assert found[name]["value"] == pytest.approx(0, abs=1e-3)
        assert not found[name]["comparable"]
    told = "not comparable with other work: 2 samples of 2048 features"
    assert told in Path("found.md").read_text(encoding="utf-8")


def test_what_does_not_fit_is_told(folders, shots, dynascene, tmp_path):
    words = ("evaluate", "clips", "--truth", "truth", "--pred")
    (tmp_path / "empty").mkdir()
    assert "error: empty holds no clip" in dynascene(*words, "empty").err
    assert "error: gone is not a folder" in dynascene(*words, "gone").err
    (tmp_path / "short").mkdir()
    (tmp_path / "small").mkdir()
    for number, shot in enumerate(shots):
        frames = shot.frames[: 5 if number == 1 else 8]
        write_film(tmp_path / "short" / f"shot{number}.mkv", frames, RATE)
        write_film(tmp_path / "small" / f"shot{number}.mkv", shot.frames[:, ::2, ::2], RATE)
    short = dynascene(*words, "short")
    assert short.code == 1
    assert "short/shot1.mkv has 5 frames, truth/shot1.mkv has 8" in short.err
    small = dynascene(*words, "small")
    assert "small/shot0.mkv is 80x48, truth/shot0.mkv is 160x96" in small.err
    assert "hint: --size WxH" in small.err
    assert dynascene(*words, "small", "--size", "80x48", "--metrics", "psnr").code == 0
    (tmp_path / "small" / "shot2.mkv").unlink()
    assert "shot2 is in truth and not in small" in dynascene(*words, "small").err
    assert "no metric is called 'pnsr'" in dynascene(*words, "same", "--metrics", "pnsr").err
    bad = dynascene(*words, "same", "-o", "table.xlsx")
    assert bad.code == 1 and "no table is written so" in bad.err


def test_folders_of_pictures_are_clips(shots, dynascene, tmp_path):
    for folder in ("made", "real"):
        (tmp_path / folder / "shot").mkdir(parents=True)
        for number, frame in enumerate(shots[0].frames[:3]):
            write_image(tmp_path / folder / "shot" / f"{number:03d}.png", frame)
    run = dynascene(
        "evaluate", "clips", "--pred", "made", "--truth", "real", "--metrics", "l1", "--json"
    )
    assert run.code == 0, run.err
    assert numbers(run.json["methods"]["made"]) == {"l1": 0}
    assert run.json["lengths"] == [3]
