import hashlib
import json
import threading
from pathlib import Path

import pytest
from file_server import FileServer

from dynascene_cli import weights
from dynascene_cli.diffusion.checkpoint import random_network, save_checkpoint
from dynascene_cli.errors import InputError, StageError
from dynascene_cli.weights.download import download, hub_url

CONTENT = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FileServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_a_file_arrives_whole(shelf, tmp_path):
    shelf.files["/a.bin"] = CONTENT
    seen = []
    target = tmp_path / "a.bin"
    digest = download(
        f"{shelf.address}/a.bin", target, DIGEST, lambda done, total: seen.append((done, total))
    )
    assert target.read_bytes() == CONTENT
    assert digest == DIGEST
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_broken_download_is_continued_where_it_ended(shelf, tmp_path):
    shelf.files["/a.bin"] = CONTENT
    shelf.break_after = 40_000
    target = tmp_path / "a.bin"
    with pytest.raises(StageError) as raised:
        download(f"{shelf.address}/a.bin", target, DIGEST)
    assert raised.value.exit_code == 4
    assert "the same command continues" in raised.value.hint
    assert not target.exists()
    # It went on by itself as long as something came.
    assert [asked for _, asked in shelf.asked] == [
        "",
        *(f"bytes={n}-" for n in (40_000, 80_000, 120_000)),
    ]
    shelf.break_after = None
    assert download(f"{shelf.address}/a.bin", target, DIGEST) == DIGEST
    assert shelf.asked[-1][1] == "bytes=160000-"
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("trouble", ["no ranges", "no version", "changed"])
def test_a_part_that_cannot_be_continued_begins_again(shelf, tmp_path, trouble):
    shelf.files["/a.bin"] = CONTENT[::-1] if trouble == "changed" else CONTENT
    shelf.etags = trouble != "no version"
    shelf.break_after = 40_000
    target = tmp_path / "a.bin"
    with pytest.raises(StageError):
        download(f"{shelf.address}/a.bin", target)
    shelf.files["/a.bin"] = CONTENT
    shelf.break_after, shelf.ranges = None, trouble != "no ranges"
    assert download(f"{shelf.address}/a.bin", target, DIGEST) == DIGEST


def test_a_part_that_was_whole_is_only_compared(shelf, tmp_path):
    shelf.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.download").write_bytes(CONTENT)
    version = f'"{hashlib.md5(CONTENT).hexdigest()}"'
    (tmp_path / "a.bin.download.version").write_text(version)
    assert download(f"{shelf.address}/a.bin", tmp_path / "a.bin", DIGEST) == DIGEST


def test_a_wrong_checksum_leaves_nothing(shelf, tmp_path):
    shelf.files["/a.bin"] = CONTENT
    with pytest.raises(InputError, match="is not what was wanted: its SHA-256 is"):
        download(f"{shelf.address}/a.bin", tmp_path / "a.bin", "0" * 64)
    assert not list(tmp_path.glob("a.bin"))
    assert not list(tmp_path.glob("*.download"))


def test_a_hubs_own_checksum_is_compared(shelf, tmp_path):
    shelf.files["/far/a.bin"] = CONTENT[:-1]
    shelf.redirects["/o/n/resolve/main/a.bin"] = (f"{shelf.address}/far/a.bin", DIGEST)
    url = hub_url("o/n", "a.bin")
    with pytest.raises(InputError, match=f"not {DIGEST}"):
        download(url, tmp_path / "a.bin")
    shelf.files["/far/a.bin"] = CONTENT
    assert download(url, tmp_path / "a.bin") == DIGEST


def test_what_is_not_there_is_told(shelf, tmp_path):
    with pytest.raises(InputError, match="the server says 404"):
        download(f"{shelf.address}/a.bin", tmp_path / "a.bin")
    with pytest.raises(StageError, match="could not be fetched"):
        download("http://127.0.0.1:9/a.bin", tmp_path / "a.bin")
    with pytest.raises(InputError, match="is no address"):
        download("file:///etc/hostname", tmp_path / "a.bin")


def test_offline_nothing_is_fetched(shelf, dynascene, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    run = dynascene("models", "pull", "clip-vit-l14", "--accept-licence", "--json")
    assert run.code == 3
    assert "HF_HUB_OFFLINE" in run.json["error"]
    assert shelf.asked == []


def test_a_licence_is_shown_and_accepted_once(shelf, dynascene):
    names = ("unet", "vae")
    files = [f"{name}/diffusion_pytorch_model.fp16.safetensors" for name in names]
    hub = "/stable-diffusion-v1-5/stable-diffusion-inpainting/resolve/main/"
    for file in files:
        shelf.files[hub + file] = file.encode() * 100
    refused = dynascene("models", "pull", "sd15-inpainting", "--json")
    assert refused.code == 1
    assert "CreativeML Open RAIL-M" in refused.json["error"]
    assert refused.json["hint"].endswith("dynascene models pull sd15-inpainting --accept-licence")
    assert shelf.asked == []
    words = ("models", "pull", "sd15-inpainting", "--accept-licence", "--json")
    pulled = dynascene(*words, "--log-json", "log.jsonl")
    assert pulled.code == 0, pulled.err
    events = [json.loads(line) for line in Path("log.jsonl").read_text("utf-8").splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"] == [
        "begin",
        "end",
        "result",
    ]
    counted = [event for event in events if event["event"] == "progress"]
    assert counted and all(event["done"] <= event["total"] for event in counted)
    assert "CreativeML Open RAIL-M" in pulled.err
    folder = weights.path_of("sd15-inpainting")
    for file in files:
        assert (folder / file).read_bytes() == file.encode() * 100
    assert pulled.json["sha256"] == weights.verify("sd15-inpainting")
    count = len(shelf.asked)
    assert dynascene("models", "pull", "sd15-inpainting", "--json").code == 0
    assert len(shelf.asked) == count
    (folder / files[0]).unlink()
    assert dynascene("models", "verify", "sd15-inpainting").code == 1
    again = dynascene("models", "pull", "sd15-inpainting", "--json")
    assert again.code == 0, again.err
    assert "is damaged" in again.err
    assert again.json["sha256"] == pulled.json["sha256"]


def test_a_registered_checksum_is_compared(shelf, dynascene):
    shelf.files["/openai/clip-vit-large-patch14/resolve/main/model.safetensors"] = CONTENT
    run = dynascene("models", "pull", "clip-vit-l14", "--accept-licence", "--json")
    assert run.code == 1
    assert weights.known_weights()["clip-vit-l14"].files[0][1] in run.json["error"]
    assert weights.find("clip-vit-l14").state == "absent"


def test_a_matting_network_is_compared_and_tried(shelf, dynascene):
    known = weights.find("modnet")
    detector = weights.find("nanodet").path.read_bytes()
    shelf.files[f"/{known.hub}/resolve/{known.revision}/{known.hub_path}"] = detector
    run = dynascene("models", "pull", "modnet", "--accept-licence", "--json")
    assert run.code == 1
    assert known.hub_sha256 in run.json["error"]
    shelf.files["/other.onnx"] = detector
    run = dynascene("models", "pull", "modnet", "--from", f"{shelf.address}/other.onnx", "--json")
    assert run.code == 1
    assert "is not MODNet" in run.json["error"]
    assert known.state == "absent"


def test_unpublished_weights_name_the_ways_to_them(dynascene):
    run = dynascene("models", "pull", "dynascene", "--accept-licence", "--json")
    assert run.code == 3
    for command in ("models add dynascene", "models assemble", "dynascene train", "--from ADDRESS"):
        assert command in run.json["hint"]


def test_a_checkpoint_comes_from_an_own_server(shelf, dynascene, tmp_path):
    network, info = random_network()
    save_checkpoint(network, info, tmp_path / "mine.safetensors")
    content = (tmp_path / "mine.safetensors").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    shelf.files["/mine.safetensors"] = content
    address = f"{shelf.address}/mine.safetensors"
    pull = ("models", "pull", "dynascene", "--accept-licence", "--json", "--from", address)
    wrong = dynascene(*pull, "--sha256", "0" * 64)
    assert wrong.code == 1
    assert digest in wrong.json["error"]
    pulled = dynascene(*pull, "--sha256", digest)
    assert pulled.code == 0, pulled.err
    assert weights.path_of("dynascene").read_bytes() == content
    assert not list((tmp_path / "weights/downloads").iterdir())


def test_a_checkpoints_folder_comes_from_a_hub(shelf, dynascene, tmp_path):
    network, info = random_network()
    save_checkpoint(network, info, tmp_path / "folder")
    for file in (tmp_path / "folder").iterdir():
        shelf.files[f"/me/beach/resolve/main/{file.name}"] = file.read_bytes()
    pull = ("models", "pull", "dynascene:beach", "--accept-licence", "--json")
    damaged = "/me/beach/resolve/main/vae.safetensors"
    whole = shelf.files[damaged]
    shelf.files[damaged] = whole[:-1] + bytes([whole[-1] ^ 1])
    assert dynascene(*pull, "--from", "me/beach").code == 1
    assert weights.find("dynascene:beach").state == "absent"
    shelf.files[damaged] = whole
    pulled = dynascene(*pull, "--from", "me/beach")
    assert pulled.code == 0, pulled.err
    assert {file.name for file in weights.path_of("dynascene:beach").iterdir()} == {
        file.name for file in (tmp_path / "folder").iterdir()
    }


def test_what_arrives_and_is_no_checkpoint_is_not_kept(shelf, dynascene):
    shelf.files["/x.safetensors"] = CONTENT
    shelf.files["/me/other/resolve/main/checkpoint.json"] = json.dumps({"a": 1}).encode()
    for source in (f"{shelf.address}/x.safetensors", "me/other"):
        run = dynascene("models", "pull", "dynascene", "--accept-licence", "--from", source)
        assert run.code == 1
        assert weights.find("dynascene").state == "absent"


def test_a_checksum_without_a_place_is_a_mistake(dynascene):
    assert dynascene("models", "pull", "clip-vit-l14", "--sha256", DIGEST).code == 2


@pytest.mark.parametrize("source", ["beach", "https://example.org/", "/tmp"])
def test_a_source_that_is_none_is_told(shelf, dynascene, source):
    run = dynascene("models", "pull", "dynascene", "--accept-licence", "--from", source)
    assert run.code == 1
