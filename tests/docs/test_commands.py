"""Every command line of the documentation is one that the program takes, and the cheap ones run."""

import re
import shlex
import shutil
from typing import Any

import numpy as np
import pytest
import typer
from pages import pages

from dynascene_cli.app import app
from dynascene_cli.video import write_image

ROOT = typer.main.get_command(app)
SHELL = {">>", ">", "|", "||", "&&", ";"}

AS_DRY_RUN = {"render", "matte", "estimate-camera", "train"}
RUNNING = AS_DRY_RUN | {"trajectory", "info", "doctor"}
"""Commands that are run here; the others load, make or fetch what takes minutes."""

NEEDS_MORE = re.compile(
    r"CLIP|PHOTO|CAMERA|NAME|NETWORK|\bA B\b"  # words that stand for the reader's own
    r"|--renderer (dynascene|vace|sana-wm)|--click|--report|--smooth|plot"  # packages, weights
    r"|accelerate"
    r"|--base|--data|--check|--show-tasks"  # data sets
)


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
    while words and words != ["--help"] and hasattr(command, "commands"):
        context = command.make_context("dynascene", words[:1], parent=context)
        assert words[0] in command.commands, where
        command, words = command.commands[words[0]], words[1:]
    if not _is_mention(words):
        command.make_context("dynascene", words, parent=context)


def _is_mention(options: list[str]) -> bool:
    """Whether a command is only named, as in a sentence, or left open."""
    return options in ([], ["--help"]) or "…" in options


@pytest.fixture
def readers_folder(dynascene, tmp_path, drawn_clip, photo):
    """What the reader of the pages has, as small as it may be."""
    for name in ("person.mp4", "clip.mp4", "gym.mp4"):
        shutil.copy(drawn_clip[0], tmp_path / name)
    shutil.copy(photo, tmp_path / "beach.jpg")
    (tmp_path / "fixed").mkdir()
    write_image(tmp_path / "fixed" / "00003.png", np.zeros((96, 128), np.uint8))
    assert dynascene("trajectory", "make", "orbit-left", "-o", "mine.json").code == 0
    (tmp_path / "layers").mkdir()
    for name in ("tracked.usda", "tracked.chan", "camera.json", "layers/camera.json"):
        settings = ("--frames", 70, "--fps", 24, "--size", "128x96")
        assert dynascene("trajectory", "convert", "dolly-in", name, *settings).code == 0
    return dynascene


def test_the_cheap_ones_run(readers_folder) -> None:
    ran = 0
    for where, words in DOCUMENTED.items():
        length = 2 if hasattr(ROOT.commands.get(words[0]), "commands") else 1
        if words[0] not in RUNNING or NEEDS_MORE.search(where):
            continue
        if _is_mention(words[length:]) and words not in (["trajectory", "list"], ["doctor"]):
            continue
        dry = ["--dry-run"] if words[0] in AS_DRY_RUN else []
        run = readers_folder(*words, *dry)
        assert run.code == 0, (where, run.err)
        ran += 1
    assert ran > 40
