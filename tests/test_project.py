import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.project import Project, file_fingerprint, publish_text, stage_key

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


def test_a_result_is_whole_only_when_marked(tmp_path: Path):
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
    project = Project(tmp_path)
    with project.locked():
        folder = project.stage_folder("plate", "k1")
        (folder / "chunk_00000.mkv").touch()
    leftover = folder / ".chunk_00001.123.part.mkv"
    leftover.touch()
    with project.locked():
        assert not leftover.exists()
    assert [path.name for path in folder.iterdir()] == ["chunk_00000.mkv"]


def test_a_folder_made_for_nothing_goes_again(tmp_path: Path):
    project = Project(tmp_path / "p")
    with pytest.raises(InputError), project.locked():
        project.stage_folder("matte", "k1")
        raise InputError("nobody is there")
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_refused_while_the_lock_is_held(tmp_path: Path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dynascene_cli.project import Project\n"
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
    with pytest.raises(InputError, match="cannot be written"), Project(tmp_path / "file").locked():
        pass
