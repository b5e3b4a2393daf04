"""Files that appear whole or not at all, and what becomes of what a killed process left."""

import subprocess
import sys
from pathlib import Path

import pytest

from dynascene_cli.storage.atomic import publish_file, publish_folder, publish_together

HOLDING = """
import os, signal, sys
from pathlib import Path
from dynascene_cli.storage.atomic import publish_file, publish_together
with publish_file(Path("out.mov")) as file, publish_together(Path(".")) as folder:
    file.write_text("half")
    (folder / "out.00001.png").write_text("half")
    print("held", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whose a file is there")
def test_what_a_killed_process_left_goes_with_the_next_and_what_a_living_one_holds_stays(tmp_path):
    foreign = [tmp_path / ".out.1234.part.mov", tmp_path / "footage.mp4.part", tmp_path / "keep"]
    for path in foreign:
        path.write_text("precious")
    target = tmp_path / "target"
    target.write_text("precious")
    link = tmp_path / ".out.dynascene-0123abcd.part.mov"
    link.symlink_to(target)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    before = names(tmp_path)
    assert len(before) == len(foreign) + 4
    with publish_file(tmp_path / "other.mov") as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == before | {"other.mov"}
    holder.communicate("")
    assert names(tmp_path) == before | {"other.mov"}
    with publish_file(tmp_path / "other.mov") as temporary:
        temporary.write_text("whole again")
    assert names(tmp_path) == {
        *(path.name for path in foreign),
        target.name,
        link.name,
        "other.mov",
    }
    assert {path.read_text() for path in (*foreign, target)} == {"precious"}
    assert (tmp_path / "other.mov").read_text() == "whole again"


def test_two_at_once_each_write_their_own(tmp_path):
    path = tmp_path / "out.mov"
    with publish_file(path) as one, publish_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert names(tmp_path) == {"out.mov"}


@pytest.mark.parametrize("publishing", [publish_file, publish_together, publish_folder])
def test_an_interruption_leaves_nothing(tmp_path, publishing):
    target = tmp_path if publishing is publish_together else tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), publishing(target) as temporary:
        if temporary.is_dir():
            (temporary / "half").touch()
        raise KeyboardInterrupt
    assert not list(tmp_path.rglob("*"))


def test_the_longest_names_are_published(tmp_path):
    path = tmp_path / ("人" * 83 + ".mov")
    with publish_file(path) as temporary:
        temporary.write_text("whole")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
