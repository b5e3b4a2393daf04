"""Camera paths for tests of camera files: drawn by hypothesis, and one to know by heart."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from dynascene_cli.geometry import (
    pose_from_centre,
    project,
    quaternion_to_rotation,
    rotation_about,
)
from dynascene_cli.shot import CameraPath

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(60000, 1001), Fraction(15, 2)]


def number(least: float, most: float):
    return st.floats(least, most, allow_nan=False, allow_subnormal=False)


@st.composite
def camera_paths(draw, *, any_lens: bool = True, frames: int = 4) -> CameraPath:
    """Whatever a camera may do; without ``any_lens`` of square pixels and no shift."""
    count = draw(st.integers(1, frames))
    width, height = draw(st.tuples(st.integers(16, 8192), st.integers(16, 8192)))
    part = st.tuples(*[number(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)
    quaternions = np.array(draw(st.lists(part, min_size=count, max_size=count)))
    centres = draw(st.lists(st.tuples(*[number(-1e3, 1e3)] * 3), min_size=count, max_size=count))
    K = np.zeros((count, 3, 3))
    K[:, 2, 2] = 1
    for index in range(count):
        focal = draw(number(0.2, 20)) * width
        K[index, 0, 0] = focal
        K[index, 1, 1] = focal * (draw(number(0.5, 2)) if any_lens else 1)
        K[index, 0, 2] = width * (draw(number(-0.5, 1.5)) if any_lens else 0.5)
        K[index, 1, 2] = height * (draw(number(-0.5, 1.5)) if any_lens else 0.5)
    return CameraPath(
        intrinsics=K,
        extrinsics=pose_from_centre(quaternion_to_rotation(quaternions), np.array(centres)),
        width=width,
        height=height,
        frame_rate=draw(st.sampled_from(RATES)),
        unit=draw(st.sampled_from(["metres", "scene_depth", "subject_distance"])),
    )


def known_camera(*, any_lens: bool = True) -> CameraPath:
    """Three frames of 640 × 480: at rest, moved, and moved and panned 30° to the right."""
    K = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    if any_lens:
        K = np.array([[500.0, 0, 330], [0, 510, 200], [0, 0, 1]])
    turns = np.stack([np.eye(3), np.eye(3), rotation_about("y", 30)])
    centres = np.array([[0.0, 0, 0], [1, -0.5, 2], [1, -0.5, 2]])
    lenses = np.stack([K, K, K])
    lenses[2, [0, 1], [0, 1]] *= 1.2
    return CameraPath(
        lenses, pose_from_centre(turns, centres), 640, 480, Fraction(24000, 1001), "metres"
    )


POINTS = np.array([[0.3, 0.2, 6.0], [-1.0, 1.5, 9.0], [2.0, -1.0, 7.0]])
"""Points before every frame of known_camera."""


def pixels(camera: CameraPath) -> np.ndarray:
    """Where known_camera's pictures show POINTS, (F, 3, 2)."""
    return project(camera.intrinsics[:, None], camera.extrinsics[:, None], POINTS)


def assert_same(read: CameraPath, written: CameraPath, *, unit: bool = True) -> None:
    """Every field within 1e-6, the lens relative to the picture."""
    assert (read.width, read.height) == (written.width, written.height)
    assert read.frame_rate == written.frame_rate
    assert not unit or read.unit == written.unit
    size = max(written.width, written.height)
    np.testing.assert_allclose(read.intrinsics / size, written.intrinsics / size, atol=1e-6)
    np.testing.assert_allclose(read.extrinsics, written.extrinsics, rtol=0, atol=1e-6)
