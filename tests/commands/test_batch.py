"""``dynascene batch``: lists of shots in every form, failures among them, and going on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dynascene_cli.video import open_clip

OPTIONS = ("--", "--draft", "--end", "0.2", "--relight", "off")


@pytest.fixture
def footage(tmp_path, drawn_clip, photo):
    """A folder of a clip, its matte and a photo; where the commands run is its parent."""
    folder = tmp_path / "footage"
    folder.mkdir()
    clip, alphas = drawn_clip
    (folder / "anna.mp4").write_bytes(clip.read_bytes())
    (folder / "beach.jpg").write_bytes(photo.read_bytes())
    (folder / "alphas").symlink_to(alphas)
    return folder


def commands_of(run):
    assert run.code == 0, run.err
    return [command.split() for command in run.json["commands"]]


def value_of(command, option):
    return command[command.index(option) + 1]


def test_a_folder_means_each_clip_in_each_photo(dynascene, footage):
    (footage / "Ben.MOV").write_bytes((footage / "anna.mp4").read_bytes())
    (footage / "street.png").write_bytes(b"looked at only by name")
    (footage / ".hidden.mp4").write_bytes(b"")
    words = ("batch", footage, "--camera", "static", "--camera", "dolly-in", "--dry-run", "--json")
    commands = commands_of(dynascene(*words))
    assert len(commands) == 2 * 2 * 2
    assert {command[-1] for command in commands} == {"anna.mp4", "Ben.MOV"}
    assert {value_of(command, "--scene") for command in commands} == {"beach.jpg", "street.png"}
    assert len({value_of(command, "--output") for command in commands}) == 8
    assert len({value_of(command, "--project") for command in commands}) == 2
    assert not (footage.parent / "footage-batch").exists()


def test_a_toml_file_combines_and_sets_options(dynascene, tmp_path):
    (tmp_path / "jobs.toml").write_text(
        """\ufeff
        [defaults]
        scene = "beach.jpg"
        draft = true

        [[jobs]]
        clip = ["a/anna.mp4", "b/anna.mp4"]
        position = "0.4,0.9"
        draft = false

        [[jobs]]
        clip = "ben.mp4"
        camera = ["pan-left", "my moves/own.json"]
        move_strength = 0.5
        """.replace("a/anna", "a/anna-1"),
        encoding="utf-8",
    )
    answer = dynascene("batch", "jobs.toml", "--camera", "static", "--dry-run", "--json").json
    first, second, third, fourth = answer["commands"]
    assert "--position=0.4,0.9" in first
    assert "--draft" not in first
    assert "anna-1-beach-static.mp4" in first
    assert "anna-beach-static.mp4" in second
    assert "--draft --move-strength=0.5" in third
    assert "ben-beach-own.mp4" in fourth
    assert "--camera 'my moves/own.json'" in fourth


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_as_spreadsheets_write_it(dynascene, tmp_path, delimiter):
    rows = ["clip,scene,camera,draft,scale", "anna.mp4,beach.jpg,static,yes,", ",,,,",
            "anna.mp4,beach.jpg,,no,1.2"]  # fmt: skip
    text = "\r\n".join(row.replace(",", delimiter) for row in rows)
    (tmp_path / "jobs.csv").write_text(text, encoding="utf-8-sig")
    first, second = commands_of(dynascene("batch", "jobs.csv", "--dry-run", "--json"))
    assert "--draft" in first
    assert "--draft" not in second
    assert "--scale=1.2" in second
    assert value_of(second, "--camera") == "auto"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "asks for no shot"),
        ("[[jobs]]\nclip = 'a.mp4'", "job 1 names no scene"),
        ("[[jobs]]\nclip = 'a.mp4'\nscene = 'b.jpg'\ncamra = 'static'", "job 1: No such option"),
        ("[[jobs]]\nclip = 'a.mp4'\nscene = 'b.jpg'\nscale = 'big'", "Invalid value for '--scale'"),
        (
            "[[jobs]]\nclip = 'a.mp4'\nscene = 'b.jpg'\njson = true",
            "--json is decided by",
        ),
        ("[[jobs]]\nclip = 3\nscene = 'b.jpg'", "clip is not a text"),
        ("[[jobs]]\nclip = ['a.mp4', 'b.mp4']\nscene = 'b.jpg'\noutput = 'o.mp4'", "to 2 shots"),
        ("[[jobs]]\nclip = 'a.mp4'\nscene = 'b.jpg'\n" * 2, "writes a-b-auto.mp4, as does"),
        ("[jobs]\nclip = 'a.mp4'", "not a list of jobs"),
        ("[job]\n", "unknown table 'job'"),
        ("clip = ", "is not settings"),
    ],
)
def test_wrong_lists_are_told_before_anything_runs(dynascene, tmp_path, text, told):
    (tmp_path / "jobs.toml").write_text(text, encoding="utf-8")
    run = dynascene("batch", "jobs.toml")
    assert run.code == 1
    assert told in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.toml"]


def test_failures_are_collected_and_a_later_run_goes_on(dynascene, footage):
    (footage / "jobs.toml").write_text(
        """
        [defaults]
        clip = "anna.mp4"
        matte = "alphas"
        camera = "static"
        draft = true
        relight = "off"
        end = 0.2
        [[jobs]]
        scene = "absent.jpg"
        [[jobs]]
        scene = "beach.jpg"
        """
    )
    words = ("batch", footage / "jobs.toml", "-o", "results", "--json")
    run = dynascene(*words)
    assert run.code == 1
    assert run.json["error"] == "1 of 2 shots failed"
    assert (run.json["done"], run.json["failed"]) == (1, 1)
    assert run.json["page"] == str(footage.parent / "results" / "batch.html")
    failed, _ = run.json["jobs"]
    assert failed["error"] == "absent.jpg does not exist"
    assert failed["exit_code"] == 1
    results = footage.parent / "results"
    assert open_clip(results / "anna-beach-static.mp4").frame_count == 5
    assert sorted(path.name for path in results.iterdir()) == [
        "anna-beach-static.mp4",
        "anna.dynascene",
        "batch.html",
        "batch.json",
    ]
    page = (results / "batch.html").read_text()
    assert 'href="anna-beach-static.mp4"' in page
    assert "absent.jpg does not exist" in page
    assert page.count("data:image/jpeg") == 1

    before = (results / "anna-beach-static.mp4").stat().st_mtime_ns
    (footage / "absent.jpg").write_bytes((footage / "beach.jpg").read_bytes())
    run = dynascene(*words, "--resume")
    assert run.code == 0, run.err
    assert (run.json["done"], run.json["failed"]) == (2, 0)
    assert "anna-beach-static: " not in run.err
    assert (results / "anna-beach-static.mp4").stat().st_mtime_ns == before
    assert dynascene(*words, "--resume").json["done"] == 2

    (results / "anna-beach-static.mp4").write_bytes(b"overwritten")
    assert dynascene(*words, "--resume").code == 0
    assert open_clip(results / "anna-beach-static.mp4").frame_count == 5
    records = json.loads((results / "batch.json").read_text())
    assert [record["exit_code"] for record in records["jobs"]] == [0, 0]


def test_an_interrupted_batch_leaves_nothing_running(tmp_path, footage, hears_interruptions):
    words = ["batch", "footage", "--camera", "static", "--jobs", "2", "--", "--draft"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dynascene_cli", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_interruptions,
    )
    project = tmp_path / "footage-batch" / "anna.dynascene"
    until = time.monotonic() + 120
    while not project.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "error: interrupted" in messages
    results = tmp_path / "footage-batch"
    assert not [path for path in results.iterdir() if path.suffix == ".mp4"]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(project) not in listed.stdout
