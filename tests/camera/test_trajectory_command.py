"""``dynascene trajectory``, run as it is typed."""

import json

import numpy as np
import pytest

from dynascene_cli.camera import load_trajectory, preset_names
from dynascene_cli.storage.presets import presets_folder
from dynascene_cli.video import read_photo


def test_list_names_every_preset_and_what_it_does(dynascene):
    run = dynascene("trajectory", "list")
    assert (run.code, run.err) == (0, "")
    lines = run.out.splitlines()
    assert [line.split()[0] for line in lines] == preset_names()
    assert "dolly-in        The camera rolls forwards, towards the person." in lines


def test_list_as_json(dynascene):
    moves = dynascene("trajectory", "list", "--json").json["moves"]
    assert moves[-1] == {
        "name": "zoom-out",
        "description": "The lens shortens and shows more; the camera stands still.",
        "file": str(presets_folder() / "cameras" / "zoom-out.json"),
    }


def test_make_writes_a_preset_to_edit(dynascene, tmp_path):
    run = dynascene("trajectory", "make", "orbit-left", "-o", "mine.json")
    assert (run.code, run.out, run.err) == (0, "mine.json\n", "")
    assert load_trajectory("mine.json").keyframes == load_trajectory("orbit-left").keyframes
    schema = json.loads((tmp_path / "mine.json").read_text())["$schema"]
    assert schema == (presets_folder() / "cameras" / "trajectory.schema.json").resolve().as_uri()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.json"]


def test_make_scales_joins_and_seeds(dynascene):
    words = (
        "dolly-in",
        "pan-left+handheld",
        "--move-strength",
        0.5,
        "--seed",
        4,
        "-o",
        "mine.json",
    )
    run = dynascene("trajectory", "make", *words, "--json")
    assert run.json == {"output": "mine.json", "keyframes": 13, "units": "subject_distance"}
    move = load_trajectory("mine.json")
    assert move.keyframes[-1].position == (0, 0, 0.125)
    assert move.shake is not None
    assert (move.shake.deg, move.shake.seed) == (0.15, 4)
    assert dynascene("trajectory", "check", "mine.json").code == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("make", "doly-in", "-o", "a.json"),
            "error: doly-in: no such camera move\nhint: did you mean dolly-in?\n",
        ),
        (
            ("make", "dolly-in", "-o", "a.txt"),
            "error: a.txt: not a .json file\nhint: name the move FILE.json\n",
        ),
        (
            ("make", "dolly-in", "-o", "none/a.json"),
            "error: none/a.json: the folder none does not exist\nhint: make it: mkdir -p none\n",
        ),
        (
            ("make", "mine.json", "-o", "./mine.json"),
            "error: mine.json: is one of the inputs\nhint: write to another file\n",
        ),
        (
            ("plot", "dolly-in", "-o", "a.jpg"),
            "error: a.jpg: not a .png file\nhint: name the picture FILE.png\n",
        ),
        (
            ("plot", "dolly-in", "-o", "none/a.png"),
            "error: none/a.png: the folder none does not exist\nhint: make it: mkdir -p none\n",
        ),
        (
            ("check", "none.json"),
            "error: none.json: no such file\nhint: check the path\n",
        ),
        (
            ("check", "dolly-in", "--move-strength", "4"),
            "error: dolly-in: the camera comes within 1.17 m of the person at 3.12 s\n"
            "hint: keep 1.20 m away, or lower --move-strength\n",
        ),
        (
            ("check", "pedestal-down", "--move-strength", "8"),
            "error: pedestal-down: the camera comes within 0.14 m of the ground at 2.38 s\n"
            "hint: keep 0.16 m away, or lower --move-strength\n",
        ),
        (
            ("check", "dolly-in", "--subject-distance", "0"),
            "error: --subject-distance 0 with --camera-height 1.6\n"
            "hint: give metres, both above 0\n",
        ),
        (
            ("check", "dolly-in", "--move-strength", "-1"),
            "error: --move-strength -1 is not 0 or more\nhint: 1 is the move as written\n",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(dynascene, tmp_path, words, error):
    (tmp_path / "mine.json").write_text(
        '{"version": 1, "keyframes": [{"time": 0, "look_at": [0, 0, 1]}]}'
    )
    run = dynascene("trajectory", *words)
    assert (run.code, run.out, run.err) == (1, "", error)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


def test_an_error_under_json(dynascene):
    run = dynascene("trajectory", "check", "truck-lef", "--json")
    assert run.code == 1
    assert run.json == {
        "error": "truck-lef: no such camera move",
        "hint": "did you mean truck-left?",
        "exit_code": 1,
    }


def test_check_says_what_a_move_does(dynascene, tmp_path):
    run = dynascene("trajectory", "check", "orbit-left")
    assert (run.code, run.out) == (
        0,
        "OK: orbit-left: lasts as long as the clip; with the person 4 m away the camera goes "
        "0.70 m and turns 10.0°, its focal length × 1.00 to 1.00\n",
    )
    (tmp_path / "timed.json").write_text(
        '{"version": 1, "units": "metres", "time_unit": "seconds", "fps": 30, "keyframes": ['
        '{"time": 0, "position": [0, 0, 0], "look_at": [0, 0, 9], "focal_ratio": 1},'
        '{"time": 2.5, "position": [0.3, 0, 0.4], "look_at": [0.3, 0, 9], "focal_ratio": 1.5}]}'
    )
    assert dynascene("trajectory", "check", "timed.json", "--json").json == {
        "move": "timed.json",
        "ok": True,
        "seconds": 2.5,
        "travel": 0.5,
        "turn_deg": 0.0,
        "focal_ratio": [1.0, 1.5],
    }


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_passes_its_check(dynascene, name):
    assert dynascene("trajectory", "check", name).code == 0


def test_plot_draws_the_path_and_the_person(dynascene, tmp_path):
    run = dynascene("trajectory", "plot", "orbit-right+handheld", "-o", "move.png")
    assert (run.code, run.out, run.err) == (0, "move.png\n", "")
    picture = read_photo(tmp_path / "move.png").pixels
    assert picture.shape == (540, 1200, 3)
    person, camera = ((194, 65, 12), (31, 95, 168))
    for colour in (person, camera):
        for half in (picture[:, :600], picture[:, 600:]):
            assert (np.abs(half.astype(int) - colour).max(axis=2) < 8).sum() > 30
    assert [path.name for path in tmp_path.iterdir()] == ["move.png"]
