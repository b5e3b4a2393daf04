"""The options that several commands share, each defined once, grouped by topic."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from dynascene_cli.commands.completion import complete_matting_model
from dynascene_cli.commands.option_values import parse_clicks

if TYPE_CHECKING:
    from dynascene_cli.console import Console, EventLog
    from dynascene_cli.pipeline.request import MatteRequest, RunRequest

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only warnings and errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print more detail, and tracebacks of errors.")
]
LogJson = Annotated[
    str | None,
    typer.Option(
        "--log-json",
        metavar="FILE|-",
        help="Also write the run's events as they happen, one JSON object a line; - is stdout.",
    ),
]
ClipArgument = Annotated[
    str,
    typer.Argument(
        metavar="CLIP",
        help="A video, an animated GIF, an image, name.%05d.png or .exr, or a folder of images.",
    ),
]
FrameRate = Annotated[
    float | None,
    typer.Option("--fps", help="Frame rate of an image sequence, in frames per second."),
]
FillGaps = Annotated[
    bool,
    typer.Option("--fill-gaps", help="Repeat the previous frame where a sequence lacks one."),
]
StartNumber = Annotated[
    int | None,
    typer.Option(
        "--start-number",
        help="Number of the first frame, in written sequences and cameras and in --matte-fixes "
        "[default: that of the clip's own files, else 1].",
        min=0,
        max=9_999_999,
    ),
]
Start = Annotated[
    float | None, typer.Option("--start", help="Start at this time of the clip, in seconds.")
]
End = Annotated[
    float | None, typer.Option("--end", help="End at this time of the clip, in seconds.")
]
ProjectFolder = Annotated[
    Path | None,
    typer.Option(
        "--project",
        help="Folder in which intermediate results are cached [default: <clip name>.dynascene in "
        "the current folder].",
    ),
]
MoveStrength = Annotated[
    float,
    typer.Option(
        "--move-strength", help="Scale the camera move: 0.5 halves it, 0 holds the camera still."
    ),
]
FinishedMatte = Annotated[
    Path | None,
    typer.Option(
        "--matte",
        help="Use this finished matte (white is the person): a video, a folder, name.%05d.png or "
        ".exr.",
    ),
]
FullPrecision = Annotated[
    bool, typer.Option("--full-precision", help="Write 32-bit weights instead of 16-bit ones.")
]

EstimationMethod = Annotated[
    Literal["auto", "tracks", "colmap", "vggsfm"],
    typer.Option(
        "--method",
        help="How the clip's camera is estimated; auto tracks the background and falls back to "
        "COLMAP.",
    ),
]


@dataclass(frozen=True)
class InputOptions:
    """Which frames of the clip are read."""

    PANEL: ClassVar[str] = "Input"

    start: Start = None
    end: End = None
    fps: FrameRate = None
    fill_gaps: FillGaps = False
    start_number: StartNumber = None


@dataclass(frozen=True)
class MattingOptions:
    """Who is separated from the clip, and by what."""

    PANEL: ClassVar[str] = "Person"

    person: Annotated[
        str | None,
        typer.Option(
            "--person",
            help="Which person to keep: left, right, largest, or a number counted from the left; "
            "required where several of similar size are in the clip.",
        ),
    ] = None
    matting_model: Annotated[
        str,
        typer.Option(
            "--matting-model",
            autocompletion=complete_matting_model,
            help="What separates the person: auto, bundled, rvm, modnet, pp-mattingv2, sam2, sam3 "
            "or rembg:MODEL.",
            show_default=True,
        ),
    ] = "auto"
    matting_quality: Annotated[
        Literal["default", "best"],
        typer.Option(
            "--matting-quality", help="best runs every network on every frame, and is slower."
        ),
    ] = "default"
    props: Annotated[
        Literal["auto", "none"],
        typer.Option(
            "--props", help="auto keeps what the person holds or rides: a ball, racket, bicycle."
        ),
    ] = "auto"
    click: Annotated[
        list[str] | None,
        typer.Option(
            "--click",
            metavar="TIME,X,Y",
            help="Add what is at this point to the matte, or take it away with -TIME,X,Y: seconds, "
            "and fractions of the picture. Needs sam2 or sam3; may be repeated.",
        ),
    ] = None
    matte_fixes: Annotated[
        Path | None,
        typer.Option(
            "--matte-fixes",
            help="Folder of mattes corrected by hand, numbered like the clip's frames.",
        ),
    ] = None


@dataclass(frozen=True)
class RunOptions:
    """Where results are cached, and what is printed."""

    PANEL: ClassVar[str] = "Run"

    project: ProjectFolder = None
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would run and what is cached, and stop."),
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Compute again what is cached already.")
    ] = False
    as_json: AsJson = False
    quiet: Quiet = False
    verbose: Verbose = False
    log_json: LogJson = None

    def request(self) -> "RunRequest":
        """What these options ask of a run."""
        from dynascene_cli.pipeline.request import RunRequest

        return RunRequest(self.project, self.force, self.dry_run)

    def console(self) -> "Console":
        """A console that prints as asked."""
        from dynascene_cli.console import Console

        return Console(
            as_json=self.as_json, quiet=self.quiet, verbose=self.verbose, log=_event_log(self)
        )


@dataclass(frozen=True)
class ConsoleOptions:
    """What is printed, by a command that caches nothing."""

    PANEL: ClassVar[str] = "Run"

    as_json: AsJson = False
    quiet: Quiet = False
    verbose: Verbose = False
    log_json: LogJson = None

    def console(self) -> "Console":
        """A console that prints as asked."""
        from dynascene_cli.console import Console

        return Console(
            as_json=self.as_json, quiet=self.quiet, verbose=self.verbose, log=_event_log(self)
        )


def _event_log(options: RunOptions | ConsoleOptions) -> "EventLog | None":
    from dynascene_cli.console import EventLog

    if options.log_json is None:
        return None
    if options.log_json == "-" and options.as_json:
        raise typer.BadParameter("--json prints to stdout, too", param_hint="--log-json")
    return EventLog(options.log_json)


def matte_request(
    clip: str,
    source: InputOptions,
    matting: MattingOptions,
    matte: Path | None = None,
) -> "MatteRequest":
    """What these options ask of matting."""
    from dynascene_cli.pipeline.request import MatteRequest

    return MatteRequest(
        clip=clip,
        matting_model=matting.matting_model,
        matting_quality=matting.matting_quality,
        props=matting.props,
        matte=matte,
        person=matting.person,
        clicks=parse_clicks(matting.click or ()),
        matte_fixes=matting.matte_fixes,
        fps=source.fps,
        start=source.start,
        end=source.end,
        fill_gaps=source.fill_gaps,
        start_number=source.start_number,
    )
