"""Camera moves: presets and trajectories, sampled into paths."""

from dynascene_cli.camera.composition import check_amount
from dynascene_cli.camera.keyframes import Trajectory
from dynascene_cli.camera.sampling import Reference, sample
from dynascene_cli.camera.stillness import BackgroundMotion, background_motion
from dynascene_cli.camera.trajectory import (
    load_move,
    load_trajectory,
    names_a_file,
    preset_names,
    trimmed_move,
)

__all__ = [
    "BackgroundMotion",
    "Reference",
    "Trajectory",
    "background_motion",
    "check_amount",
    "load_move",
    "load_trajectory",
    "names_a_file",
    "preset_names",
    "sample",
    "trimmed_move",
]
