"""Foreground over plate: colour, light, shadow, grain."""

from dynascene_cli.compositing.composite import Composite, CompositeSettings, Compositor
from dynascene_cli.compositing.foreground import foreground_colours
from dynascene_cli.compositing.look import ClipMoment, Look, LookSample, clip_moment, measure_look

__all__ = [
    "ClipMoment",
    "Composite",
    "CompositeSettings",
    "Compositor",
    "Look",
    "LookSample",
    "clip_moment",
    "foreground_colours",
    "measure_look",
]
