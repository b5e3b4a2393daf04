"""Baselines on shots that each of them makes exactly."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli import geometry as maths
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.evaluation.baselines import (
    fixed_depth,
    homography,
    mean_colour,
    projection,
    static_copy,
)
from dynascene_cli.evaluation.held_out_shots import make_shot, opposite, static
from dynascene_cli.evaluation.metrics import psnr, squared_error, ssim
from dynascene_cli.shot import CameraPath, Image

WIDTH, HEIGHT, FRAMES, FOCAL = 64, 36, 4, 56.0


def path_of(rotations: np.ndarray, centres: np.ndarray, focal: np.ndarray) -> CameraPath:
    intrinsics = np.zeros((FRAMES, 3, 3))
    intrinsics[:, [0, 1], [0, 1]] = np.broadcast_to(focal, FRAMES)[:, None]
    intrinsics[:, :, 2] = [WIDTH / 2, HEIGHT / 2, 1]
    poses = maths.pose_from_centre(rotations, centres)
    return CameraPath(intrinsics, poses, WIDTH, HEIGHT, Fraction(8), "scene_depth")


def panning(degrees: float) -> CameraPath:
    turns = np.stack([maths.rotation_about("y", degrees * frame) for frame in range(FRAMES)])
    return path_of(turns, np.zeros((FRAMES, 3)), np.array(FOCAL))


def trucking(step: float) -> CameraPath:
    centres = np.arange(FRAMES)[:, None] * np.array([step, 0, 0])
    return path_of(np.repeat(np.eye(3)[None], FRAMES, axis=0), centres, np.array(FOCAL))


def wave(x: np.ndarray, y: np.ndarray) -> Image:
    shades = [127.5 + 100 * np.sin(5 * x + k) * np.cos(4 * y) for k in range(3)]
    return np.round(np.stack(shades, axis=-1)).astype(np.uint8)


def grid() -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)


def seen_by(path: CameraPath, frame: int) -> Image:
    """Waves painted on the sphere at infinity."""
    lines = maths.rays(path.intrinsics[frame], np.stack(grid(), axis=-1))
    world = lines @ path.extrinsics[frame, :, :3]
    return wave(np.arctan2(world[..., 0], world[..., 2]), world[..., 1] / world[..., 2])


def test_a_static_camera_is_a_static_copy() -> None:
    path = static(panning(5))
    photo = seen_by(path, 0)
    assert (static_copy(photo, path) == np.stack([seen_by(path, i) for i in range(4)])).all()
    assert (homography(photo, path) == static_copy(photo, path)).all()
    assert (fixed_depth(photo, path, 1.0) == static_copy(photo, path)).all()


def test_a_turning_camera_is_a_homography() -> None:
    path = panning(3)
    truth = np.stack([seen_by(path, frame) for frame in range(FRAMES)])
    made = homography(truth[0], path)
    inside = np.zeros(truth.shape[:3], bool)
    inside[:, 3:-3, 3:48] = True
    assert psnr(squared_error(made, truth, inside)) > 40
    assert psnr(squared_error(static_copy(truth[0], path), truth, inside)) < 20
    flipped = homography(truth[0], opposite(path))
    assert psnr(squared_error(flipped, truth, inside)) < 20


def test_a_zoom_is_a_homography() -> None:
    turns = np.repeat(np.eye(3)[None], FRAMES, axis=0)
    path = path_of(turns, np.zeros((FRAMES, 3)), FOCAL * np.array([1, 1.1, 1.2, 1.3]))
    truth = np.stack([seen_by(path, frame) for frame in range(FRAMES)])
    made = homography(truth[0], path)
    assert psnr(squared_error(made, truth, np.ones(truth.shape[:3], bool))) > 36


def test_fixed_depth_shifts_by_the_parallax_of_that_depth() -> None:
    """At the principal point the distance along the sight line is the depth."""
    photo = seen_by(panning(0), 0)
    made = fixed_depth(photo, trucking(2 / FOCAL), 1.0)
    # The camera moves two pixels a frame to the right for what is one unit away.
    assert (np.abs(made[1, 18, 30:34].astype(int) - photo[18, 32:36]) <= 1).all()
    assert (np.abs(made[3, 18, 30:34].astype(int) - photo[18, 36:40]) <= 3).all()


def test_mean_colour_is_flat() -> None:
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    photo[:, : WIDTH // 2] = (200, 100, 50)
    made = mean_colour(photo, panning(1))
    assert made.shape == (FRAMES, HEIGHT, WIDTH, 3)
    assert (made == np.array([100, 50, 25])).all()


def test_opposite_undoes_the_move() -> None:
    path = synthetic_clip(3, SyntheticSettings(frames=4)).camera
    back = opposite(path)
    for frame in range(4):
        there_and_back = maths.compose(path.extrinsics[frame], back.extrinsics[frame])
        assert there_and_back == pytest.approx(np.eye(4)[:3], abs=1e-9)
    zoom = path.intrinsics[:, 0, 0] * back.intrinsics[:, 0, 0]
    assert zoom == pytest.approx(path.intrinsics[0, 0, 0] ** 2)
    again = opposite(back)
    assert again.extrinsics == pytest.approx(path.extrinsics)
    assert again.intrinsics == pytest.approx(path.intrinsics)


def test_projection_makes_whole_plates_that_begin_with_the_photo() -> None:
    clip = synthetic_clip(5, SyntheticSettings(frames=3, moves=("pan",), split="held-out"))
    made = projection(clip.scene, clip.camera)
    assert made.shape == clip.plates.shape
    where = np.ones(clip.alphas.shape, bool)
    assert ssim(made[:1], clip.plates[:1], where[:1]) > 0.9
    copy = static_copy(clip.scene, clip.camera)
    assert squared_error(made, clip.plates, where) < squared_error(copy, clip.plates, where)


def test_background_is_free_of_the_person_and_of_the_first_frame() -> None:
    clip = synthetic_clip(8, SyntheticSettings(frames=4, moves=("truck",), split="held-out"))
    shot = make_shot(clip, 4, "mean")
    assert not shot.background[0].any()
    assert (clip.alphas[shot.background] == 0).all()
    assert (clip.frames[shot.background] == clip.plates[shot.background]).all()
    assert (shot.seen <= shot.background).all()
    assert 0.3 < shot.seen.sum() / shot.background.sum() < 1
    assert shot.inputs.scene_camera.frame_count == 1
    hidden = (shot.inputs.scene != clip.scene).any(axis=-1)
    assert hidden[clip.alphas[0] > 128].mean() > 0.9


def test_everything_is_seen_where_the_camera_rests() -> None:
    clip = synthetic_clip(2, SyntheticSettings(frames=3, moves=("static",), split="held-out"))
    shot = make_shot(clip, 4, "none")
    assert (shot.seen == shot.background).all()
    assert (shot.inputs.scene == clip.scene).all()


def test_what_turns_into_view_is_not_seen_by_the_photo() -> None:
    clip = synthetic_clip(2, SyntheticSettings(frames=3, moves=("static",), person=0.0))
    path = panning(8)
    path = replace(path, intrinsics=path.intrinsics[:3], extrinsics=path.extrinsics[:3])
    everything_far = np.full(clip.depths.shape, np.inf, np.float32)
    turned = replace(clip, camera=path, depths=everything_far)
    seen = make_shot(turned, 4, "none").seen
    # The camera turns right by 16°: what is new at the right is 16 pixels wide or more.
    assert seen[2, 18, :40].all()
    assert not seen[2, 18, 50:].any()
