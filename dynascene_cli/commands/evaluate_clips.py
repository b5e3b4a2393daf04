"""``dynascene evaluate clips``: made clips beside their truth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.option_groups import flatten_groups
from dynascene_cli.commands.option_values import parse_picture_size

Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write the numbers to this .json, .csv, .tex, .md or .html file; may be repeated.",
    ),
]


@dataclass(frozen=True)
class ComparedOptions:
    """What is compared with what."""

    PANEL: ClassVar[str] = "Clips"

    pred: Annotated[
        list[str],
        typer.Option(
            "--pred",
            metavar="[NAME=]DIR",
            help="Folder of the clips to measure; may be repeated, one for each method.",
            show_default=False,
        ),
    ]
    truth: Annotated[
        Path, typer.Option("--truth", help="Folder of the true clips.", show_default=False)
    ]
    mattes: Annotated[
        Path | None,
        typer.Option(
            "--mattes",
            help="Folder of the truth's mattes: for background and foreground, and so that "
            "cameras are estimated from the background alone.",
        ),
    ] = None
    cameras: Annotated[
        Path | None,
        typer.Option(
            "--cameras", help="Folder of the true cameras [default: estimated from the truth]."
        ),
    ] = None
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Compare both at this size, in pixels."),
    ] = None


@dataclass(frozen=True)
class MetricOptions:
    """What is measured, and how."""

    PANEL: ClassVar[str] = "Measures"

    protocol: Annotated[
        Literal["standard", "paper"],
        typer.Option("--protocol", help="paper repeats the arithmetic of the paper's tables."),
    ] = "standard"
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            help="Some of l1, psnr, ssim, lpips, fid, fvd-i3d, fvd-3dres, warping, background, "
            "foreground, camera, matting, separated by commas [default: all but the last two].",
        ),
    ] = None
    output: Outputs = None


@flatten_groups
def clips(
    compared: ComparedOptions,
    measures: MetricOptions,
    run: options.ConsoleOptions,
) -> None:
    """Measure clips beside the truth of the same names: pictures, motion, cameras, mattes."""
    from dynascene_cli.evaluation.clips.run import ClipsRequest, run_clips
    from dynascene_cli.evaluation.clips.tables import screen_table

    request = ClipsRequest(
        made=tuple(_named(text) for text in compared.pred),
        truth=compared.truth,
        mattes=compared.mattes,
        cameras=compared.cameras,
        size=None if compared.size is None else parse_picture_size(compared.size),
        protocol=measures.protocol,
        metrics=None if measures.metrics is None else tuple(measures.metrics.split(",")),
        outputs=tuple(measures.output or ()),
    )
    console = run.console()
    data = run_clips(request, console)
    console.result(data, screen_table(data))


def _named(text: str) -> tuple[str, Path]:
    """A method's name and folder: ``NAME=DIR``, or a folder that is called as it."""
    name, equals, folder = text.partition("=")
    if equals and not Path(text).exists():
        return name, Path(folder)
    return Path(text).name or text, Path(text)
