"""``dynascene studio``: a local page on which a shot is directed by hand."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands.option_groups import flatten_groups, words_of
from dynascene_cli.commands.options import (
    ClipArgument,
    FinishedMatte,
    InputOptions,
    LogJson,
    MattingOptions,
    ProjectFolder,
    matte_request,
)
from dynascene_cli.commands.render import Photo


@flatten_groups
def studio(
    clip: ClipArgument,
    scene: Photo,
    source: InputOptions,
    matting: MattingOptions,
    matte: FinishedMatte = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The file that Render on the page writes [default: "
            "<clip>-<scene>-studio.mp4 in the current folder].",
        ),
    ] = None,
    project: ProjectFolder = None,
    port: Annotated[
        int, typer.Option("--port", help="Port of the page; 0 takes a free one.", min=0, max=65535)
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the page's address, and open no browser.")
    ] = False,
    log_json: LogJson = None,
) -> None:
    """Direct the shot of CLIP in a photo on a local page: place, camera, light; then render it."""
    from dynascene_cli.console import Console, EventLog
    from dynascene_cli.errors import DynasceneError
    from dynascene_cli.pipeline.kernel_compilation import renderer_compiled_ahead
    from dynascene_cli.pipeline.matte import check_matte_request, open_request_clip
    from dynascene_cli.pipeline.request import (
        CameraRequest,
        RenderRequest,
        RunRequest,
        SceneRequest,
        clip_name,
    )
    from dynascene_cli.pipeline.run import open_run
    from dynascene_cli.storage.fingerprints import file_fingerprint
    from dynascene_cli.studio.fixes import Fixes
    from dynascene_cli.studio.preview import Preview
    from dynascene_cli.studio.server import Server
    from dynascene_cli.studio.session import Session, ShotFiles
    from dynascene_cli.studio.settings import kept_settings
    from dynascene_cli.video import check_photo

    check_photo(scene)
    console = Console(log=EventLog(log_json) if log_json else None)
    asked = matte_request(clip, source, matting, matte)
    request = RenderRequest(
        filmed=CameraRequest(asked), scene=SceneRequest(photo=scene), camera="static"
    )
    run = open_run(RunRequest(project), asked.clip, request.inputs, console)
    shot = f"{clip_name(clip)}-{scene.stem}-studio"
    files = ShotFiles(
        move=Path(f"{shot}-move.json"),
        scene=Path(f"{shot}-scene.json"),
        script=Path(f"{shot}.sh"),
        settings=f"studio/{file_fingerprint(scene)}.json",
    )
    opened = open_request_clip(asked)
    console.warn(*opened.warnings, *check_matte_request(asked, opened, numbered=True))
    settings = kept_settings(run.project.folder / files.settings)
    if settings.clicks and not asked.clicks:
        # They may be of other frames, or of a network that this run is not to use.
        with suppress(DynasceneError):
            pointed = replace(asked, clicks=settings.clicks)
            check_matte_request(pointed, opened, numbered=True)
            asked = pointed
    settings = replace(settings, clicks=asked.clicks)
    fixes = Fixes(
        Path(f"{clip_name(clip)}-studio-fixes"),
        asked.matte_fixes,
        opened,
        asked.first_number(opened),
    )
    output = output or Path(f"{shot}.mp4")
    words = ["render", "--scene", str(scene), *words_of(source)]
    words += words_of(replace(matting, click=None, matte_fixes=None))
    words += [f"--matte={matte}"] if matte else []
    words += [f"--project={project}"] if project else []
    words += [f"--output={output}", "--", clip]
    request = replace(request, filmed=CameraRequest(asked))
    # A move of the camera needs the renderer's loops, which compile beside all that comes first.
    with renderer_compiled_ahead():
        with run.project.locked():
            preview = Preview(run, request, opened, fixes.in_use)
        session = Session(run, preview, fixes, words, files, settings)
        server = Server(session, port)
        console.result({"url": server.url}, server.url)
        if not no_open:
            typer.launch(server.url)
        server.serve()
