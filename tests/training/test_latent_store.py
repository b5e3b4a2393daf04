"""Latents that are known already, on disk or because nothing is to be seen."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import examples, tiny_file, tiny_network, tiny_settings

from dynascene_cli.errors import InputError
from dynascene_cli.training.batches import ExampleEncoder, encode_example
from dynascene_cli.training.data_loading import Numbered
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.latent_store import LatentStore


def encoded_pictures(network, monkeypatch) -> list[int]:
    """How many pictures each call to the network's encoder has, as they are made."""
    counts: list[int] = []
    plain = network.encode

    def encode(pictures: torch.Tensor) -> torch.Tensor:
        counts.append(len(pictures))
        return plain(pictures)

    monkeypatch.setattr(network, "encode", encode)
    return counts


def test_nobody_is_encoded_once(monkeypatch) -> None:
    settings = tiny_settings(tasks={"video_generation": 0})
    network = tiny_network(settings, "video")
    draws = ExampleDraws(settings, "video", network.config)
    wanted = [batch for _, batch in examples(network, settings, "video")]
    counts = encoded_pictures(network, monkeypatch)
    encoder = ExampleEncoder(network, embed=False)
    made = [encoder.encode(draws.draw(number)) for number in (0, 1)]
    assert counts == [2, 1, 1, 2, 1]  # target, nobody, scene; target, scene
    for one, other in zip(made, wanted, strict=True):
        for name, tensor in one.tensors().items():
            torch.testing.assert_close(tensor, other.tensors()[name])
    nearly = draws.draw(0).foreground.copy()
    nearly[-1, -1, -1, 0] += 1
    other = encoder.encode(replace(draws.draw(0), foreground=nearly))
    assert counts[5:] == [2, 2, 1]
    assert not torch.equal(other.foreground, made[0].foreground)


def test_kept_latents_are_those_of_the_picture(tmp_path, monkeypatch) -> None:
    settings = tiny_settings(tasks={"video_variation": 0})
    network = tiny_network(settings, "video")
    example = ExampleDraws(settings, "video", network.config).draw(0)
    wanted = encode_example(network, example)
    counts = encoded_pictures(network, monkeypatch)
    path = tmp_path / "cache/latents-0.sqlite"
    first = ExampleEncoder(network, store=LatentStore(path)).encode(example)
    assert counts == [1, 1, 1, 1, 1]
    again = ExampleEncoder(network, store=LatentStore(path)).encode(example)
    assert counts[5:] == [1]  # the scene picture, whose light and hole are drawn
    for name, tensor in again.tensors().items():
        assert torch.equal(tensor, first.tensors()[name])
        torch.testing.assert_close(tensor, wanted.tensors()[name])
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("update latents set latent = zeroblob(length(latent))")
    mended = ExampleEncoder(network, store=LatentStore(path)).encode(example)
    assert counts[6:] == [1, 1, 1, 1, 1]
    assert torch.equal(mended.target, first.target)
    path.write_bytes(b"x" * 10_000)
    with pytest.raises(InputError, match=r"latents-0\.sqlite cannot be used"):
        LatentStore(path)


def test_a_run_that_goes_on_finds_its_latents(dynascene, tmp_path) -> None:
    config = tiny_file(tmp_path, synthetic_clips=2, keep_latents=True, steps=4)
    words = ("train", "video", "--config", config)
    assert dynascene(*words, "--out", "run", "--steps=2").code == 0
    run = dynascene(*words, "--out", "run")
    assert run.code == 0 and "continuing after step 2" in run.err
    assert dynascene(*words, "--out", "whole").code == 0
    same = [(tmp_path / name / "losses.csv").read_text() for name in ("run", "whole")]
    assert same[0] == same[1]
    file = tmp_path / "run/cache/latents-0.sqlite"
    with closing(sqlite3.connect(file)) as kept:
        (count,) = kept.execute("select count(*) from latents").fetchone()
    assert 0 < count <= 2 * 2 * 2 * 2  # two clips of two frames, plates and people
    assert dynascene(*words, "--out", "run", "--force").code == 0
    (tmp_path / "run/cache/latents-0.sqlite").write_bytes(b"x" * 10_000)
    damaged = dynascene(*words, "--out", "run", "--steps=5")
    assert damaged.code == 1 and "hint: delete it: it is made again" in damaged.err
    endless = dynascene(*words, "--out", "other", "--set", "synthetic_clips=0")
    assert endless.code == 1 and "keep_latents: synthetic shots without end" in endless.err


def test_what_goes_to_a_gpu_is_pinned_whole(monkeypatch) -> None:
    """Pinning itself needs a GPU: it is a copy here."""
    settings = tiny_settings()
    network = tiny_network(settings, "video")
    example = ExampleDraws(settings, "video", network.config).draw(0)
    copied: list[int] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        copied.append(tensor.nbytes)
        return tensor.clone()

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    pinned = Numbered(0, example, Path("a")).pin_memory()
    pictures = [value for value in vars(example).values() if isinstance(value, np.ndarray)]
    assert len(pictures) == 4 and copied == [value.nbytes for value in pictures]
    for name, value in vars(example).items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(getattr(pinned.example, name), value)
            assert getattr(pinned.example, name).dtype == value.dtype
    batch = encode_example(network, example)
    both = Numbered(0, batch, None).pin_memory().example
    assert all(torch.equal(both.tensors()[name], each) for name, each in batch.tensors().items())


def test_the_checkpoint_of_kept_latents_is_near_the_plain_one(dynascene, tmp_path) -> None:
    config = tiny_file(tmp_path, synthetic_clips=2, steps=2)
    for name, keeps in (("plain", "false"), ("kept", "true")):
        how = ("--set", f"keep_latents={keeps}", "--out", name)
        assert dynascene("train", "video", "--config", config, *how).code == 0
    plain, kept = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("plain", "kept"))
    for name, value in plain.items():
        torch.testing.assert_close(kept[name], value, rtol=0, atol=2e-3)
