"""``--log-json``: what a wrapper reads of a run while it goes on."""

import json
import time
from pathlib import Path

import pytest

from dynascene_cli.console import Console, EventLog


@pytest.fixture
def words(drawn_clip, photo):
    clip, alphas = drawn_clip
    return ("render", clip, "--scene", photo, "--camera", "static", "--matte", alphas,
            "--end", "0.16", "-o", "out.mp4")  # fmt: skip


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_render_tells_its_stages_warnings_and_result(dynascene, tmp_path, words):
    run = dynascene(*words, "--json", "--log-json", "log.jsonl")
    assert run.code == 0, run.err
    told = events((tmp_path / "log.jsonl").read_text())
    assert {event["event"] for event in told} == {"begin", "progress", "warning", "end", "result"}
    times = [event["time"] for event in told]
    assert times == sorted(times) and times[0] >= 0
    begun = [event["stage"] for event in told if event["event"] == "begin"]
    assert begun == ["photo", "matte", "camera", "staging", "scene", "composite"]
    ended = [event["stage"] for event in told if event["event"] == "end"]
    assert ended == begun
    done = [each for each in told if each["event"] == "progress" and each["stage"] == "composite"]
    assert (done[-1]["done"], done[-1]["total"]) == (4, 4)
    assert [event["message"] for event in told if event["event"] == "warning"] == run.json[
        "warnings"
    ]
    last = told[-1]
    assert {key: value for key, value in last.items() if key not in ("event", "time")} == run.json


def test_a_failure_is_the_last_event(dynascene, tmp_path, words):
    run = dynascene(*words, "--camera", "doly-in", "--log-json", "log.jsonl")
    assert run.code == 1
    last = events((tmp_path / "log.jsonl").read_text())[-1]
    assert (last["event"], last["exit_code"]) == ("error", 1)
    assert f"error: {last['message']}\nhint: {last['hint']}" in run.err


def test_stdout_carries_events_alone(dynascene, words):
    run = dynascene(*words, "--log-json", "-")
    assert run.code == 0, run.err
    assert [event["event"] for event in events(run.out)][-1] == "result"
    both = dynascene(*words, "--log-json", "-", "--json")
    assert (both.code, "--json prints to stdout, too" in both.err) == (2, True)


def test_only_a_log_is_written_over(dynascene, tmp_path, words):
    (tmp_path / "notes.txt").write_text("mine\n")
    run = dynascene(*words, "--log-json", "notes.txt")
    assert (run.code, "notes.txt is no log of events" in run.err) == (1, True)
    assert (tmp_path / "notes.txt").read_text() == "mine\n"
    for name in ("none/log", "."):
        assert dynascene(*words, "--log-json", name).code == 1
    for _ in range(2):
        assert dynascene("matte", words[1], "-o", "m.mov", "--dry-run", "--log-json", "l").code == 0
        assert len(events((tmp_path / "l").read_text())) == 1


def test_a_matte_is_counted_by_frames(dynascene, tmp_path, words):
    assert dynascene(*words, "--log-json", "log").code == 0
    told = events((tmp_path / "log").read_text())
    done = [each for each in told if each["event"] == "progress" and each["stage"] == "matte"]
    assert done[0]["done"] == 1
    assert done[-1]["done"] == done[-1]["total"]


def test_work_that_is_not_counted_is_heard_of(tmp_path, monkeypatch):
    monkeypatch.setattr("dynascene_cli.console.BUSY_SECONDS", 0.02)
    monkeypatch.setattr(EventLog, "current", None)
    console = Console(quiet=True, log=EventLog(str(tmp_path / "log")))
    with console.busy("camera"):
        time.sleep(0.2)
    told = events((tmp_path / "log").read_text())
    assert [told[0]["event"], told[-1]["event"]] == ["begin", "end"]
    assert len(told) > 3
    for each in told[1:-1]:
        assert each["event"] == "progress"
        assert each["stage"] == "camera"
        assert [each[name] for name in ("done", "total", "seconds_left")] == [None] * 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_the_log_is_told(dynascene, tmp_path, words):
    run = dynascene(*words, "--log-json", "/dev/full")
    assert run.code == 4
    assert "the log /dev/full cannot be written: No space left on device" in run.err
    assert "Traceback" not in run.err
    assert not (tmp_path / "out.mp4").exists()
