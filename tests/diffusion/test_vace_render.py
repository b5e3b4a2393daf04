"""``render --renderer vace`` and what leads to it, by the real command."""

import hashlib
import json
import threading

import numpy as np
import pytest
from file_server import FileServer
from tiny_vace import save_tiny_vace

from dynascene_cli.video import open_clip, read_frames

SMALL = ("--steps", 2, "--sample-size", "64x112", "--window", 9, "--guidance", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_vace(tmp_path_factory.mktemp("vace") / "tiny")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_real_clip_is_rendered_and_once_more_from_the_cache(
    dynascene, tmp_path, person_clip, photo, folder
):
    words = ("render", person_clip, "--scene", photo, "--camera", "truck-left", "--json")
    vace = ("--renderer", "vace", "--checkpoint", folder, *SMALL, "--preview-every", 1)
    first = dynascene(*words, *vace, "--layers", "layers")
    assert first.code == 0, first.err
    assert (first.json["renderer"], first.json["frames"]) == ("vace", 12)
    assert "without a GPU" in " ".join(first.json["warnings"])
    assert open_clip(tmp_path / first.json["output"]).frame_count == 12
    assert list(tmp_path.rglob("preview.png"))
    assert not list(tmp_path.rglob("sampling.safetensors"))
    made = digest(tmp_path / first.json["output"])
    again = dynascene(*words, *vace)
    assert {"matte", "camera", "plate"} <= set(again.json["cached"])
    assert digest(tmp_path / again.json["output"]) == made
    assert dynascene(*words, "--layers", "projected").code == 0
    plates = [
        np.stack(list(read_frames(open_clip(tmp_path / name / "plate.mov")))).astype(int)
        for name in ("layers", "projected")
    ]
    same = np.abs(plates[0] - plates[1]).max(axis=-1) <= 2
    # Most of the photo is kept; the person's rim and what comes in at the side are not.
    assert 0.3 < same.mean() < 0.98
    other = dynascene(*words, *vace, "--prompt", "a beach")
    assert "plate" not in other.json["cached"]
    assert digest(tmp_path / other.json["output"]) != made


def test_the_memory_is_planned_without_sampling(dynascene, tmp_path, person_clip, photo, folder):
    words = ("render", person_clip, "--scene", photo, "--checkpoint", folder, *SMALL)
    plan = dynascene(*words, "--memory-plan", "--json")
    assert plan.code == 0, plan.err
    assert (plan.json["frames"], plan.json["window"], plan.json["size"]) == (7, 9, [64, 112])
    gpu = plan.json["devices"]["cuda"]
    assert gpu["precision"] == "bfloat16"
    assert 0 < gpu["weights"] < plan.json["devices"]["cpu"]["weights"]
    assert plan.json["step_tflop"] >= 0
    assert "transformers and VAE" in dynascene(*words, "--memory-plan").out


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        (("--renderer", "vace"), 3, "dynascene models pull vace-1.3b --accept-licence"),
        (("--renderer", "vace", "--checkpoint", "tests-tiny"), 1, "no weights are called"),
        (("--renderer", "vace", "--checkpoint", "mini"), 1, "is no video model"),
        (("--renderer", "dynascene", "--checkpoint", "tests-tiny", "--prompt", "x"), 1, "--prompt"),
        (("--prompt", "a beach"), 1, "sampling options are given"),
        (("--checkpoint", "TINY", "--sampler", "ddim"), 1, "the vace renderer takes no --sampler"),
        (("--checkpoint", "TINY", "--guide", "projection"), 1, "takes no --guide"),
        (("--checkpoint", "TINY", "--window", "80"), 1, "the nearest is 81"),
        (("--checkpoint", "TINY", "--sample-size", "100x64"), 1, "the nearest is 96x64"),
        (("--checkpoint", "TINY", "--precision", "float16"), 1, "bfloat16 or float32"),
    ],
)
def test_what_cannot_be_sampled_is_told_before_anything_is_made(
    dynascene, tmp_path, drawn_clip, photo, folder, settings, code, said
):
    clip, alphas = drawn_clip
    given = [str(folder) if word == "TINY" else word for word in settings]
    before = sorted(tmp_path.rglob("*"))
    run = dynascene("render", clip, "--matte", alphas, "--scene", photo, *given)
    assert run.code == code, run.err
    assert said in run.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def hub(monkeypatch, folder):
    """A hub that has the tiny folder under the name of the real one, and a page beside it."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    name = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
    with FileServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        listed = [{"type": "file", "path": "README.md"}, {"type": "directory", "path": "vae"}]
        for file in filter(lambda file: file.is_file(), folder.rglob("*")):
            path = file.relative_to(folder).as_posix()
            server.files[f"/{name}/resolve/main/{path}"] = file.read_bytes()
            large = {"lfs": {"oid": digest(file)}} if file.suffix == ".safetensors" else {}
            listed.append({"type": "file", "path": path, **large})
        tree = json.dumps(listed).encode()
        server.files[f"/api/models/{name}/tree/main?recursive=true"] = tree
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_weights_are_listed_fetched_and_used_by_their_name(dynascene, tmp_path, hub):
    listed = {row["name"]: row for row in dynascene("models", "list", "--json").json["models"]}
    for name in ("vace-1.3b", "vace-14b", "vace-fun-a14b"):
        assert "Apache-2.0" in listed[name]["licence"]
        assert listed[name]["get"] == f"dynascene models pull {name} --accept-licence"
    refused = dynascene("models", "pull", "vace-1.3b")
    assert (refused.code, refused.out) == (1, "")
    assert "is under this licence: Apache-2.0" in refused.err
    pulled = dynascene("models", "pull", "vace-1.3b", "--accept-licence", "--json")
    assert pulled.code == 0, pulled.err
    assert not [path for path, _ in hub.asked if path.endswith("README.md")]
    assert dynascene("models", "verify", "vace-1.3b").code == 0
    made = dynascene("models", "encode-prompt", "vace-1.3b", "--prompt", "a beach", "--json")
    assert made.json["prompts"][0]["text"] == "a beach"
    assert dynascene("doctor", "--json").json["renderers"]["vace"]
    trial = dynascene("doctor", "--renderer", "vace", "--json").json["trial"]
    assert "dynascene models encode-prompt vace-1.3b" in trial
    assert not [line for line in trial if "pull vace-1.3b" in line]


def test_a_hub_that_lacks_a_file_or_lists_nothing_is_told(dynascene, tmp_path, hub):
    (lost,) = [path for path in hub.files if path.endswith("vae/config.json")]
    del hub.files[lost]
    words = ("models", "pull", "vace-1.3b", "--accept-licence")
    assert "the server says 404" in dynascene(*words).err
    for path in [path for path in hub.files if path.startswith("/api")]:
        hub.files[path] = b"[]"
    empty = dynascene(*words)
    assert (empty.code, "lists no model" in empty.err) == (1, True)
    assert not (tmp_path / "weights" / "video").exists()


def test_a_folder_is_added_and_another_one_is_not(dynascene, tmp_path, folder):
    assert dynascene("models", "add", "vace-14b", folder).code == 0
    (tmp_path / "empty").mkdir()
    wrong = dynascene("models", "add", "vace-1.3b", tmp_path / "empty")
    assert wrong.code == 1
    assert "no video model" in wrong.err
    assert dynascene("doctor").out.count("vace-14b") == 1


def test_doctor_says_how_to_begin_where_nothing_is_here(dynascene):
    told = dynascene("doctor", "--renderer", "vace").out.splitlines()
    assert told[0].startswith("# nobody has seen vace's pictures here yet")
    assert told[1] == "dynascene models pull vace-1.3b --accept-licence"
    assert any("--memory-plan" in line for line in told)
