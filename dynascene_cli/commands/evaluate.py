"""``dynascene evaluate``: how good what the network makes is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dynascene_cli.commands import evaluate_clips, evaluate_paper, options
from dynascene_cli.commands.option_groups import PanelCommand, flatten_groups
from dynascene_cli.commands.option_values import parse_picture_size

app = typer.Typer(
    help="Measure clips and networks against the truth and against simple baselines.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_EXAMPLES = {
    "clips": (evaluate_clips.clips, "--pred made --truth real -o table.html"),
    "checkpoint": (evaluate_paper.checkpoint, "mini --data clips/test.jsonl -o table.html"),
    "conflicts": (evaluate_paper.conflicts, "mini --shots 8"),
    "table2": (evaluate_paper.table2, "ours.json -o table2.md"),
    "table3": (evaluate_paper.table3, "ours.json -o table3.tex"),
    "table4": (evaluate_paper.table4, "ours.json"),
}

for _name, (_command, _words) in _EXAMPLES.items():
    app.command(_name, cls=PanelCommand, epilog=f"Example: dynascene evaluate {_name} {_words}")(
        _command
    )

Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Write the table to this .md file.")
]


@dataclass(frozen=True)
class MeasureOptions:
    """The held-out shots that a network is measured on, and in how many steps."""

    PANEL: ClassVar[str] = "Measures"

    shots: Annotated[int, typer.Option("--shots", min=1, help="Number of held-out shots.")] = 100
    steps: Annotated[
        str, typer.Option("--steps", help="Numbers of DDIM steps to try, separated by commas.")
    ] = "1,8,25"
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Seed of the shots and of the noise.")
    ] = 0
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Size of the shots [default: training's]."),
    ] = None
    frames: Annotated[
        int | None,
        typer.Option("--frames", min=2, help="Number of frames in a shot [default: training's]."),
    ] = None
    hole: Annotated[
        str,
        typer.Option(
            "--hole", help="How the person's hole in the photo is filled: mean, black or none."
        ),
    ] = "mean"


@dataclass(frozen=True)
class HeldOutOutputOptions:
    """The files of the measures."""

    PANEL: ClassVar[str] = "Output"

    output: Output = None
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Write a contact sheet of some shots to this file."),
    ] = None


@app.command(
    "held-out", cls=PanelCommand, epilog="Example: dynascene evaluate held-out mini --shots 10"
)
@flatten_groups
def held_out(
    checkpoint: Annotated[
        str, typer.Argument(metavar="CHECKPOINT", help="Checkpoint to measure: a name or a path.")
    ],
    measures: MeasureOptions,
    written: HeldOutOutputOptions,
    run: options.ConsoleOptions,
) -> None:
    """Measure how well a network follows camera and scene on synthetic held-out shots."""
    from dynascene_cli.evaluation.held_out_run import HeldOutRequest, run_held_out
    from dynascene_cli.evaluation.held_out_table import held_out_text

    request = HeldOutRequest(
        checkpoint=checkpoint,
        shots=measures.shots,
        seed=measures.seed,
        steps=_counts("--steps", measures.steps),
        size=None if measures.size is None else parse_picture_size(measures.size),
        frames=measures.frames,
        hole=measures.hole,
        output=written.output,
        sheet=written.sheet,
    )
    console = run.console()
    data = run_held_out(request, console)
    console.result(data, held_out_text(data))


def _counts(option: str, text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        counts = (0,)
    if min(counts) < 1 or max(counts) > 1000:
        raise typer.BadParameter(f"{text!r} is not N,N,… each 1 to 1000", param_hint=option)
    return counts


@app.command(
    "ablation",
    cls=PanelCommand,
    epilog="Example: dynascene evaluate ablation --steps 200 -o ablation.md",
)
@flatten_groups
def ablation(
    *,
    steps: Annotated[int, typer.Option("--steps", min=4, help="Optimiser steps of a run.")] = 100,
    seeds: Annotated[
        int,
        typer.Option("--seeds", min=1, help="Number of runs, with different seeds, of each row."),
    ] = 2,
    shots: Annotated[int, typer.Option("--shots", min=1, help="Number of held-out shots.")] = 32,
    row: Annotated[
        list[str] | None,
        typer.Option("--row", help="Run only this row of the table; may be repeated."),
    ] = None,
    work: Annotated[
        Path, typer.Option("--work", help="Folder of the runs, which continue where they stopped.")
    ] = Path("ablation.runs"),
    output: Output = None,
    run: options.ConsoleOptions,
) -> None:
    """Train small networks with and without each idea and measure them on held-out shots."""
    from dynascene_cli.evaluation.ablation import AblationRequest, run_ablation
    from dynascene_cli.evaluation.ablation_rows import select_rows
    from dynascene_cli.evaluation.ablation_table import ablation_text

    request = AblationRequest(select_rows(tuple(row or ())), steps, seeds, shots, work, output)
    console = run.console()
    data = run_ablation(request, console)
    console.result(data, ablation_text(data))
