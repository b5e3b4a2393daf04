"""What a shell is told to complete, asked as bash asks; and that it is quick."""

import os
import subprocess
import sys

import pytest


def completed(*words, python=()):
    text = " ".join(("dynascene", *words))
    environment = {
        **os.environ,
        "_DYNASCENE_COMPLETE": "complete_bash",
        "COMP_WORDS": text,
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, *python, "-m", "dynascene_cli"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("render", "a.mp4", "--camera", "dolly-z"), ["dolly-zoom-in", "dolly-zoom-out"]),
        (("render", "a.mp4", "--camera", "auto+orbit"), ["auto+orbit-left", "auto+orbit-right"]),
        (("matte", "a.mp4", "--matting-model", "sa"), ["sam2", "sam3"]),
        (("models", "pull", "vace-1"), ["vace-1.3b", "vace-14b"]),
        (("models", "verify", "modn"), ["modnet"]),
        (("train", "all", "--config", "mini-a"), ["mini-anneal"]),
        (("trajectory", "check", "pede"), ["pedestal-down", "pedestal-up"]),
        # None of them: the shell completes files.
        (("render", "a.mp4", "--camera", "./mine"), []),
        (("render", "per"), []),
    ],
)
def test_names_are_completed(words, expected):
    assert completed(*words).stdout.split() == expected


def test_nothing_heavy_is_imported_for_it():
    words = ("render", "a.mp4", "--camera", "dolly")
    told = completed(*words, python=("-X", "importtime")).stderr
    modules = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert "dynascene_cli.commands.completion" in modules
    assert not modules & {"numpy", "cv2", "numba", "av", "scipy", "torch", "jsonschema"}
