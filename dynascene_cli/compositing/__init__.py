"""Foreground over plate: colour, light, shadow, grain."""

from dynascene_cli.compositing.composite import Composite, CompositeSettings, Compositor
from dynascene_cli.compositing.foreground import foreground_colours
from dynascene_cli.compositing.look import Look, LookSample, measure_look

__all__ = [
    "Composite",
    "CompositeSettings",
    "Compositor",
    "Look",
    "LookSample",
    "foreground_colours",
    "measure_look",
]
