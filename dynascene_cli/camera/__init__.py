"""Camera moves: presets and trajectories, sampled into paths."""

from dynascene_cli.camera.composition import check_amount
from dynascene_cli.camera.conflicts import PathProblem, check_path, path_problems
from dynascene_cli.camera.keyframes import Trajectory
from dynascene_cli.camera.sampling import Reference, sample
from dynascene_cli.camera.stillness import BackgroundMotion, background_motion
from dynascene_cli.camera.trajectory import load_move, load_trajectory, preset_names

__all__ = [
    "BackgroundMotion",
    "PathProblem",
    "Reference",
    "Trajectory",
    "background_motion",
    "check_amount",
    "check_path",
    "load_move",
    "load_trajectory",
    "path_problems",
    "preset_names",
    "sample",
]
