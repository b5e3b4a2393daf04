"""``dynascene train``: a checkpoint, from base weights or by fine-tuning another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dynascene_cli.commands import options

if TYPE_CHECKING:
    from dynascene_cli.console import Console
    from dynascene_cli.training.settings import Stage, TrainingSettings


def train(
    stage: Annotated[
        Literal["image", "video", "single"],
        typer.Argument(
            help="image: the first stage, on pictures; video: the second, on clips; single: both "
            "at once, on clips."
        ),
    ],
    config: Annotated[
        str,
        typer.Option("--config", help="Settings of the run: the name of a preset, or a TOML file."),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one setting, as KEY=VALUE; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the run [default: <config>-<stage>.run]."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", help="Checkpoint to start from: a name, a path or random:PRESET."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            help="Manifest of training clips (.jsonl), instead of the settings'; may be repeated.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Number of optimiser steps [default: the settings'].", min=1),
    ] = None,
    full_precision: Annotated[
        bool, typer.Option("--full-precision", help="Write 32-bit weights instead of 16-bit ones.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Read every clip once, name those that cannot be used, and stop."
        ),
    ] = False,
    show_tasks: Annotated[
        Path | None,
        typer.Option(
            "--show-tasks",
            help="Write a picture of what the network is shown to this file, and stop.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over if the folder holds a run already.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train one STAGE of the network; the same command goes on after any interruption."""
    from dynascene_cli.console import Console
    from dynascene_cli.diffusion.requirements import require_packages
    from dynascene_cli.training.schema import toml_value
    from dynascene_cli.training.settings import read_settings

    console = Console(as_json=as_json, quiet=quiet, verbose=verbose)
    asked = list(changes or [])
    asked += [f"base={toml_value(base)}"] if base is not None else []
    asked += [f"manifests={toml_value([str(path) for path in data])}"] if data else []
    asked += [f"steps={steps}"] if steps is not None else []
    settings = read_settings(config, asked)
    require_packages()
    folder = out or Path(f"{Path(config).stem}-{stage}.run")
    if check:
        return _check(settings, console)
    if show_tasks is not None:
        return _show_tasks(settings, stage, show_tasks, console)
    from dynascene_cli.training.run import TrainingRequest, plan_run
    from dynascene_cli.training.run import train as trained

    request = TrainingRequest(stage, settings, folder, force, full_precision)
    if dry_run:
        planned = plan_run(request, console)
        return console.result(planned, _plan_text(planned))
    result = trained(request, console)
    if result is None:
        return None
    loss = "nothing left to do" if result["loss"] is None else f"loss {result['loss']:.4f}"
    console.result(
        result,
        f"{result['checkpoint']}: {result['steps']} steps, {loss}, "
        f"{result['samples_per_second']:.2f} clips/s",
    )
    return None


def _plan_text(plan: dict[str, Any]) -> str:
    return (
        f"would train {plan['parameters'] / 1e6:.2f} M parameters of {plan['base']} in "
        f"{plan['run']}: after step {plan['first']} to step {plan['steps']}, "
        f"{plan['clips_a_step']} clips each"
    )


def _check(settings: "TrainingSettings", console: "Console") -> None:
    from dynascene_cli.errors import InputError
    from dynascene_cli.training.examples import find_faults, usable_entries

    entries = [entry for kind in usable_entries(settings) for entry in kind]
    bad = {}
    with console.progress("check", len(entries)) as checked:
        for index, entry in enumerate(entries):
            if found := find_faults(entry, settings):
                bad[entry.name] = found
                console.warn(f"{entry.name}: {'; '.join(found)}")
            checked(index + 1)
    if bad:
        raise InputError(
            f"{len(bad)} of {len(entries)} clips are bad: {', '.join(bad)}",
            "mend them, or leave their lines out of the manifest",
        )
    data = {"checked": len(entries), "bad": bad, "warnings": console.warnings}
    console.result(data, f"{len(entries)} clips are OK")


def _show_tasks(
    settings: "TrainingSettings", stage: "Stage", picture: Path, console: "Console"
) -> None:
    from dynascene_cli.training.examples import ExampleDraws
    from dynascene_cli.training.setup import describe_start
    from dynascene_cli.training.task_preview import task_sheet
    from dynascene_cli.video import check_writable, write_image

    check_writable(picture)
    info, _ = describe_start(settings)
    write_image(picture, task_sheet(ExampleDraws(settings, stage, info.config)))
    console.result({"tasks": str(picture)}, str(picture))
