"""``dynascene matte``: the person's alpha, or the person with clean colour and alpha."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dynascene_cli.commands.option_groups import flatten_groups
from dynascene_cli.commands.options import (
    ClipArgument,
    InputOptions,
    MattingOptions,
    RunOptions,
    matte_request,
)


@dataclass(frozen=True)
class OutputOptions:
    """The files that are written."""

    PANEL: ClassVar[str] = "Output"

    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The file to write: .mov or .webm for the person with alpha, name.%05d.png "
            "or .exr for the alpha alone [default: <clip>-matte.mov; .png for an image].",
        ),
    ] = None
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview", help="Also write a contact sheet over a checkerboard to this .png."
        ),
    ] = None


@flatten_groups
def matte(
    clip: ClipArgument,
    source: InputOptions,
    matting: MattingOptions,
    output: OutputOptions,
    run: RunOptions,
) -> None:
    """Separate the person of CLIP from where they were filmed."""
    from dynascene_cli.pipeline.matte import matte as separate

    console = run.console()
    request = matte_request(clip, source, matting)
    data = separate(request, run.request(), output.output, output.preview, console)
    console.result(data, str(data.get("output") or ""))
