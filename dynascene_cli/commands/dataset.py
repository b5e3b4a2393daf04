"""``dynascene dataset``: synthetic clips written to disk, and manifests checked."""

from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands import options

app = typer.Typer(
    help="Make synthetic clips with their exact truth, and check the clips of a manifest.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("synth")
def synth(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write to.")],
    count: Annotated[int, typer.Option("--count", min=1, help="How many clips.")] = 100,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Of the pictures.")] = "64x36",
    frames: Annotated[int, typer.Option("--frames", min=1, max=10_000, help="A clip.")] = 8,
    fps: Annotated[float, typer.Option("--fps", help="Frames a second.")] = 8.0,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the first clip; the others follow it.")
    ] = 0,
    person: Annotated[
        float, typer.Option("--person", min=0, max=1, help="Share of clips with a person.")
    ] = 1.0,
    moves: Annotated[
        str | None, typer.Option("--moves", help="Some of the moves, joined by commas.")
    ] = None,
    places: Annotated[
        str | None, typer.Option("--places", help="Some of room, street and yard.")
    ] = None,
    textures: Annotated[
        Path | None, typer.Option("--textures", help="A folder of photos to paint with.")
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Patterns and amounts that training never sees.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write synthetic clips and their manifest; run again, it goes on where it was stopped."""
    from dynascene_cli.console import Console
    from dynascene_cli.dataset.synthetic.clip import SyntheticSettings
    from dynascene_cli.dataset.synthetic.folder import synthesize
    from dynascene_cli.dataset.synthetic.moves import MOVES
    from dynascene_cli.dataset.synthetic.places import PLACES

    settings = SyntheticSettings(
        size=options.picture_size(size),
        frames=frames,
        fps=fps,
        person=person,
        moves=MOVES if moves is None else tuple(moves.split(",")),
        places=PLACES if places is None else tuple(places.split(",")),
        split="held-out" if held_out else "train",
        textures=textures,
    )
    console = Console(as_json=as_json, quiet=quiet)
    with console.progress("clips", count) as done:
        manifest = synthesize(output, count, seed, settings, done)
    console.result({"manifest": str(manifest), "clips": count}, str(manifest))


@app.command("check")
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
