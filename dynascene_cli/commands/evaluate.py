"""``dynascene evaluate``: how good what the network makes is."""

from pathlib import Path
from typing import Annotated

import typer

from dynascene_cli.commands import options

app = typer.Typer(
    help="Measure what a network makes, against the truth and against simpler ways.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Write the table here, as .md.")
]


@app.command("held-out")
def held_out(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A name or a path.")],
    shots: Annotated[int, typer.Option("--shots", min=1, help="How many shots.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which shots, and which noise.")] = 0,
    steps: Annotated[
        str, typer.Option("--steps", help="One step or more of DDIM, several joined by commas.")
    ] = "1,8,25",
    size: Annotated[str | None, typer.Option("--size", help="WxH of the shots.")] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=2, help="Of a shot [default: as in training].")
    ] = None,
    hole: Annotated[
        str, typer.Option("--hole", help="The person's place in the photo: mean, black or none.")
    ] = "mean",
    output: Output = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write some of the shots here, as a picture.")
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure how a network follows camera and scene on synthetic shots it never learned from."""
    from dynascene_cli.console import Console
    from dynascene_cli.evaluation.held_out_run import HeldOutRequest, run_held_out
    from dynascene_cli.evaluation.held_out_table import held_out_text

    request = HeldOutRequest(
        checkpoint=checkpoint,
        shots=shots,
        seed=seed,
        steps=_counts("--steps", steps),
        size=None if size is None else options.picture_size(size),
        frames=frames,
        hole=hole,
        output=output,
        sheet=sheet,
    )
    console = Console(as_json=as_json, quiet=quiet, verbose=verbose)
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


@app.command("ablation")
def ablation(
    steps: Annotated[int, typer.Option("--steps", min=4, help="Of the optimiser, a run.")] = 100,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of each row.")] = 2,
    shots: Annotated[int, typer.Option("--shots", min=1, help="Held-out shots.")] = 32,
    row: Annotated[
        list[str] | None, typer.Option("--row", help="One row of the table alone; repeatable.")
    ] = None,
    work: Annotated[
        Path, typer.Option("--work", help="Folder of the runs, which go on where they stopped.")
    ] = Path("ablation.runs"),
    output: Output = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train small networks with and without each idea, and measure them on held-out shots."""
    from dynascene_cli.console import Console
    from dynascene_cli.evaluation.ablation import AblationRequest, run_ablation
    from dynascene_cli.evaluation.ablation_rows import select_rows
    from dynascene_cli.evaluation.ablation_table import ablation_text

    request = AblationRequest(select_rows(tuple(row or ())), steps, seeds, shots, work, output)
    console = Console(as_json=as_json, quiet=quiet, verbose=verbose)
    data = run_ablation(request, console)
    console.result(data, ablation_text(data))
