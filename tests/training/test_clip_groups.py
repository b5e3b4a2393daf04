"""The index of a run's filmed clips, and what becomes of those that cannot be read."""

import json
import pickle
from collections.abc import Iterable
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import tiny_file, tiny_settings

from dynascene_cli.dataset.manifest import ManifestEntry
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings
from dynascene_cli.dataset.synthetic.folder import synthesize
from dynascene_cli.diffusion.checkpoint import random_network
from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.errors import InputError
from dynascene_cli.training.clip_groups import made_of, open_index, read_groups, write_index
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.validation import (
    learns_from_validated,
    validation_clips,
    validation_draws,
)

MINI = preset("mini")
FILES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1).map(Path)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Four clips, of which the second and the last show nobody."""
    shot = SyntheticSettings(size=(32, 32), frames=6)
    path = synthesize(tmp_path / "clips", 4, 8, shot, lambda done: None)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in (lines[1], lines[3]):
        del line["matte"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def settings_of(manifest: Path, **changes: object):
    return tiny_settings(synthetic_share=0, manifests=[str(manifest)], **changes)


def test_an_index_draws_what_its_manifest_draws(manifest, tmp_path) -> None:
    settings, index = settings_of(manifest), tmp_path / "clips.sqlite"
    read = read_groups(settings)
    assert open_index(index) is None
    write_index(read, made_of(settings), index)
    groups = open_index(index, made_of(settings))
    assert groups is not None
    assert {kind: list(entries) for kind, entries in groups.items()} == read
    assert len(groups["people"]) == 2 and len(groups["places"]) == 4
    assert (
        groups["people"][-1] == read["people"][-1] and groups["places"][1:3] == read["places"][1:3]
    )
    with pytest.raises(IndexError):
        groups["people"][2]
    elsewhere = pickle.loads(pickle.dumps(groups["people"]))
    assert elsewhere[0] == read["people"][0]
    drawn = ExampleDraws(settings, "video", MINI, groups)
    wanted = ExampleDraws(settings, "video", MINI)
    for number in range(6):
        assert (drawn.draw(number).target == wanted.draw(number).target).all()


def test_an_index_of_other_clips_is_not_taken(manifest, tmp_path) -> None:
    settings, index = settings_of(manifest), tmp_path / "clips.sqlite"
    write_index(read_groups(settings), made_of(settings), index)
    assert open_index(index, made_of(settings_of(manifest, frames=3))) is None
    with manifest.open("a") as stream:
        stream.write("\n")
    assert open_index(index, made_of(settings)) is None
    whole = index.read_bytes()
    index.write_bytes(whole[:100])
    assert open_index(index) is None
    index.write_bytes(whole)
    groups = open_index(index)
    assert groups is not None
    index.write_bytes(b"x" * len(whole))
    with pytest.raises(InputError, match=r"clips\.sqlite is damaged"):
        open_entry(groups["people"])


def open_entry(entries: Iterable[ManifestEntry]) -> ManifestEntry:
    return next(iter(pickle.loads(pickle.dumps(entries))))


@given(st.tuples(FILES, FILES), st.fractions(min_value=1, max_value=240), st.none() | FILES)
def test_every_entry_comes_back(tmp_path_factory, files, rate, matte) -> None:
    path = tmp_path_factory.mktemp("index") / "clips.sqlite"
    entry = ManifestEntry("å ☃", *files, 9, rate, "x: line 3", matte=matte, median_depth=0.1)
    write_index({"people": [entry], "places": [], "realestate": [entry]}, "", path)
    groups = open_index(path, "")
    assert groups is not None
    assert [*groups["people"], *groups["places"], *groups["realestate"]] == [entry, entry]


def test_bad_clips_are_left_out_and_named(dynascene, manifest, tmp_path) -> None:
    bad = manifest.parent / "clips/00000008/clip.mkv"
    bad.write_bytes(bad.read_bytes()[:2000])
    config = tiny_file(tmp_path, synthetic_share=0, manifests=[str(manifest)], steps=6)
    words = ("train", "video", "--config", config, "--set", "tasks.video_variation=0")
    ended = dynascene(*words, "--out", "run")
    assert ended.code == 1 and str(bad) in ended.err, ended.err
    for workers in (0, 1):
        how = ("--set", f"workers={workers}", "--set", "bad_clips=1", "--json")
        run = dynascene(*words, "--out", f"run{workers}", *how)
        assert run.code == 0, run.err
        told = [warning for warning in run.json["warnings"] if "left out: " in warning]
        assert len(told) == 1 and str(bad) in told[0], run.json
    same = [(tmp_path / f"run{workers}/losses.csv").read_text() for workers in (0, 1)]
    assert same[0] == same[1]
    other = manifest.parent / "clips/00000010/clip.mkv"
    other.write_bytes(other.read_bytes()[:2000])
    few = dynascene(*words, "--out", "run0", "--set", "bad_clips=1", "--force")
    assert few.code == 1 and "error: " in few.err and "clip.mkv" in few.err, few.err


@pytest.fixture
def new_precision():
    """accelerate keeps the first precision of a process."""
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


def test_validation_shows_own_clips_with_the_person_first(
    dynascene, manifest, tmp_path, monkeypatch, new_precision
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    settings = settings_of(manifest, validation_clips=3)
    assert learns_from_validated(settings)
    draws = validation_draws(settings, "video", MINI)
    network, info = random_network("mini")
    made = validation_clips(network, info, settings, draws, (2, 0))
    assert [(clip.number, clip.example.task) for clip in made] == [
        (0, "video_generation"),
        (2, "video_generation"),
    ]
    (other,) = validation_clips(network, info, settings, draws, (2, 1))
    assert (other.number, other.example.task) == (1, "video_variation")
    assert not any(clip.example.clip.startswith("synthetic-held") for clip in (*made, other))
    config = tiny_file(
        tmp_path, synthetic_share=0, manifests=[str(manifest)], validate_every=4, precision="bf16"
    )
    run = dynascene("train", "video", "--config", config, "--out", "run")
    assert run.code == 0 and "dB of 1 clips that are learned from, run/" in run.err, run.err
    lonely = tiny_file(
        tmp_path, validate_every=4, validation_manifests=["x.jsonl"], precision="bf16"
    )
    early = dynascene("train", "video", "--config", lonely, "--out", "never")
    assert early.code == 1 and "x.jsonl" in early.err and not (tmp_path / "never").exists()
