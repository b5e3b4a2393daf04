"""The HTML page about a render, put together from its parts."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dynascene_cli.pipeline.matte import matte_sheet
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.reports.camera_plot import camera_plot
from dynascene_cli.reports.html_page import Figure, Video, Wipe, html_page
from dynascene_cli.reports.scene_preview import scene_preview
from dynascene_cli.shot import Clip, Image, Matte
from dynascene_cli.staging import Staged
from dynascene_cli.video import (
    encode_image,
    is_sequence,
    open_clip,
    open_film,
    read_frames,
    resize_to_cover,
)

VIDEO_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
"""What browsers play."""

MOST_SHOWN_BYTES = 12_000_000
"""Of a video that is put into the page as it is."""
SHOWN_SIDE, SHOWN_FRAMES = 640, 600
"""Of any other: its longer side in pixels, and how many frames from its start."""


def settings_of(request: RenderRequest) -> dict[str, Any]:
    """A request as plain JSON, flat: every setting by its name."""
    nested = asdict(request)
    filmed = nested.pop("filmed")
    clip_camera = {"method": filmed["method"], "clip_focal_mm": filmed["focal_mm"]}
    sampling = nested.pop("sampling")
    sampling["sample_size"] = sampling.pop("size")
    flat = {**filmed["matte"], **nested.pop("scene"), **clip_camera, **sampling, **nested}
    return {name: str(value) if isinstance(value, Path) else value for name, value in flat.items()}


@dataclass(frozen=True, eq=False)
class Rendered:
    """A video that was made, by which renderer, and its middle frame as filmed and as finished."""

    path: Path
    renderer: str
    middle: tuple[Image, Image]


def write_report(
    run: Run,
    request: RenderRequest,
    clip: Clip,
    matte: Matte,
    photo: Image,
    staged: Staged,
    rendered: Rendered,
) -> Path:
    """Write ``report/index.html`` in the project: one page that needs no other file."""
    before, after = rendered.middle
    height, width = after.shape[:2]
    plot = camera_plot(
        staged.path, staged.placement.contact[0], staged.geometry.camera_height, request.camera
    )
    figures = [
        Figure(_png(matte_sheet(clip, matte)), "The matte", "the person over a checkerboard"),
        Figure(_png(plot), "The camera", "the camera's path from above and in space"),
        Figure(
            _jpeg(scene_preview(photo, staged.geometry)),
            "What was read from the photo",
            "the photo under a grid on its ground and a line on its horizon",
            "image/jpeg",
        ),
    ]
    video, how_shown = _shown_video(run, rendered, clip.frame_rate)
    page = html_page(
        rendered.path.stem,
        video=video,
        wipes=[
            Wipe(_jpeg(resize_to_cover(before, width, height)), _jpeg(after), "the middle frame")
        ],
        figures=figures,
        warnings=run.console.warnings,
        settings={
            name.replace("_", " "): _in_words(value)
            for name, value in settings_of(request).items()
            if value not in (None, (), "")
        },
        facts={
            "frames": clip.frame_count,
            "frame rate": f"{float(clip.frame_rate):.3f}",
            "size": f"{width}x{height}",
            "renderer": rendered.renderer,
            "camera": request.camera,
            **({"shown here": how_shown} if how_shown else {}),
        },
    )
    path = run.project.folder / "report" / "index.html"
    run.project.publish_text(path, page)
    return path


def _shown_video(run: Run, rendered: Rendered, frame_rate: Fraction) -> tuple[Video | None, str]:
    """What the page plays, and how that differs from the result; none of a single picture."""
    path, poster = rendered.path, _jpeg(rendered.middle[1])
    kind = VIDEO_TYPES.get(path.suffix.lower())
    if kind is not None and path.stat().st_size <= MOST_SHOWN_BYTES:
        return Video(path.read_bytes(), poster, kind), ""
    is_pictures = is_sequence(path)
    result = open_clip(str(path), fps=float(frame_rate) if is_pictures else None)
    if result.frame_count < 2:
        return None, ""
    scale = min(1.0, SHOWN_SIDE / max(result.width, result.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (result.width, result.height))
    preview = run.project.folder / "report" / "preview.mp4"
    with (
        run.project.publish(preview) as temporary,
        open_film(temporary, width=width, height=height, frame_rate=frame_rate) as film,
    ):
        for frame in read_frames(result, 0, SHOWN_FRAMES):
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            film.write(np.asarray(small, np.uint8))
    cut = f", the first {SHOWN_FRAMES} frames" if result.frame_count > SHOWN_FRAMES else ""
    return Video(preview.read_bytes(), poster), f"{width}x{height}, without sound{cut}"


def _in_words(value: object) -> str:
    """A setting's value for a reader."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _png(image: Image) -> bytes:
    return encode_image(image, Path("x.png"))


def _jpeg(image: Image) -> bytes:
    return encode_image(image, Path("x.jpg"))
