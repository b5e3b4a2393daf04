"""Points of the background, followed: held to where a known camera sees them."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from filmed_clips import faulty, filmed_clip, panorama_clip, stage_of
from hypothesis import given
from hypothesis import strategies as st
from path_errors import ate_percent, focal_percent, rpe_degrees, similarity

from dynascene_cli.camera.estimation.background_masks import background_masks
from dynascene_cli.camera.estimation.corners import (
    corner_strength,
    find_new_corners,
    noise_deviation,
)
from dynascene_cli.camera.estimation.estimate import FeatureTracks
from dynascene_cli.camera.estimation.shot_cuts import check_one_shot, cut_frames
from dynascene_cli.camera.estimation.template_alignment import (
    RADIUS,
    align_templates,
    anchors,
    cut_templates,
)
from dynascene_cli.camera.estimation.tracking import track_features
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    centre,
    inverse,
    pose_from_centre,
    project,
    rays,
    rotation_about,
    transform,
)
from dynascene_cli.shot import CameraPath

SIZE = {"width": 320, "height": 180, "frames": 10}


def distances(clip, tracks: FeatureTracks) -> np.ndarray:
    """How far (O,) each observation is from where its track's first one is seen by the camera."""
    path, stage = clip.path, stage_of(clip)
    starts = np.flatnonzero(np.diff(tracks.track, prepend=-1))
    world = np.empty((tracks.track_count, 3))
    for start in starts:
        K, E = path.intrinsics[tracks.frame[start]], path.extrinsics[tracks.frame[start]]
        pixel = tracks.pixels[start : start + 1]
        point = rays(K, pixel) * stage.depth(K, E, pixel)[:, None]
        world[tracks.track[start]] = transform(inverse(E), point[0])
    seen = project(
        path.intrinsics[tracks.frame], path.extrinsics[tracks.frame], world[tracks.track]
    )
    return np.linalg.norm(seen - tracks.pixels, axis=1)


@pytest.fixture(scope="module")
def trucked():
    clip = filmed_clip("truck-pan", **SIZE)
    frames, alphas = list(clip.frames()), list(clip.alphas())
    return clip, frames, alphas, track_features(iter(frames), iter(alphas), points=150)


def test_points_stay_where_the_camera_sees_them(trucked):
    clip, _, _, tracks = trucked
    apart = distances(clip, tracks)
    assert np.median(apart) < 0.12
    assert np.mean(apart > 1.5) < 0.03


def test_tracks_are_numbered_in_order_and_live_long(trucked):
    _, _, _, tracks = trucked
    assert (tracks.frame_count, tracks.width, tracks.height) == (10, 320, 180)
    assert np.array_equal(np.unique(tracks.track), np.arange(tracks.track_count))
    same = np.diff(tracks.track) == 0
    assert np.all(np.diff(tracks.track) >= 0)
    assert np.all(np.diff(tracks.frame)[same] == 1)
    assert np.bincount(tracks.track).min() >= 4
    assert np.median(np.bincount(tracks.frame, minlength=10)) > 60


def test_no_point_lies_on_the_person(trucked):
    _, _, alphas, tracks = trucked
    for frame, alpha in enumerate(alphas):
        near = cv2.dilate((alpha > 13).astype(np.uint8), np.ones((13, 13), np.uint8))
        x, y = np.floor(tracks.pixels[tracks.frame == frame]).astype(int).T
        assert not near[y, x].any()


def test_a_wider_clip_is_followed_at_the_tracking_width():
    clip = filmed_clip("pan", width=1280, height=720, frames=3, share=0.0)
    tracks = track_features(clip.frames(), clip.alphas())
    assert (tracks.width, tracks.height) == (960, 540)
    smaller = filmed_clip("pan", frames=3, share=0.0)
    assert np.median(distances(smaller, tracks)) < 0.1


def test_frames_are_read_one_by_one(trucked):
    _, frames, alphas, expected = trucked
    ahead = []

    def counted(pictures, name):
        for number, picture in enumerate(pictures):
            ahead.append((name, number))
            yield picture

    tracks = track_features(counted(frames, "frame"), counted(alphas, "alpha"), points=150)
    assert np.array_equal(tracks.pixels, expected.pixels)
    read = {"frame": -1, "alpha": -1}
    for name, number in ahead:
        read[name] = number
        assert read["alpha"] - read["frame"] <= 6


def test_bad_mattes_keep_the_points_off_the_person():
    clip = filmed_clip("truck-pan", **{**SIZE, "width": 400, "height": 224})
    frames, truth = list(clip.frames()), list(clip.alphas())
    bad = list(faulty(iter(truth), pixels=3, missing=0.2))
    assert any(not alpha.any() for alpha in bad)
    tracks = track_features(iter(frames), iter(bad), points=200)
    x, y = np.floor(tracks.pixels).astype(int).T
    assert not (np.stack(truth)[tracks.frame, y, x] > 128).any()


@pytest.mark.parametrize("missing", [{3}, {0}, {5, 6}, {9}])
def test_a_lost_person_is_looked_for_in_the_neighbouring_frames(missing):
    alphas = []
    for index in range(10):
        alpha = np.zeros((90, 160), np.uint8)
        cv2.rectangle(alpha, (60 + 2 * index, 20), (90 + 2 * index, 80), 255, -1)
        alphas.append(0 * alpha if index in missing else alpha)
    masks = list(background_masks(iter(alphas), 160, 90))
    assert len(masks) == 10
    for index, mask in enumerate(masks):
        assert not mask[50, 65 + 2 * index : 85 + 2 * index].any()
        assert mask[50, 10] == mask[50, 150] == 255


def test_an_empty_clip_of_mattes_is_all_background():
    masks = list(background_masks((np.zeros((48, 64), np.uint8) for _ in range(3)), 64, 48))
    assert all(np.array_equal(mask, np.full((48, 64), 255, np.uint8)) for mask in masks)


def test_a_matte_that_covers_everything_is_refused():
    frames = [np.zeros((90, 160, 3), np.uint8)] * 5
    with pytest.raises(InputError, match="covers the whole picture"):
        track_features(frames, [np.full((90, 160), 255, np.uint8)] * 5)


def test_nothing_to_follow_gives_no_tracks():
    frames = [np.full((90, 160, 3), 128, np.uint8)] * 5
    tracks = track_features(frames, [np.zeros((90, 160), np.uint8)] * 5)
    assert tracks.track_count == 0
    assert cut_frames(tracks) == ()


def test_a_cut_is_told_with_its_time(trucked):
    _, frames, alphas, tracks = trucked
    assert cut_frames(tracks) == ()
    check_one_shot(tracks, Fraction(24))
    other = filmed_clip("handheld-street", **SIZE, seed=3)
    joined = track_features([*frames, *other.frames()], [*alphas, *other.alphas()], points=150)
    assert cut_frames(joined) == (10,)
    with pytest.raises(InputError, match=r"a cut, or nothing to follow, at 0\.42 s") as refused:
        check_one_shot(joined, Fraction(24))
    assert "--end 0.42" in refused.value.hint


def test_a_flash_counts_as_one_cut(trucked):
    _, frames, alphas, _ = trucked
    flashed = [*frames[:5], np.full_like(frames[5], 255), *frames[5:]]
    tracks = track_features(flashed, [*alphas[:5], alphas[5], *alphas[5:]], points=150)
    assert cut_frames(tracks) == (6,)


def test_a_straight_edge_is_no_corner():
    image = np.full((80, 120), 60, np.uint8)
    image[:, 60:] = 190
    assert corner_strength(image)[20:60, 40:80].max() == 0
    image[:40] = 60
    strength = corner_strength(image)[10:70]
    y, x = np.unravel_index(strength.argmax(), strength.shape)
    assert (abs(x - 60) <= 2, abs(y + 10 - 40) <= 2) == (True, True)


def test_corners_keep_their_distance_and_reach_every_part():
    picture = cv2.cvtColor(filmed_clip("pan", share=0.0).frame(0), cv2.COLOR_RGB2GRAY)
    free = np.full(picture.shape, 255, np.uint8)
    taken = np.array([[100.0, 100.0], [500.0, 300.0]])
    found = find_new_corners(picture, free, taken, 300, 1.0)
    assert len(found) == 298
    every = np.concatenate([found, taken])
    apart = np.linalg.norm(every[:, None] - every[None], axis=2) + 1e3 * np.eye(len(every))
    assert apart.min() > 13
    quarters = np.bincount((found[:, 1] >= 270) * 2 + (found[:, 0] >= 480))
    assert quarters.min() > 40


def test_noise_is_measured_where_the_picture_is_smooth():
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(60, 190, 320), (180, 1))
    ramp[:60] += 40 * (rng.random((60, 320)) > 0.5)
    noisy = np.clip(ramp + rng.normal(0, 2.5, ramp.shape), 0, 255).astype(np.uint8)
    assert noise_deviation(noisy) == pytest.approx(2.5, abs=0.3)


@given(
    shift=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    scale=st.floats(0.93, 1.08),
    turn=st.floats(-4, 4),
    gain=st.floats(0.8, 1.2),
)
def test_a_template_is_found_again_moved_turned_and_lit_otherwise(shift, scale, turn, gain):
    rng = np.random.default_rng(1)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, (81, 81)), (0, 0), 2.2)
    picture = 128 + 40 * (picture - picture.mean()) / picture.std()
    warp = cv2.getRotationMatrix2D((40, 40), turn, scale) + np.array([[0, 0, 1], [0, 0, 1]]) * [
        [0, 0, shift[0]],
        [0, 0, shift[1]],
    ]
    moved = cv2.warpAffine(
        (picture - 128) * gain + 128, warp, (81, 81), flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    before, after = (np.clip(p, 0, 255).round().astype(np.uint8) for p in (picture, moved))
    templates = cut_templates(before, np.array([[40, 40]]))
    at, maps, unexplained = align_templates(
        after, templates, np.array([[40.0, 40.0]]), np.eye(2)[None], 0.3
    )
    assert np.abs(at[0] - [40 + shift[0], 40 + shift[1]]).max() < 0.06
    assert np.abs(maps[0] - warp[:, :2]).max() < 0.02
    assert unexplained[0] < 0.02


def test_another_picture_is_not_taken_for_the_template():
    rng = np.random.default_rng(2)
    before, after = (
        cv2.GaussianBlur(rng.integers(0, 255, (60, 60), np.uint8), (0, 0), 2) for _ in "ab"
    )
    templates = cut_templates(before, np.array([[30, 30]]))
    _, _, unexplained = align_templates(
        after, templates, np.array([[30.0, 30.0]]), np.eye(2)[None], 0.3
    )
    assert unexplained[0] > 0.5


def test_a_corner_is_its_patch_s_anchor():
    image = np.full((60, 60), 70, np.uint8)
    image[33:, 28:] = 180
    template = cut_templates(image, np.array([[30, 30]]))
    assert template.shape == (1, 2 * RADIUS + 3, 2 * RADIUS + 3)
    assert anchors(template)[0] == pytest.approx([-2.5, 2.5], abs=0.05)


def moved_path(path: CameraPath, scale: float, turn: float, offset) -> CameraPath:
    """The same camera told in another world."""
    R = rotation_about("y", turn) @ rotation_about("x", turn / 3)
    C = centre(path.extrinsics)
    rotation = np.swapaxes(path.extrinsics[:, :, :3], 1, 2)
    extrinsics = pose_from_centre(R @ rotation, scale * C @ R.T + np.asarray(offset))
    return CameraPath(
        path.intrinsics, extrinsics, path.width, path.height, path.frame_rate, path.unit
    )


@given(
    scale=st.floats(0.01, 50),
    turn=st.floats(-170, 170),
    offset=st.tuples(*[st.floats(-9, 9)] * 3),
)
def test_errors_do_not_depend_on_the_world_a_path_is_told_in(scale, turn, offset):
    path = filmed_clip("orbit", **SIZE).path
    told = moved_path(path, scale, turn, offset)
    assert ate_percent(told, path) < 1e-6
    assert rpe_degrees(told, path) < 1e-6
    assert focal_percent(told, path) == 0
    s, R, t = similarity(np.eye(3) * 2, np.eye(3) * 2 * scale + np.array(offset))
    assert s == pytest.approx(scale)
    assert np.allclose(R, np.eye(3)) and np.allclose(t, offset)


def test_errors_have_the_size_that_they_are_given():
    path = filmed_clip("truck-pan", **SIZE).path
    rotation = np.swapaxes(path.extrinsics[:, :, :3], 1, 2)
    roll = np.stack([rotation_about("z", 0.2 * index) for index in range(10)])
    turned = pose_from_centre(roll @ rotation, centre(path.extrinsics))
    longer = path.intrinsics * np.array([1.03, 1.03, 1.0])[:, None]
    other = CameraPath(longer, turned, path.width, path.height, path.frame_rate, path.unit)
    assert rpe_degrees(other, path) == pytest.approx(0.2, rel=1e-6)
    assert ate_percent(other, path) == pytest.approx(0, abs=1e-6)
    assert focal_percent(other, path) == pytest.approx(3, rel=1e-6)


def test_a_panorama_s_camera_turns_as_it_says():
    rng = np.random.default_rng(4)
    panorama = cv2.GaussianBlur(rng.integers(0, 255, (512, 1024, 3), np.uint8), (0, 0), 1.5)
    panorama = cv2.normalize(panorama, None, 0, 255, cv2.NORM_MINMAX)
    path, frame = panorama_clip(panorama, width=320, height=180, frames=6)
    nobody = np.zeros((180, 320), np.uint8)
    tracks = track_features((frame(i) for i in range(6)), [nobody] * 6, points=150)
    starts = np.flatnonzero(np.diff(tracks.track, prepend=-1))
    first = tracks.frame[starts][tracks.track]
    rays_then = rays(path.intrinsics[first], tracks.pixels[starts][tracks.track])
    world = np.einsum("nji,nj->ni", path.extrinsics[first][:, :, :3], rays_then)
    seen = project(path.intrinsics[tracks.frame], path.extrinsics[tracks.frame], world)
    assert np.median(np.linalg.norm(seen - tracks.pixels, axis=1)) < 0.1
