"""The page of ``estimate-camera --report``: what was tracked, how well it fits, how it moved."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dynascene_cli.camera.estimation.estimate import Estimate, FeatureTracks
from dynascene_cli.reports.estimation_plots import motion_plot, path_plot, residual_plot
from dynascene_cli.reports.html_page import Figure, html_page
from dynascene_cli.reports.track_sheet import track_sheet
from dynascene_cli.shot import Image
from dynascene_cli.video import encode_image

CONFIDENCES = {
    "high": "high: the background fits one moving camera",
    "low": "low: not to be trusted without a look",
    "rotation": "rotation: the camera turns on its spot, as on a tripod",
    "static": "static: the camera stands still",
}
FOCAL_SOURCES = {
    "estimated": "from the clip",
    "given": "as given",
    "exif": "from the file's own data",
    "assumed": "assumed: the clip does not tell",
}


def write_estimation_page(
    path: Path,
    estimate: Estimate,
    tracks: FeatureTracks,
    frames: Sequence[tuple[int, Image]],
    *,
    title: str,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write one self-contained HTML page about an estimate.

    ``frames`` are about a dozen, each with its number, spread over the clip, of any size. A
    camera that stands still has no path to draw.
    """
    camera = estimate.path
    sheet = track_sheet(frames, tracks, estimate.residuals, float(camera.frame_rate))
    figures = [
        Figure(
            encode_image(sheet, Path("sheet.jpg")),
            "The background's points: teal ones follow the solved camera, orange ones do not",
            "frames of the clip with the tracked points and where they came from",
            "image/jpeg",
        ),
        _figure(
            residual_plot(estimate, tracks),
            "How well each frame fits",
            "residuals and numbers of points over time",
        ),
    ]
    if estimate.confidence != "static":
        figures.append(
            _figure(
                motion_plot(camera),
                "How the camera moves",
                "the camera's turns, position and focal length over time",
            )
        )
    if estimate.confidence in ("high", "low"):
        figures.append(
            _figure(
                path_plot(camera, estimate.points),
                "Where the camera goes, and the background points that it was solved from",
                "the camera's path from above and in space",
            )
        )
    text = html_page(
        title,
        figures=figures,
        warnings=(*estimate.warnings, *_doubts(estimate)),
        facts=_facts(estimate, tracks),
        settings=settings,
    )
    path.write_text(text, encoding="utf-8")


def _doubts(estimate: Estimate) -> tuple[str, ...]:
    """Why the confidence is low, where the warnings do not say so yet."""
    if estimate.confidence != "low":
        return ()
    return tuple(reason for reason in estimate.reasons if reason not in estimate.warnings)


def _facts(estimate: Estimate, tracks: FeatureTracks) -> dict[str, object]:
    camera = estimate.path
    millimetres = estimate.focal_px * 36 / camera.width
    return {
        "method": estimate.method,
        "confidence": CONFIDENCES[estimate.confidence],
        "points that fit": f"{100 * estimate.inliers:.1f} %",
        "median distance": f"{estimate.median_px:.2f} px",
        "frames solved": f"{int(np.sum(estimate.registered))} of {camera.frame_count}",
        "points": tracks.track_count,
        "focal length": (
            f"{estimate.focal_px:.0f} px, {millimetres:.1f} mm of a 36 mm sensor "
            f"({FOCAL_SOURCES[estimate.focal_source]})"
        ),
    }


def _figure(picture: Image, caption: str, alternative: str) -> Figure:
    return Figure(encode_image(picture, Path("plot.png")), caption, alternative)
