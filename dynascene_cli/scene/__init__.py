"""The photo as a place: labels, horizon, sky, ground, relief, outpainting, depth."""

from dynascene_cli.scene.depth_network import network_depth
from dynascene_cli.scene.geometry_guess import (
    GeometryGuess,
    HorizonCandidate,
    frame_focal_35mm,
    guess_geometry,
)
from dynascene_cli.scene.guess_file import read_guess_file, write_guess_file
from dynascene_cli.scene.labels import SceneLabels, scene_labels
from dynascene_cli.scene.outpainting import build_scene
from dynascene_cli.scene.relief import relief_depth
from dynascene_cli.scene.scene_file import read_scene_edits, write_scene_json

__all__ = [
    "GeometryGuess",
    "HorizonCandidate",
    "SceneLabels",
    "build_scene",
    "frame_focal_35mm",
    "guess_geometry",
    "network_depth",
    "read_guess_file",
    "read_scene_edits",
    "relief_depth",
    "scene_labels",
    "write_guess_file",
    "write_scene_json",
]
