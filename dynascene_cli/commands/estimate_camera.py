"""``dynascene estimate-camera``: the path of the camera that filmed a clip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dynascene_cli.commands.option_groups import flatten_groups
from dynascene_cli.commands.options import (
    ClipArgument,
    EstimationMethod,
    FinishedMatte,
    InputOptions,
    MattingOptions,
    RunOptions,
    matte_request,
)


@dataclass(frozen=True)
class EstimationOptions:
    """How the camera is estimated."""

    PANEL: ClassVar[str] = "Camera"

    method: EstimationMethod = "auto"
    focal_mm: Annotated[
        float | None,
        typer.Option(
            "--focal-mm",
            help="Focal length of the clip's lens, in millimetres for a 36 mm wide sensor "
            "[default: estimated].",
            min=4,
            max=2000,
        ),
    ] = None
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Stop with an error if the confidence is low."),
    ] = False
    matte: FinishedMatte = None


@dataclass(frozen=True)
class OutputOptions:
    """The files that are written."""

    PANEL: ClassVar[str] = "Output"

    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The file to write: .json, .txt (RealEstate10K), .chan or .nk (Nuke), .usda, "
            ".jsx (After Effects), .py (Blender), transforms.json or camera_path.json "
            "(Nerfstudio), or a folder (COLMAP) [default: <clip>-camera.json].",
        ),
    ] = None
    report: Annotated[
        bool, typer.Option("--report", help="Also write one HTML page about the estimate.")
    ] = False


@flatten_groups
def estimate_camera(
    clip: ClipArgument,
    source: InputOptions,
    estimation: EstimationOptions,
    matting: MattingOptions,
    output: OutputOptions,
    run: RunOptions,
) -> None:
    """Estimate how the camera of CLIP moved, from what is behind the person."""
    from dynascene_cli.pipeline.camera import estimate_camera as estimate
    from dynascene_cli.pipeline.request import CameraRequest

    request = CameraRequest(
        matte=matte_request(clip, source, matting, estimation.matte),
        method=estimation.method,
        focal_mm=estimation.focal_mm,
        strict=estimation.strict,
    )
    console = run.console()
    data = estimate(request, run.request(), output.output, console, report=output.report)
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
