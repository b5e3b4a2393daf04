"""Folders from a stranger: nothing outside them is read, written or run."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from xxhash import xxh3_64_intdigest

from dynascene_cli.diffusion.checkpoint_file import read_info
from dynascene_cli.errors import InputError


class Runs:
    """What makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def project(dynascene, person_clip, tmp_path):
    """A project that a command has made, and the words that use it."""
    words = ("matte", person_clip, "--end", "0.1", "--project", "p", "-o", "m.mov")
    assert dynascene(*words).code == 0
    return tmp_path / "p", words


def listed(folder, name):
    """The journal's entry of a file, as the program writes it."""
    content = (folder / name).read_bytes()
    return ["file", name, len(content), xxh3_64_intdigest(content)]


def test_a_projects_list_names_nothing_outside_it(dynascene, project, tmp_path):
    folder, words = project
    outside = tmp_path / "precious.txt"
    outside.write_text("precious")
    (tmp_path / "empty").mkdir()
    size, checksum = 8, xxh3_64_intdigest(b"precious")
    events = [
        *(["file", path, size, checksum] for path in ("../precious.txt", str(outside))),
        *(["begun", path] for path in ("../precious.txt", "matte/../../precious.txt")),
        *(["claim", path] for path in ("../precious.txt", "./../precious.txt")),
        ["folder", "../empty"],
    ]
    with (folder / "files.jsonl").open("a") as journal:
        journal.writelines(json.dumps(event) + "\n" for event in events)
    assert dynascene(*words, "--force").code == 0
    assert dynascene("project", "clean", folder).code == 0
    assert outside.read_text() == "precious"
    assert (tmp_path / "empty").is_dir()


def test_a_projects_cache_runs_nothing(dynascene, project, tmp_path):
    folder, words = project
    arrays = sorted(folder.rglob("*.npz"))
    assert arrays
    for path in arrays:
        held = np.empty(1, object)
        held[0] = Runs(tmp_path / "ran")
        with np.load(path) as kept:
            np.savez(path, **dict.fromkeys(kept.files, held))
        with (folder / "files.jsonl").open("a") as journal:
            name = path.relative_to(folder).as_posix()
            journal.write(json.dumps(listed(folder, name)) + "\n")
    run = dynascene(*words)
    assert run.code in (0, 1), run.err
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def checkpoint(tmp_path):
    """A folder that describes itself as a checkpoint without a camera."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    config = {"latent": "dct", "camera": False, "reference_net": False}
    files = {"denoiser": "../outside.safetensors"}
    described = {"format": 1, "stage": "base", "config": config, "files": files}
    (folder / "checkpoint.json").write_text(json.dumps(described))
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    whole = struct.pack("<Q", len(header)) + header + bytes(4)
    (tmp_path / "outside.safetensors").write_bytes(whole)
    for name in ("denoiser", "image_encoder"):
        (folder / f"{name}.safetensors").write_bytes(whole)
    return folder


@pytest.mark.parametrize("name", ["checkpoint.json", "denoiser.safetensors"])
def test_a_checkpoint_reads_nothing_through_links(checkpoint, tmp_path, name):
    outside = tmp_path / f"outside-{name}"
    (checkpoint / name).rename(outside)
    (checkpoint / name).symlink_to(Path("..") / outside.name)
    with pytest.raises(InputError, match="leads out of its folder"):
        read_info(checkpoint)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Runs("ran")),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 100_000) + b"[" * 100_000 + bytes(8),
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc" + bytes(8),
    ],
)
def test_weights_that_are_none_are_refused(checkpoint, tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (checkpoint / "denoiser.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="safetensors"):
        read_info(checkpoint)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"[]", b"{}"])
def test_a_description_that_is_none_is_refused(checkpoint, content):
    (checkpoint / "checkpoint.json").write_bytes(content)
    with pytest.raises(InputError, match=r"checkpoint\.json"):
        read_info(checkpoint)
