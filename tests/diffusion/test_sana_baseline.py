"""SANA-WM as a baseline of ``evaluate checkpoint``: by name or folder, left out where it is not."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_sana import save_tiny_sana

from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.diffusion.sana_settings import PIPELINE, SanaSettings, resolve_sana
from dynascene_cli.diffusion.video_checkpoint import open_video_checkpoint
from dynascene_cli.evaluation.clips import checkpoint
from dynascene_cli.evaluation.clips.checkpoint import manifest_shot
from dynascene_cli.evaluation.clips.sana_baseline import sana_answers
from dynascene_cli.geometry import centre
from dynascene_cli.weights import add

MEASURE = ("evaluate", "checkpoint", "tests-tiny", "--data", "shots/manifest.jsonl", "--frames", 3,
           "--size", "64x64", "--steps", 1, "--metrics", "psnr", "--no-baselines",
           "--json")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_sana(tmp_path_factory.mktemp("sana") / "tiny")


@pytest.fixture
def measure(dynascene):
    words = ("--count", 1, "--frames", 3, "--size", "64x64", "--held-out")
    assert dynascene("dataset", "synth", "shots", *words).code == 0
    return lambda *more: dynascene(*MEASURE, *more)


def test_it_is_measured_where_it_is_named(measure, folder):
    run = measure("--sana-wm", folder, "--sana-size", "96x64")
    assert run.code == 0, run.err
    assert list(run.json["methods"]) == ["tests-tiny", "sana-wm"]
    assert run.json["left_out"] == {}
    assert 3 < run.json["methods"]["sana-wm"]["metrics"]["psnr"]["mean"] < 40


def test_it_is_left_out_by_name_where_it_is_not(measure, folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "has_gpu", lambda: False)
    absent = measure("--baselines")
    assert absent.code == 0, absent.err
    assert "sana-wm" not in absent.json["methods"]
    assert "weights of sana-wm are not on this machine" in absent.json["left_out"]["sana-wm"]
    add("sana-wm", folder)
    slow = measure("--baselines")
    assert slow.json["left_out"] == {"sana-wm": "there is no GPU"}
    assert measure().json["left_out"] == {}
    assert measure("--sana-wm", "none", "--baselines").json["left_out"] == {}
    refused = measure("--sana-wm", "nowhere")
    assert (refused.code, "'nowhere'" in refused.json["error"]) == (1, True)


def test_the_camera_and_the_person_are_given(folder):
    settings = SyntheticSettings((64, 64), 3, moves=("truck",), split="held-out")
    clip = synthetic_clip(5, settings)
    nobody = replace(clip, alphas=np.zeros_like(clip.alphas))
    still = replace(clip, camera=replace(clip.camera, extrinsics=clip.camera.extrinsics[[0, 0, 0]]))
    assert np.ptp(centre(clip.camera.extrinsics), axis=0).max() > 0.01
    made = {}
    weights = open_video_checkpoint(str(folder), PIPELINE)
    chosen = resolve_sana(SanaSettings(steps=2, size=(96, 64)), (64, 64))
    for name, each in (("moved", clip), ("still", still), ("nobody", nobody)):
        shots = [manifest_shot(each, 32)]
        (made[name],) = sana_answers(weights, str(folder), chosen, [each], shots)
        assert made[name].shape == (3, 64, 64, 3)
    assert np.abs(made["moved"].astype(int) - made["still"]).mean() > 0.2
    assert np.abs(made["moved"].astype(int) - made["nobody"]).mean() > 0.2
