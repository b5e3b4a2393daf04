"""Choices are repeated in ``commands/``, so that --help imports nothing heavy: each as it is."""

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from dynascene_cli.app import app
from dynascene_cli.camera.estimation.estimate import Method
from dynascene_cli.dataset.synthetic.places import PLACES
from dynascene_cli.diffusion.optimisations import Precision
from dynascene_cli.diffusion.sampling_settings import Sampler
from dynascene_cli.diffusion.vace_settings import Repaint
from dynascene_cli.evaluation.clips.metric_names import FAMILIES
from dynascene_cli.evaluation.clips.pictures import Protocol
from dynascene_cli.matting.base import Quality
from dynascene_cli.matting.portrait_networks import FILES
from dynascene_cli.matting.registry import PROMPTED
from dynascene_cli.pipeline import request
from dynascene_cli.shot import Anchor, Relight
from dynascene_cli.training.settings import Stage
from dynascene_cli.video import ExrCompression

RENDERERS = get_args(get_type_hints(request.RenderRequest)["renderer"])

SOURCES: dict[str, tuple[Any, ...]] = {
    "--renderer": RENDERERS,
    "doctor --renderer": ("vace", "sana-wm"),
    "--guide": ("projection",),
    "--sampler": get_args(Sampler),
    "--precision": get_args(Precision),
    "--repaint": get_args(Repaint),
    "--method": ("auto", *get_args(Method)),
    "--matting-quality": get_args(Quality),
    "--props": ("auto", "none"),
    "--person-anchor": get_args(Anchor),
    "--relight": get_args(Relight),
    "--shadow": get_args(request.Shadow),
    "--layers-format": get_args(request.LayersFormat),
    "--exr-compression": get_args(ExrCompression),
    "--compare-as": get_args(request.ComparisonKind),
    "--protocol": get_args(Protocol),
    "stage": get_args(Stage),
}
"""What the parts of the program that read an option's value take."""


WORDS = {
    "--metrics": [family.name for family in FAMILIES],
    "--places": PLACES,
    "--matting-model": ["auto", "bundled", "rvm", *FILES, *PROMPTED],
}
"""Values that are named in an option's help."""


def _parameters() -> Iterator[tuple[str, str, Any]]:
    """The command, the name and the parameter of each that is there."""

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield name, command
        for word, below in getattr(command, "commands", {}).items():
            yield from walk(below, f"{name} {word}".strip())

    for name, command in walk(typer.main.get_command(app), ""):
        for parameter in command.params:
            yield name, max(parameter.opts, key=len), parameter


def _values(hint: Any) -> tuple[str, ...]:
    """The values of a Literal, alone or with None; none of another type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((get_args(each) for each in get_args(hint) if get_origin(each) is Literal), ())


CHOICES = {
    f"{command} {option}": (option, _values(parameter.type_descriptor.annotation))
    for command, option, parameter in _parameters()
    if _values(getattr(parameter.type_descriptor, "annotation", None))
}


@pytest.mark.parametrize("where", CHOICES)
def test_every_choice_is_one_that_is_taken(where: str) -> None:
    option, choices = CHOICES[where]
    assert set(choices) == set(SOURCES.get(where) or SOURCES[option])


def test_every_source_has_its_choice() -> None:
    assert set(SOURCES) == {where if where in SOURCES else CHOICES[where][0] for where in CHOICES}


@pytest.mark.parametrize(
    ("command", "option", "parameter"),
    [found for found in _parameters() if found[1] in WORDS and "as in" not in found[2].help],
)
def test_help_names_every_value(command: str, option: str, parameter: Any) -> None:
    named = re.findall(r"[a-z][a-z0-9-]*", parameter.help)
    assert [word for word in WORDS[option] if word not in named] == [], command


def test_a_request_takes_what_its_renderers_take() -> None:
    hints = get_type_hints(request.SamplingRequest)
    assert _values(hints["sampler"]) == get_args(Sampler)
    assert _values(hints["repaint"]) == get_args(Repaint)
    assert get_args(request.Method) == ("auto", *get_args(Method))
    assert _values(get_type_hints(request.MatteRequest)["matting_quality"]) == get_args(Quality)
