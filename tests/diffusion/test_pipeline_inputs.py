from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_shots import PLATE_SIZE, drawn_scene, turning_path

from dynascene_cli import geometry as maths
from dynascene_cli.diffusion.frame_interpolation import interpolate_frame, plane_homography
from dynascene_cli.diffusion.image_processor import clip_pixels, to_rgb_image, to_signed_tensor
from dynascene_cli.diffusion.person_input import DILATION, foreground_frame, generate_mask
from dynascene_cli.diffusion.shot_cameras import shot_views

IDENTITY = np.eye(2, 3)


def person(size=(64, 96)):
    """A frame of noise, and the alpha of a box whose edges are 24..56 across and 16..64 down."""
    frame = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    alpha = np.zeros(size[::-1], np.uint8)
    alpha[16:64, 24:56] = 255
    return frame, alpha


def test_the_person_lies_on_grey():
    frame, alpha = person()
    shown = foreground_frame(frame, alpha, IDENTITY, (64, 96), 8).picture
    assert np.array_equal(shown[alpha == 255], frame[alpha == 255])
    assert (shown[alpha == 0] == 128).all()


def test_the_mask_is_one_where_the_background_is_to_be_generated():
    frame, alpha = person()
    mask = foreground_frame(frame, alpha, IDENTITY, (64, 96), 8).generate_mask
    wanted = np.ones((12, 8), np.float32)
    wanted[2:8, 3:7] = 0
    assert mask.dtype == np.float32
    assert np.array_equal(mask, wanted)


def test_the_person_is_carried_by_the_similarity():
    frame, alpha = person()
    similarity = np.array([[0.5, 0.0, 16.0], [0.0, 0.5, 8.0]])
    carried = foreground_frame(frame, alpha, similarity, (80, 64), 8)
    wanted = np.ones((8, 10), np.float32)
    wanted[2:5, 4:5] = 0
    # 28..44 across, 16..40 down: half of the cells at 24 and 40 is less than half without its rim.
    assert np.array_equal(carried.generate_mask, wanted)
    own = carried.picture[18:38, 30:42].astype(float)
    halved = cv2.resize(frame, (32, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(own - halved[10:30, 14:26]).max() <= 1


def test_no_background_of_the_clip_is_shown():
    frame, alpha = person()
    shown = foreground_frame(frame, alpha, np.array([[0.7, 0, 3.3], [0, 0.7, 2.1]]), (64, 72), 8)
    frame[alpha == 0] = 255 - frame[alpha == 0]
    again = foreground_frame(frame, alpha, np.array([[0.7, 0, 3.3], [0, 0.7, 2.1]]), (64, 72), 8)
    assert np.array_equal(shown.picture, again.picture)


def test_the_mask_reaches_under_the_outline_but_not_in_from_the_border():
    coverage = np.zeros((32, 32), np.float32)
    coverage[:, 12 - DILATION :] = 1
    assert np.array_equal(generate_mask(coverage, 8)[0], [1, 0, 0, 0])
    coverage[:, : 13 - DILATION] = 0
    assert np.array_equal(generate_mask(coverage, 8)[0], [1, 1, 0, 0])
    assert (generate_mask(np.ones((16, 16), np.float32), 8) == 0).all()


def test_pictures_come_back_from_tensors():
    image = np.random.default_rng(1).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    assert np.array_equal(to_rgb_image(to_signed_tensor(image)[0]), image)


def test_clip_sees_the_middle_square():
    image = np.zeros((30, 60, 3), np.uint8)
    image[:, 15:45] = (255, 0, 128)
    pixels = clip_pixels(image, 28)
    assert pixels.shape == (1, 3, 28, 28)
    middle = [(1 - 0.48145466) / 0.26862954, -0.4578275 / 0.26130258]
    assert pixels[0, :2, 14, 14].tolist() == pytest.approx(middle, abs=1e-5)
    assert (pixels[0, 0, :, 2:-2] > 1).all()


def test_cameras_are_relative_to_the_first_frame_in_median_depths():
    path, scene = turning_path(5, 24, 3.0), drawn_scene()
    frames = np.array([0, 2, 4])
    views, scene_view = shot_views(path, scene, frames, (128, 80))
    assert views.frames == 3
    assert np.allclose(views.extrinsics[0, 0], np.eye(3, 4), atol=1e-6)
    points = np.array([[0.3, -0.2, 3.0], [-0.5, 0.4, 6.0]])
    in_first = maths.transform(path.extrinsics[0], points) / scene.median_depth
    for index, frame in enumerate(frames):
        on_plate = maths.project(path.intrinsics[frame], path.extrinsics[frame], points)
        sampled = maths.project(views.intrinsics[0, index], views.extrinsics[0, index], in_first)
        assert np.allclose(sampled, on_plate * [128 / 160, 80 / 96], atol=1e-3)
    on_photo = maths.project(scene.geometry.intrinsics, scene.geometry.extrinsics, points)
    sampled = maths.project(scene_view.intrinsics[0, 0], scene_view.extrinsics[0, 0], in_first)
    # The photo keeps its aspect: as high as the picture, and cut off at its sides.
    assert np.allclose(sampled, on_photo * 80 / 96 - [(160 * 80 / 96 - 128) / 2, 0], atol=1e-3)


@given(st.floats(-0.9, 0.9), st.floats(-0.5, 0.5), st.integers(0, 3), st.integers(0, 3))
def test_the_homography_carries_what_lies_on_its_plane(x, y, origin, target):
    path = turning_path(4, 60, 2.0)
    depth = 4.0
    in_camera = np.array([x, y, 1.0]) * depth
    point = maths.transform(maths.inverse(path.extrinsics[origin]), in_camera)
    from_pixel = maths.project(path.intrinsics[origin], path.extrinsics[origin], point)
    to_pixel = maths.project(path.intrinsics[target], path.extrinsics[target], point)
    moved = plane_homography(path, origin, target, depth) @ [*from_pixel, 1.0]
    assert np.allclose(moved[:2] / moved[2], to_pixel, atol=1e-6)


def panorama(path, frame):
    """A smooth place far away, as a camera of the path sees it."""
    width, height = PLATE_SIZE
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = maths.rays(path.intrinsics[frame], np.stack([x, y], axis=-1))
    world = rays @ path.extrinsics[frame, :, :3]
    angle = np.arctan2(world[..., 0], world[..., 2])
    rise = world[..., 1] / np.linalg.norm(world, axis=-1)
    waves = [np.sin(30 * angle), np.cos(25 * rise + 9 * angle), np.sin(20 * (angle + rise))]
    return np.round(127.5 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


def test_frames_between_follow_a_turning_camera():
    path = turning_path(3, 60, 1.5)
    path.extrinsics[:, :, 3] = 0
    before, middle, after = (panorama(path, frame) for frame in range(3))
    made = interpolate_frame(before, after, path, (0, 1, 2), depth=4.0)
    error = np.abs(made.astype(float) - middle)
    mixed = np.abs((before.astype(float) + after) / 2 - middle)
    assert error.mean() < 1.0
    assert mixed.mean() > 9
    # The outermost columns are seen by one of the two alone.
    assert error[:, [0, -1]].max() < 12


def test_frames_between_follow_what_is_nearer_than_the_plane():
    path = turning_path(3, 60, 0.0)
    path.extrinsics[:, 0, 3] = [0.0, -0.02, -0.04]
    rng = np.random.default_rng(4)
    wall = cv2.resize(rng.integers(0, 256, (24, 44, 3), dtype=np.uint8), (176, 96))
    # At 2 m, half as far as the plane, 0.02 m are 1.6 pixels a frame.
    shifts = [np.array([[1.0, 0, -8 - 1.6 * frame], [0, 1.0, 0]]) for frame in range(3)]
    before, middle, after = (cv2.warpAffine(wall, shift, PLATE_SIZE) for shift in shifts)
    made = interpolate_frame(before, after, path, (0, 1, 2), depth=4.0)
    inside = slice(8, -8), slice(8, -8)
    error = np.abs(made.astype(float) - middle)[inside].mean()
    mixed = np.abs((before.astype(float) + after) / 2 - middle)[inside].mean()
    assert error < 0.5 * mixed


def test_a_still_camera_dissolves():
    path = turning_path(5, 120, 0.0)
    before, after = np.full((96, 160, 3), 40, np.uint8), np.full((96, 160, 3), 80, np.uint8)
    made = [interpolate_frame(before, after, path, (0, i, 4), 4.0)[50, 50, 0] for i in (1, 2, 3)]
    assert made == [50, 60, 70]
    assert path.frame_rate == Fraction(120)
