"""``dynascene demo``: a finished video from the clip and photo that ship with the package."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.completion import complete_camera
from dynascene_cli.commands.option_groups import flatten_groups

MEDIA = Path(__file__).parents[1] / "demo_media"

# The gymnast walks to the left, and the clip cuts his arm there: from here, and under a move as
# small as this, all of him stays in the picture.
POSITION, MOVE_STRENGTH = (0.44, 0.85), 0.35


@flatten_groups
def demo(
    printed: options.ConsoleOptions,
    output: Annotated[Path, typer.Option("-o", "--output", help="The video to write.")] = Path(
        "dynascene-demo.mp4"
    ),
    camera: Annotated[
        str,
        typer.Option(
            "--camera",
            autocompletion=complete_camera,
            help="Camera move: a preset or a trajectory file.",
        ),
    ] = "dolly-in",
    project: options.ProjectFolder = None,
) -> None:
    """Render the clip and photo that ship with the package; with the extra plots, report on it."""
    from dynascene_cli.pipeline.render import render
    from dynascene_cli.pipeline.request import (
        CameraRequest,
        MatteRequest,
        RenderRequest,
        RunRequest,
        SceneRequest,
    )

    request = RenderRequest(
        filmed=CameraRequest(MatteRequest(clip=str(MEDIA / "gym.mp4"))),
        scene=SceneRequest(photo=MEDIA / "picos.jpg"),
        camera=camera,
        move_strength=MOVE_STRENGTH,
        position=POSITION,
        output=output,
        # Its plots need an extra, which a first look may do without.
        report=find_spec("matplotlib") is not None,
    )
    console = printed.console()
    asked = RunRequest(project or Path("dynascene-demo.dynascene"))
    result = render(request, asked, console)
    console.result(result.as_json(), result.as_text())
