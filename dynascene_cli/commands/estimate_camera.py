"""``dynascene estimate-camera``: the path of the camera that filmed a clip."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dynascene_cli.commands import options


def estimate_camera(
    clip: options.ClipArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=".json, .txt (RealEstate10K), .chan (Nuke), .usda, .jsx (After Effects), .py "
            "(Blender), transforms.json or camera_path.json (Nerfstudio), or a folder (COLMAP) "
            "[default: <clip>-camera.json].",
        ),
    ] = None,
    matte: Annotated[
        Path | None,
        typer.Option("--matte", help="A finished alpha: video, folder or name.%05d.png."),
    ] = None,
    method: Annotated[
        Literal["auto", "tracks", "colmap", "vggsfm"],
        typer.Option("--method", help="auto: tracks, and colmap where they do not do."),
    ] = "auto",
    focal_mm: Annotated[
        float | None,
        typer.Option("--focal-mm", help="Of the clip, for a 36 mm wide sensor.", min=4, max=2000),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where the confidence is low.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write one HTML page about the estimate.")
    ] = False,
    matting_model: options.MattingModel = "auto",
    matting_quality: options.MattingQuality = "default",
    props: options.Props = "auto",
    person: options.Person = None,
    click: options.Clicks = None,
    matte_fixes: options.MatteFixes = None,
    start: options.Start = None,
    end: options.End = None,
    fps: options.FrameRate = None,
    fill_gaps: options.FillGaps = False,
    start_number: options.StartNumber = None,
    project: options.ProjectFolder = None,
    dry_run: options.DryRun = False,
    force: options.Force = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Tell how the camera of CLIP moved, from what is behind the person."""
    from dynascene_cli.console import Console
    from dynascene_cli.pipeline.camera import estimate_camera as estimated
    from dynascene_cli.pipeline.request import CameraRequest, MatteRequest

    request = CameraRequest(
        matte=MatteRequest(
            clip=clip,
            matting_model=matting_model,
            matting_quality=matting_quality,
            props=props,
            matte=matte,
            person=person,
            clicks=options.clicks(click or ()),
            matte_fixes=matte_fixes,
            fps=fps,
            start=start,
            end=end,
            fill_gaps=fill_gaps,
            start_number=start_number,
            project=project,
            force=force,
            dry_run=dry_run,
        ),
        method=method,
        focal_mm=focal_mm,
        strict=strict,
    )
    console = Console(as_json=as_json, quiet=quiet, verbose=verbose)
    data = estimated(request, output, console, report=report)
    console.result(data, _summary_text(data))


def _summary_text(data: dict[str, object]) -> str:
    if data["output"] is None:
        would_run, cached = (", ".join(data[key]) or "-" for key in ("would_run", "cached"))  # type: ignore[arg-type]
        return f"would run: {would_run}; cached: {cached}"
    focal = f"{data['focal_px']:.0f} px"
    if not data["focal_observable"]:
        focal += f" ({data['focal_source']})"
    lines = [
        f"{data['output']}: {data['confidence']} confidence, {data['frames']} frames, "
        f"focal length {focal}, median residual {data['median_px']:.2f} px"
    ]
    lines += [f"report: {data['report']}"] if data["report"] else []
    return "\n".join(lines)
