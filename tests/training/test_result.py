"""What a run's states become for others, and what a network begins as."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_runs import examples, tiny_file, tiny_network, tiny_settings, tiny_trainer

from dynascene_cli.diffusion.apply_optimisations import compile_layers
from dynascene_cli.diffusion.checkpoint import fill_network, load_checkpoint, random_network
from dynascene_cli.errors import InputError


def told(path: Path) -> dict[str, object]:
    with safe_open(path, framework="pt") as file:
        return json.loads(next(iter(file.metadata().values())))


@pytest.mark.parametrize("changes", [{}, {"lora_rank": 2, "train_image_encoder": False}])
def test_any_state_becomes_a_checkpoint(dynascene, tmp_path, changes) -> None:
    config = tiny_file(tmp_path, steps=4, checkpoint_every=1, keep_last=3, **changes)
    words = ("train", "video", "--config", config, "--out", "run")
    assert dynascene(*words).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    last = dynascene(*words, "--export", "last.safetensors", "--json")
    assert last.code == 0, last.err
    assert last.json["step"] == 4 and last.json["checkpoint"] == "last.safetensors"
    finished = tmp_path / "run/checkpoint.safetensors"
    assert (tmp_path / "last.safetensors").read_bytes() == finished.read_bytes()
    early = dynascene(*words, "--export", "early", "--export-step", 3, "--full-precision")
    assert early.code == 0, early.err
    network, info = load_checkpoint(tmp_path / "early")
    assert info.steps == 3
    average = load_file(tmp_path / "run/checkpoints/step-000003/average.safetensors")
    made = network.state_dict()
    if not changes:
        assert all(torch.equal(made[name], value) for name, value in average.items())
    other = load_file(finished)
    assert any(not torch.equal(made[name].half(), value) for name, value in other.items())
    after = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert after == before


def test_what_is_no_state_is_not_exported(dynascene, tmp_path) -> None:
    config = tiny_file(tmp_path, steps=2, checkpoint_every=1, keep_last=1)
    words = ("train", "video", "--config", config, "--out", "run")
    none = dynascene(*words, "--export", "a.safetensors")
    assert (none.code, none.err) == (
        1,
        "error: run keeps no state of a run\nhint: give the --out of one\n",
    )
    assert dynascene(*words).code == 0
    gone = dynascene(*words, "--export", "a.safetensors", "--export-step", 1)
    assert "error: run keeps no state after step 1\nhint: give 2\n" in gone.err and gone.code == 1
    alone = dynascene(*words, "--export-step", 2)
    assert alone.code == 1 and "give --export FILE" in alone.err
    wide = ("--set", "network.motion_heads=4", "--export", "a.safetensors")
    other = dynascene(*words, *wide)
    assert other.code == 1 and "network.motion_heads was 2 and is 4" in other.err
    weights = tmp_path / "run/checkpoints/step-000002/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    damaged = dynascene(*words, "--export", "a.safetensors")
    assert damaged.code == 1 and "weights.safetensors is damaged" in damaged.err
    assert not (tmp_path / "a.safetensors").exists()


def test_annealed_cameras_are_whole_or_gone(dynascene, tmp_path) -> None:
    fading = {"network": {**tiny_settings().network, "reference_geometry": "tied_rays"}}
    config = tiny_file(
        tmp_path, steps=4, checkpoint_every=1, keep_last=4, reference_anneal=[1, 3], **fading
    )
    words = ("train", "video", "--config", config, "--out", "run")
    assert dynascene(*words).code == 0
    geometries = {}
    for step in (1, 3, 4):
        path = tmp_path / f"{step}.safetensors"
        run = dynascene(*words, "--export", path, "--export-step", step)
        assert run.code == 0, run.err
        geometries[step] = load_checkpoint(path)[1].config.reference_geometry
    assert geometries == {1: "tied_rays", 3: "none", 4: "none"}
    between = dynascene(*words, "--export", "b.safetensors", "--export-step", 2)
    assert between.code == 1 and "give a step up to 1, or from 3 on" in between.err


def test_a_network_takes_what_a_checkpoint_has_of_it() -> None:
    given, _ = random_network(seed=0)
    network, _ = random_network("mini", seed=1)
    with pytest.raises(InputError, match="of another shape"):
        fill_network(network, "tests-tiny")
    network, _ = random_network(seed=1)
    assert fill_network(network, "tests-tiny") == ([], [])
    wanted = given.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("changes", [{"fused": True}, {"fused": True, "optimizer": "adam"}])
def test_a_fused_optimiser_learns_the_same(changes) -> None:
    found = []
    for settings in (tiny_settings(), tiny_settings(**changes)):
        network = tiny_network(settings, "video")
        trainer = tiny_trainer(network, settings, "video")
        batches = examples(network, settings, "video")
        found.append([trainer.step(step, batches).loss for step in range(3)])
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert found[0][0] != found[0][2]


def test_compiled_layers_learn_the_same() -> None:
    found = []
    for compiles in (False, True):
        settings = tiny_settings()
        network = tiny_network(settings, "video")
        if compiles:
            compile_layers(network, "aot_eager")
        trainer = tiny_trainer(network, settings, "video")
        batches = examples(network, settings, "video")
        found.append([trainer.step(step, batches).loss for step in range(2)])
    assert found[0] == pytest.approx(found[1], rel=1e-4)
