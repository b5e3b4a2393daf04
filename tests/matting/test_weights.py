import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from onnx_files import recurrent_network

from dynascene_cli import weights
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.matting.registry import choose_matting_model, make_matting_model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "u2net"))
    return tmp_path / "weights"


def models(folder, *words):
    code = "from dynascene_cli.commands.models import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "DYNASCENE_WEIGHTS": str(folder)},
    )


@pytest.mark.parametrize("name", ["nanodet", "blazepose"])
def test_shipped_weights_are_those_of_the_registry(name):
    assert weights.verify(name) == weights.find(name).sha256


def test_absent_weights_are_missing_with_the_command_that_adds_them(folder):
    with pytest.raises(MissingError) as raised:
        weights.path_of("rvm")
    assert raised.value.exit_code == 3
    assert raised.value.hint == "dynascene models add rvm FILE"


def test_an_added_file_is_copied_recorded_and_verified(folder, tmp_path):
    source = tmp_path / "mine.onnx"
    source.write_bytes(b"weights")
    weights.add("rvm", source)
    assert weights.path_of("rvm").read_bytes() == b"weights"
    assert weights.verify("rvm") == hashlib.sha256(b"weights").hexdigest()
    assert source.read_bytes() == b"weights"


def test_a_changed_file_does_not_verify(folder, tmp_path):
    source = tmp_path / "mine.onnx"
    source.write_bytes(b"weights")
    weights.add("rvm", source).path.write_bytes(b"weightz")
    with pytest.raises(InputError, match="damaged"):
        weights.verify("rvm")


def test_adding_leaves_no_partial_file_behind(folder, tmp_path):
    source = tmp_path / "mine.onnx"
    source.write_bytes(b"weights")
    weights.add("rembg:u2net", source)
    assert sorted(p.name for p in (folder / "rembg").iterdir()) == ["u2net.onnx", "u2net.onnx.json"]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError) as raised:
        weights.find("nanodat")
    assert raised.value.hint == "did you mean nanodet?"


def test_what_ships_cannot_be_added(tmp_path):
    with pytest.raises(InputError, match="ships with the package"):
        weights.add("nanodet", tmp_path / "x.onnx")


def test_auto_says_why(folder, tmp_path):
    assert choose_matting_model("auto")[0] == "bundled"
    source = tmp_path / "mine.onnx"
    source.write_bytes(b"weights")
    weights.add("rvm", source)
    chosen = "rvm: the best of the matting networks on this machine"
    assert choose_matting_model("auto") == ("rvm", chosen)


def test_a_matter_that_is_not_there_is_named(folder):
    with pytest.raises(InputError, match="there is no matting model 'rwm'"):
        make_matting_model("rwm")
    with pytest.raises(MissingError) as raised:
        make_matting_model("rembg:u2net_human_seg")
    assert raised.value.hint == "dynascene models pull rembg:u2net_human_seg --accept-licence"
    with pytest.raises(InputError, match="rembg has no matting model 'u3net'"):
        make_matting_model("rembg:u3net")


def test_a_file_that_is_no_network_is_told(folder, tmp_path):
    source = tmp_path / "mine.onnx"
    source.write_bytes(b"weights")
    weights.add("rvm", source)
    with pytest.raises(InputError, match="cannot be read as an ONNX network"):
        make_matting_model("rvm")


def test_the_commands_answer_in_json(tmp_path):
    listed = json.loads(models(tmp_path, "list", "--json").stdout)
    states = {row["name"]: row["state"] for row in listed["models"]}
    assert states["blazepose"] == "shipped"
    assert states["rvm"] == "absent"
    source = recurrent_network(tmp_path / "mine.onnx")
    added = models(tmp_path, "add", "rvm", source, "--json")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert json.loads(added.stdout)["sha256"] == digest
    assert "GPL-3.0" in added.stderr
    verified = json.loads(models(tmp_path, "verify", "rvm", "--json").stdout)
    assert verified == {"verified": {"rvm": digest}}
    assert Path(json.loads(added.stdout)["path"]).read_bytes() == source.read_bytes()
