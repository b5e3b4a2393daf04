"""The camera by COLMAP: tracks as matches, global mapping first, then incremental."""

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dynascene_cli.camera.estimation.estimate import (
    GATE_INLIERS,
    GATE_MEDIAN_PIXELS,
    ClipFacts,
    Estimate,
    FeatureTracks,
    Integers,
)
from dynascene_cli.camera.estimation.keyframe_selection import select_keyframes
from dynascene_cli.camera.estimation.motion_hypotheses import PRIOR_FOCAL
from dynascene_cli.camera.estimation.registered_model import estimate_from_model
from dynascene_cli.camera.estimation.solver import MOST_SLANTED, observations_of_tracks
from dynascene_cli.camera.estimation.subprocess_runner import Outcome, run_isolated
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
    tracks: FeatureTracks, clip: ClipFacts, timeout_seconds: float = 1800.0
) -> Estimate:
    """The camera that COLMAP makes of the tracks of a clip.

    COLMAP is given the keyframes of a long clip, and its model is adjusted to the tracks. A focal
    length is kept when known. ``timeout_seconds`` are for both mappers together.

    Raises:
        InputError: the clip is a single frame.
        MissingError: pycolmap is not installed.
        StageError: there are too few tracks, or COLMAP made no model, broke down, or ran out of
            time.
    """
    if importlib.util.find_spec("pycolmap") is None:
        raise MissingError("--method colmap needs pycolmap", "pip install 'dynascene-cli[colmap]'")
    keyframes = select_keyframes(observations_of_tracks(tracks), find_usable_frames(tracks))
    deadline = time.monotonic() + timeout_seconds
    found: list[Estimate] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dynascene-") as name:
        folder = Path(name)
        _write_tracks(folder / "tracks.npz", tracks, keyframes, clip)
        for mapper in MAPPERS:
            outcome = run_isolated(
                [sys.executable, "-P", str(PROGRAM), str(folder), mapper],
                folder / f"{mapper}.log",
                timeout_seconds=deadline - time.monotonic(),
            )
            if outcome.code is None:
                failures.append(f"{mapper} mapping took more than {timeout_seconds:.0f} s")
                break
            try:
                estimate = _read_estimate(folder / mapper, outcome, tracks, clip)
            except StageError as error:
                failures.append(error.message)
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


def _write_tracks(path: Path, tracks: FeatureTracks, frames: Integers, clip: ClipFacts) -> None:
    """What COLMAP's process reads: the tracks of some frames, and the camera to start from."""
    chosen = np.isin(tracks.frame, frames)
    focal = clip.focal or PRIOR_FOCAL * max(clip.size)
    np.savez(
        path,
        track=tracks.track[chosen],
        frame=tracks.frame[chosen],
        pixels=tracks.pixels[chosen],
        size=np.array([tracks.width, tracks.height]),
        focal=focal * tracks.width / clip.size[0],
        focal_known=clip.focal is not None,
    )


def _read_estimate(
    model: Path, outcome: Outcome, tracks: FeatureTracks, clip: ClipFacts
) -> Estimate:
    """The camera of the model that a mapper of the folder's name left.

    Raises:
        StageError: it left none, or one that says nothing of the clip.
    """
    mapper = model.name
    if outcome.code == NO_MODEL:
        raise StageError(f"{mapper} mapping made no model")
    if outcome.code != 0:
        raise StageError(f"{mapper} mapping broke down ({outcome.last_words})")
    try:
        return estimate_from_model(read_model(model), tracks, clip, "colmap", {"mapper": mapper})
    except StageError as error:
        raise StageError(f"{mapper} mapping: {error.message}", error.hint) from error
