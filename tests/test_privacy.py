"""Nothing is told to anybody, and nothing is written but where a user looks for it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dynascene_cli
from dynascene_cli.storage.environment import cache_folder

TRACED = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg"]
OF_THE_NETWORK = re.compile(r"sa_family=AF_INET")

TINY_TRAINING = Path(__file__).parent / "training" / "tiny.toml"


def files_below(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {path for path in found if not path.endswith((".py", ".pyc"))}


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of a Linux user")
def test_commands_connect_nowhere_and_write_only_what_they_say(tmp_path, person_clip, photo):
    places = {name: tmp_path / name for name in ("home", "cache", "config", "temporary", "work")}
    for place in places.values():
        place.mkdir()
    # Its own cache is the usual one, so that nothing has to be compiled for this test.
    cache_folder().mkdir(parents=True, exist_ok=True)
    (places["cache"] / "dynascene").symlink_to(cache_folder(), target_is_directory=True)
    clip = places["work"] / "clip.mp4"
    shutil.copy(person_clip, clip)
    before = {path: path.read_bytes() for path in (clip, TINY_TRAINING, photo)}
    commands = [
        ["doctor"],
        ["matte", "clip.mp4", "-o", "matte.mov", "--preview", "matte.png"],
        ["render", "clip.mp4", "--scene", str(photo), "--report", "-o", "out.mp4"],
        ["estimate-camera", "clip.mp4", "--report", "--project", "c"],
        ["trajectory", "plot", "dolly-in", "-o", "move.png"],
        ["dataset", "synth", "clips", "--count", "1", "--frames", "2"],
        ["train", "single", "--config", str(TINY_TRAINING), "--steps", "2", "--out", "run"],
    ]
    (tmp_path / "commands.json").write_text(json.dumps(commands))
    program = [sys.executable, str(Path(__file__).with_name("quiet_run.py"))]
    words = [*program, str(tmp_path / "asked"), str(tmp_path / "commands.json")]
    traced = shutil.which("strace") is not None
    if traced:
        words = [*TRACED, "-o", str(tmp_path / "trace"), *words]
    kept = {"PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment |= {
        "HOME": str(places["home"]),
        "XDG_CACHE_HOME": str(places["cache"]),
        "XDG_CONFIG_HOME": str(places["config"]),
        "TMPDIR": str(places["temporary"]),
        "ACCELERATE_USE_CPU": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    package = Path(dynascene_cli.__file__).parent
    installed = files_below(package)
    run = subprocess.run(
        words, cwd=places["work"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "asked").read_text() == ""
    if traced:
        calls = (tmp_path / "trace").read_text().splitlines()
        assert [call for call in calls if OF_THE_NETWORK.search(call)] == []
    for name in ("home", "config", "temporary"):
        assert files_below(places[name]) == set(), name
    assert {path.name for path in places["cache"].iterdir()} == {"dynascene"}
    assert files_below(package) == installed
    made = {path.name for path in places["work"].iterdir()} - {clip.name}
    assert made == {
        *("matte.mov", "matte.png", "out.mp4", "clip-camera.json", "move.png"),
        *("clip.dynascene", "c", "clips", "run"),
    }
    assert {path: path.read_bytes() for path in before} == before


def test_a_users_own_setting_stays(tmp_path):
    program = "import os, dynascene_cli; print(os.environ['NUMBA_CACHE_DIR'])"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str(tmp_path)
