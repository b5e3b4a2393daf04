"""Camera moves: presets and trajectories, sampled into paths."""

from dynascene_cli.camera.estimation.stationary_camera import (
    BackgroundMotion,
    measure_background_motion,
)
from dynascene_cli.camera.moves.combine import check_amount
from dynascene_cli.camera.moves.files import (
    load_move,
    load_trajectory,
    names_a_file,
    preset_names,
    trim_move,
)
from dynascene_cli.camera.moves.keyframes import Trajectory
from dynascene_cli.camera.moves.sample import Reference, sample

__all__ = [
    "BackgroundMotion",
    "Reference",
    "Trajectory",
    "check_amount",
    "load_move",
    "load_trajectory",
    "measure_background_motion",
    "names_a_file",
    "preset_names",
    "sample",
    "trim_move",
]
