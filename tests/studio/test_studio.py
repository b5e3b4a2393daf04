"""The studio's server, asked as its page asks: settings, frames, moves, the render, strangers."""

import json
import shlex
import signal
import socket
import time

import cv2
import numpy as np
import pytest
from studio_process import Studio

from dynascene_cli.camera.moves.files import load_trajectory
from dynascene_cli.video import open_clip, read_frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory, drawn_clip, photo):
    path = tmp_path_factory.mktemp("studio")
    (path / "anna.mp4").write_bytes(drawn_clip[0].read_bytes())
    (path / "beach.jpg").write_bytes(photo.read_bytes())
    (path / "alphas").symlink_to(drawn_clip[1])
    return path


WORDS = ("anna.mp4", "--scene", "beach.jpg", "--matte", "alphas", "--end", "0.25")


@pytest.fixture(scope="module")
def studio(folder):
    pytest.importorskip("starlette", reason="needs the extra [studio]")
    started = Studio(folder, *WORDS)
    yield started
    started.end()


def picture(studio, index, kind="frame"):
    status, content = studio.ask(f"/api/{kind}/{index}.jpg")
    assert status == 200, content
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)


def change(studio, **settings):
    state = studio.json("/api/state")
    body = {"settings": {**state["settings"], **settings}, "version": state["version"]}
    return studio.json("/api/settings", "PUT", body)


def test_the_page_needs_nothing_from_elsewhere(studio):
    for path in (f"/?token={studio.token}", "/studio.js", "/studio.css"):
        status, content = studio.ask(path)
        assert status == 200
        assert b"http://" not in content
        assert b"https://" not in content


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"x_studio_token": ""}),
        ("/api/state", {"x_studio_token": "wrong"}),
        ("/api/state?token=", {"x_studio_token": ""}),
        ("/api/state", {"Origin": "http://evil.example"}),
        ("/api/state", {"Origin": "null"}),
        ("/api/state", {"Host": "evil.example"}),
        ("/studio.js", {"Host": "evil.example:80"}),
    ],
)
def test_strangers_are_refused(studio, path, headers):
    assert studio.ask(path, **headers)[0] == 403


def test_only_this_machine_is_listened_to(studio):
    port = int(studio.address.rpartition(":")[2])
    with socket.socket() as other:
        # The port is free at every other address of this machine.
        other.bind(("127.0.0.2", port))


def test_the_person_goes_where_they_are_put(studio):
    shot = change(studio, camera="static", position=[0.3, 0.9])["shot"]
    np.testing.assert_allclose(shot["feet_in_picture"][0], [0.3, 0.9], atol=1e-3)
    left = picture(studio, 0)
    shot = change(studio, position=[0.7, 0.9])["shot"]
    right = picture(studio, 0)
    difference = np.abs(left.astype(int) - right).max(axis=2) > 40
    columns = np.flatnonzero(difference.any(axis=0)) / difference.shape[1]
    assert columns.min() == pytest.approx(0.3, abs=0.1)
    assert columns.max() == pytest.approx(0.7, abs=0.1)


def test_what_is_wrong_is_told_and_changes_nothing(studio):
    before = studio.json("/api/state")
    for settings in (
        {"camera": "doly-in"},
        {"position": [0.5]},
        {"position": [0.5, float("inf")]},
        {"horizon": "high"},
        {"camera_height": -1},
        {"shadow": "long"},
        {"unknown": 1},
        {"camera": "/no/such/file.json"},
    ):
        body = {"settings": {**before["settings"], **settings}, "version": before["version"]}
        status, content = studio.ask("/api/settings", "PUT", body)
        assert status == 422, settings
        assert set(json.loads(content)) == {"error", "hint"}
    for body in ([], 3, {"version": before["version"]}):
        assert studio.ask("/api/settings", "PUT", body)[0] == 422
    for path in ("/api/frame/99.jpg", "/api/matte/99.jpg"):
        assert studio.ask(path)[0] == 422
    assert studio.json("/api/state") == before


def test_two_pages_do_not_overwrite_each_other(studio):
    read = studio.json("/api/state")
    change(studio, person_height=1.8)
    body = {"settings": {**read["settings"], "person_height": 1.5}, "version": read["version"]}
    assert studio.ask("/api/settings", "PUT", body)[0] == 409
    assert studio.json("/api/state")["settings"]["person_height"] == 1.8
    assert studio.json("/api/alive?page=a", "POST")["version"] == read["version"] + 1


def test_keyframes_are_edited_into_a_file_that_render_takes(studio, folder):
    change(studio, camera="orbit-left", move_strength=0.5)
    state, move = studio.json("/api/state"), studio.json("/api/move")
    x = move["keyframes"][-1]["position"][0]
    assert x < 0
    move["keyframes"][-1]["position"][0] = x / 2
    answer = studio.json("/api/move", "PUT", {"move": move, "version": state["version"]})
    assert answer["settings"]["camera"] == "anna-studio-move.json"
    written = load_trajectory(folder / "anna-studio-move.json")
    assert written.keyframes[-1].position[0] == pytest.approx(x / 2)

    kept = (folder / "anna-studio-move.json").read_bytes()
    move["keyframes"][-1]["position"] = [0, 50, 0]
    for wrong in (move, {**move, "keyframes": []}, [], None):
        body = {"move": wrong, "version": answer["version"]}
        assert studio.ask("/api/move", "PUT", body)[0] == 422
        assert (folder / "anna-studio-move.json").read_bytes() == kept


def test_the_preview_is_what_is_rendered(studio, folder, dynascene, monkeypatch):
    state = change(studio, camera="dolly-in", position=[0.5, 0.9], move_strength=0.5, sun=[90, 40])
    preview = picture(studio, 5)
    assert studio.json("/api/render", "POST")["running"] is True
    assert studio.ask("/api/render", "POST")[0] == 422
    until = time.monotonic() + 600
    while (told := studio.json("/api/render"))["running"] and time.monotonic() < until:
        time.sleep(0.3)
    assert told["answer"].get("output") == "anna-beach-studio.mp4", told
    rendered = (folder / "anna-beach-studio.mp4").read_bytes()
    frames = list(read_frames(open_clip(folder / "anna-beach-studio.mp4")))
    assert len(frames) == 6
    assert preview.shape == frames[5].shape
    assert np.abs(preview.astype(int) - frames[5]).mean() < 5

    monkeypatch.chdir(folder)
    program, *words = shlex.split(state["command"])
    assert program == "dynascene"
    (folder / "anna-beach-studio.mp4").unlink()
    assert dynascene(*words).code == 0
    assert (folder / "anna-beach-studio.mp4").read_bytes() == rendered


def test_it_ends_with_its_last_page(folder):
    pytest.importorskip("starlette", reason="needs the extra [studio]")
    studio = Studio(folder, *WORDS, "--project", "other.dynascene")
    for page in ("a", "b"):
        studio.json(f"/api/alive?page={page}", "POST")
    studio.json("/api/closed?page=a", "POST")
    time.sleep(0.6)
    assert studio.process.poll() is None
    # A page that is closed can send no header.
    assert (
        studio.ask(f"/api/closed?page=b&token={studio.token}", "POST", x_studio_token="")[0] == 200
    )
    assert studio.process.wait(timeout=20) == 0


def test_an_interruption_ends_it_like_any_command(folder):
    pytest.importorskip("starlette", reason="needs the extra [studio]")
    studio = Studio(folder, *WORDS, "--project", "third.dynascene")
    studio.json("/api/state")
    studio.process.send_signal(signal.SIGINT)
    _, messages = studio.process.communicate(timeout=30)
    assert (studio.process.returncode, "Traceback" in messages) == (130, False)


def test_a_port_that_is_taken_is_told(dynascene, folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        words = (folder / "anna.mp4", "--scene", folder / "beach.jpg", "--end", "0.25")
        words += ("--matte", folder / "alphas", "--no-open", "--port", port)
        run = dynascene("studio", *words)
    assert run.code == 1
    assert f"port {port} is taken" in run.err


def test_what_it_lacks_is_told(dynascene, folder, monkeypatch):
    monkeypatch.setattr("dynascene_cli.commands.studio.PACKAGES", ("starlette", "no_such_package"))
    run = dynascene("studio", folder / "anna.mp4", "--scene", folder / "beach.jpg", "--no-open")
    assert run.code == 3
    assert "pip install 'dynascene-cli[studio]'" in run.err


def test_wrong_inputs_are_told_before_a_page_is_served(dynascene, folder):
    run = dynascene("studio", folder / "none.mp4", "--scene", folder / "beach.jpg", "--no-open")
    assert (run.code, run.out) == (1, "")
    run = dynascene("studio", folder / "anna.mp4", "--scene", folder / "none.jpg", "--no-open")
    assert (run.code, run.out) == (1, "")
