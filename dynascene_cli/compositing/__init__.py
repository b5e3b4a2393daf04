"""Foreground over plate: colour, light, shadow, grain."""

from dynascene_cli.compositing.beyond_edges import WideFrame, complete_beyond_edges
from dynascene_cli.compositing.cast_shadow import CastShadow, ground_map, shadow_map
from dynascene_cli.compositing.composite import Composite, CompositeSettings, Compositor
from dynascene_cli.compositing.foreground import estimate_foreground
from dynascene_cli.compositing.look import ClipMoment, Look, LookSample, clip_moment, measure_look

__all__ = [
    "CastShadow",
    "ClipMoment",
    "Composite",
    "CompositeSettings",
    "Compositor",
    "Look",
    "LookSample",
    "WideFrame",
    "clip_moment",
    "complete_beyond_edges",
    "estimate_foreground",
    "ground_map",
    "measure_look",
    "shadow_map",
]
