"""What a careless or unlucky user does, through the real command."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli import weights
from dynascene_cli.storage.project import Project
from dynascene_cli.video import open_clip, read_alpha, read_frames


@pytest.fixture
def words(drawn_clip, photo) -> tuple[str, ...]:
    """A short render of a drawn person, without an output and a camera."""
    clip, alphas = drawn_clip
    return tuple(map(str, ("render", clip, "--scene", photo, "--matte", alphas, "--end", "0.2")))


@pytest.fixture
def small_disk(mount_disk):
    """A file system of 64 kB, which nothing has open at the end."""
    folder = mount_disk("64k")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_no_output_is_written_over_an_input(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = (shutil.copy(drawn_clip[0], "clip.mp4"), drawn_clip[1])
    shutil.copy(photo, "photo.png")
    shutil.copytree(alphas, "alphas")
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    (tmp_path / "layers").mkdir()
    shutil.copy(clip, "layers/plate.mov")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    render = ("render", "clip.mp4", "--scene", "photo.png", "--matte", "alphas")
    for wrong in (
        (*render, "-o", "./clip.mp4"),
        (*render, "-o", "link.mp4"),
        (*render, "--preview-scene", "photo.png"),
        (*render, "-o", "alphas/new.%05d.png"),
        ("render", "layers/plate.mov", "--scene", "photo.png", "--layers", "layers"),
        ("matte", "clip.mp4", "--preview", "alphas/sheet.png", "--matte-fixes", "alphas"),
        ("matte", "alphas/%05d.png", "--fps", "24", "-o", "alphas/%05d.png"),
    ):
        run = dynascene(*wrong, "--json")
        assert run.code == 1, wrong
        assert "would change the input" in run.json["error"]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_an_image_becomes_a_picture_by_default(dynascene, tmp_path, drawn_clip, photo):
    still = tmp_path / "person.png"
    Pillow.fromarray(next(read_frames(open_clip(drawn_clip[0])))).save(still)
    alpha = drawn_clip[1] / "00000.png"
    run = dynascene(
        "render", still, "--scene", photo, "--camera", "dolly-in", "--matte", alpha, "--json"
    )
    assert run.json["output"] == "person-meadow-dolly-in.png"
    assert Pillow.open(tmp_path / run.json["output"]).size == (128, 96)


def test_the_matte_of_an_image_is_a_picture_with_alpha(dynascene, tmp_path, person_clip):
    still = tmp_path / "person.png"
    Pillow.fromarray(next(read_frames(open_clip(person_clip)))).save(still)
    run = dynascene("matte", still, "--json")
    assert run.json["output"] == "person-matte.png"
    assert next(read_alpha(open_clip("person-matte.png"))).max() > 250


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("-o", "one.png"), "one.%05d.png"),
        (("--move-strength", "-1"), "--move-strength -1"),
        (("--move-strength", "nan"), "--move-strength nan"),
        (("--preview-scene", "grid.pdf"), ".pdf"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(dynascene, tmp_path, words, wrong, said):
    run = dynascene(*words, *wrong)
    assert run.code == 1
    assert said in run.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_finds_nobody_leaves_nothing(dynascene, tmp_path, photo):
    nobody = tmp_path / "nobody.png"
    Pillow.new("RGB", (96, 96), (40, 90, 60)).save(nobody)
    run = dynascene("render", nobody, "--scene", photo, "--camera", "static")
    assert run.code == 1
    assert "nobody.png" in run.err
    assert list(tmp_path.iterdir()) == [nobody]


def test_the_smallest_size_renders(dynascene, tmp_path, words):
    run = dynascene(*words, "--camera", "static", "--size", "16x16", "-o", "o.mp4")
    assert run.code == 0, run.err
    clip = open_clip(tmp_path / "o.mp4")
    assert (clip.width, clip.height) == (16, 16)


def test_a_full_disk_under_the_project_exits_4_and_continues(
    dynascene, tmp_path, small_disk, words
):
    output = tmp_path / "out.mp4"
    render = (*words, "--camera", "dolly-in", "-o", output)
    run = dynascene(*render, "--project", small_disk / "p", "--json")
    assert run.code == 4, run.err
    assert run.json["exit_code"] == 4
    assert os.strerror(errno.ENOSPC).lower() in run.err.lower() or "no space" in run.err
    assert not output.exists()
    assert not list(small_disk.rglob("*.part*"))


def test_no_other_program_draws_a_picture(dynascene, tmp_path, words, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    called = tmp_path / "called"
    for name in ("gs", "gswin32c", "gswin64c"):
        (programs / name).write_text(f"#!/bin/sh\necho >> {called}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 128 96\n%%EndComments\nshowpage\n"
    folder = tmp_path / "drawings"
    folder.mkdir()
    for number in range(1, 3):
        (folder / f"{number:05d}.png").write_bytes(drawing)
    picture = folder / "00001.png"
    clip, photo = words[1], words[3]
    for wrong in (
        ("matte", clip, "--matte-fixes", folder),
        ("render", clip, "--scene", picture),
        ("render", clip, "--scene", photo, "--matte", folder),
        ("render", clip, "--scene", photo, "--depth", picture),
        ("info", picture),
        ("matte", folder, "--fps", "24"),
        ("dataset", "synth", "clips", "--count", "1", "--textures", folder),
    ):
        run = dynascene(*wrong)
        assert run.code == 1, (wrong, run.err)
        assert "Traceback" not in run.err
    assert not called.exists()


def test_two_runs_cannot_share_a_project(dynascene, tmp_path, words):
    with Project(tmp_path / "p").locked():
        run = dynascene(*words, "--camera", "static", "--project", "p")
        assert run.code == 1
        assert "another run" in run.err
    assert dynascene(*words, "--camera", "static", "--project", "p").code == 0


@pytest.mark.parametrize("module", ["typer", "cv2", "dynascene_cli.compositing"])
def test_an_interruption_while_loading_exits_130(tmp_path, words, module):
    program = f"""
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from dynascene_cli.__main__ import main
sys.exit(main())
"""
    command = [sys.executable, "-c", program, *words, "--json"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 130
    assert run.stderr == "error: interrupted\nhint: the same command continues\n"
    if module != "typer":
        assert json.loads(run.stdout)["exit_code"] == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_that_a_library_makes_an_error_of_exits_130(
    tmp_path, words, number, hears_interruptions
):
    """As numba's compiler does, whose caller then finds that nothing was compiled."""
    program = f"""
import os, sys, time
from contextlib import suppress

class Compiler:
    def find_spec(self, name, *_):
        if name == "dynascene_cli.compositing":
            with suppress(KeyboardInterrupt):
                os.kill(os.getpid(), {int(number)})
                time.sleep(5)
            raise RuntimeError("no compiled object yet")

sys.meta_path.insert(0, Compiler())
from dynascene_cli.__main__ import main
sys.exit(main())
"""
    run = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=hears_interruptions,
    )
    assert run.returncode == 130
    assert run.stderr == "error: interrupted\nhint: the same command continues\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_at_the_last_instant_exits_130(number, hears_interruptions):
    program = f"""
import atexit, os, sys, time

def late():
    os.kill(os.getpid(), {int(number)})
    time.sleep(5)

atexit.register(late)
from dynascene_cli.__main__ import main
sys.exit(main())
"""
    run = subprocess.run(
        [sys.executable, "-c", program, "--version"],
        capture_output=True,
        text=True,
        preexec_fn=hears_interruptions,
    )
    assert run.returncode == 130
    assert run.stdout.startswith("dynascene ")
    assert run.stderr == "error: interrupted\nhint: the same command continues\n"


def test_layers_put_together_give_the_picture(dynascene, tmp_path, words):
    run = dynascene(*words, "--camera", "dolly-in", "--layers", "layers", "-o", "o.%05d.png")
    assert run.code == 0, run.err

    def linear(frame: np.ndarray) -> np.ndarray:
        value = frame / 255.0
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)

    films = {path.stem: open_clip(path) for path in (tmp_path / "layers").glob("*.mov")}
    for index in (0, 4):
        picture, alpha = {}, {}
        for name, film in films.items():
            picture[name] = linear(next(read_frames(film, index, index + 1)))
            alpha[name] = next(read_alpha(film, index, index + 1))[..., None] / 255.0
        together = picture["background"]
        for name in ("shadow", "foreground"):
            together = together * (1 - alpha[name]) + picture[name] * alpha[name]
        made = np.asarray(Pillow.open(tmp_path / f"o.{index + 1:05d}.png"))
        # The background's film halves the colours' width, so brightness is what is compared.
        difference = np.abs((np.sqrt(together) - np.sqrt(linear(made))) @ [0.2126, 0.7152, 0.0722])
        assert difference.mean() < 1.5 / 255
        assert difference[alpha["foreground"][..., 0] == 1].max() < 3 / 255


def test_the_report_needs_no_other_file(dynascene, tmp_path, words):
    run = dynascene(*words, "--camera", "static", "--report", "--json")
    page = Path(run.json["report"]).read_text(encoding="utf-8")
    assert "data:video/mp4;base64," in page
    for reference in ('src="http', "src='http", "@import", "url(http", '<link rel="stylesheet"'):
        assert reference not in page


def test_json_is_one_object_and_quiet_is_quiet(dynascene, words):
    run = dynascene(*words, "--camera", "static", "--json", "--quiet")
    assert len(run.out.splitlines()) == 1
    assert json.loads(run.out)["frames"] == 5
    assert all(line.startswith("warning: ") for line in run.err.splitlines())


def test_a_chosen_person_is_matted_alone(dynascene, tmp_path, person_clip):
    added = weights.find("rvm").path
    added.parent.mkdir(parents=True)
    added.write_bytes(b"never opened")
    words = ("matte", person_clip, "--end", "0.1", "--dry-run", "--json")
    assert dynascene(*words, "--person", "left").code == 0
    assert dynascene(*words).code == 1


def test_a_file_that_is_no_network_is_not_added(dynascene, tmp_path, photo):
    run = dynascene("models", "add", "rvm", photo)
    assert run.code == 1
    assert "ONNX" in run.err
    assert list(tmp_path.iterdir()) == []
