import subprocess
import sys

import pytest

from dynascene_cli import __version__
from dynascene_cli.app import ENTRIES

HEAVY = ("numpy", "cv2", "av", "numba", "onnxruntime", "matplotlib", "rembg", "moviepy", "scipy")


def test_version(dynascene):
    run = dynascene("--version")
    assert (run.code, run.out) == (0, f"dynascene {__version__}\n")


def test_help_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from dynascene_cli.app import main\n"
        "main(['render', '--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "--scene" in run.stdout
    assert run.stderr == "[]\n"


def test_the_list_of_commands_imports_none_of_them():
    program = (
        "import sys\n"
        "from dynascene_cli.app import main\n"
        "main(['--help'])\n"
        "print('dynascene_cli.commands.info' in sys.modules, file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stderr == "False\n"
    assert all(f"\n  {name} " in run.stdout for name in ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_command_of_the_list_has_help_with_an_example(dynascene, name):
    page = dynascene(name, "--help")
    assert page.code == 0
    assert f"Usage: dynascene {name} " in page.out
    assert ENTRIES[name].example.split(" --")[0] in page.out


def test_a_misspelt_option_exits_2(dynascene):
    run = dynascene("render", "clip.mp4", "--scen", "photo.jpg")
    assert run.code == 2
    assert "--scen" in run.err


@pytest.mark.parametrize("words", [("--matter", "magic"), ("--matter=magic",)])
def test_a_renamed_option_is_still_taken(dynascene, drawn_clip, words):
    run = dynascene("matte", drawn_clip[0], *words)
    assert run.code == 1
    assert "magic" in run.err
    assert "--matter" not in dynascene("matte", "--help").out


def test_the_options_of_render_are_listed_by_topic_and_an_example_closes_the_page(dynascene):
    page = dynascene("render", "--help").out
    titles = [
        line[:-1] for line in page.splitlines() if line and line[0] != " " and line[-1] == ":"
    ]
    assert titles == [
        *("Arguments", "Input", "Camera", "Person", "Place", "Look", "Output", "Run"),
        *("Sampling with a network", "Options"),
    ]
    look = page[page.index("\nLook:") : page.index("\nOutput:")]
    assert "--relight" in look and "--sun" in look and "--no-shadow" not in page
    assert page.split("\n\n")[-1].strip().startswith("Example: dynascene render ")


def test_a_usage_error_under_json_is_json(dynascene):
    run = dynascene("render", "clip.mp4", "--json")
    assert run.code == 2
    assert run.json["exit_code"] == 2
    assert "--scene" in run.json["error"]


@pytest.mark.parametrize("words", [(), ("trajectory",), ("project",)])
def test_without_arguments_the_help_is_shown(dynascene, words):
    run = dynascene(*words)
    assert run.code == 2
    assert "Usage: dynascene" in run.out
    assert run.err == ""


def test_doctor_says_what_this_machine_can_do(dynascene):
    run = dynascene("doctor", "--json")
    assert run.code == 0, run.err
    assert all(run.json["encoders"].values())
    assert run.json["renderers"]["projection"] is True
    assert "tests-tiny" in run.json["checkpoints"]


def test_project_show_and_clean(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    dynascene(
        *("render", clip, "--scene", photo, "--camera", "static", "--matte", alphas),
        *("--end", "0.1", "--report"),
    )
    folder = tmp_path / "drawn.dynascene"
    rows = dynascene("project", "show", folder, "--json").json["results"]
    assert {row["stage"] for row in rows} == {"matte", "camera", "scene", "plate"}
    assert all(row["whole"] for row in rows)
    assert sum(row["latest"] for row in rows) == 4
    page = (folder / "report" / "index.html").stat().st_size
    freed = dynascene("project", "clean", folder, "--stage", "report", "--json").json["freed_bytes"]
    assert freed == page
    assert dynascene("project", "clean", folder, "--json").json["freed_bytes"] > 0
    assert dynascene("project", "show", folder, "--json").json["results"] == []
    assert (folder / "scene" / "scene.json").is_file()
    assert not (folder / "report").exists()


def test_a_folder_that_is_no_project_is_told(dynascene, tmp_path):
    run = dynascene("project", "clean", tmp_path)
    assert run.code == 1
    assert "not a project folder" in run.err


def test_former_spellings_of_options_work_and_are_not_shown(dynascene, tmp_path, drawn_clip, photo):
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--matte", alphas, "--camera", "dolly-in")
    words += ("--end", "0.2", "--json", "--layers")
    now = ("--move-strength", "0.5", "--position", "0.4,0.9", "--person-anchor", "ground")
    formerly = ("--amount=0.5", "--place", "0.4,0.9", "--subject", "anchored")
    assert dynascene(*words, "now", *now).code == 0
    assert dynascene(*words, "formerly", *formerly).code == 0
    paths = [(tmp_path / name / "camera.json").read_bytes() for name in ("now", "formerly")]
    assert paths[0] == paths[1]
    shown = dynascene("render", "--help").out
    assert "--person-anchor" in shown
    assert not any(word in shown for word in ("--amount", "--place", "--subject", "anchored"))
    moved = dynascene("trajectory", "make", "dolly-in", "--amount", "2", "-o", "twice.json")
    assert moved.code == 0, moved.err


def test_a_wrong_choice_is_told_by_its_present_name(dynascene):
    run = dynascene("render", "clip.mp4", "--scene", "a.jpg", "--subject", "floating")
    assert run.code == 2
    assert "--person-anchor" in run.err and "screen" in run.err
