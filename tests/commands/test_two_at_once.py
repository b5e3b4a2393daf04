"""Two runs at once, each a process of the real command; the first is held where it matters."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dynascene_cli.video import open_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by signals")


@pytest.fixture(scope="module")
def words(drawn_clip, photo) -> tuple[str, ...]:
    """A short render of a drawn person, without an output and a project."""
    clip, alphas = drawn_clip
    given = ("render", clip, "--scene", photo, "--matte", alphas, "--end", "0.2")
    return (*map(str, given), "--camera", "static")


@contextmanager
def held(folder: Path, words: tuple[str, ...], until: str) -> Iterator[subprocess.Popen[str]]:
    """A run that is stopped once there is a file of that pattern, and goes on in the end."""
    command = [sys.executable, "-m", "dynascene_cli", *words]
    run = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        while not list(folder.glob(until)):
            assert run.poll() is None, run.communicate()[1]
            time.sleep(0.01)
        os.kill(run.pid, signal.SIGSTOP)
        assert list(folder.glob(until))
        yield run
    finally:
        os.kill(run.pid, signal.SIGCONT)
        _, told = run.communicate()
    assert run.returncode == 0, told


def test_on_one_project_the_second_is_refused(dynascene, tmp_path, words):
    one = (*words, "--project", "p", "-o", "one.mp4")
    with held(tmp_path, one, "p/files.jsonl"):
        second = dynascene(*words, "--project", "p", "-o", "two.mp4", "--json")
        assert second.code == 1
        assert second.json["error"] == "p: another run is using this project"
        assert "--project" in second.json["hint"]
    assert {path.name for path in tmp_path.iterdir()} == {"p", "one.mp4"}
    assert dynascene(*words, "--project", "p", "-o", "two.mp4").code == 0
    assert (tmp_path / "two.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_on_one_output_the_last_to_end_stays(dynascene, tmp_path, words):
    with held(tmp_path, (*words, "--project", "p", "-o", "out.mp4"), ".out.*.part.mp4"):
        longer = (*words, "--end", "0.3", "--project", "q", "-o", "out.mp4")
        assert dynascene(*longer).code == 0
        assert open_clip(tmp_path / "out.mp4").frame_count == 8
        assert len(list(tmp_path.glob(".out.*"))) == 1
    assert open_clip(tmp_path / "out.mp4").frame_count == 5
    assert {path.name for path in tmp_path.iterdir()} == {"p", "q", "out.mp4"}
