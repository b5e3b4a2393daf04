"""The settings file and the environment: what wins over what, and what is told of mistakes."""

import json

import pytest

from dynascene_cli.video import open_clip


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Writes the settings file that the environment names."""
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("DYNASCENE_SETTINGS", str(path))

    def write(text: str) -> None:
        path.write_text(text, encoding="utf-8-sig")

    write("")
    return write


def shown(dynascene, *command):
    run = dynascene("settings", "show", *command, "--json")
    assert run.code == 0, run.err
    return {row["option"]: (row["value"], row["source"]) for row in run.json["options"]}


def test_the_command_line_wins_over_the_environment_over_the_file(
    dynascene, settings, monkeypatch, tmp_path
):
    settings("[trajectory.make]\nmove-strength = 0.25\n[trajectory.list]\njson = true\n")

    def strength(*words):
        run = dynascene("trajectory", "make", "dolly-in", "-o", "a.json", *words)
        assert run.code == 0, run.err
        return json.loads((tmp_path / "a.json").read_text())["keyframes"][-1]["position"][2]

    assert strength() == pytest.approx(0.25 * 0.25)
    monkeypatch.setenv("DYNASCENE_TRAJECTORY_MAKE_MOVE_STRENGTH", "0.5")
    assert strength() == pytest.approx(0.5 * 0.25)
    assert strength("--move-strength", "1") == pytest.approx(0.25)
    assert shown(dynascene, "trajectory", "make")["--move-strength"] == (0.5, "environment")
    assert "moves" in dynascene("trajectory", "list").json


def test_a_render_takes_them(dynascene, settings, drawn_clip, photo):
    settings("[render]\ncamera = 'static'\nend = 0.1\noutput = 'by-settings.mp4'\ndraft = true\n")
    run = dynascene("render", drawn_clip[0], "--scene", photo, "--matte", drawn_clip[1])
    assert run.code == 0, run.err
    clip = open_clip("by-settings.mp4")
    assert (clip.width, clip.height) == (64, 48)
    values = shown(dynascene, "render")
    assert values["--camera"] == ("static", "settings file")
    assert values["--draft"] == (True, "settings file")
    assert values["--position"] == (None, "default")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[render]\nmovestrength = 1", "[render] has no movestrength"),
        ("[render]\nmove-strength = 'much'", "[render] move-strength: "),
        ("[render]\nrelight = 'sun'", "[render] relight: "),
        ("render = 3", "render is no table"),
        ("[render", "is not settings"),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_place(dynascene, settings, text, told):
    settings(text)
    run = dynascene("render", "none.mp4", "--scene", "none.jpg")
    assert run.code == 1
    assert told in run.err
    assert "settings.toml" in run.err


def test_mistakes_for_other_commands_stop_none(dynascene, settings):
    settings("[rendr]\nx = 1\n[render]\nx = 1\n")
    assert dynascene("trajectory", "list").code == 0


def test_a_table_of_no_command_is_shown(dynascene, settings):
    settings("[rendr]\nseed = 1\n[info]\njson = true\n")
    run = dynascene("settings", "show", "render")
    assert run.code == 0
    (line,) = [line for line in run.err.splitlines() if "is no command" in line]
    assert line.endswith("settings.toml: [rendr] is no command: did you mean render?")


def test_a_named_file_that_is_not_there_is_told(dynascene, monkeypatch, tmp_path):
    monkeypatch.setenv("DYNASCENE_SETTINGS", str(tmp_path / "none.toml"))
    run = dynascene("trajectory", "list")
    assert run.code == 1
    assert "DYNASCENE_SETTINGS" in run.err


def test_variables_are_named_like_the_options(dynascene, settings, monkeypatch):
    monkeypatch.setenv("DYNASCENE_BATCH_JOBS", "3")
    monkeypatch.setenv("DYNASCENE_INFO_JSON", "1")
    assert shown(dynascene, "batch")["--jobs"] == (3, "environment")
    assert shown(dynascene, "info")["--json"] == (True, "environment")
    for words in (("render",), ("trajectory", "plot"), ("models", "list")):
        run = dynascene(*words, "--help")
        assert (run.code, "env var" in run.out) == (0, False)


@pytest.mark.parametrize("words", [("rendr",), ("trajectory",), ("trajectory", "no")])
def test_only_a_command_has_settings(dynascene, settings, words):
    assert dynascene("settings", "show", *words).code == 1
