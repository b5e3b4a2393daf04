import json
import resource
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_networks import awake, inputs, seeded, tiny
from torch.nn import functional

from dynascene_cli import weights
from dynascene_cli.diffusion.checkpoint import (
    load_checkpoint,
    open_checkpoint,
    random_network,
    save_checkpoint,
)
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo, parse_info, read_info
from dynascene_cli.diffusion.sampling_settings import checkpoint_facts
from dynascene_cli.errors import InputError, MissingError, StageError
from dynascene_cli.weights import registry


@pytest.fixture(scope="module")
def trained():
    """A network that is not what a configuration alone would make, and what is said of it."""
    network, _ = random_network(seed=3)
    info = CheckpointInfo(
        network.config,
        stage="video",
        steps=1200,
        data="clips of a beach",
        licence="CC0-1.0",
        base={"clip": "ab" * 32},
        schedulers=("ddim", "lcm"),
    )
    return network, info


@pytest.fixture(params=["one.safetensors", "folder"])
def saved(request, trained, tmp_path):
    path = tmp_path / request.param
    save_checkpoint(*trained, path)
    return path


def test_a_checkpoint_reads_back_as_it_was(saved, trained):
    network, info = load_checkpoint(saved)
    assert info == trained[1] == read_info(saved)
    wanted = trained[0].state_dict()
    assert {k: v.dtype for k, v in network.state_dict().items()} == {
        k: v.dtype for k, v in wanted.items()
    }
    assert all(torch.equal(tensor, wanted[k]) for k, tensor in network.state_dict().items())
    given = inputs()
    with torch.no_grad():
        # Weights read from a file may lie at other addresses, where some processors add in another
        # order.
        torch.testing.assert_close(network(**given.all()), trained[0](**given.all()))


def test_writing_leaves_nothing_else(saved):
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_writing_again_replaces_it(saved, trained):
    save_checkpoint(trained[0], replace(trained[1], steps=1300), saved)
    assert read_info(saved).steps == 1300


def test_a_folder_of_something_else_is_left_alone(trained, tmp_path):
    kept = tmp_path / "pictures" / "beach.jpg"
    kept.parent.mkdir()
    kept.write_bytes(b"beach")
    with pytest.raises(InputError, match="is a folder of something else"):
        save_checkpoint(*trained, kept.parent)
    assert kept.read_bytes() == b"beach"


def test_a_full_disk_is_told_and_leaves_what_was_there(saved, trained):
    """The limit on a file's size stands for the disk's."""
    before = read_info(saved)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StageError, match="no space is left on the disk"):
            save_checkpoint(trained[0], replace(trained[1], steps=1300), saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert load_checkpoint(saved)[1] == before


def test_a_checkpoint_can_be_read_by_whom_other_files_can(saved):
    usual = saved.parent / "usual"
    usual.touch()
    files = [saved] if saved.is_file() else list(saved.iterdir())
    assert {file.stat().st_mode for file in files} == {usual.stat().st_mode}


def test_it_loads_in_another_precision(saved):
    network, _ = load_checkpoint(saved, torch.bfloat16)
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16}


def test_half_precision_runs_with_every_geometry(tmp_path):
    for geometry in ("tied_rays", "ray_bias", "prope"):
        network = awake(seeded(tiny(reference_geometry=geometry))).to(torch.bfloat16)
        given = inputs(frames=1, height=2, width=2)
        tensors = {
            k: v.bfloat16() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
            for k, v in given.all().items()
        }
        with torch.no_grad():
            predicted = network(**tensors)
        assert predicted.dtype == torch.bfloat16
        assert predicted.isfinite().all()


def test_a_file_cut_short_is_told(saved):
    file = saved if saved.is_file() else saved / "denoiser.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    for read in (read_info, load_checkpoint):
        with pytest.raises(InputError, match=r"was cut short: it has \d+ of \d+ bytes"):
            read(saved)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x10" * 40, b"\0" * 64])
def test_other_files_are_told(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.safetensors is no"):
        read_info(path)


def test_weights_that_are_no_checkpoint_are_told(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="is no checkpoint of this program"):
        read_info(path)
    with pytest.raises(InputError, match=r"has no checkpoint\.json"):
        read_info(tmp_path)
    with pytest.raises(InputError, match="is no file"):
        read_info(tmp_path / "absent.safetensors")


def test_a_checkpoint_of_another_architecture_names_what_differs(saved, trained):
    if saved.is_file():
        info = replace(trained[1], config=tiny(reference_geometry="prope"))
        save_file(load_file(saved), saved, metadata={"dynascene": info.to_json()})
    else:
        described = json.loads((saved / "checkpoint.json").read_text())
        described["config"]["reference_geometry"] = "prope"
        (saved / "checkpoint.json").write_text(json.dumps(described))
    with pytest.raises(InputError) as raised:
        load_checkpoint(saved)
    assert "weights of another architecture: missing:" in raised.value.message
    assert ".attn1.processor.geometry.gain" in raised.value.message


def test_a_later_format_is_told(saved, trained):
    if saved.is_dir():
        file = saved / "checkpoint.json"
        file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
        with pytest.raises(InputError, match="is of checkpoint format 2; this version reads 1"):
            read_info(saved)
    else:
        save_file({}, saved, metadata={"dynascene": '{"format": 1, "config": {"depth": 3}}'})
        with pytest.raises(InputError, match="a network has no field 'depth'"):
            read_info(saved)


def test_names_and_paths_open(saved, monkeypatch, tmp_path):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    assert open_checkpoint(str(saved))[1].steps == 1200
    assert open_checkpoint("tests-tiny")[1].stage == "random"
    with pytest.raises(MissingError) as raised:
        open_checkpoint("dynascene")
    for command in ("models add dynascene", "models assemble", "dynascene train"):
        assert command in raised.value.hint


def test_what_older_checkpoints_do_not_say_is_as_it_was_then(saved, trained):
    values = json.loads(trained[1].to_json())
    for name in ("prediction", "zero_terminal_snr", "frames"):
        del values[name]
    for name in ("latent", "sampled_area"):
        del values["config"][name]
    assert parse_info(json.dumps(values), saved) == trained[1]


def test_a_checkpoint_without_a_vae_holds_none(tmp_path):
    network, info = random_network("mini")
    with torch.no_grad():
        network.denoiser.conv_in.bias.fill_(0.25)
    info = replace(info, prediction="v_prediction", zero_terminal_snr=True, frames=8)
    assert "vae" not in info.networks
    for name in ("mine", "mine.safetensors"):
        save_checkpoint(network.half(), info, tmp_path / name)
        read, told = load_checkpoint(tmp_path / name, torch.float32)
        assert told == info
        assert (read.denoiser.conv_in.bias == 0.25).all()
        pictures = 2 * torch.rand(1, 3, 36, 64) - 1
        flat = functional.avg_pool2d(read.decode(read.encode(pictures)), 4)
        assert torch.allclose(flat, functional.avg_pool2d(pictures, 4), atol=1e-5)
    assert not (tmp_path / "mine" / "vae.safetensors").exists()
    assert (tmp_path / "mine.safetensors").stat().st_size < 16 << 20


def test_a_shipped_checkpoint_is_found_and_listed_or_told_to_be_absent(
    dynascene, tmp_path, monkeypatch
):
    weights.known_weights()
    monkeypatch.setattr(registry, "presets_folder", lambda: tmp_path)

    def states() -> dict[str, str]:
        rows = dynascene("models", "list", "--json").json["models"]
        return {row["name"]: row["state"] for row in rows}

    with pytest.raises(MissingError, match="weights of mini are not on this machine") as absent:
        open_checkpoint("mini")
    assert absent.value.hint == "install a version of this package that has it"
    assert states()["mini"] == "absent" and states()["tests-tiny"] == "shipped"
    assert dynascene("doctor", "--json").json["checkpoints"] == ["tests-tiny"]
    network, info = random_network("mini")
    save_checkpoint(network, info, tmp_path / "checkpoints" / "mini.safetensors")
    assert open_checkpoint("mini")[1] == info == checkpoint_facts("mini")[0]
    assert states()["mini"] == "shipped"
    assert dynascene("doctor", "--json").json["checkpoints"] == ["tests-tiny", "mini"]


def test_the_tiny_network_is_the_same_every_time():
    first, second = (random_network()[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_checkpoint_is_added_verified_and_damaged(saved, dynascene):
    added = dynascene("models", "add", "dynascene", saved, "--json")
    assert added.code == 0, added.err
    assert added.json["licence"] == "CC0-1.0"
    assert open_checkpoint("dynascene")[1].steps == 1200
    assert dynascene("models", "verify", "dynascene").code == 0
    path = next(
        row["path"]
        for row in dynascene("models", "list", "--json").json["models"]
        if row["name"] == "dynascene"
    )
    assert path == added.json["path"]
    file = saved.__class__(path)
    file = file if file.is_file() else file / "vae.safetensors"
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    file.write_bytes(changed)
    run = dynascene("models", "verify", "dynascene", "--json")
    assert run.code == 1
    assert "is damaged" in run.json["error"]


def test_what_is_no_checkpoint_is_not_added(dynascene, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    run = dynascene("models", "add", "dynascene:mine", path, "--json")
    assert run.code == 1
    assert not (tmp_path / "weights/checkpoints").exists()


def test_reading_what_a_checkpoint_says_imports_no_torch(saved):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dynascene_cli.diffusion.checkpoint_file import read_info\n"
        "from dynascene_cli.app import main\n"
        f"print(read_info(Path({str(saved)!r})).steps)\n"
        "main(['models', 'list'])\n"
        "main(['models', 'assemble', '--help'])\n"
        "heavy = ('torch', 'diffusers', 'transformers', 'safetensors', 'accelerate')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.splitlines()[0] == "1200", run.stderr
    assert run.stdout.splitlines()[-1] == "[]"
