"""``dynascene evaluate checkpoint``, ``conflicts`` and the paper's tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.evaluate_clips import MetricOptions, Outputs
from dynascene_cli.commands.option_groups import flatten_groups
from dynascene_cli.commands.option_values import parse_picture_size

Steps = Annotated[
    int, typer.Option("--steps", min=1, max=1000, help="Number of sampling steps of a network.")
]


@dataclass(frozen=True)
class MadeOptions:
    """What is made of the manifest's clips."""

    PANEL: ClassVar[str] = "Clips"

    data: Annotated[
        Path,
        typer.Option("--data", help="A .jsonl manifest of the true clips.", show_default=False),
    ]
    steps: Steps = 25
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Size of the clips [default: training's]."),
    ] = None
    frames: Annotated[
        int | None,
        typer.Option("--frames", min=2, help="Number of frames of each [default: training's]."),
    ] = None
    fps: Annotated[
        float, typer.Option("--fps", min=0.1, help="Frames a second that are taken of each clip.")
    ] = 8.0
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the noise.")] = 0
    baselines: Annotated[
        bool, typer.Option(help="Measure what needs no network in the same run.")
    ] = True
    sana: Annotated[
        str,
        typer.Option(
            "--sana-wm",
            metavar="auto|none|NAME|FOLDER",
            help="Measure SANA-WM as a baseline, by these weights; auto does where they are "
            "installed and there is a GPU.",
        ),
    ] = "auto"
    sana_size: Annotated[
        str | None,
        typer.Option(
            "--sana-size", metavar="WxH", help="Size at which SANA-WM samples [default: 720p]."
        ),
    ] = None


@flatten_groups
def checkpoint(
    checkpoints: Annotated[
        list[str],
        typer.Argument(metavar="CHECKPOINT...", help="Checkpoints to measure: names or paths."),
    ],
    made: MadeOptions,
    measures: MetricOptions,
    run: options.ConsoleOptions,
) -> None:
    """Render the clips of a manifest by networks and baselines, and measure them."""
    from dynascene_cli.evaluation.clips.checkpoint import CheckpointRequest, run_checkpoint
    from dynascene_cli.evaluation.clips.tables import screen_table

    request = CheckpointRequest(
        checkpoints=tuple(checkpoints),
        data=made.data,
        steps=made.steps,
        size=None if made.size is None else parse_picture_size(made.size),
        frames=made.frames,
        fps=made.fps,
        seed=made.seed,
        baselines=made.baselines,
        sana=made.sana,
        sana_size=None if made.sana_size is None else parse_picture_size(made.sana_size),
        protocol=measures.protocol,
        metrics=None if measures.metrics is None else tuple(measures.metrics.split(",")),
        outputs=tuple(measures.output or ()),
    )
    console = run.console()
    data = run_checkpoint(request, console)
    console.result(data, screen_table(data))


@flatten_groups
def conflicts(
    *,
    checkpoints: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHECKPOINT]...", help="Checkpoints to try: names or paths."),
    ] = None,
    shots: Annotated[int, typer.Option("--shots", min=1, help="Number of clips.")] = 8,
    steps: Steps = 25,
    frames: Annotated[int, typer.Option("--frames", min=2, help="Frames of each clip.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of clips and noise.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the table to this .md file.")
    ] = None,
    run: options.ConsoleOptions,
) -> None:
    """Try three cameras on clips of somebody who comes nearer: forward, none and opposite."""
    from dynascene_cli.evaluation.clips.conflicts import ConflictsRequest, run_conflicts

    request = ConflictsRequest(tuple(checkpoints or ()), shots, steps, frames, seed, output)
    console = run.console()
    data = run_conflicts(request, console)
    text = data.pop("text")
    console.result(data, text)


Results = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[RESULTS]...", help=".json files that evaluate clips wrote."),
]


def _table(
    name: Literal["table2", "table3", "table4"],
    results: list[Path] | None,
    output: list[Path] | None,
    as_json: bool,
) -> None:
    from dynascene_cli.console import Console
    from dynascene_cli.evaluation.clips.paper_tables import write_paper_table

    data = write_paper_table(name, results or (), output or ())
    text = data.pop("text")
    Console(as_json=as_json).result(data, text)


def table2(
    results: Results = None, output: Outputs = None, as_json: options.AsJson = False
) -> None:
    """Lay out the paper's comparison with other methods, your own results under it."""
    _table("table2", results, output, as_json)


def table3(
    results: Results = None, output: Outputs = None, as_json: options.AsJson = False
) -> None:
    """Lay out the paper's ablation of its tasks, your own results under it."""
    _table("table3", results, output, as_json)


def table4(
    results: Results = None, output: Outputs = None, as_json: options.AsJson = False
) -> None:
    """Lay out the paper's comparison of one and two stages, your own results under it."""
    _table("table4", results, output, as_json)
