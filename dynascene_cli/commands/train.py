"""``dynascene train``: a checkpoint, from base weights or by fine-tuning another."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import typer

from dynascene_cli.commands import options
from dynascene_cli.commands.completion import complete_training
from dynascene_cli.commands.option_groups import flatten_groups

if TYPE_CHECKING:
    from dynascene_cli.console import Console
    from dynascene_cli.training.settings import Stage, TrainingSettings


@dataclass(frozen=True)
class SettingsOptions:
    """What is trained, and on what."""

    PANEL: ClassVar[str] = "Training"

    config: Annotated[
        str,
        typer.Option(
            "--config",
            autocompletion=complete_training,
            help="Settings of the run: the name of a preset, or a TOML file.",
        ),
    ]
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one setting, as KEY=VALUE; may be repeated."),
    ] = None
    base: Annotated[
        str | None,
        typer.Option("--base", help="Checkpoint to start from: a name, a path or random:PRESET."),
    ] = None
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            help="Manifest of training clips (.jsonl), instead of the settings'; may be repeated.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Number of optimiser steps [default: the settings'].", min=1),
    ] = None

    def read(self) -> "TrainingSettings":
        """The settings with the changes that the other options make to them."""
        from dynascene_cli.training.schema import toml_value
        from dynascene_cli.training.settings import read_settings

        changes = list(self.changes or [])
        changes += [f"base={toml_value(self.base)}"] if self.base is not None else []
        manifests = [str(path) for path in self.data or ()]
        changes += [f"manifests={toml_value(manifests)}"] if manifests else []
        changes += [f"steps={self.steps}"] if self.steps is not None else []
        return read_settings(self.config, changes)


@dataclass(frozen=True)
class OutputOptions:
    """What is written, and where."""

    PANEL: ClassVar[str] = "Output"

    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the run [default: <config>-<stage>.run]."),
    ] = None
    full_precision: options.FullPrecision = False
    show_tasks: Annotated[
        Path | None,
        typer.Option(
            "--show-tasks",
            help="Write a picture of what the network is shown to this file, and stop.",
        ),
    ] = None

    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            help="Write the last state that the run keeps as a checkpoint, to this .safetensors "
            "file or folder, and stop; the run may be under way.",
        ),
    ] = None
    export_step: Annotated[
        int | None,
        typer.Option("--export-step", help="Export the state after this step instead.", min=1),
    ] = None


@dataclass(frozen=True)
class RunOptions(options.ConsoleOptions):
    """How far the command goes, and what it prints."""

    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Read every clip once, name those that cannot be used, and stop."
        ),
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Start over if the folder holds a run already.")
    ] = False


@flatten_groups
def train(
    stage: Annotated[
        Literal["image", "video", "single"],
        typer.Argument(
            help="image: the first stage, on pictures; video: the second, on clips; single: both "
            "at once, on clips."
        ),
    ],
    wanted: SettingsOptions,
    output: OutputOptions,
    run: RunOptions,
) -> None:
    """Train one STAGE of the network; the same command goes on after any interruption."""
    from dynascene_cli.diffusion.requirements import require_packages

    console = run.console()
    settings = wanted.read()
    require_packages()
    if run.check:
        return _check(settings, console)
    if output.show_tasks is not None:
        return _show_tasks(settings, stage, output.show_tasks, console)
    from dynascene_cli.training.plan import plan_run
    from dynascene_cli.training.run import TrainingRequest
    from dynascene_cli.training.run import train as train_network

    folder = output.out or Path(f"{Path(wanted.config).stem}-{stage}.run")
    if output.export is not None or output.export_step is not None:
        return _export(settings, stage, folder, output, console)
    request = TrainingRequest(stage, settings, folder, run.force, output.full_precision)
    if run.dry_run:
        plan = plan_run(request, console)
        return console.result(plan, _plan_text(plan))
    result = train_network(request, console)
    if result is not None:
        console.result(result, _result_text(result))
    return None


def _result_text(result: dict[str, Any]) -> str:
    loss = "nothing left to do" if result["loss"] is None else f"loss {result['loss']:.4f}"
    return (
        f"{result['checkpoint']}: {result['steps']} steps, {loss}, "
        f"{result['samples_per_second']:.2f} clips/s"
    )


def _plan_text(plan: dict[str, Any]) -> str:
    return (
        f"would train {plan['parameters'] / 1e6:.2f} M parameters of {plan['base']} in "
        f"{plan['run']}: after step {plan['first']} to step {plan['steps']}, "
        f"{plan['clips_a_step']} clips each"
    )


def _check(settings: "TrainingSettings", console: "Console") -> None:
    from dynascene_cli.errors import InputError
    from dynascene_cli.training.clip_groups import usable_entries
    from dynascene_cli.training.examples import find_faults

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


def _export(
    settings: "TrainingSettings",
    stage: "Stage",
    folder: Path,
    output: OutputOptions,
    console: "Console",
) -> None:
    from dynascene_cli.errors import InputError
    from dynascene_cli.training.result import export_state
    from dynascene_cli.training.run_folder import RunFolder

    if output.export is None:
        raise InputError("--export-step says of which state, not where to", "give --export FILE")
    done = export_state(
        RunFolder(folder),
        settings,
        stage,
        output.export_step,
        output.export,
        output.full_precision,
        console,
    )
    console.result(done, f"{done['checkpoint']}: the state after step {done['step']}")


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
