"""``dynascene batch --ray``: the results of a batch on this machine, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

JOBS = """
[defaults]
matte = "alphas"
draft = true
relight = "off"
end = 0.2
[[jobs]]
clip = ["anna.mp4", "ben.mp4"]
camera = "static"
scene = "beach.jpg"
[[jobs]]
clip = "ben.mp4"
camera = "static"
scene = "absent.jpg"
"""


@pytest.fixture
def footage(tmp_path, drawn_clip, photo):
    folder = tmp_path / "footage"
    folder.mkdir()
    clip, alphas = drawn_clip
    for name in ("anna.mp4", "ben.mp4"):
        (folder / name).write_bytes(clip.read_bytes())
    (folder / "beach.jpg").write_bytes(photo.read_bytes())
    (folder / "alphas").symlink_to(alphas)
    (folder / "jobs.toml").write_text(JOBS)
    return folder


@pytest.fixture
def ray():
    return pytest.importorskip(
        "ray.data", reason="needs Ray Data: pip install 'dynascene-cli[cluster]'"
    )


def rendering(project: Path) -> list[int]:
    """The processes that have a file of a project open: its lock, if nothing else."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            files = [link.readlink() for link in (process / "fd").iterdir()]
            if any(file.is_relative_to(project) for file in files):
                found.append(int(process.name))
    return found


def begin(folder, *words, **more):
    command = [sys.executable, "-m", "dynascene_cli", "batch", *map(str, words)]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def wait_for_renders(running, project):
    until = time.monotonic() + 300
    while not (found := rendering(project)):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def told_of(shots):
    return [{key: value for key, value in shot.items() if key != "seconds"} for shot in shots]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker by /proc")
def test_it_gives_what_a_batch_on_this_machine_gives_even_where_a_worker_is_killed(
    ray, dynascene, footage, tmp_path
):
    here = dynascene("batch", footage / "jobs.toml", "-o", "shots", "--json")
    assert here.code == 1, here.err
    (tmp_path / "shots").rename(tmp_path / "here")

    running = begin(tmp_path, footage / "jobs.toml", "-o", "shots", "--ray", "local", "--json")
    for pid in wait_for_renders(running, tmp_path / "shots" / "anna.dynascene"):
        os.kill(pid, signal.SIGKILL)
    out, err = running.communicate(timeout=600)
    assert running.returncode == 1, err
    there = json.loads(out)
    assert told_of(there["jobs"]) == told_of(here.json["jobs"])
    assert [there[key] for key in ("done", "failed", "error", "page")] == [
        here.json[key] for key in ("done", "failed", "error", "page")
    ]
    assert [shot["exit_code"] for shot in there["jobs"]] == [0, 0, 1]
    for file in ("anna-beach-static.mp4", "ben-beach-static.mp4"):
        there_bytes, here_bytes = (
            (tmp_path / each / file).read_bytes() for each in ("shots", "here")
        )
        assert there_bytes == here_bytes
    assert sorted(path.name for path in (tmp_path / "shots").iterdir()) == sorted(
        path.name for path in (tmp_path / "here").iterdir()
    )
    again = dynascene("batch", footage / "jobs.toml", "-o", "shots", "--resume", "--json")
    assert (again.json["done"], "anna" in again.err) == (2, False)


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers by /proc")
def test_an_interruption_leaves_nothing(ray, footage, tmp_path, hears_interruptions):
    words = (footage / "jobs.toml", "-o", "shots", "--ray", "local")
    running = begin(tmp_path, *words, preexec_fn=hears_interruptions)
    project = tmp_path / "shots" / "anna.dynascene"
    wait_for_renders(running, project)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert err.endswith("error: interrupted\nhint: the same command continues\n")
    assert not rendering(tmp_path / "shots")
    assert not list((tmp_path / "shots").glob("*.mp4"))
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path / "shots") not in listed.stdout


def test_without_ray_it_says_what_to_install(footage, dynascene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    run = dynascene("batch", footage / "jobs.toml", "--ray", "local")
    assert run.code == 3
    assert "error: --ray needs Ray Data\nhint: pip install 'dynascene-cli[cluster]'" in run.err
    assert not (tmp_path / "jobs-batch").exists()
