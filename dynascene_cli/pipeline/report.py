"""The HTML page about a render, put together from its parts."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dynascene_cli.pipeline.matte import matte_sheet
from dynascene_cli.pipeline.request import RenderRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.reports.camera_plot import camera_plot
from dynascene_cli.reports.html_page import Figure, Video, Wipe, html_page
from dynascene_cli.reports.scene_preview import scene_preview
from dynascene_cli.shot import Clip, Image, Matte
from dynascene_cli.staging import Staged
from dynascene_cli.video import encode_image, resize_to_cover

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
    video, kind = None, VIDEO_TYPES.get(rendered.path.suffix)
    if kind is not None:
        video = Video(rendered.path.read_bytes(), _jpeg(after), kind)
    page = html_page(
        rendered.path.stem,
        video=video,
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
            "renderer": rendered.renderer,
            "camera": request.camera,
        },
    )
    path = run.project.folder / "report" / "index.html"
    run.project.publish_text(path, page)
    return path


def _png(image: Image) -> bytes:
    return encode_image(image, Path("x.png"))


def _jpeg(image: Image) -> bytes:
    return encode_image(image, Path("x.jpg"))
