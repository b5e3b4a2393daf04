"""The HTML page about a render, put together from its parts."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynascene_cli.pipeline.matte import matte_sheet
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.reports.camera_plot import camera_plot
from dynascene_cli.reports.html_page import Figure, Wipe, html_page
from dynascene_cli.reports.scene_preview import scene_preview
from dynascene_cli.shot import Clip, Image, Matte
from dynascene_cli.staging import Staged
from dynascene_cli.video import encoded_image, resize_to_cover

VIDEO_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}


def settings_of(request: RenderRequest) -> dict[str, Any]:
    """A request as plain JSON, flat: every setting by its name."""
    nested = asdict(request)
    filmed = nested.pop("filmed")
    clip_camera = {"method": filmed["method"], "clip_focal_mm": filmed["focal_mm"]}
    sampling = nested.pop("sampling")
    sampling["sample_size"] = sampling.pop("size")
    flat = {**filmed["matte"], **nested.pop("scene"), **clip_camera, **sampling, **nested}
    return {name: str(value) if isinstance(value, Path) else value for name, value in flat.items()}


def write_report(
    run: Run,
    request: RenderRequest,
    clip: Clip,
    matte: Matte,
    photo: Image,
    staged: Staged,
    output: Path,
    before_after: tuple[Image, Image],
    renderer: str,
) -> Path:
    """Write ``report/index.html`` in the project: one page that needs no other file."""
    before, after = before_after
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
    page = html_page(
        output.stem,
        video=output.read_bytes() if output.suffix in VIDEO_TYPES else None,
        video_type=VIDEO_TYPES.get(output.suffix, ""),
        poster=_jpeg(after),
        wipes=[
            Wipe(_jpeg(resize_to_cover(before, width, height)), _jpeg(after), "the middle frame")
        ],
        figures=figures,
        warnings=run.console.warnings,
        settings=settings_of(request),
        facts={
            "frames": clip.frame_count,
            "frame rate": f"{float(clip.frame_rate):.3f}",
            "size": f"{width}x{height}",
            "renderer": renderer,
            "camera": request.camera,
        },
    )
    path = run.project.folder / "report" / "index.html"
    run.project.publish_text(path, page)
    return path


def _png(image: Image) -> bytes:
    return encoded_image(image, Path("x.png"))


def _jpeg(image: Image) -> bytes:
    return encoded_image(image, Path("x.jpg"))
