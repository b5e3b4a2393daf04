"""Tracks and estimates as files of a project."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.camera.estimation.estimate import Estimate, FeatureTracks
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.array_files import open_arrays

ARRAYS = ("residuals", "frame_residuals", "registered", "points")
PATH_ARRAYS = ("intrinsics", "extrinsics")


def write_tracks(path: Path, tracks: FeatureTracks) -> None:
    """Write tracks as an ``.npz``."""
    np.savez_compressed(path, allow_pickle=False, **vars(tracks))


def read_tracks(path: Path) -> FeatureTracks:
    """The tracks of write_tracks."""
    with open_arrays(path) as stored:
        values: dict[str, Any] = {name: stored[name] for name in stored.files}
    counts = ("frame_count", "width", "height")
    return FeatureTracks(**values | {name: int(values[name]) for name in counts})


def write_estimate(path: Path, estimate: Estimate) -> None:
    """Write an estimate as an ``.npz``: its arrays, and the rest as JSON among them."""
    camera = estimate.path
    arrays = {name: getattr(estimate, name) for name in ARRAYS}
    arrays |= {name: getattr(camera, name) for name in PATH_ARRAYS}
    rest = {
        name: value
        for name, value in vars(estimate).items()
        if name != "path" and name not in ARRAYS
    }
    about = {
        "size": [camera.width, camera.height],
        "frame_rate": str(camera.frame_rate),
        "unit": camera.unit,
        "estimate": rest,
    }
    text = json.dumps(about, default=float)
    np.savez_compressed(path, allow_pickle=False, about=np.array(text), **arrays)


def read_estimate(path: Path) -> Estimate:
    """The estimate of write_estimate."""
    with open_arrays(path) as stored:
        values: dict[str, Any] = {name: stored[name] for name in stored.files}
    about = json.loads(str(values["about"]))
    rest: dict[str, Any] = about["estimate"]
    width, height = about["size"]
    camera = CameraPath(
        intrinsics=values["intrinsics"],
        extrinsics=values["extrinsics"],
        width=width,
        height=height,
        frame_rate=Fraction(about["frame_rate"]),
        unit=about["unit"],
    )
    rest |= {name: tuple(rest[name]) for name in ("reasons", "warnings")}
    rest |= {name: values[name] for name in ARRAYS}
    return Estimate(path=camera, **rest)
