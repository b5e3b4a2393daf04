"""``dynascene render``: the person standing in the scene, filmed by the camera."""

from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands.network_options import NetworkOptions
from dynascene_cli.commands.option_groups import flatten_groups
from dynascene_cli.commands.option_values import parse_fractions
from dynascene_cli.commands.options import (
    ClipArgument,
    InputOptions,
    MattingOptions,
    RunOptions,
    matte_request,
)
from dynascene_cli.commands.render_options import (
    CameraOptions,
    LookOptions,
    OutputOptions,
    PlaceOptions,
    StandingOptions,
)

Photo = Annotated[
    Path,
    typer.Option("--scene", help="The photo of the scene.", rich_help_panel=InputOptions.PANEL),
]


@flatten_groups
def render(
    clip: ClipArgument,
    scene: Photo,
    source: InputOptions,
    camera: CameraOptions,
    standing: StandingOptions,
    matting: MattingOptions,
    place: PlaceOptions,
    look: LookOptions,
    output: OutputOptions,
    run: RunOptions,
    network: NetworkOptions,
) -> None:
    """Put the person of CLIP into the scene of a photo, filmed by a camera move."""
    from dynascene_cli.video import check_photo

    # Told before the rest is loaded, which takes a second.
    check_photo(scene)
    from dynascene_cli.pipeline.render import memory_plan
    from dynascene_cli.pipeline.render import render as render_shot
    from dynascene_cli.pipeline.request import CameraRequest, RenderRequest

    position = standing.position
    request = RenderRequest(
        filmed=CameraRequest(
            matte=matte_request(clip, source, matting, standing.matte),
            method=camera.method,
            focal_mm=camera.clip_focal_mm,
            strict=camera.strict,
        ),
        scene=place.request(scene),
        camera=camera.camera,
        renderer=network.renderer,
        sampling=network.request(),
        move_strength=camera.move_strength,
        allow_stretch=camera.allow_stretch,
        anchor=standing.person_anchor,
        position=None if position is None else parse_fractions("--position", position),
        person_height=standing.person_height,
        scale=camera.scale,
        smooth=camera.smooth,
        stabilise=camera.stabilise,
        size=output.picture_size,
        draft=output.draft,
        seed=output.seed,
        relight=look.relight,
        shadow=look.kind_of_shadow,
        sun=look.sun_angles,
        light_wrap=not look.no_light_wrap,
        plate_blur=not look.no_plate_blur,
        grain=not look.no_grain,
        output=output.output,
        layers=output.layers,
        layers_format=output.layers_format,
        exr_compression=output.exr_compression,
        compare=output.compare,
        compare_as=output.compare_as,
        report=output.report,
    )
    console = run.console()
    result = (
        memory_plan(request)
        if network.memory_plan
        else render_shot(request, run.request(), console)
    )
    console.result(result.as_json(), result.as_text())
