import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.fingerprints import WatchedInputs, file_fingerprint
from dynascene_cli.storage.project import STAGES, Project, stage_key

settings = st.dictionaries(st.text(max_size=8), st.integers() | st.floats(allow_nan=False))


@given(settings)
def test_a_key_depends_on_content_not_on_order(values):
    turned = dict(reversed(values.items()))
    assert stage_key("plate", 1, values) == stage_key("plate", 1, turned)


@given(settings, st.integers(1, 5))
def test_a_key_changes_with_stage_and_version(values, version):
    keys = {
        stage_key("plate", version, values),
        stage_key("matte", version, values),
        stage_key("plate", version + 1, values),
        stage_key("plate", version, {**values, "new setting": 0}),
    }
    assert len(keys) == 4


def test_a_fingerprint_is_of_content(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    assert file_fingerprint(first) == file_fingerprint(second)
    second.write_bytes(b"other")
    assert file_fingerprint(first) != file_fingerprint(second)


def test_a_folder_fingerprint_sees_names_and_contents(tmp_path: Path):
    (tmp_path / "1.png").write_bytes(b"x")
    before = file_fingerprint(tmp_path)
    (tmp_path / "1.png").rename(tmp_path / "2.png")
    assert file_fingerprint(tmp_path) != before


def test_a_fingerprint_of_a_pattern_is_of_its_files_alone(tmp_path: Path):
    (tmp_path / "take[1].0001.png").write_bytes(b"x")
    before = file_fingerprint(tmp_path / "take[1].%04d.png")
    (tmp_path / "take1.0001.png").write_bytes(b"of another")
    assert file_fingerprint(tmp_path / "take[1].%04d.png") == before
    (tmp_path / "take[1].0002.png").write_bytes(b"y")
    assert file_fingerprint(tmp_path / "take[1].%04d.png") != before


def test_a_result_is_finished_only_when_marked(tmp_path: Path):
    project = Project(tmp_path / "clip.dynascene")
    with project.locked():
        project.stage_folder("plate", "k1")
        assert not project.has("plate", "k1")
        project.mark_done("plate", "k1", {"amount": 1})
        assert project.has("plate", "k1")
        assert project.latest() == {"plate": "k1"}
        project.forget("plate", "k1")
        assert not project.has("plate", "k1")


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path):
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from dynascene_cli.storage.project import Project\n"
        "project = Project(Path(sys.argv[1]))\n"
        "with project.locked():\n"
        "    folder = project.stage_folder('plate', 'k1')\n"
        "    project.publish_text(folder / 'chunk_00000.avi', 'whole')\n"
        "    with project.publish(folder / 'chunk_00001.avi') as temporary:\n"
        "        temporary.write_text('half')\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)])
    folder = tmp_path / "plate" / "k1"
    foreign = folder / ".chunk_00002.part.avi"
    foreign.touch()
    assert len(list(folder.iterdir())) == 3
    project = Project(tmp_path)
    with project.locked():
        assert {path.name for path in folder.iterdir()} == {"chunk_00000.avi", foreign.name}
        assert project.holds(folder / "chunk_00000.avi")
        assert not project.holds(folder / "chunk_00001.avi")


@given(
    content=st.binary(min_size=1, max_size=200),
    damage=st.sampled_from(["flip", "cut", "empty", "longer", "gone", "link"]),
    place=st.integers(0, 10_000),
)
def test_whatever_is_damaged_is_seen_told_and_made_again(content, damage, place):
    with tempfile.TemporaryDirectory() as name:
        told: list[str] = []
        project = Project(Path(name) / "p", told.append)
        with project.locked():
            path = project.stage_folder("matte", "k") / "a.bin"
            with project.publish(path) as temporary:
                temporary.write_bytes(content)
            assert project.holds(path)
            at = place % len(content)
            if damage == "flip":
                flipped = content[at] ^ (1 << place % 8)
                path.write_bytes(content[:at] + bytes([flipped]) + content[at + 1 :])
            elif damage == "cut":
                path.write_bytes(content[:at])
            elif damage == "longer":
                path.write_bytes(content + b"0")
            elif damage == "empty":
                path.write_bytes(b"")
            else:
                path.unlink()
            if damage == "link":
                other = Path(name) / "other"
                other.write_bytes(content)
                path.symlink_to(other)
            assert not Project(project.folder, told.append).holds(path)
            assert not project.holds(path)
            assert bool(told) == (damage != "gone")
            if damage == "link":
                with pytest.raises(InputError, match=r"a\.bin"), project.publish(path):
                    pass
                assert (path.is_symlink(), other.read_bytes()) == (True, content)
            else:
                with project.publish(path) as temporary:
                    temporary.write_bytes(content)
                assert project.holds(path)


def test_a_journal_cut_anywhere_loses_nothing_but_trust(tmp_path: Path):
    project = Project(tmp_path / "p")
    with project.locked():
        folder = project.stage_folder("matte", "k")
        for name in ("a", "b", "c"):
            project.publish_text(folder / name, name)
    journal = tmp_path / "p" / "files.jsonl"
    whole = journal.read_bytes()
    for length in range(len(whole.splitlines(keepends=True)[0]), len(whole), 7):
        journal.write_bytes(whole[:length])
        project = Project(tmp_path / "p")
        with project.locked():
            held = {name for name in "abc" if project.holds(folder / name)}
            assert held <= set("abc")
            project.publish_text(folder / "d", "after half a line")
            assert project.holds(folder / "d")
            project.remove(folder / "d")


def test_nothing_is_kept_of_what_was_made_while_an_input_changed(tmp_path: Path):
    clip, other = tmp_path / "clip.mp4", tmp_path / "other.mp4"
    clip.write_bytes(b"one")
    other.write_bytes(b"two")
    project = Project(tmp_path / "p", inputs=[clip])
    with project.locked():
        path = project.stage_folder("matte", "k") / "a"
        project.publish_text(path, "of the one")
        assert project.holds(path)
        aside = clip.rename(tmp_path / "aside.mp4")
        other.rename(clip)
        clip.unlink()
        aside.rename(clip)
        with pytest.raises(InputError, match=r"clip\.mp4 was changed while it was read"):
            project.publish_text(path.with_name("b"), "of both")
        assert [each.name for each in path.parent.iterdir()] == ["a"]


def test_a_sequence_is_watched_file_by_file(tmp_path: Path):
    for number in range(3):
        (tmp_path / f"m.{number}.png").write_bytes(b"x")
    inputs = WatchedInputs([tmp_path / "m.%d.png"])
    (tmp_path / "out.mov").write_bytes(b"a file of another name")
    inputs.check()
    (tmp_path / "m.1.png").write_bytes(b"y")
    with pytest.raises(InputError, match=r"m\.1\.png"):
        inputs.check()


names = st.sampled_from(
    [
        *("plate", "matte", "scene", "report", "k1", "holiday", "lock", "a.part"),
        *("chunk_00000.avi", ".chunk_00000.part.avi", "done.json", "scene.json", "index.html"),
        "files.jsonl",
    ]
)
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["file", "empty file", "folder", "link to a file", "link to a folder"]),
    min_size=1,
    max_size=8,
)


def plant(root: Path, outside: Path, tree: dict[str, str]) -> None:
    """Make a tree of a user's; what does not fit another entry of it is left out."""
    for path, kind in tree.items():
        with contextlib.suppress(OSError):
            place = root / path
            if any(parent.is_symlink() for parent in place.parents):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            match kind:
                case "folder":
                    place.mkdir()
                case "link to a file":
                    place.symlink_to(outside / "precious.txt")
                case "link to a folder":
                    place.symlink_to(outside, target_is_directory=True)
                case _:
                    with place.open("x") as file:
                        file.write("precious" if kind == "file" else "")


def everything(root: Path) -> dict[str, object]:
    """Each file's bytes, each link's target, each folder; what is linked to is not entered."""
    found: dict[str, object] = {}
    for folder, _, _ in os.walk(root):
        for path in Path(folder).iterdir():
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[name] = path.readlink()
            else:
                found[name] = path.read_bytes() if path.is_file() else "folder"
    return found


def used_in_every_way(project: Project) -> None:
    """All that commands do in a project; each may be refused."""
    for stage in ("matte", "scene", "plate"):
        with contextlib.suppress(InputError):
            folder = project.stage_folder(stage, "k1")
            project.publish_text(folder / "chunk_00000.avi", "ours")
            project.mark_done(stage, "k1", {})
    for page in ("index.html", "camera.html"):
        with contextlib.suppress(InputError):
            project.publish_text(project.folder / "report" / page, "ours")
    with contextlib.suppress(InputError):
        publish_text(project.users_file("scene/scene.json"), "{}")
    for stage in STAGES:
        project.has(stage, "k1")
        project.is_whole(stage, "k1")
        project.forget(stage, "k1")
        project.clear(stage)


@given(trees)
def test_a_folder_of_the_users_is_refused_or_left_whole(tree):
    with tempfile.TemporaryDirectory() as name:
        root, outside = Path(name) / "holiday", Path(name) / "outside"
        root.mkdir()
        outside.mkdir()
        (outside / "precious.txt").write_text("precious")
        plant(root, outside, tree)
        before = everything(Path(name))
        if set(before) - {"outside", "outside/precious.txt", "holiday"} - {"holiday/lock"}:
            with pytest.raises(InputError, match="not a project folder") as refused:
                Project(root)
            assert refused.value.hint == f"choose another: --project {root}-2"
        else:
            with contextlib.suppress(InputError):
                used_in_every_way(Project(root))
        assert everything(Path(name)).items() >= before.items()


@example({"plate/k1/.chunk_00000.part.avi": "file"})
@given(trees)
def test_files_of_the_users_in_a_project_stay_whole(tree):
    with tempfile.TemporaryDirectory() as name:
        root, outside = Path(name) / "p", Path(name) / "outside"
        outside.mkdir()
        (outside / "precious.txt").write_text("precious")
        with Project(root).locked():
            Project(root).publish_text(root / "kept" / "kept" / "kept", "so that it stays")
        mine = {"scene/scene.json", "lock", "project.json", "files.jsonl"}
        plant(root, outside, {path: kind for path, kind in tree.items() if path not in mine})
        before = everything(Path(name))
        project = Project(root)
        with project.locked():
            used_in_every_way(project)
        after = everything(Path(name))
        for path in (f"p/{each}" for each in ("project.json", "files.jsonl")):
            before.pop(path)
        assert after.items() >= before.items()


def test_a_folder_made_for_nothing_goes_again(tmp_path: Path):
    project = Project(tmp_path / "p")
    with pytest.raises(InputError), project.locked():
        project.stage_folder("matte", "k1")
        raise InputError("nobody is there")
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_another_run_made_meanwhile_is_used(tmp_path: Path):
    late = Project(tmp_path / "p")
    first = Project(tmp_path / "p")
    with first.locked():
        path = first.stage_folder("matte", "k") / "a"
        first.publish_text(path, "whole")
    with late.locked():
        assert late.holds(path)
        late.publish_text(path, "made again")
        assert late.holds(path)


def test_a_second_process_is_refused_while_the_lock_is_held(tmp_path: Path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dynascene_cli.storage.project import Project\n"
        "with Project(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match="another run"), Project(tmp_path).locked():
        pass
    holder.kill()
    holder.wait()
    with Project(tmp_path).locked():
        pass


def test_publish_text_replaces_whole_and_leaves_nothing(tmp_path: Path):
    target = tmp_path / "settings.json"
    publish_text(target, json.dumps({"a": 1}))
    publish_text(target, json.dumps({"a": 2}))
    assert json.loads(target.read_text()) == {"a": 2}
    assert list(tmp_path.iterdir()) == [target]


def test_an_unwritable_project_folder_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is not a project folder"):
        Project(tmp_path / "file")
