"""A path that cannot be trusted gives way to a camera that turns or rests, if that explains it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from filmed_clips import filmed_clip
from geometric_tracks import named_shot, tracked_scene

from dynascene_cli.camera.estimation.colmap import may_improve
from dynascene_cli.camera.estimation.estimate import ClipFacts, Estimate, FeatureTracks
from dynascene_cli.camera.estimation.solver import estimate_from_tracks
from dynascene_cli.camera.formats import read_camera
from dynascene_cli.video import write_image

FRAMES = 16


def with_a_person(tracks: FeatureTracks, points: int) -> FeatureTracks:
    """The tracks, and those of points on someone in the middle whose limbs swing apart."""
    rng = np.random.default_rng(2)
    time = np.arange(tracks.frame_count) / 6
    home = rng.uniform([360, 80], [600, 520], (points, 2))
    limb = rng.integers(0, 5, points)
    swing = rng.uniform(8, 25, (5, 2))[limb, None] * np.sin(
        time[None, :, None] + rng.uniform(0, 6, (5, 2))[limb, None]
    )
    pixels = home[:, None] + swing + rng.normal(0, 0.2, (points, tracks.frame_count, 2))
    track, frame = np.divmod(np.arange(points * tracks.frame_count), tracks.frame_count)
    return FeatureTracks(
        np.concatenate([tracks.track, tracks.track_count + track]),
        np.concatenate([tracks.frame, frame]),
        np.concatenate([tracks.pixels, pixels.reshape(-1, 2)]),
        tracks.frame_count,
        tracks.width,
        tracks.height,
    )


def solved(name: str, person: int) -> Estimate:
    """The estimate of a named move whose matte misses someone on whom are ``person`` points."""
    extrinsics, focals = named_shot(name, FRAMES)
    scene = tracked_scene(extrinsics, focals, per_frame=90, hole=0.3, outliers=0.0)
    tracks = with_a_person(scene.tracks, person)
    return estimate_from_tracks(tracks, ClipFacts(Fraction(25), (960, 540)))


def test_a_tripod_is_still_one_when_the_matte_misses_the_person():
    estimate = solved("static", 70)
    assert estimate.confidence == "static", estimate.reasons
    np.testing.assert_array_equal(estimate.path.extrinsics, [np.eye(3, 4)] * FRAMES)
    (told,) = [text for text in estimate.warnings if "cannot be trusted" in text]
    assert "stand still" in told and "of the background within a pixel" in told
    assert not may_improve(estimate)


def test_a_pan_is_still_one_when_the_matte_misses_the_person():
    estimate = solved("pan", 70)
    assert estimate.confidence == "rotation", estimate.reasons
    np.testing.assert_array_equal(estimate.path.extrinsics[:, :, 3], 0)
    (told,) = [text for text in estimate.warnings if "cannot be trusted" in text]
    assert "turn on its spot" in told


def test_a_camera_that_truly_travels_is_not_held():
    estimate = solved("truck-pan", 70)
    assert estimate.confidence in ("high", "low")
    assert np.ptp(estimate.path.extrinsics[:, 0, 3]) > 0.05


@pytest.mark.parametrize("missing", ["all", "the lower half"])
def test_a_clip_from_a_tripod_is_told_by_a_matte_that_misses_the_person(
    dynascene, tmp_path, missing
):
    clip = filmed_clip("static", width=480, height=270, frames=18, share=0.33)
    film, alphas = clip.record(tmp_path)
    for index, file in enumerate(sorted(alphas.iterdir())):
        alpha = clip.alpha(index)
        if missing == "the lower half":
            alpha[135:] = 0
        else:
            alpha[:] = 0
        write_image(file, alpha)
    run = dynascene("estimate-camera", film, "--matte", alphas, "-o", "camera.json", "--json")
    assert run.code == 0, run.err
    path = read_camera(tmp_path / "camera.json")
    np.testing.assert_array_equal(path.extrinsics[:, :, 3], 0)
    assert run.json["confidence"] in ("static", "rotation")
    turn = np.degrees(
        np.arccos(np.clip((np.einsum("fii->f", path.extrinsics[:, :, :3]) - 1) / 2, -1, 1))
    )
    assert turn.max() < 0.05


def test_another_method_is_asked_only_where_it_can_help():
    def low(**details: float) -> Estimate:
        extrinsics, focals = named_shot("handheld", 4)
        scene = tracked_scene(extrinsics, focals, per_frame=90)
        estimate = estimate_from_tracks(scene.tracks, ClipFacts(Fraction(25), (960, 540)))
        settings = {"confidence": "low", "inliers": 0.95, "median_px": 0.35, "travelled": 0.3}
        settings |= details
        travelled = settings.pop("travelled")
        return replace(estimate, **settings, details={"travelled": travelled})

    assert may_improve(low(median_px=1.2))
    assert may_improve(low(inliers=0.6))
    assert not may_improve(low())
    assert not may_improve(low(inliers=0.6, travelled=0.005))
    assert not may_improve(low(inliers=0.6, confidence="rotation"))
