"""``dataset build --ray``: many workers make the same manifest, even where one is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest

from dynascene_cli.video import open_clip, open_sink, read_frames

LENIENT = ("--min-side", "200", "--max-score", "0.99", "--person-share", "0.01,0.9")


@pytest.fixture(scope="module")
def raw(tmp_path_factory, person_clip) -> Path:
    """A folder of three videos of a person, told apart by one corner, and one that is broken."""
    folder = tmp_path_factory.mktemp("raw")
    frames = list(read_frames(open_clip(person_clip)))[:5]
    height, width = frames[0].shape[:2]
    for number in range(3):
        path = folder / f"{number}.mp4"
        with open_sink(path, width=width, height=height, frame_rate=Fraction(4)) as sink:
            for frame in frames:
                marked = frame.copy()
                marked[:8, :8] = 80 * number
                sink.write(marked)
    (folder / "3.mp4").write_bytes((folder / "0.mp4").read_bytes()[:3000])
    return folder


def held_in(folder: Path, ancestor: int) -> set[int]:
    """The processes begun by ``ancestor``, directly or not, that have a file of a folder open."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            files = [link.readlink() for link in (process / "fd").iterdir()]
            if any(file.is_relative_to(folder) for file in files):
                found.add(int(process.name))
    return {pid for pid in found if ancestor in ancestors(pid)}


def ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker by /proc")
def test_a_killed_worker_repeats_its_clip_and_loses_nothing(raw, dynascene, tmp_path):
    pytest.importorskip("ray.data", reason="needs Ray Data: pip install 'dynascene-cli[cluster]'")
    alone = dynascene("dataset", "build", raw, "-o", "alone", *LENIENT)
    assert alone.code == 1
    assert "1 of 4 videos could not be read" in alone.err

    words = ["dataset", "build", raw, "-o", "many", *LENIENT, "--ray", "local", "--workers", "2"]
    running = subprocess.Popen(
        [sys.executable, "-m", "dynascene_cli", *map(str, words), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    killed: set[int] = set()
    until = time.monotonic() + 300
    while not killed and running.poll() is None and time.monotonic() < until:
        killed = set(sorted(held_in(tmp_path / "many" / "work", running.pid))[:1])
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    out, err = running.communicate(timeout=300)

    assert killed, err
    assert running.returncode == 1, err
    assert json.loads(out)["error"].startswith("1 of 4 videos could not be read")
    assert err.count("its worker ended, and it was done again") == 1
    for name in ("manifest.jsonl", "train.jsonl", "val.jsonl", "test.jsonl"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert len((tmp_path / "many" / "manifest.jsonl").read_text().splitlines()) == 3
    assert {path.name for path in (tmp_path / "many").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }


def test_without_ray_it_says_what_to_install(raw, dynascene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    run = dynascene("dataset", "build", raw, "-o", "set", "--ray", "local")
    assert run.code == 3
    assert "error: --ray needs Ray Data" in run.err
    assert "hint: pip install 'dynascene-cli[cluster]'" in run.err
    assert not (tmp_path / "set").exists()


def test_workers_are_rays(raw, dynascene):
    run = dynascene("dataset", "build", raw, "-o", "set", "--workers", 2)
    assert run.code == 1
    assert "error: --workers is for --ray" in run.err


def test_a_cluster_that_is_not_there_is_told(raw, dynascene, tmp_path):
    pytest.importorskip("ray.data", reason="needs Ray Data: pip install 'dynascene-cli[cluster]'")
    run = dynascene("dataset", "build", raw, "-o", "set", "--ray", "127.0.0.1:9")
    assert run.code == 1
    assert "error: --ray 127.0.0.1:9 cannot be used: Connection refused" in run.err
    assert not (tmp_path / "set").exists()
