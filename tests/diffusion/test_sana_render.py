"""``render --renderer sana-wm`` and what ``auto`` chooses, by the real command."""

import pytest
from tiny_sana import save_tiny_sana
from tiny_vace import save_tiny_vace

from dynascene_cli.console import Console
from dynascene_cli.diffusion import device
from dynascene_cli.pipeline.diffusion_plate import choose_sampling, plan_memory
from dynascene_cli.pipeline.request import CameraRequest, MatteRequest, RenderRequest, SceneRequest
from dynascene_cli.video import open_clip
from dynascene_cli.weights import add

SMALL = ("--steps", 1, "--sample-size", "96x64", "--guidance", 1)


def test_a_clip_is_rendered_in_its_frames(dynascene, tmp_path, drawn_clip, photo):
    folder = save_tiny_sana(tmp_path / "tiny")
    clip, alphas = drawn_clip
    words = ("render", clip, "--matte", alphas, "--scene", photo, "--end", 0.3, "--json")
    asked = ("--camera", "truck-left", "--checkpoint", folder, *SMALL)
    run = dynascene(*words, *asked)
    assert run.code == 0, run.err
    assert (run.json["renderer"], run.json["frames"]) == ("sana-wm", 8)
    assert open_clip(tmp_path / run.json["output"]).frame_count == 8
    again = dynascene(*words, *asked, "--dry-run")
    assert again.json["would_run"] == ["composite"]
    assert "plate" in dynascene(*words, *asked, "--no-reinsert", "--dry-run").json["would_run"]
    for wrong, told in (
        (("--window", 9), "8k + 1 from 17 on"),
        (("--repaint", "unseen"), "takes no --repaint"),
        (("--sample-size", "100x64"), "the nearest is 96x64"),
        (("--precision", "bfloat16"), "in bfloat16 on a GPU alone"),
    ):
        refused = dynascene(*words, *asked, *wrong)
        assert refused.code == 1
        assert told in refused.err


def test_the_memory_is_planned_without_sampling(dynascene, tmp_path, drawn_clip, photo):
    folder = save_tiny_sana(tmp_path / "tiny", encodes_text=False)
    words = ("render", drawn_clip[0], "--scene", photo, "--checkpoint", folder)

    def planned(*options):
        run = dynascene(*words, "--sample-size", "96x64", *options, "--memory-plan", "--json")
        assert run.code == 0, run.err
        return run.json

    plan, plain, short = planned(), planned("--guidance", 1), planned("--window", 25)
    assert (plan["frames"], plan["window"], plan["size"]) == (36, 41, [96, 64])
    cpu, gpu = (plan["devices"][name] for name in ("cpu", "cuda"))
    assert (cpu["precision"], gpu["precision"]) == ("float32", "bfloat16")
    assert cpu["weights"] == 2 * gpu["weights"] > 0
    # Both halves of guidance are computed together.
    assert cpu["activations"] > 1.8 * plain["devices"]["cpu"]["activations"]
    for part in ("preparing", "activations", "decoding"):
        assert short["devices"]["cpu"][part] < cpu[part]
    assert short["window"] == 25
    assert "--precision bfloat16" not in plan["options"]["cpu"]
    assert {"as it is", "--offload", "--window 17"} <= plan["options"]["cuda"].keys()
    assert "transformers and VAE" in dynascene(*words, "--memory-plan").out


def test_what_is_not_here_is_told_with_what_gets_it(dynascene, drawn_clip, photo, tmp_path):
    words = ("render", drawn_clip[0], "--scene", photo, "--renderer", "sana-wm")
    absent = dynascene(*words)
    assert absent.code == 3
    assert "dynascene models pull sana-wm --accept-licence" in absent.err
    refused = dynascene("models", "pull", "sana-wm")
    assert (refused.code, "is under this licence: Apache-2.0" in refused.err) == (1, True)
    trial = dynascene("doctor", "--renderer", "sana-wm", "--json").json["trial"]
    assert trial[0] == "dynascene models pull sana-wm --accept-licence"
    assert any(line.endswith("--renderer sana-wm --memory-plan") for line in trial)
    folder = save_tiny_sana(tmp_path / "tiny", encodes_text=False)
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    damaged = dynascene(*words, "--checkpoint", folder)
    assert damaged.code == 3
    assert "diffusion_pytorch_model.safetensors is missing" in damaged.err


def test_the_plan_is_of_what_auto_would_take(tmp_path, monkeypatch, person_clip, photo):
    """The weights of vace alone are here."""
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    add("vace-14b", save_tiny_vace(tmp_path / "vace"))
    request = RenderRequest(CameraRequest(MatteRequest(str(person_clip))), SceneRequest(photo))
    plan = plan_memory(request, open_clip(str(person_clip)), (160, 96))
    assert plan.as_json()["window"] % 4 == 1
    assert "transformers and VAE" in plan.as_text()


@pytest.mark.parametrize(
    ("installed", "gpu", "renderer", "told"),
    [
        ((), True, None, ""),
        (("vace-14b",), False, None, "projection: vace-14b is here, but there is no GPU"),
        (("vace-14b",), True, "vace", "vace: vace-14b is here, and there is a GPU"),
        (("sana-wm",), True, None, "projection: sana-wm is here, and is taken only by name"),
    ],
)
def test_auto_chooses_among_what_is_installed_and_says_why(
    tmp_path, monkeypatch, capsys, photo, installed, gpu, renderer, told
):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(device, "has_gpu", lambda: gpu)
    for name in installed:
        save = save_tiny_sana if name == "sana-wm" else save_tiny_vace
        add(name, save(tmp_path / name))
    request = RenderRequest(CameraRequest(MatteRequest("clip.mp4")), SceneRequest(photo))
    chosen = choose_sampling(request, (160, 96), Console())
    assert (chosen.renderer if chosen else None) == renderer
    assert told in capsys.readouterr().err
