"""The studio's server, asked as its page asks: settings, frames, moves, the render, strangers."""

import json
import shlex
import signal
import socket
import sys
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
    for path in (f"/?token={studio.token}", "/studio.js", "/keyframes.js", "/studio.css"):
        status, content = studio.ask(path)
        assert status == 200
        assert b"http://" not in content
        assert b"https://" not in content


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"x_page_token": ""}),
        ("/api/state", {"x_page_token": "wrong"}),
        ("/api/state?token=", {"x_page_token": ""}),
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


STROKE = {"points": [[0.1, 0.5], [0.3, 0.5]], "radius": 0.05, "adds": True}


def fix(studio, path, method="POST", **body):
    return studio.json(path, method, {"version": studio.json("/api/state")["version"], **body})


def test_strokes_become_the_fixes_that_render_reads(studio, folder):
    drawn = cv2.imread(str(folder / "alphas/00003.png"), cv2.IMREAD_GRAYSCALE)
    made = folder / "anna-studio-fixes/matte.00004.png"
    state = fix(studio, "/api/fixes/3", stroke=STROKE)
    assert state["matte"]["fixed"] == [3]
    assert "--matte-fixes=anna-studio-fixes" in state["command"]
    fixed = cv2.imread(str(made), cv2.IMREAD_UNCHANGED)
    rows, columns = np.mgrid[:96, :128] + 0.5
    across = np.clip(columns, 0.1 * 128, 0.3 * 128) - columns
    away = np.hypot(across, rows - 48)
    assert (fixed[away < 5] == 255).all()
    np.testing.assert_array_equal(fixed[away > 10], drawn[away > 10])

    # Another stroke goes over the first, and takes half of it away again.
    fix(studio, "/api/fixes/3", stroke={**STROKE, "points": [[0.1, 0.5]], "adds": False})
    again = cv2.imread(str(made), cv2.IMREAD_UNCHANGED)
    assert again[48, 13] == 0
    assert again[48, 37] == 255
    shown = picture(studio, 3, "alpha")
    assert np.abs(shown[..., 0].astype(int) - again).mean() < 3

    undone = fix(studio, "/api/fixes/undo")
    np.testing.assert_array_equal(cv2.imread(str(made), cv2.IMREAD_UNCHANGED), fixed)
    assert undone["matte"]["can_undo"] is True
    # The shot itself shows what was painted, after its settings' plan was made.
    assert picture(studio, 3).shape == (96, 128, 3)

    assert fix(studio, "/api/fixes/3", "DELETE")["matte"]["fixed"] == []
    assert fix(studio, "/api/fixes/undo")["matte"]["fixed"] == [3]
    assert fix(studio, "/api/fixes/undo")["matte"] == {
        **state["matte"],
        "fixed": [],
        "can_undo": False,
    }
    assert not made.parent.exists()


def test_bad_strokes_and_stale_ones_leave_the_fixes_alone(studio, folder):
    version = studio.json("/api/state")["version"]
    for wrong in (
        None,
        {},
        [],
        {**STROKE, "points": []},
        {**STROKE, "points": [[0.1]]},
        {**STROKE, "points": [[0.1, float("nan")]]},
        {**STROKE, "points": [[0.1, True]]},
        {**STROKE, "points": [[0, 0]] * 5001},
        {**STROKE, "radius": 0},
        {**STROKE, "radius": "1"},
        {**STROKE, "adds": 1},
        {**STROKE, "path": "/etc/passwd"},
    ):
        status, content = studio.ask("/api/fixes/0", "POST", {"version": version, "stroke": wrong})
        assert (status, set(json.loads(content))) == (422, {"error", "hint"}), wrong
    body = {"version": version, "stroke": STROKE}
    assert studio.ask("/api/fixes/99", "POST", body)[0] == 422
    assert studio.ask("/api/fixes/0", "DELETE", {"version": version})[0] == 422
    assert studio.ask("/api/fixes/undo", "POST", {"version": version})[0] == 422
    assert studio.ask("/api/fixes/0", "POST", {**body, "version": version - 1})[0] == 409
    assert studio.ask("/api/fixes/0", "POST", body, x_page_token="")[0] == 403
    assert not (folder / "anna-studio-fixes").exists()
    assert studio.json("/api/state")["version"] == version


def test_points_need_a_network_that_takes_them(studio):
    state = studio.json("/api/state")
    assert state["matte"]["why_no_clicks"] == "the matte was given (--matte)"
    click = {"time": 0, "x": 0.5, "y": 0.5, "adds": True}
    for clicks in ([click], [{**click, "x": 2}], [{"time": 0}], [3], "x", [click] * 40):
        body = {"settings": {**state["settings"], "clicks": clicks}, "version": state["version"]}
        assert studio.ask("/api/settings", "PUT", body)[0] == 422, clicks
    assert studio.json("/api/state") == state


def test_given_fixes_are_copied_before_they_are_painted_in(folder, dynascene):
    given = folder / "given"
    given.mkdir()
    cv2.imwrite(str(given / "2.png"), np.full((96, 128), 255, np.uint8))
    before = (given / "2.png").read_bytes()
    studio = Studio(folder, *WORDS, "--matte-fixes", "given", "--project", "fourth.dynascene")
    state = studio.json("/api/state")
    assert state["matte"]["fixed"] == [1]
    assert "--matte-fixes=given" in state["command"]
    state = fix(studio, "/api/fixes/1", stroke={**STROKE, "adds": False})
    assert "--matte-fixes=anna-studio-fixes" in state["command"]
    studio.end()
    own = folder / "anna-studio-fixes"
    assert {each.name for each in own.iterdir()} == {"matte.00002.png", "studio.json"}
    alpha = cv2.imread(str(own / "matte.00002.png"), cv2.IMREAD_UNCHANGED)
    assert alpha[48, 20] == 0
    assert alpha[10, 10] == 255
    assert (given / "2.png").read_bytes() == before

    words = [folder / "anna.mp4", "--scene", folder / "beach.jpg", "--matte", folder / "alphas"]
    for more, told in (
        (("--end", 0.2), "holds no fixes of these frames"),
        (("--end", 0.25, "--matte-fixes", given), "holds fixes beside those of"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            run = dynascene("studio", *words, *more, "--no-open")
        assert run.code == 1
        assert told in run.err
    # What was painted earlier is taken up again.
    studio = Studio(folder, *WORDS, "--project", "fourth.dynascene")
    assert studio.json("/api/state")["matte"]["fixed"] == [1]
    fix(studio, "/api/fixes/1", "DELETE")
    studio.end()
    assert not own.exists()


def test_keyframes_are_edited_into_a_file_that_render_takes(studio, folder):
    change(studio, camera="orbit-left", move_strength=0.5)
    state, move = studio.json("/api/state"), studio.json("/api/move")
    x = move["keyframes"][-1]["position"][0]
    assert x < 0
    move["keyframes"][-1]["position"][0] = x / 2
    answer = studio.json("/api/move", "PUT", {"move": move, "version": state["version"]})
    assert answer["settings"]["camera"] == "anna-beach-studio-move.json"
    written = load_trajectory(folder / "anna-beach-studio-move.json")
    assert written.keyframes[-1].position[0] == pytest.approx(x / 2)

    kept = (folder / "anna-beach-studio-move.json").read_bytes()
    move["keyframes"][-1]["position"] = [0, 50, 0]
    for wrong in (move, {**move, "keyframes": []}, [], None):
        body = {"move": wrong, "version": answer["version"]}
        assert studio.ask("/api/move", "PUT", body)[0] == 422
        assert (folder / "anna-beach-studio-move.json").read_bytes() == kept


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
    studio = Studio(folder, *WORDS, "--project", "other.dynascene")
    for page in ("a", "b"):
        studio.json(f"/api/alive?page={page}", "POST")
    studio.json("/api/closed?page=a", "POST")
    time.sleep(0.6)
    assert studio.process.poll() is None
    # A page that is closed can send no header.
    assert studio.ask(f"/api/closed?page=b&token={studio.token}", "POST", x_page_token="")[0] == 200
    assert studio.process.wait(timeout=20) == 0


def test_an_interruption_ends_it_like_any_command(folder):
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
    assert f"port {port} cannot be used" in run.err


def test_wrong_inputs_are_told_before_a_page_is_served(dynascene, folder):
    run = dynascene("studio", folder / "none.mp4", "--scene", folder / "beach.jpg", "--no-open")
    assert (run.code, run.out) == (1, "")
    run = dynascene("studio", folder / "anna.mp4", "--scene", folder / "none.jpg", "--no-open")
    assert (run.code, run.out) == (1, "")


def test_what_it_lacks_is_told(dynascene, folder, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dynascene_cli.studio")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "dynascene_cli.reports.page_server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    run = dynascene("studio", folder / "anna.mp4", "--scene", folder / "beach.jpg", "--no-open")
    assert run.code == 3
    assert "pip install 'dynascene-cli[studio]'" in run.err
