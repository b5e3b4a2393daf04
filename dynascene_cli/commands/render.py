"""``dynascene render``: the person standing in the place, filmed by the camera."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dynascene_cli.commands import options


def render(
    clip: options.ClipArgument,
    scene: Annotated[Path, typer.Option("--scene", help="The photo of the place.")],
    camera: Annotated[
        str,
        typer.Option(
            "--camera",
            help="auto (the clip's own), static, a preset, a trajectory or camera file, or "
            "several joined by +.",
        ),
    ] = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=".mp4, .mov, .webm, name.%05d.png or one image "
            "[default: <clip>-<scene>-<camera>.mp4; .png for an image].",
        ),
    ] = None,
    renderer: Annotated[
        Literal["auto", "projection", "dynascene"],
        typer.Option("--renderer", help="What paints the background."),
    ] = "auto",
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="Of the dynascene renderer: a name or a path."),
    ] = None,
    sampler: Annotated[
        Literal["ddim", "dpm++", "lcm"] | None,
        typer.Option("--sampler", help="[default: the checkpoint's first]."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Of sampling [default: the sampler's usual].")
    ] = None,
    guidance: Annotated[
        float, typer.Option("--guidance", help="Above 1: more of the scene, at twice the time.")
    ] = 1.0,
    sample_size: Annotated[
        str | None,
        typer.Option("--sample-size", metavar="WxH", help="Of the sampled pictures."),
    ] = None,
    window: Annotated[
        int | None, typer.Option("--window", help="Frames that are sampled together.")
    ] = None,
    guide: Annotated[
        Literal["projection"] | None,
        typer.Option("--guide", help="Start sampling from the projection's plate."),
    ] = None,
    strength: Annotated[
        float, typer.Option("--strength", help="Of sampling over a guide, above 0 to 1.")
    ] = 0.6,
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option("--precision", help="Of the network [default: float16 on a GPU]."),
    ] = None,
    reuse_deep: Annotated[
        int,
        typer.Option(
            "--reuse-deep", metavar="K", help="Compute every Kth step whole; faster, less exact."
        ),
    ] = 1,
    vae_tile: Annotated[
        int | None,
        typer.Option("--vae-tile", metavar="PIXELS", help="Decode in tiles; less memory."),
    ] = None,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Memory layout of convolutions.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the network: minutes once, then faster.")
    ] = False,
    offload: Annotated[
        bool,
        typer.Option("--offload", help="Keep weights in main memory, for GPUs of 8 GB; slower."),
    ] = False,
    preview_every: Annotated[
        int,
        typer.Option("--preview-every", metavar="N", help="A contact sheet every N steps.", min=0),
    ] = 0,
    memory_plan: Annotated[
        bool,
        typer.Option("--memory-plan", help="Say what memory sampling takes; do nothing."),
    ] = False,
    move_strength: options.MoveStrength = 1.0,
    allow_stretch: Annotated[
        bool,
        typer.Option("--allow-stretch", help="Move as asked even where it stretches the photo."),
    ] = False,
    person_anchor: Annotated[
        Literal["ground", "screen"] | None,
        typer.Option(
            "--person-anchor",
            help="ground: the person stands in the place (default under a move); "
            "screen: the pixels stay where they were filmed (default under auto).",
        ),
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            "--position", metavar="X,Y", help="Where the feet stand, fractions of the frame."
        ),
    ] = None,
    person_height: Annotated[
        float, typer.Option("--person-height", help="Metres, standing.", min=0.3, max=3.0)
    ] = 1.7,
    scale: Annotated[
        float | None,
        typer.Option("--scale", help="Metres to one unit of the clip's estimated camera path."),
    ] = None,
    smooth: Annotated[
        float,
        typer.Option(
            "--smooth",
            metavar="SECONDS",
            help="Smooth the clip's own camera: 0.5 takes the tremble of a hand.",
        ),
    ] = 0.0,
    stabilise: Annotated[
        bool, typer.Option("--stabilise", help="Take the shake out of the clip's own camera.")
    ] = False,
    method: Annotated[
        Literal["auto", "tracks", "colmap", "vggsfm"],
        typer.Option("--method", help="How the clip's own camera is told."),
    ] = "auto",
    clip_focal_mm: Annotated[
        float | None,
        typer.Option(
            "--clip-focal-mm", help="Of the clip, for a 36 mm wide sensor.", min=4, max=2000
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail where the clip's camera is of low confidence."),
    ] = False,
    person: options.Person = None,
    click: options.Clicks = None,
    matting_model: options.MattingModel = "auto",
    matting_quality: options.MattingQuality = "default",
    props: options.Props = "auto",
    matte: Annotated[
        Path | None,
        typer.Option("--matte", help="A finished alpha: video, folder or name.%05d.png."),
    ] = None,
    matte_fixes: options.MatteFixes = None,
    crop: Annotated[
        str | None,
        typer.Option(
            "--crop",
            metavar="X,Y",
            help="Centre of the photo's crop, fractions [default: the middle; under auto, what "
            "meets the clip's horizon].",
        ),
    ] = None,
    horizon: Annotated[
        float | None,
        typer.Option("--horizon", help="Fraction of the frame's height, from the top."),
    ] = None,
    camera_height: Annotated[
        float | None,
        typer.Option("--camera-height", help="Of the photo's camera, metres.", min=0.05, max=500),
    ] = None,
    focal_mm: Annotated[
        float | None,
        typer.Option("--focal-mm", help="Of the photo, for a 36 mm wide sensor.", min=4, max=2000),
    ] = None,
    roll: Annotated[
        float | None,
        typer.Option("--roll", help="Of the photo's camera, degrees clockwise.", min=-45, max=45),
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            help="A depth map (16-bit or float), model:NAME, or none "
            "[default: the depth network that was pulled].",
        ),
    ] = None,
    remove_people: Annotated[
        bool, typer.Option("--remove-people", help="Paint over everybody in the photo.")
    ] = False,
    keep_people: Annotated[
        bool, typer.Option("--keep-people", help="Paint over nobody in the photo.")
    ] = False,
    preview_scene: Annotated[
        Path | None,
        typer.Option("--preview-scene", help="Draw ground grid and horizon over the photo here."),
    ] = None,
    relight: Annotated[
        Literal["off", "scene", "person"] | None,
        typer.Option(
            "--relight",
            help="Whose light is moved towards the other's [default: scene; person where they "
            "differ by more than a stop].",
        ),
    ] = None,
    shadow: Annotated[
        Literal["none", "contact", "cast", "auto"],
        typer.Option(
            "--shadow",
            help="contact: under the feet; cast: the sun's as well; auto: cast where the photo "
            "shows the sun.",
        ),
    ] = "auto",
    no_shadow: Annotated[bool, typer.Option("--no-shadow", hidden=True)] = False,
    sun: Annotated[
        str | None,
        typer.Option(
            "--sun",
            metavar="AZIMUTH,ELEVATION",
            help="Degrees: clockwise from where the photo looks (90 is right), and above the "
            "horizon; the person then casts a shadow.",
        ),
    ] = None,
    no_light_wrap: Annotated[
        bool,
        typer.Option("--no-light-wrap", help="No light of the place around the person's edge."),
    ] = False,
    no_plate_blur: Annotated[
        bool, typer.Option("--no-plate-blur", help="Keep the photo sharper than the clip.")
    ] = False,
    no_grain: Annotated[bool, typer.Option("--no-grain", help="No grain on the plate.")] = False,
    start: options.Start = None,
    end: options.End = None,
    fps: options.FrameRate = None,
    fill_gaps: options.FillGaps = False,
    start_number: options.StartNumber = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Of the video [default: the clip's]."),
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="A quarter of the pixels, for deciding.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of handheld shake, filling and grain.", min=0)
    ] = None,
    layers: Annotated[
        Path | None, typer.Option("--layers", help="Folder for the layers of the picture.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write one HTML page about this render.")
    ] = False,
    project: options.ProjectFolder = None,
    dry_run: options.DryRun = False,
    force: options.Force = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Put the person of CLIP into the place of a photo, filmed by a camera move."""
    from dynascene_cli.video import check_photo

    # Told before the rest is loaded, which takes a second.
    check_photo(scene)
    from dynascene_cli.console import Console
    from dynascene_cli.diffusion.optimisations import SamplingOptimizations
    from dynascene_cli.pipeline.render import memory_plan as memory_planned
    from dynascene_cli.pipeline.render import render as rendered
    from dynascene_cli.pipeline.request import (
        CameraRequest,
        MatteRequest,
        RenderRequest,
        SamplingRequest,
        SceneRequest,
    )

    request = RenderRequest(
        filmed=CameraRequest(
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
            focal_mm=clip_focal_mm,
            strict=strict,
        ),
        scene=SceneRequest(
            photo=scene,
            crop=None if crop is None else options.fractions("--crop", crop),
            horizon=horizon,
            camera_height=camera_height,
            focal_mm=focal_mm,
            roll=roll,
            depth=depth,
            preview=preview_scene,
            people=options.people_choice(remove_people, keep_people),
        ),
        camera=camera,
        renderer=renderer,
        sampling=SamplingRequest(
            checkpoint=checkpoint,
            sampler=sampler,
            steps=steps,
            guidance=guidance,
            size=None
            if sample_size is None
            else options.picture_size(sample_size, "--sample-size"),
            window=window,
            guided=guide is not None,
            strength=strength,
            economies=SamplingOptimizations(
                precision=precision,
                reuse_deep=reuse_deep,
                vae_tile=vae_tile,
                channels_last=channels_last,
                compiled=compiled,
                offload=offload,
            ),
            preview_every=preview_every,
        ),
        move_strength=move_strength,
        allow_stretch=allow_stretch,
        anchor=person_anchor,
        position=None if position is None else options.fractions("--position", position),
        person_height=person_height,
        scale=scale,
        smooth=smooth,
        stabilise=stabilise,
        size=None if size is None else options.picture_size(size),
        draft=draft,
        seed=seed,
        relight=relight,
        shadow="none" if no_shadow else shadow,
        sun=None if sun is None else options.sun_angles(sun),
        light_wrap=not no_light_wrap,
        plate_blur=not no_plate_blur,
        grain=not no_grain,
        output=output,
        layers=layers,
        report=report,
    )
    console = Console(as_json=as_json, quiet=quiet, verbose=verbose)
    result = memory_planned(request) if memory_plan else rendered(request, console)
    console.result(result.as_json(), result.as_text())
