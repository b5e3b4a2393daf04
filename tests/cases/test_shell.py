"""Names and streams of the shell, tried in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

COMMAND = (sys.executable, "-m", "dynascene_cli")


def run(folder, *words, **how):
    environment = {**os.environ, **how.pop("environment", {})}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.run([*COMMAND, *words], cwd=folder, env=environment, **how)


@pytest.fixture
def named(tmp_path, person_clip):
    def copy(name):
        path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(person_clip.read_bytes())
        return name

    return copy


NAMES = ["日本 человек.mp4", "a:b.mp4", "100% person.mp4", "caf\udce9.mp4", "n" * 250 + ".mp4"]


@pytest.mark.parametrize(
    ("name", "encoding"),
    list(zip(NAMES, ["cp1252", "utf-8", "cp932", "cp932", "cp1252"], strict=True)),
)
def test_any_name_on_any_output(tmp_path, named, name, encoding):
    clip = named(os.fsencode(name))
    environment = {"PYTHONIOENCODING": encoding}
    assert run(tmp_path, "info", clip, environment=environment).returncode == 0
    told = run(tmp_path, "info", clip, "--json", environment=environment)
    assert os.fsencode(json.loads(told.stdout.decode("utf-8"))["path"]) == clip


def test_closed_standard_error(tmp_path, named):
    clip = named(b"a.mp4")
    script = '"$0" -m dynascene_cli matte "$1" --end 0.1 -o m.mov 2>&-'
    done = subprocess.run(["sh", "-c", script, sys.executable, clip], cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "m.mov").stat().st_size > 1000


def test_a_per_cent_sign_is_no_frame_number(tmp_path, dynascene, person_clip):
    assert dynascene("matte", person_clip, "--end", 0.1, "-o", "100% person.mov").code == 0
    told = dynascene("info", "100% person.mov", "--json").json
    assert (told["alpha"], told["frames"]) == (True, 3)


def test_names_at_the_limit(tmp_path, dynascene, person_clip):
    words = ("matte", person_clip, "--end", 0.1, "-o")
    assert dynascene(*words, "n" * 251 + ".mov").code == 0
    run = dynascene(*words, "n" * 252 + ".mov")
    assert run.code == 1
    assert "too long" in run.err
