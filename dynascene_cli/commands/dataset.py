"""``dynascene dataset``: synthetic clips written to disk, and manifests checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.option_groups import PanelCommand, flatten_groups
from dynascene_cli.commands.option_values import parse_picture_size

app = typer.Typer(
    help="Make synthetic clips with their exact truth, and check the clips of a manifest.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True)
class PictureOptions:
    """The pictures of the clips."""

    PANEL: ClassVar[str] = "Clips"

    count: Annotated[int, typer.Option("--count", min=1, help="Number of clips.")] = 100
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Size of the pictures, in pixels.")
    ] = "64x36"
    frames: Annotated[
        int, typer.Option("--frames", min=1, max=10_000, help="Number of frames in a clip.")
    ] = 8
    fps: Annotated[float, typer.Option("--fps", help="Frame rate, in frames per second.")] = 8.0
    seed: Annotated[
        int,
        typer.Option("--seed", min=0, help="Seed of the first clip; each further clip adds one."),
    ] = 0


@dataclass(frozen=True)
class ContentOptions:
    """What the clips show."""

    PANEL: ClassVar[str] = "Content"

    person: Annotated[
        float, typer.Option("--person", min=0, max=1, help="Share of clips with a person.")
    ] = 1.0
    moves: Annotated[
        str | None,
        typer.Option("--moves", help="Camera moves to use, separated by commas [default: all]."),
    ] = None
    places: Annotated[
        str | None,
        typer.Option(
            "--places",
            help="Places to use, separated by commas: room, street, yard [default: all].",
        ),
    ] = None
    textures: Annotated[
        Path | None,
        typer.Option("--textures", help="Folder of photos to take surface textures from."),
    ] = None
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="Use textures and move amounts that training never uses."),
    ] = False


@app.command(
    "synth",
    cls=PanelCommand,
    epilog="Example: dynascene dataset synth shots --count 100 --size 128x72",
)
@flatten_groups
def synth(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write to.")],
    pictures: PictureOptions,
    content: ContentOptions,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write synthetic clips and their manifest; the same command continues an interrupted run."""
    from dynascene_cli.console import Console
    from dynascene_cli.dataset.synthetic.clip import SyntheticSettings
    from dynascene_cli.dataset.synthetic.folder import synthesize
    from dynascene_cli.dataset.synthetic.moves import MOVES
    from dynascene_cli.dataset.synthetic.places import PLACES

    moves, places = content.moves, content.places
    settings = SyntheticSettings(
        size=parse_picture_size(pictures.size),
        frames=pictures.frames,
        fps=pictures.fps,
        person=content.person,
        moves=MOVES if moves is None else tuple(moves.split(",")),
        places=PLACES if places is None else tuple(places.split(",")),
        split="held-out" if content.held_out else "train",
        textures=content.textures,
    )
    console = Console(as_json=as_json, quiet=quiet)
    with console.progress("clips", pictures.count) as done:
        manifest = synthesize(output, pictures.count, pictures.seed, settings, done)
    console.result({"manifest": str(manifest), "clips": pictures.count}, str(manifest))


@app.command("check", epilog="Example: dynascene dataset check shots/manifest.jsonl")
def check_manifest(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A .jsonl manifest.")],
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Read every clip of a manifest once; exit 1 and name those that are bad."""
    from dynascene_cli.console import Console
    from dynascene_cli.dataset.manifest import check, read_manifest
    from dynascene_cli.errors import InputError

    console = Console(as_json=as_json, quiet=quiet)
    entries = read_manifest(manifest)
    bad = []
    with console.progress("check", len(entries)) as done:
        for number, entry in enumerate(entries, start=1):
            faults = check(entry)
            if faults:
                bad.append(entry.name)
                console.warn(f"{entry.name}: {'; '.join(faults)}")
            done(number)
    if bad:
        raise InputError(
            f"{manifest}: {len(bad)} of {len(entries)} clips are bad: {', '.join(bad)}",
            "mend them, or leave their lines out",
        )
    frames = sum(entry.frames for entry in entries)
    people = sum(entry.matte is not None for entry in entries)
    console.result(
        {"clips": len(entries), "frames": frames, "with_person": people},
        f"OK: {len(entries)} clips, {frames} frames, {people} with a person",
    )
