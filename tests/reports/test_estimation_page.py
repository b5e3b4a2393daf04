"""The page about an estimated camera: what it draws of tracks, residuals and the path."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli.camera.estimation.estimate import Estimate, FeatureTracks
from dynascene_cli.geometry import pose_from_centre, project, rotation_about
from dynascene_cli.reports.estimation_page import write_estimation_page
from dynascene_cli.reports.estimation_plots import motion_plot, path_plot, residual_plot
from dynascene_cli.reports.track_sheet import FITTING, OFF, track_sheet
from dynascene_cli.shot import CameraPath

FRAMES, POINTS = 12, 40
WIDTH, HEIGHT = 480, 270


def camera(travel=1.0, turn_deg=5.0, zoom=1.0):
    u = np.linspace(0, 1, FRAMES)
    rotations = np.stack([rotation_about("y", turn_deg * s) for s in u])
    K = np.repeat(np.array([[400.0, 0, 240], [0, 400, 135], [0, 0, 1]])[None], FRAMES, axis=0)
    K[:, [0, 1], [0, 1]] *= (zoom**u)[:, None]
    extrinsics = pose_from_centre(rotations, u[:, None] * [0.3 * travel, 0, 0])
    return CameraPath(K, extrinsics, WIDTH, HEIGHT, Fraction(24), "scene_depth")


def background():
    rng = np.random.default_rng(3)
    return rng.uniform([-0.4, -0.2, 1.5], [0.6, 0.2, 4], (POINTS, 3))


def tracked(path):
    """All points seen in all frames, at half of the path's size."""
    pixels = project(path.intrinsics[None], path.extrinsics[None], background()[:, None]) / 2
    track, frame = np.divmod(np.arange(POINTS * FRAMES), FRAMES)
    return FeatureTracks(track, frame, pixels.reshape(-1, 2), FRAMES, WIDTH // 2, HEIGHT // 2)


def residuals(off=0):
    """Pixels that the observations of ``tracked`` are off by, ``off`` of its points by far."""
    return np.repeat(np.where(np.arange(POINTS) < off, 9.0, 0.1), FRAMES)


def estimate(path, confidence="high"):
    registered = np.ones(FRAMES, bool)
    registered[4:6] = False
    return Estimate(
        path=path,
        method="tracks",
        confidence=confidence,
        inliers=0.953,
        median_px=0.11,
        residuals=residuals(),
        frame_residuals=np.where(registered, 0.1, np.nan),
        registered=registered,
        focal_px=400.0,
        focal_observable=False,
        focal_source="assumed",
        points=background(),
        reasons=("the points do not agree",),
        warnings=("frames 4–5 were filled in",),
    )


def grey_frames(*numbers):
    return [(n, np.full((HEIGHT, WIDTH, 3), 120, np.uint8)) for n in numbers]


def test_the_sheet_colours_points_that_fit_and_those_that_do_not():
    path = camera()
    tracks = tracked(path)
    sheet = track_sheet(grey_frames(0, 11), tracks, residuals(off=10), 24.0)

    def area(colour):
        return (np.abs(sheet.astype(int) - colour).max(axis=2) < 30).sum()

    assert area(FITTING) > 20 * 30
    assert area(OFF) > 20 * 5
    fitting = track_sheet(grey_frames(0, 11), tracks, residuals(), 24.0)
    assert (np.abs(fitting.astype(int) - OFF).max(axis=2) < 30).sum() == 0


def test_a_frame_without_points_is_shown_too():
    path = camera()
    tracks = tracked(path)
    seen = tracks.frame != 5
    bare = replace(
        tracks, track=tracks.track[seen], frame=tracks.frame[seen], pixels=tracks.pixels[seen]
    )
    sheet = track_sheet(grey_frames(5), bare, residuals()[seen], 24.0)
    assert sheet.shape[1] == 436


@pytest.mark.parametrize(
    ("confidence", "count"), [("high", 4), ("low", 4), ("rotation", 3), ("static", 2)]
)
def test_the_page_tells_and_shows_what_there_is(tmp_path, confidence, count):
    path = camera(travel=0.0 if confidence in ("rotation", "static") else 1.0)
    page = tmp_path / "page.html"
    write_estimation_page(
        page,
        estimate(path, confidence),
        tracked(path),
        grey_frames(0, 5, 11),
        title="the camera of <walk>.mp4",
        settings={"--method": "auto"},
    )
    text = page.read_text()
    assert len(re.findall("<img", text)) == count
    assert "the camera of &lt;walk&gt;.mp4" in text
    assert "95.3 %" in text
    assert "10 of 12" in text
    assert "400 px, 30.0 mm of a 36 mm sensor (assumed: the clip does not tell)" in text
    assert "frames 4–5 were filled in" in text
    assert ("the points do not agree" in text) == (confidence == "low")
    assert list(tmp_path.iterdir()) == [page]


def test_plots_draw_zooms_holes_and_places_without_points():
    path = camera()
    assert motion_plot(camera(zoom=1.5)).shape[0] > motion_plot(path).shape[0]
    assert residual_plot(estimate(path), tracked(path)).shape == (460, 1200, 3)
    assert path_plot(path, np.zeros((0, 3))).shape == (560, 1200, 3)
    unknown = replace(estimate(path), frame_residuals=np.full(FRAMES, np.nan))
    assert residual_plot(unknown, tracked(path)).shape == (460, 1200, 3)
