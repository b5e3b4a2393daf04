"""``dynascene dataset``: clips from raw videos, synthetic clips, and manifests checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.option_groups import PanelCommand, flatten_groups
from dynascene_cli.commands.option_values import parse_numbers, parse_picture_size

app = typer.Typer(
    help="Build training clips from raw videos, make synthetic ones, check and count those of a "
    "manifest.",
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
    printed: options.ConsoleOptions,
) -> None:
    """Write synthetic clips and their manifest; the same command continues an interrupted run."""
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
    console = printed.console()
    with console.progress("clips", pictures.count) as done:
        manifest = synthesize(output, pictures.count, pictures.seed, settings, done)
    console.result({"manifest": str(manifest), "clips": pictures.count}, str(manifest))


@dataclass(frozen=True)
class ClipOptions:
    """Which clips are kept."""

    PANEL: ClassVar[str] = "Clips"

    min_side: Annotated[
        int,
        typer.Option("--min-side", min=16, help="Least pixels of the picture's shorter side."),
    ] = 1080
    cut_threshold: Annotated[
        float,
        typer.Option("--cut-threshold", min=1, max=255, help="Change of content that is a cut."),
    ] = 27.0
    min_seconds: Annotated[
        float, typer.Option("--min-seconds", help="Shots shorter than this are left out.")
    ] = 1.0
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", help="Shots longer than this are divided.")
    ] = 10.0
    person_share: Annotated[
        str,
        typer.Option(
            "--person-share",
            metavar="LEAST,MOST",
            help="Share of the picture that the person's box may take, in 0..1.",
        ),
    ] = "0.02,0.8"
    max_score: Annotated[
        float,
        typer.Option(
            "--max-score",
            min=0,
            max=1.01,
            help="Clips whose motion score is this or more move too little; 1.01 keeps all.",
        ),
    ] = 0.8


@dataclass(frozen=True)
class BuildOptions:
    """How clips are made, and where they are written to."""

    PANEL: ClassVar[str] = "Build"

    output: Annotated[
        Path, typer.Option("-o", "--output", help="The data set's folder.", show_default=False)
    ]
    licence: Annotated[
        str,
        typer.Option("--licence", help="Licence note of the videos that a list gives none for."),
    ] = ""
    detector: Annotated[
        str,
        typer.Option(
            "--detector",
            help="What counts the people of a clip: nanodet, which ships, yolox, or an ONNX file "
            "of YOLOX.",
        ),
    ] = "nanodet"
    matting_model: Annotated[
        str, typer.Option("--matting-model", help="What separates the person, as in `matte`.")
    ] = "auto"
    method: options.EstimationMethod = "auto"
    split: Annotated[
        str, typer.Option("--split", metavar="TRAIN,VAL,TEST", help="Shares of the splits.")
    ] = "0.9,0.05,0.05"
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the splits.")] = 0


@dataclass(frozen=True)
class ScaleOptions:
    """Where the work is done."""

    PANEL: ClassVar[str] = "Scale"

    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="local|ADDRESS",
            help="Make clips on Ray: one a core of this machine, or on the cluster at HOST:PORT "
            "[default: in this process, one at a time].",
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Make at most this many clips at a time on Ray [default: one a core].",
        ),
    ] = None


@app.command(
    "build",
    cls=PanelCommand,
    epilog="Example: dynascene dataset build raw/ -o clips --licence CC-BY-4.0",
)
@flatten_groups
def build(
    videos: Annotated[
        list[Path],
        typer.Argument(metavar="VIDEOS...", help="Videos, folders of them, or .txt lists."),
    ],
    clips: ClipOptions,
    how: BuildOptions,
    scale: ScaleOptions,
    run: options.ConsoleOptions,
) -> None:
    """Build training clips from raw videos; the same command continues an interrupted run."""
    from dynascene_cli.cluster import RayUse
    from dynascene_cli.dataset.filmed.build import build_dataset
    from dynascene_cli.dataset.filmed.settings import BuildSettings
    from dynascene_cli.errors import InputError

    if scale.workers and not scale.ray:
        raise InputError("--workers is for --ray", "add --ray local")
    ray = RayUse(scale.ray, scale.workers) if scale.ray else None
    least, most = parse_numbers("--person-share", clips.person_share, 2)
    train, val, test = parse_numbers("--split", how.split, 3)
    settings = BuildSettings(
        min_side=clips.min_side,
        cut_threshold=clips.cut_threshold,
        min_seconds=clips.min_seconds,
        max_seconds=clips.max_seconds,
        person_share=(least, most),
        max_score=clips.max_score,
        detector=how.detector,
        matting_model=how.matting_model,
        method=how.method,
        splits=(train, val, test),
        seed=how.seed,
    )
    console = run.console()
    data = build_dataset(videos, how.output, how.licence, settings, console, ray)
    console.result(data, f"{data['manifest']}: {data['clips']} clips; report: {data['report']}")


@app.command("review", epilog="Example: dynascene dataset review clips")
def review(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data set that was built.")],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0 takes a free one.")
    ] = 0,
    as_json: options.AsJson = False,
) -> None:
    """Accept and reject clips by keyboard, on a page that this machine alone can open."""
    from dataclasses import asdict

    from dynascene_cli.console import Console
    from dynascene_cli.dataset.filmed.review import review_dataset

    console = Console(as_json=as_json)
    found = review_dataset(
        folder,
        port,
        lambda address: console.info(f"open {address} and press Finish there when you are done"),
    )
    text = f"{found.accepted} accepted, {found.rejected} rejected of {found.clips} clips"
    console.result(asdict(found), text)


@app.command("stats", epilog="Example: dynascene dataset stats clips")
def stats(
    manifests: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Data sets' folders, or .jsonl manifests."),
    ],
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Count clips, hours, splits, motion, cameras and what is in the scenes."""
    from dynascene_cli.console import Console
    from dynascene_cli.dataset.statistics import joined_lines, statistics

    console = Console(as_json=as_json, quiet=quiet)
    files = [path / "manifest.jsonl" if path.is_dir() else path for path in manifests]
    data = statistics(joined_lines(files, console.warn))
    text = "\n".join(f"{name}: {_told(value)}" for name, value in data.items())
    console.result({**data, "warnings": console.warnings}, text)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "-"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "-" if value is None else str(value)


@app.command(
    "check", cls=PanelCommand, epilog="Example: dynascene dataset check shots/manifest.jsonl"
)
@flatten_groups
def check_manifest(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A .jsonl manifest.")],
    printed: options.ConsoleOptions,
) -> None:
    """Read every clip of a manifest once; exit 1 and name those that are bad."""
    from dynascene_cli.dataset.manifest import check, read_manifest
    from dynascene_cli.errors import InputError

    console = printed.console()
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
