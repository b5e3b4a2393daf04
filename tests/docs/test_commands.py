"""Every command line of the documentation is one that the program takes, and the cheap ones run."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from pages import pages

from dynascene_cli.app import app
from dynascene_cli.storage.project import Project
from dynascene_cli.video import write_image

ROOT = typer.main.get_command(app)
SHELL = {">>", ">", "|", "||", "&&", ";"}

AS_DRY_RUN = {"render", "matte", "estimate-camera", "train", "batch"}

SMALLER = {
    "dataset synth": ["--count", "1", "--frames", "2", "--size", "64x36"],
    "evaluate held-out": ["--shots", "1", "--steps", "1", "--frames", "2"],
    "evaluate conflicts": ["--shots", "1", "--steps", "1", "--frames", "2"],
    "evaluate checkpoint": ["--steps", "1", "--frames", "2", "--metrics", "psnr"],
    "evaluate clips": ["--metrics", "psnr"],
}
"""Options that make a command cheap; of two values of an option the last counts."""

PARSED_ALONE = {
    "stands for the reader's own": r"CLIP|PHOTO|NAME|NETWORK|CHECKPOINT|JOBS|FOLDER|\bA B\b|…"
    r"|DIR|camera CAMERA|mine/",
    "fetches what is published": r"models pull",
    "takes a file that is published elsewhere": r"models add|--inpainting|--click",
    "serves a page until it is stopped": r"studio|dataset review",
    "needs Ray, or other machines": r"--ray",
    "goes on from a run of many hours": r"--base paper|--export|weaned/checkpoint",
    "takes minutes": r"evaluate ablation|dataset build|^(?:\S+|demo --help): dynascene demo",
    "needs a data set that was built from films": r"clips/train\.jsonl|dataset stats",
}
"""Why some commands are read and not run; the others all are."""

RUN_BARE = (
    *(["trajectory", "list"], ["doctor"], ["models", "list"], ["models", "verify"]),
    ["models", "assemble"],
)

NEEDS_WEIGHTS = re.compile(
    r"models assemble|encode-prompt|paper-stage|render .*--renderer (vace|sana-wm)"
)
"""Commands that end with a way to their weights where there are none."""


def _words(line: str) -> list[str]:
    """The words of a command line, without comments and what the shell does around it."""
    words = shlex.split(line.strip().removeprefix("$ "), comments=True)
    end = next((i for i, word in enumerate(words) if word in SHELL), len(words))
    return ["person.mp4" if word == "$clip" else word for word in words[:end]]


def _documented() -> dict[str, list[str]]:
    """The commands of all pages and help pages, by where they stand, without ``dynascene``."""
    found = {}
    for page in pages():
        lines = [line for _, text in page.blocks for line in text.replace("\\\n", " ").splitlines()]
        for line in [*lines, *page.inline]:
            _, program, rest = line.partition("-m dynascene_cli ")
            if not program and line.strip().removeprefix("$ ").startswith("dynascene "):
                rest = line.strip().removeprefix("$ ").removeprefix("dynascene ")
            if rest:
                found[f"{page.name}: {line.strip()}"] = _words(rest)
    for name, command in _commands(ROOT, ()):
        if command.epilog:
            example = command.epilog.removeprefix("Example: ")
            found[f"{' '.join(name)} --help: {example}"] = _words(example)[1:]
    return found


def _commands(command: Any, name: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        return [(name, command)]
    inner = command.commands.items()
    return [found for word, below in inner for found in _commands(below, (*name, word))]


DOCUMENTED = _documented()


@pytest.mark.parametrize("where", DOCUMENTED)
def test_the_program_takes_every_documented_command(where: str) -> None:
    command, words, context = ROOT, DOCUMENTED[where], None
    while not _is_mention(words) and hasattr(command, "commands"):
        context = command.make_context("dynascene", words[:1], parent=context)
        assert words[0] in command.commands, where
        command, words = command.commands[words[0]], words[1:]
    if not _is_mention(words):
        command.make_context("dynascene", words, parent=context)


def _is_mention(options: list[str]) -> bool:
    """Whether a command is only named, as in a sentence, left open, or changes the shell."""
    return options in ([], ["--help"], ["--install-completion"]) or "…" in options


@pytest.fixture
def readers_folder(dynascene, tmp_path, drawn_clip, photo, monkeypatch):
    """What the reader of the pages has, as small as it may be."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("footage", "fixed", "layers", "made", "real", "other", "mattes"):
        (tmp_path / name).mkdir()
    for name in ("person.mp4", "clip.mp4", "gym.mp4", "footage/a.mp4"):
        shutil.copy(drawn_clip[0], tmp_path / name)
    for name in ("beach.jpg", "footage/beach.jpg"):
        shutil.copy(photo, tmp_path / name)
    write_image(tmp_path / "fixed" / "00003.png", np.zeros((96, 128), np.uint8))
    (tmp_path / "jobs.csv").write_text("clip,scene,camera\nperson.mp4,beach.jpg,static\n")
    (tmp_path / "jobs.toml").write_text('[[jobs]]\nclip = "person.mp4"\nscene = "beach.jpg"\n')
    made = [
        ("trajectory", "make", "orbit-left", "-o", "mine.json"),
        *(
            (
                "trajectory",
                "convert",
                "dolly-in",
                name,
                "--frames",
                70,
                "--fps",
                24,
                "--size",
                "128x96",
            )
            for name in ("tracked.usda", "tracked.chan", "camera.json", "layers/camera.json")
        ),
        *(
            ("dataset", "synth", name, "--count", 2, "--size", "64x36", "--frames", 24)
            for name in ("shots", "held", "clips")
        ),
    ]
    for words in made:
        run = dynascene(*words)
        assert run.code == 0, (words, run.err)
    project = Project(tmp_path / "person.dynascene")
    with project.locked():
        folder = project.stage_folder("plate", "0")
        project.cached(folder / "a.txt", lambda path: path.write_text("a"), Path.read_text)
        project.mark_done("plate", "0", {})
    shot = tmp_path / "held/clips/00000000"
    for name in ("made", "real", "other"):
        shutil.copy(shot / "clip.mkv", tmp_path / name / "a.mkv")
    shutil.copy(shot / "matte.mkv", tmp_path / "mattes/a.mkv")
    for name in ("train", "test"):
        shutil.copy(tmp_path / "clips/manifest.jsonl", tmp_path / "clips" / f"{name}.jsonl")
    words = ("evaluate", "clips", "--pred", "made", "--truth", "real", "-o", "ours.json")
    assert dynascene(*words, "--metrics", "psnr").code == 0
    return dynascene


def test_what_can_be_run_runs(readers_folder) -> None:
    ran, done = 0, set()
    for where, words in DOCUMENTED.items():
        length = 2 if hasattr(ROOT.commands.get(words[0]), "commands") else 1
        if _is_mention(words[length:]) and words not in RUN_BARE:
            continue
        if any(re.search(pattern, where) for pattern in PARSED_ALONE.values()):
            continue
        ran += 1
        if tuple(words) in done:
            continue
        done.add(tuple(words))
        run = readers_folder(*_cheapened(words, " ".join(words[:length]), ran))
        if NEEDS_WEIGHTS.search(where):
            assert (run.code, "hint: dynascene models" in run.err) == (3, True), (where, run.err)
        else:
            assert run.code == 0, (where, run.err)
    assert ran > 110


def _cheapened(words: list[str], command: str, number: int) -> list[str]:
    """The words of a command, dry where it can be, and small where it cannot."""
    words = list(words)
    if command == "dataset synth":
        words[2] += f"-{number}"
    shared = words.index("--") if "--" in words else len(words)
    added = SMALLER.get(command, [])
    if words[0] in AS_DRY_RUN and not {"--check", "--show-tasks"} & set(words):
        added = ["--dry-run"]
    return [*words[:shared], *added, *words[shared:]]
