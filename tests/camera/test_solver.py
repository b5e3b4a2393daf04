"""From tracks to the camera that filmed them, held to scenes whose camera is known."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from geometric_tracks import (
    TrackedScene,
    moved_camera,
    named_shot,
    smooth_noise,
    tracked_scene,
)
from path_errors import ate_percent, focal_percent, rpe_degrees

from dynascene_cli.camera.estimation.estimate import GATE_PIXELS, ClipFacts, Estimate, FeatureTracks
from dynascene_cli.camera.estimation.solver import estimate_from_tracks
from dynascene_cli.errors import InputError, StageError
from dynascene_cli.shot import CameraPath

RATE = Fraction(25)
SIZE = (960, 540)
CLIP = ClipFacts(RATE, SIZE)


def filmed(name: str, frames: int = 14, **changes) -> TrackedScene:
    extrinsics, focals = named_shot(name, frames)
    return tracked_scene(extrinsics, focals, **({"per_frame": 90} | changes))


def solved(scene: TrackedScene, **options) -> Estimate:
    return estimate_from_tracks(scene.tracks, replace(CLIP, **options))


def truth_of(scene: TrackedScene) -> CameraPath:
    K = np.tile(np.diag([0.0, 0.0, 1.0]), (len(scene.focals), 1, 1))
    K[:, 0, 0] = K[:, 1, 1] = scene.focals
    return CameraPath(K, scene.extrinsics, *SIZE, RATE, "metres")


def only(tracks: FeatureTracks, rows: np.ndarray) -> FeatureTracks:
    """The tracks without some rows, numbered anew."""
    _, track = np.unique(tracks.track[rows], return_inverse=True)
    return replace(
        tracks,
        track=track.astype(np.int64),
        frame=tracks.frame[rows],
        pixels=tracks.pixels[rows],
    )


@pytest.mark.parametrize(
    ("name", "most_ate"), [("truck-pan", 0.2), ("orbit", 0.2), ("handheld", 0.2), ("small", 1.0)]
)
def test_a_moving_camera_is_recovered(name, most_ate):
    scene = filmed(name, noise=0.08)
    estimate = solved(scene)
    assert estimate.confidence == "high", estimate.reasons
    assert ate_percent(estimate.path, truth_of(scene)) < most_ate
    assert rpe_degrees(estimate.path, truth_of(scene)) < 0.03
    assert estimate.registered.all()
    assert estimate.inliers > 0.95
    assert estimate.median_px < 0.3


def test_near_is_not_taken_for_far_where_there_is_little_perspective():
    """Hand-held centimetres through a long lens: all starts fall into the path's reversal."""
    rng, frames = np.random.default_rng(8), 24
    centres = 0.012 * smooth_noise(rng, frames, 3, 4)
    extrinsics = moved_camera(centres, 1.5 * smooth_noise(rng, frames, 3, 6))
    lens = {"seed": 8, "per_frame": 90, "noise": 0.06, "depths": (5.0, 20.0), "outliers": 0.0}
    scene = tracked_scene(extrinsics, np.full(frames, 1400.0), **lens)
    estimate = solved(scene)
    assert estimate.confidence == "high", estimate.reasons
    assert ate_percent(estimate.path, truth_of(scene)) < 0.3


@pytest.mark.parametrize("focal", [560.0, 1900.0])
def test_wide_and_long_lenses_are_found(focal):
    extrinsics, focals = named_shot("orbit", 14, focal)
    scene = tracked_scene(extrinsics, focals, per_frame=90)
    estimate = solved(scene)
    assert ate_percent(estimate.path, truth_of(scene)) < 0.2
    assert estimate.focal_observable
    assert estimate.focal_source == "estimated"
    assert focal_percent(estimate.path, truth_of(scene)) < 2


def test_what_moves_by_itself_is_left_out():
    scene = filmed("orbit", outliers=0.15)
    estimate = solved(scene)
    assert estimate.confidence == "high", estimate.reasons
    assert ate_percent(estimate.path, truth_of(scene)) < 0.2
    assert 0.03 < estimate.details["moving_tracks"] < 0.2


@pytest.mark.parametrize("name", ["pan", "zoom-pan", "handheld", "static"])
def test_every_observation_is_told_how_far_it_is_off(name):
    """Within its noise, but for those that move by themselves, which are told as well."""
    scene = filmed(name, outliers=0.0 if name == "static" else 0.1)
    tracks, estimate = scene.tracks, solved(scene)
    assert np.isfinite(estimate.residuals).all()
    assert len(estimate.residuals) == len(tracks.frame)
    assert np.median(estimate.residuals) == pytest.approx(estimate.median_px, abs=0.05)
    off = np.mean(estimate.residuals > GATE_PIXELS)
    assert off < 0.001 if name == "static" else 0.02 < off < 0.15


def test_the_path_begins_at_the_origin_in_units_of_the_depth_that_is_seen():
    scene = filmed("truck-pan")
    estimate = solved(scene)
    path = estimate.path
    np.testing.assert_allclose(path.extrinsics[0], np.eye(3, 4), atol=1e-12)
    assert path.unit == "scene_depth"
    assert (path.width, path.height, path.frame_rate) == (*SIZE, RATE)
    np.testing.assert_array_equal(path.intrinsics[:, :2, 2], [[480, 270]] * 14)
    depth = estimate.points[:, 2]
    assert 0.7 < np.median(depth[depth > 0]) < 1.5
    moved = np.linalg.norm(path.extrinsics[-1, :, 3])
    assert moved == pytest.approx(1.5 / np.sqrt(2 * 20), rel=0.3)


def test_the_path_is_told_in_the_clips_own_pixels():
    scene = filmed("orbit", frames=8)
    small, large = solved(scene), solved(scene, size=(1920, 1080))
    np.testing.assert_allclose(large.path.intrinsics[:, :2], 2 * small.path.intrinsics[:, :2])
    np.testing.assert_array_equal(large.path.extrinsics, small.path.extrinsics)
    assert large.focal_px == pytest.approx(2 * small.focal_px)
    assert large.median_px == small.median_px


def test_a_tripod_is_called_rotation_and_does_not_move():
    scene = filmed("pan", outliers=0.1)
    estimate = solved(scene)
    assert estimate.confidence == "rotation", estimate.reasons
    np.testing.assert_array_equal(estimate.path.extrinsics[:, :, 3], 0)
    assert rpe_degrees(estimate.path, truth_of(scene)) < 0.03
    assert focal_percent(estimate.path, truth_of(scene)) < 2


def test_a_camera_that_does_not_move_is_static():
    estimate = solved(filmed("static", noise=0.08, drift=0.0, outliers=0.0))
    assert estimate.confidence == "static"
    np.testing.assert_array_equal(estimate.path.extrinsics, [np.eye(3, 4)] * 14)
    assert not estimate.focal_observable
    assert estimate.focal_source == "assumed"


def test_a_dolly_does_not_tell_the_focal_length():
    scene = filmed("dolly-in")
    estimate = solved(scene)
    assert not estimate.focal_observable
    assert estimate.focal_source == "assumed"
    assert estimate.focal_px == pytest.approx(0.9 * 960)
    assert any("focal length" in warning for warning in estimate.warnings)
    assert ate_percent(estimate.path, truth_of(scene)) < 0.2


@pytest.mark.parametrize("source", ["given", "exif"])
def test_a_known_focal_length_is_believed(source):
    scene = filmed("dolly-in")
    estimate = solved(scene, focal=1660.0, focal_source=source, size=(1920, 1080))
    assert estimate.focal_px == pytest.approx(1660.0)
    assert estimate.focal_source == source
    assert not estimate.warnings
    np.testing.assert_allclose(estimate.path.intrinsics[:, 0, 0], 1660.0)


def test_a_zoom_on_a_tripod_is_no_dolly():
    scene = filmed("zoom-pan", frames=20)
    estimate = solved(scene)
    assert estimate.confidence == "rotation", estimate.reasons
    assert rpe_degrees(estimate.path, truth_of(scene)) < 0.03
    assert focal_percent(estimate.path, truth_of(scene)) < 2
    np.testing.assert_array_equal(estimate.path.extrinsics[:, :, 3], 0)


def test_a_zoom_on_the_move_is_told_by_a_focal_length_a_frame():
    scene = filmed("zoom-truck", frames=20)
    estimate = solved(scene)
    f = estimate.path.intrinsics[:, 0, 0]
    assert f[-1] / f[0] == pytest.approx(1.4, rel=0.02)
    assert estimate.confidence == "low"
    assert any("zooms while the camera moves" in reason for reason in estimate.reasons)
    assert ate_percent(estimate.path, truth_of(scene)) < 0.3


def test_a_steady_lens_gets_one_focal_length():
    estimate = solved(filmed("handheld"))
    assert np.ptp(estimate.path.intrinsics[:, 0, 0]) == 0


def test_a_frame_with_few_points_is_filled_in_and_told():
    scene = filmed("truck-pan", life=200.0)
    rng = np.random.default_rng(0)
    rows = (scene.tracks.frame != 8) | (rng.random(len(scene.tracks.frame)) < 0.03)
    estimate = solved(replace(scene, tracks=only(scene.tracks, rows)))
    assert np.flatnonzero(~estimate.registered).tolist() == [8]
    assert estimate.path.frame_count == 14
    assert ate_percent(estimate.path, truth_of(scene)) < 0.3


def test_a_long_clip_is_solved_from_its_keyframes():
    scene = filmed("walk", frames=125, per_frame=64, life=25.0, outliers=0.0)
    estimate = solved(scene)
    assert estimate.details["keyframes"] < 125
    assert estimate.registered.all()
    assert ate_percent(estimate.path, truth_of(scene)) < 0.5
    assert rpe_degrees(estimate.path, truth_of(scene)) < 0.03


def test_the_same_tracks_give_the_same_path():
    scene = filmed("orbit", frames=8)
    np.testing.assert_array_equal(solved(scene).path.extrinsics, solved(scene).path.extrinsics)


def test_one_frame_is_refused():
    with pytest.raises(InputError, match="one frame"):
        solved(filmed("static", frames=1))


def test_too_few_tracks_are_refused_with_their_number():
    with pytest.raises(StageError, match=r"only 40 points .* at least 60") as failure:
        solved(filmed("truck-pan", per_frame=40, frames=8, outliers=0.0))
    assert "matte" in failure.value.hint


def test_no_tracks_at_all_are_refused():
    none = FeatureTracks(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2)), 10, 960, 540
    )
    with pytest.raises(StageError, match="no frame has a point"):
        estimate_from_tracks(none, CLIP)


def test_tracks_that_all_end_at_a_cut_are_refused_with_its_frame():
    scene = filmed("truck-pan", life=200.0)
    tracks = scene.tracks
    split = np.where(tracks.frame < 7, 0, tracks.track_count) + tracks.track
    order = np.lexsort((tracks.frame, split))
    _, track = np.unique(split[order], return_inverse=True)
    cut = replace(
        tracks,
        track=track.astype(np.int64),
        frame=tracks.frame[order],
        pixels=tracks.pixels[order],
    )
    with pytest.raises(StageError, match="frame 6 to frame 7"):
        estimate_from_tracks(cut, CLIP)


def test_tracks_without_a_camera_are_called_low():
    scene = filmed("truck-pan", frames=12)
    rng = np.random.default_rng(0)
    pixels = scene.tracks.pixels + rng.normal(0, 3, scene.tracks.pixels.shape)
    estimate = solved(replace(scene, tracks=replace(scene.tracks, pixels=pixels)))
    assert estimate.confidence == "low"
    assert any("px" in reason for reason in estimate.reasons)


@pytest.mark.parametrize("readout", [0.3, 0.6])
def test_a_fast_pan_through_a_rolling_shutter_is_a_tripods(readout):
    """Each row is seen later than the one above it: what a travelling camera would show too."""
    frames, focal = 30, 830.0
    bearings = np.radians(18 * np.sin(np.linspace(0, np.pi, frames)))
    rng = np.random.default_rng(5)
    ways = rng.uniform([-0.9, -0.3], [0.9, 0.3], (900, 2))
    seconds = np.arange(frames)[:, None] + readout * ways[:, 1] * focal / 540
    turned = np.interp(seconds, np.arange(frames), bearings)
    across = np.tan(np.arctan(ways[:, 0]) - turned)
    along = np.cos(np.arctan(ways[:, 0])) / np.cos(np.arctan(ways[:, 0]) - turned)
    pixels = np.stack([across, ways[:, 1] * along], axis=-1) * focal + [480, 270]
    pixels += rng.normal(0, 0.08, pixels.shape)
    inside = ((pixels > 2) & (pixels < [958, 538])).all(axis=-1)
    point, frame = np.nonzero(inside.T)
    fresh = np.diff(point, prepend=-1) > 0
    fresh |= np.diff(frame, prepend=-2) != 1
    tracks = FeatureTracks(
        track=np.cumsum(fresh) - 1,
        frame=frame.astype(np.int64),
        pixels=pixels[frame, point],
        frame_count=frames,
        width=960,
        height=540,
    )
    estimate = estimate_from_tracks(tracks, CLIP)
    assert estimate.confidence == "rotation", estimate.reasons
    assert estimate.details["readout"] > 0
    forward = estimate.path.extrinsics[:, 2]
    seen = np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))
    np.testing.assert_allclose(seen, np.degrees(bearings), atol=0.25)
    assert estimate.focal_px == pytest.approx(focal, rel=0.03)


def test_two_frames_are_enough():
    extrinsics = np.tile(np.eye(3, 4), (2, 1, 1))
    extrinsics[1, 0, 3] = -0.2
    scene = tracked_scene(extrinsics, np.full(2, 800.0), per_frame=120, noise=0.05, outliers=0.0)
    estimate = solved(scene)
    assert np.isfinite(estimate.path.extrinsics).all()
    way = estimate.path.extrinsics[1, :, 3]
    assert abs(way[0]) > 5 * np.hypot(way[1], way[2])
    assert not estimate.focal_observable
