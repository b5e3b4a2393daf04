"""Caches that were damaged, and folders that are not the program's, through the real command."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cached_files(project: Path) -> list[Path]:
    """What a project keeps of its stages."""
    kept = sorted(path for path in project.rglob("*/*/*") if path.is_file())
    return [path for path in kept if path.parent.parent.parent == project]


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


@pytest.fixture
def words(drawn_clip, photo) -> tuple[str, ...]:
    """A render of two chunks whose camera moves."""
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--camera", "auto+pan-left", "--matte", alphas)
    return tuple(map(str, (*words, "--size", "64x48", "--project", "p")))


def test_damaged_caches_are_told_made_again_and_give_the_same_bytes(dynascene, tmp_path, words):
    assert dynascene(*words, "-o", "whole.mov").code == 0
    project = tmp_path / "p"
    suffixes = {path.suffix for path in cached_files(project)}
    assert suffixes == {".mov", ".npz", ".json", ".png", ".npy"}
    for damage in (flipped, lambda path: path.write_bytes(b""), Path.unlink):
        files = cached_files(project)
        before = {path: path.read_bytes() for path in files}
        for path in files:
            damage(path)
        run = dynascene(*words, "-o", "again.mov", "--json")
        assert run.code == 0, run.err
        assert digest(tmp_path / "again.mov") == digest(tmp_path / "whole.mov")
        assert {path: path.read_bytes() for path in files} == before
        told = [path for path in files if any(str(path.name) in w for w in run.json["warnings"])]
        damaged = {path.name for path in told if "chunk" in path.name}
        assert damaged == (
            set() if damage is Path.unlink else {p.name for p in files if "chunk" in p.name}
        )
    untouched = dynascene(*words, "-o", "last.mov", "--json").json
    assert set(untouched["cached"]) == {"matte", "camera", "scene", "plate"}
    assert not [told for told in untouched["warnings"] if "damaged" in told]


def test_a_folder_of_the_users_is_not_taken_for_a_project(dynascene, tmp_path, words, photo):
    holiday = tmp_path / "drawn.dynascene"
    for name in ("plate/v001/plate.0001.exr", "matte/roto.part.exr", "report/notes.pdf", "lock"):
        (holiday / name).parent.mkdir(parents=True, exist_ok=True)
        (holiday / name).write_text("precious")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    for command in (
        words[:-2],
        (*words[:-1], holiday),
        ("matte", words[1], "--dry-run"),
        ("estimate-camera", words[1]),
        ("project", "clean", holiday),
        ("project", "show", holiday),
    ):
        run = dynascene(*command)
        assert run.code == 1, command
        assert "drawn.dynascene" in run.err
        if command[0] != "project":
            assert "drawn-2.dynascene" in run.err
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_nothing_is_written_through_links_in_a_project(dynascene, tmp_path, words):
    few = (*words, "--end", "0.2")
    assert dynascene(*few, "-o", "a.mov").code == 0
    outside = tmp_path / "outside"
    shutil.move(tmp_path / "p" / "matte", outside)
    (tmp_path / "p" / "matte").symlink_to(outside, target_is_directory=True)
    before = {path: path.is_file() and path.read_bytes() for path in outside.rglob("*")}
    for command in ((*few, "-o", "b.mov"), (*few, "--force"), ("project", "clean", "p")):
        run = dynascene(*command)
        assert run.code == (0 if command[0] == "project" else 1), run.err
    assert {path: path.is_file() and path.read_bytes() for path in outside.rglob("*")} == before
    assert (tmp_path / "p" / "matte").is_symlink()


def test_a_file_that_ends_too_early_is_no_interruption(dynascene, words, tmp_path):
    (tmp_path / "depth.npz").write_bytes(b"")
    run = dynascene(*words, "--depth", "depth.npz")
    assert run.code in (1, 4)
    assert "interrupted" not in run.err
    assert [line.split(":")[0] for line in run.err.splitlines()] in (["error"], ["error", "hint"])


def test_an_input_that_is_replaced_while_it_is_read_is_named(
    dynascene, tmp_path, words, monkeypatch
):
    from dynascene_cli.pipeline import framed_photo

    photo = tmp_path / "photo.png"
    shutil.copy(words[3], photo)
    read = framed_photo.people_in_photo

    def replaced_meanwhile(picture: np.ndarray) -> tuple:
        content = photo.read_bytes()
        photo.unlink()
        photo.write_bytes(content)
        return read(picture)

    monkeypatch.setattr(framed_photo, "people_in_photo", replaced_meanwhile)
    run = dynascene(*(photo if word == words[3] else word for word in words), "-o", "o.mov")
    assert run.code == 1
    assert "photo.png was changed while it was read" in run.err
    assert not list(tmp_path.glob("p/scene/*/*"))
    assert not (tmp_path / "o.mov").exists()


def test_older_results_go_and_the_last_ones_stay(dynascene, tmp_path, words):
    still = tuple("static" if word == "auto+pan-left" else word for word in words)
    assert dynascene(*words, "-o", "a.mov").code == 0
    first = {row["key"] for row in shown(dynascene, "plate")}
    assert dynascene(*still, "-o", "b.mov").code == 0
    (moved,) = (row["bytes"] for row in shown(dynascene, "plate") if row["key"] in first)
    freed = dynascene("project", "clean", "p", "--stage", "plate", "--keep-last", "--json").json
    assert freed["freed_bytes"] == moved > 0
    assert {row["key"] for row in shown(dynascene, "plate")}.isdisjoint(first)
    assert dynascene("project", "clean", "p", "--keep-last").code == 0
    assert dynascene(*still, "--dry-run", "--json").json["would_run"] == ["composite"]


def shown(dynascene, stage: str) -> list[dict]:
    rows = dynascene("project", "show", "p", "--json").json["results"]
    return [row for row in rows if row["stage"] == stage]


def test_a_plate_that_would_fill_the_disk_is_drawn_again_instead(
    dynascene, tmp_path, words, mount_disk
):
    assert dynascene(*words, "-o", "kept.mp4").code == 0
    assert list((tmp_path / "p" / "plate").glob("*/chunk*"))
    disk = mount_disk("1000k")
    try:
        elsewhere = (*words[:-1], disk / "p")
        for name in ("once.mp4", "again.mp4"):
            assert dynascene(*elsewhere, "-o", name).code == 0
            assert digest(tmp_path / name) == digest(tmp_path / "kept.mp4")
        assert not list((disk / "p" / "plate").glob("*/chunk*"))
        assert "plate" in dynascene(*elsewhere, "--dry-run", "--json").json["would_run"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_clip_whose_matte_does_not_fit_is_refused_at_once(dynascene, tmp_path, words, mount_disk):
    disk = mount_disk("16k")
    try:
        run = dynascene(*words[:-1], disk / "p", "-o", "out.mp4")
        assert run.code == 4
        assert "are free" in run.err and "--project" in run.err
        assert list(disk.iterdir()) == []
        assert not (tmp_path / "out.mp4").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
