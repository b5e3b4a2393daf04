"""What the studio leaves for the command line: scene.json, the script, and its own settings."""

import http.client
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from studio_process import Studio

from dynascene_cli.camera.moves.files import load_trajectory


@pytest.fixture
def begin(tmp_path, drawn_clip, photo):
    """Starts a studio on a drawn figure, again where it was; each is ended."""
    shutil.copy(drawn_clip[0], tmp_path / "anna.mp4")
    shutil.copy(photo, tmp_path / "beach.jpg")
    started = []

    def start():
        words = ("anna.mp4", "--scene", "beach.jpg", "--matte", drawn_clip[1], "--end", "0.25")
        started.append(Studio(tmp_path, *words))
        return started[-1]

    yield start
    for studio in started:
        studio.end()


def change(studio, **settings):
    state = studio.json("/api/state")
    body = {"settings": {**state["settings"], **settings}, "version": state["version"]}
    return studio.json("/api/settings", "PUT", body)


def test_what_is_corrected_of_the_photo_is_a_scene_json_that_render_takes(
    begin, tmp_path, dynascene, monkeypatch
):
    studio = begin()
    assert not list(tmp_path.glob("*studio*"))
    state = change(studio, camera="truck-left", horizon=0.42, move_strength=0.3)
    assert "--scene-json=anna-beach-studio-scene.json" in state["command"]
    assert "--horizon" not in state["command"]
    written = json.loads((tmp_path / "anna-beach-studio-scene.json").read_text())
    assert written["horizon"] == 0.42
    assert written["camera_height_m"] == written["guessed"]["camera_height_m"]
    assert change(studio, camera_height=1.25)["version"] == 2
    assert (
        json.loads((tmp_path / "anna-beach-studio-scene.json").read_text())["camera_height_m"]
        == 1.25
    )
    studio.end()

    monkeypatch.chdir(tmp_path)
    script = (tmp_path / "anna-beach-studio.sh").read_text().splitlines()[-1]
    program, *words = shlex.split(script)
    assert program == "dynascene"
    assert dynascene(*words).code == 0
    shown = (tmp_path / "anna-beach-studio.mp4").read_bytes()
    # The flags that say the same make the same shot.
    words = [word for word in words if not word.startswith("--scene-json")]
    words[1:1] = ["--horizon=0.42", "--camera-height=1.25"]
    assert dynascene(*words).code == 0
    assert (tmp_path / "anna-beach-studio.mp4").read_bytes() == shown


def test_the_script_is_shell(begin, tmp_path):
    change(begin(), camera="static", position=[0.5, 0.9])
    script = tmp_path / "anna-beach-studio.sh"
    assert script.stat().st_mode & 0o111
    fake = tmp_path / "bin/dynascene"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    run = subprocess.run(
        [script], cwd="/", env={"PATH": f"{fake.parent}:/usr/bin:/bin"}, capture_output=True
    )
    folder, *words = run.stdout.decode().splitlines()
    assert folder == str(tmp_path.resolve())
    assert words[0] == "render"
    assert words[-1] == "anna.mp4"


def test_a_later_session_goes_on_where_the_last_ended(begin, tmp_path):
    studio = begin()
    change(studio, camera="orbit-left", sun=[90, 40], person_height=1.8)
    state = studio.json("/api/state")
    move = studio.json("/api/move")
    body = {"move": move, "version": state["version"]}
    left = studio.json("/api/move", "PUT", body)["settings"]
    studio.end()
    studio = begin()
    assert studio.json("/api/state")["settings"] == left
    assert left["camera"] == "anna-beach-studio-move.json"
    studio.end()
    # Without its move the shot begins anew, and says so.
    (tmp_path / "anna-beach-studio-move.json").unlink()
    studio = begin()
    assert studio.json("/api/state")["settings"]["camera"] == "static"
    studio.process.terminate()
    assert "the last settings are given up" in studio.process.communicate(timeout=60)[1]


def test_keyframes_are_added_where_the_camera_passes(begin, tmp_path):
    studio = begin()
    # As much of the move as this photo bears, for a preset and a file alike.
    change(studio, camera="dolly-in", move_strength=0.5)
    before = studio.json("/api/state")
    frame = before["shown_frames"][2]
    body = {"frame": frame, "version": before["version"]}
    after = studio.json("/api/move/keyframes", "POST", body)
    move = load_trajectory(tmp_path / "anna-beach-studio-move.json")
    assert [key.time for key in move.keyframes] == pytest.approx(
        [0, frame / (before["frame_count"] - 1), 1]
    )
    # The file's keyframes are those of half the move, which is all used.
    assert [state["shot"]["used_strength"] for state in (before, after)] == [0.5, 1.0]
    assert after["shot"]["centres"][2] == pytest.approx(before["shot"]["centres"][2], abs=1e-5)
    kept = (tmp_path / "anna-beach-studio-move.json").read_bytes()
    for wrong in ({"frame": frame}, {"frame": 99}, {"frame": "1"}, {"frame": True}, {}):
        body = {**wrong, "version": after["version"]}
        assert studio.ask("/api/move/keyframes", "POST", body)[0] == 422, wrong
    body = {"frame": 1, "version": after["version"] - 1}
    assert studio.ask("/api/move/keyframes", "POST", body)[0] == 409
    assert (tmp_path / "anna-beach-studio-move.json").read_bytes() == kept


def test_a_photo_or_clip_that_goes_away_is_told(begin, tmp_path):
    studio = begin()
    (tmp_path / "beach.jpg").unlink()
    state = studio.json("/api/state")
    body = {"settings": {**state["settings"], "horizon": 0.4}, "version": state["version"]}
    status, told = studio.ask("/api/settings", "PUT", body)
    assert (status, b"beach.jpg" in told) == (422, True)
    (tmp_path / "anna.mp4").unlink()
    status, told = studio.ask("/api/frame/0.jpg")
    assert (status, b"anna.mp4" in told) == (422, True)
    assert studio.json("/api/state") == state


def test_a_scene_json_of_another_photo_is_refused(begin, tmp_path, dynascene, monkeypatch):
    studio = begin()
    change(studio, horizon=0.42)
    studio.end()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "anna-beach-studio-scene.json"
    document = json.loads(path.read_text())
    words = ["render", "anna.mp4", "--scene", "beach.jpg", "--scene-json", path.name, "--dry-run"]
    path.write_text(json.dumps({**document, "photo_sha256": "0" * 64}))
    run = dynascene(*words)
    assert run.code == 1
    assert "was written for another photo" in run.err
    for text in ("[]", "{}", "nonsense"):
        path.write_text(text)
        run = dynascene(*words)
        assert (run.code, path.name in run.err) == (1, True), text


def send(studio, path, method, content, **headers):
    """The status of an answer to bytes that no page would send."""
    connection = http.client.HTTPConnection(studio.address.removeprefix("http://"), timeout=60)
    own = {"x-page-token": studio.token, **headers}
    connection.request(method, path, content, own, encode_chunked="transfer-encoding" in headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_what_no_page_would_send_is_refused(begin):
    studio = begin()
    state = studio.json("/api/state")
    for content in (b"", b"\xff\xfe", b"{", b"null", b"[" * 100_000, b'{"a":' * 50_000):
        status, told = send(studio, "/api/settings", "PUT", content)
        assert (status, {*json.loads(told)}) == (422, {"error", "hint"}), content[:20]
    huge = 10**400
    for settings in (
        {"horizon": huge},
        {"camera": "a\0b"},
        {"camera": "a\nb"},
        {"camera": "x" * 5000},
        {"camera": "."},
        {"camera": "+"},
        {"position": [huge, 0]},
        {"sun": {"0": 1}},
        {"clicks": [{"time": huge, "x": 0, "y": 0, "adds": True}]},
    ):
        body = {"settings": {**state["settings"], **settings}, "version": state["version"]}
        assert studio.ask("/api/settings", "PUT", body)[0] == 422, str(settings)[:60]
    stroke = {"points": [[huge, 0]], "radius": 0.1, "adds": True}
    body = {"stroke": stroke, "version": state["version"]}
    assert studio.ask("/api/fixes/0", "POST", body)[0] == 422
    move = {"version": 1, "keyframes": [{"time": huge, "look_at": [0, 0, 1]}]}
    body = {"move": move, "version": state["version"]}
    assert studio.ask("/api/move", "PUT", body)[0] == 422
    assert send(studio, "/api/settings", "PUT", b"x" * 1_000_001)[0] == 413
    endless = {"transfer-encoding": "chunked"}
    assert send(studio, "/api/settings", "PUT", iter([b"{}"]), **endless)[0] == 411
    assert studio.ask(f"/api/frame/{huge}.jpg")[0] == 422
    assert studio.json("/api/state") == state


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_a_render_ends_with_the_last_page(begin):
    studio = begin()
    studio.json("/api/alive?page=a", "POST")
    studio.json("/api/render", "POST")
    pid = studio.process.pid
    children = Path(f"/proc/{pid}/task").glob("*/children")
    (render,) = [int(word) for path in children for word in path.read_text().split()]
    assert Path(f"/proc/{render}").exists()
    studio.json("/api/closed?page=a", "POST")
    assert studio.process.wait(timeout=60) == 0
    assert not Path(f"/proc/{render}").exists()
