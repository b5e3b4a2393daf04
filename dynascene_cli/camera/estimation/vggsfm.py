"""The camera by VGGSfM (Wang et al. 2024), installed apart and run by its own interpreter.

Frames and masks go there as pictures, and a COLMAP model comes back. VGGSfM's licence is
CC-BY-NC-4.0 and it is on no package index: docs/vggsfm.md.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.camera.estimation.background_masks import background_masks
from dynascene_cli.camera.estimation.estimate import ClipFacts, Estimate, FeatureTracks
from dynascene_cli.camera.estimation.registered_model import estimate_from_model, frame_name
from dynascene_cli.camera.estimation.subprocess_runner import run_isolated
from dynascene_cli.camera.formats.colmap import ColmapModel, read_model
from dynascene_cli.errors import InputError, MissingError, StageError
from dynascene_cli.shot import Image
from dynascene_cli.video import write_image

PYTHON_VARIABLE = "DYNASCENE_VGGSFM_PYTHON"
FOLDER_VARIABLE = "DYNASCENE_VGGSFM_FOLDER"
PROGRAM = "video_demo.py"
LONGEST_SIDE = 1024
"""Pixels that VGGSfM resizes pictures to itself; larger ones only fill its memory."""

MODEL_FILES = ("cameras.bin", "images.bin", "points3D.bin")


@dataclass(frozen=True)
class Installation:
    """Where VGGSfM is: the Python that has its packages, and the folder of its repository."""

    python: Path
    folder: Path


def installation() -> Installation:
    """The VGGSfM that the environment variables name.

    Raises:
        MissingError: they are not set.
        InputError: what they name is not there.
    """
    python, folder = os.environ.get(PYTHON_VARIABLE), os.environ.get(FOLDER_VARIABLE)
    if not python or not folder:
        raise MissingError(
            "--method vggsfm needs VGGSfM, which is installed apart: it is on no package index, "
            "and its licence (CC-BY-NC-4.0) forbids commercial use",
            "git clone https://github.com/facebookresearch/vggsfm and install it as it says, then "
            f"set {PYTHON_VARIABLE} to its Python and {FOLDER_VARIABLE} to its folder",
        )
    if not Path(python).is_file():
        raise InputError(f"{PYTHON_VARIABLE}={python}: no such file", "name VGGSfM's Python")
    if not (Path(folder) / PROGRAM).is_file():
        raise InputError(
            f"{FOLDER_VARIABLE}={folder}: no {PROGRAM} in it",
            "name the folder of the VGGSfM repository",
        )
    return Installation(Path(python).absolute(), Path(folder).resolve())


def estimate_by_vggsfm(
    frames: Iterable[Image],
    alphas: Iterable[Image],
    tracks: FeatureTracks,
    clip: ClipFacts,
    timeout_seconds: float = 7200.0,
) -> Estimate:
    """The camera that VGGSfM finds of a clip, judged by ``tracks``.

    ``frames`` (RGB) and ``alphas`` (255 = person) are streamed to a temporary folder. VGGSfM takes
    no focal length: one that is known replaces its own afterwards.

    Raises:
        MissingError: VGGSfM is not set up.
        InputError: it is set up wrongly.
        StageError: it failed, ran out of time, or left no model.
    """
    program = installation()
    with tempfile.TemporaryDirectory(prefix="dynascene-vggsfm-") as name:
        scene = Path(name).resolve()
        if "/images" in scene.as_posix():
            raise InputError(
                f"{scene}: VGGSfM loses its masks below a folder whose name begins with 'images'",
                "set TMPDIR to another folder",
            )
        write_scene(scene, frames, alphas, clip.size)
        model = _solve(program, scene, timeout_seconds)
    return estimate_from_model(model, tracks, clip, "vggsfm")


def _solve(program: Installation, scene: Path, timeout_seconds: float) -> ColmapModel:
    quoted = str(scene).replace("\\", "\\\\").replace("'", "\\'")
    outcome = run_isolated(
        [
            str(program.python),
            PROGRAM,
            f"SCENE_DIR='{quoted}'",
            "shared_camera=True",
            "camera_type=SIMPLE_PINHOLE",
        ],
        scene / "vggsfm.log",
        timeout_seconds=timeout_seconds,
        folder=program.folder,
    )
    if outcome.code is None:
        raise StageError(
            f"VGGSfM took more than {timeout_seconds:.0f} s",
            "use a shorter clip (--start, --end), or --method tracks",
        )
    if outcome.code != 0:
        raise StageError(
            f"VGGSfM failed ({outcome.last_words or f'exit code {outcome.code}'})",
            f"try its own example in {program.folder}, or --method tracks",
        )
    missing = [file for file in MODEL_FILES if not (scene / "sparse" / file).is_file()]
    if missing:
        raise StageError(
            f"VGGSfM ended without sparse/{missing[0]}", "try --method tracks or colmap"
        )
    try:
        return read_model(scene / "sparse")
    except InputError as error:
        raise StageError(
            f"VGGSfM's model is broken ({error.message})", "try --method tracks or colmap"
        ) from error


def write_scene(
    folder: Path, frames: Iterable[Image], alphas: Iterable[Image], size: tuple[int, int]
) -> None:
    """Write ``images/`` and ``masks/`` of the same names; masks are 255 where the person is near.

    Pictures have an even size, since VGGSfM puts the principal point at half of it, rounded down.
    """
    scale = min(1.0, LONGEST_SIDE / max(size))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    background = background_masks(alphas, width, height)
    for index, (frame, kept) in enumerate(zip(frames, background, strict=True)):
        picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        write_image(folder / "images" / frame_name(index), picture.astype(np.uint8))
        write_image(folder / "masks" / frame_name(index), (255 - kept).astype(np.uint8))
