"""The camera by COLMAP: tracks as matches, global mapping first, then incremental."""

import importlib.util
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from dynascene_cli.camera.estimation.estimate import (
    GATE_INLIERS,
    GATE_MEDIAN_PIXELS,
    Estimate,
    FeatureTracks,
)
from dynascene_cli.camera.estimation.keyframe_selection import select_keyframes
from dynascene_cli.camera.estimation.motion_hypotheses import PRIOR_FOCAL
from dynascene_cli.camera.estimation.registered_model import (
    estimate_from_model,
    observations_of_tracks,
)
from dynascene_cli.camera.estimation.solver import MOST_SLANTED
from dynascene_cli.camera.estimation.subprocess_runner import run_isolated
from dynascene_cli.camera.estimation.track_checks import find_usable_frames
from dynascene_cli.camera.formats.colmap import read_model
from dynascene_cli.errors import MissingError, StageError

PROGRAM = Path(__file__).with_name("colmap_process.py")
MAPPERS = ("global", "incremental")
NO_MODEL = 2


UNEXPLAINED_PIXELS = 2 * GATE_MEDIAN_PIXELS
"""Median distance of tracks beyond which their camera is wrong, not merely unsure."""


def may_improve(estimate: Estimate) -> bool:
    """Whether COLMAP may find a better camera than this one, which was solved from the tracks.

    It begins elsewhere, but with the same tracks: it helps where the solution went astray, not
    where the tracks do not tell which of two paths it was or are noisy, and it finds no camera
    that hardly moves.
    """
    astray = estimate.inliers < GATE_INLIERS or estimate.median_px > UNEXPLAINED_PIXELS
    travels = estimate.details.get("travelled", np.inf) >= MOST_SLANTED
    return estimate.confidence == "low" and astray and bool(travels)


def estimate_by_colmap(
    tracks: FeatureTracks,
    frame_rate: Fraction,
    *,
    size: tuple[int, int],
    focal: float | None = None,
    focal_source: Literal["given", "exif"] = "given",
    timeout_seconds: float = 1800.0,
) -> Estimate:
    """The camera that COLMAP makes of the tracks, as a path of ``size`` (width, height).

    COLMAP is given the keyframes of a long clip, and its model is adjusted to the tracks.
    ``focal`` in clip pixels is kept when known. ``timeout_seconds`` are for both mappers together.

    Raises:
        InputError: the clip is a single frame.
        MissingError: pycolmap is not installed.
        StageError: there are too few tracks, or COLMAP made no model, broke down, or ran out of
            time.
    """
    if importlib.util.find_spec("pycolmap") is None:
        raise MissingError("--method colmap needs pycolmap", "pip install 'dynascene-cli[colmap]'")
    chosen = np.isin(
        tracks.frame, select_keyframes(observations_of_tracks(tracks), find_usable_frames(tracks))
    )
    known = focal or PRIOR_FOCAL * max(size)
    deadline = time.monotonic() + timeout_seconds
    found: list[Estimate] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dynascene-") as name:
        folder = Path(name)
        np.savez(
            folder / "tracks.npz",
            track=tracks.track[chosen],
            frame=tracks.frame[chosen],
            pixels=tracks.pixels[chosen],
            size=np.array([tracks.width, tracks.height]),
            focal=known * tracks.width / size[0],
            focal_known=focal is not None,
        )
        for mapper in MAPPERS:
            outcome = run_isolated(
                [sys.executable, "-P", str(PROGRAM), str(folder), mapper],
                folder / f"{mapper}.log",
                timeout_seconds=deadline - time.monotonic(),
            )
            if outcome.code is None:
                failures.append(f"{mapper} mapping took more than {timeout_seconds:.0f} s")
                break
            if outcome.code == NO_MODEL:
                failures.append(f"{mapper} mapping made no model")
                continue
            if outcome.code != 0:
                failures.append(f"{mapper} mapping broke down ({outcome.last_words})")
                continue
            try:
                estimate = estimate_from_model(
                    read_model(folder / mapper),
                    tracks,
                    frame_rate,
                    size=size,
                    method="colmap",
                    focal=focal,
                    focal_source=focal_source,
                    details={"mapper": mapper},
                )
            except StageError as error:
                failures.append(f"{mapper} mapping: {error.message}")
                continue
            if estimate.confidence == "high":
                return estimate
            found.append(estimate)
    if not found:
        raise StageError(
            f"COLMAP found no camera: {'; '.join(failures)}",
            "the camera may only turn or hardly move: try --method tracks; "
            "or give --focal-mm, or a matte that covers all that moves",
        )
    return max(found, key=lambda estimate: (estimate.registered.sum(), estimate.inliers))
