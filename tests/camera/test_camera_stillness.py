from pathlib import Path

import cv2
import numpy as np
import pytest

from dynascene_cli.camera import measure_background_motion
from dynascene_cli.video import open_clip, read_frames, read_photo

SAMPLES = 8


def middle(frame):
    """A matte that covers the middle of the picture, where the person of these clips is."""
    alpha = np.zeros(frame.shape[:2], np.uint8)
    height, width = alpha.shape
    alpha[height // 10 :, width * 3 // 10 : width * 7 // 10] = 255
    return alpha


def samples(path: Path, **how):
    clip = open_clip(path, **how)
    indices = np.linspace(0, clip.frame_count - 1, SAMPLES).astype(int)
    return [next(read_frames(clip, int(i), int(i) + 1)) for i in indices], indices


@pytest.mark.media
@pytest.mark.parametrize("name", ["juggle.mp4", "gym.mp4", "crowd.mp4"])
def test_a_camera_on_a_tripod_stands_still(shared_media, name):
    frames, _ = samples(shared_media / "clips" / name)
    motion = measure_background_motion(frames, [middle(frame) for frame in frames])
    assert not motion.moves
    assert motion.still_share > 0.6


@pytest.mark.media
def test_a_camera_that_follows_a_player_moves(shared_media):
    clips = shared_media / "clips"
    frames, indices = samples(clips / "tennis", fps=24)
    masks = sorted((clips / "tennis_mask").iterdir())
    alphas = [np.where(read_photo(masks[i]).pixels.max(2) > 0, 255, 0) for i in indices]
    motion = measure_background_motion(frames, [alpha.astype(np.uint8) for alpha in alphas])
    assert motion.moves
    assert motion.still_share < 0.1


def drawn(shift_x, person_x=None, texture=True):
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.integers(0, 255, (300, 700), dtype=np.uint8), (0, 0), 2)
    if not texture:
        wall[:] = 128
    M = np.array([[1.0, 0, shift_x - 50], [0, 1, 0]])
    frame = cv2.warpAffine(wall, M, (600, 300), flags=cv2.INTER_CUBIC)
    alpha = np.zeros((300, 600), np.uint8)
    if person_x is not None:
        frame[60:, person_x : person_x + 120] = wall[:240, 20:140]
        alpha[60:, person_x : person_x + 120] = 255
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB), alpha


def test_a_person_who_walks_does_not_move_the_background():
    frames, alphas = zip(*(drawn(0, person_x=40 * i) for i in range(8)), strict=True)
    motion = measure_background_motion(frames, alphas)
    assert not motion.moves
    assert motion.still_share > 0.95


@pytest.mark.parametrize("step", [0.8, 5, 40])
def test_a_background_that_slides_behind_a_person_who_stays_moves(step):
    frames, alphas = zip(*(drawn(step * i / 7, person_x=240) for i in range(8)), strict=True)
    motion = measure_background_motion(frames, alphas)
    assert motion.moves
    assert motion.shift == pytest.approx(step / 600, rel=0.2)


def test_a_background_without_corners_counts_as_still():
    frames, alphas = zip(
        *(drawn(9 * i, person_x=240, texture=False) for i in range(3)), strict=True
    )
    assert not measure_background_motion(frames, alphas).moves


def test_a_single_frame_is_still():
    frame, alpha = drawn(0)
    assert not measure_background_motion([frame], [alpha]).moves
