"""The renderer's loops, compiled by drawing a tiny scene: ``python -m`` this module does it."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from dynascene_cli.projection import rasteriser
from dynascene_cli.projection.renderer import ProjectionRenderer, draw_reliefs, new_canvas
from dynascene_cli.shot import CameraPath, Layer, Margins, Scene, SceneGeometry

SIDE = 48
"""Pixels of the tiny scene."""


def is_compiled() -> bool:
    """Whether the largest loop was compiled and kept since its source was last written."""
    written = Path(rasteriser.__file__).stat().st_mtime
    return any(file.stat().st_mtime >= written for file in _kept_files())


def _kept_files() -> Iterator[Path]:
    """Where numba keeps the largest loop for this version of Python."""
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    return Path(rasteriser.find_sources.stats.cache_path).glob(f"*.find_sources-*.py{version}.nbi")


def compile_loops() -> None:
    """Draw a scene with a cut layer, and one without, so that numba keeps what it compiles."""
    geometry = SceneGeometry(
        width=SIDE,
        height=SIDE,
        focal=float(SIDE),
        horizon=SIDE / 2,
        roll_deg=0.0,
        camera_height=1.5,
        sky_confidence=0.0,
        ground_share=0.5,
        interior=False,
    )
    photo = np.full((SIDE, SIDE, 3), 128, np.uint8)
    depth = np.full((SIDE, SIDE), 9, np.float32)
    near = depth.copy()
    near[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = 3
    intrinsics = np.array([[SIDE, 0, SIDE / 2], [0, SIDE, SIDE / 2], [0, 0, 1]], float)
    # Nothing is cut for a camera that stands still.
    poses = np.stack([np.eye(3, 4), np.eye(3, 4)])
    poses[1, 0, 3] = 0.1
    path = CameraPath(np.stack([intrinsics] * 2), poses, SIDE, SIDE, Fraction(24), "metres")
    for layers in ((Layer(photo, near, cut=1.25), Layer(photo, depth)), (Layer(photo, depth),)):
        scene = Scene(photo, geometry, Margins(), layers, 9.0)
        renderer = ProjectionRenderer(scene, path)
        canvas = new_canvas(renderer.reliefs, SIDE, SIDE)
        draw_reliefs(renderer.reliefs, path.intrinsics[1], path.extrinsics[1], canvas)
        renderer.frame(0)
    # A source that was written anew as it was, by another checkout, finds its loops compiled.
    for file in _kept_files():
        file.touch()


if __name__ == "__main__":
    compile_loops()
