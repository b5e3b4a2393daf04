"""``dynascene matte``: the person's alpha, or the person with clean colour and alpha."""

from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands import options


def matte(
    clip: options.ClipArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=".mov or .webm: the person with alpha; name.%05d.png: the alpha "
            "[default: <clip>-matte.mov; .png for an image].",
        ),
    ] = None,
    matting_model: options.MattingModel = "auto",
    matting_quality: options.MattingQuality = "default",
    props: options.Props = "auto",
    person: options.Person = None,
    click: options.Clicks = None,
    matte_fixes: options.MatteFixes = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", help="A contact sheet over a checkerboard, .png."),
    ] = None,
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
    """Separate the person of CLIP from where they were filmed."""
    from dynascene_cli.console import Console
    from dynascene_cli.pipeline.matte import matte as matted
    from dynascene_cli.pipeline.request import MatteRequest

    request = MatteRequest(
        clip=clip,
        matting_model=matting_model,
        matting_quality=matting_quality,
        props=props,
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
    )
    console = Console(as_json=as_json, quiet=quiet, verbose=verbose)
    data = matted(request, output, preview, console)
    console.result(data, str(data.get("output") or ""))
