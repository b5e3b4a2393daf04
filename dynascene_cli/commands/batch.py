"""``dynascene batch``: many shots with one command."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from dynascene_cli.commands.completion import complete_camera
from dynascene_cli.commands.option_groups import flatten_groups
from dynascene_cli.commands.option_values import current_spelling
from dynascene_cli.commands.options import ConsoleOptions
from dynascene_cli.commands.render import render

if TYPE_CHECKING:
    from dynascene_cli.batch.jobs import Job
    from dynascene_cli.batch.records import Outcome
    from dynascene_cli.console import Console

_DECIDED_HERE = (
    *("--json", "--quiet", "-q", "--verbose", "--dry-run", "--memory-plan", "--help"),
    *("--output", "-o", "--project"),
)
"""Options of ``render`` that a batch decides for all its shots."""


@dataclass(frozen=True)
class BatchOptions:
    """Which shots are rendered, and where to."""

    PANEL: ClassVar[str] = "Batch"

    camera: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            autocompletion=complete_camera,
            help="Camera of shots that name none; repeated, each gives a shot of its own "
            "[default: auto].",
        ),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for the videos, their projects, batch.json and batch.html [default: "
            "<JOBS>-batch in the current folder].",
        ),
    ] = None
    at_once: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            help="How many clips are rendered at a time; the shots of one clip follow each other "
            "[default: 1; on Ray, one a core].",
            min=1,
        ),
    ] = None
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="local|ADDRESS",
            help="Render on Ray: on this machine, or on the cluster at HOST:PORT.",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Leave out the shots that an earlier run finished and nobody touched since.",
        ),
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the command of each shot, and stop.")
    ] = False


@flatten_groups
def batch(
    jobs: Annotated[
        Path,
        typer.Argument(
            metavar="JOBS",
            help="A TOML file of [[jobs]], a CSV file of one shot a row, or a folder, which means "
            "each of its clips in each of its photos.",
        ),
    ],
    how: BatchOptions,
    printed: ConsoleOptions,
    shared: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- OPTION...]", help="Options of render for every shot, after two hyphens."
        ),
    ] = None,
) -> None:
    """Render many shots, and report the outcome of each at the end."""
    from dynascene_cli.batch.jobs import read_jobs
    from dynascene_cli.batch.run import failure, summary

    console = printed.console()
    results = Path.cwd() / (how.output or f"{jobs.resolve().stem}-batch")
    parser = _RenderParser()
    listed = read_jobs(jobs, cameras=how.camera or ["auto"], flags=parser.flags, results=results)
    listed = [parser.checked(job, shared or ()) for job in listed]
    folder = jobs if jobs.is_dir() else jobs.parent
    if how.dry_run:
        commands = [shlex.join(("dynascene", *job.words)) for job in listed]
        console.result({"folder": str(folder.resolve()), "commands": commands}, "\n".join(commands))
        return
    outcomes = _render_all(listed, folder, results, how, console)
    page = _write_page(results, outcomes)
    told = {**summary(outcomes), "page": str(page)}
    if not console.as_json:
        _print_table(outcomes)
        print(page)
    error = failure(outcomes, told)
    if error is not None:
        raise error
    console.result(told, "")


def _render_all(
    listed: Sequence["Job"], folder: Path, results: Path, how: BatchOptions, console: "Console"
) -> list["Outcome"]:
    """The outcomes of all jobs, in their order."""
    from contextlib import nullcontext

    from dynascene_cli.batch.records import Records
    from dynascene_cli.batch.renders import Processes, RayRenders, Renders
    from dynascene_cli.batch.run import run_jobs
    from dynascene_cli.cluster import RayUse, connect_to_ray

    records = Records(results, folder)
    kept = [records.finished(job) for job in listed] if how.resume else []
    outcomes = {each.job: each for each in kept if each is not None}

    def started(job: "Job") -> None:
        console.info(f"{job.name}: begun")

    def ended(outcome: "Outcome") -> None:
        outcomes[outcome.job] = outcome
        records.keep([outcome])
        console.info(f"{outcome.job.name}: {_result(outcome)} ({len(outcomes)} of {len(listed)})")

    todo = [job for job in listed if job not in outcomes]
    use = RayUse(how.ray, how.at_once) if how.ray and todo else None
    with connect_to_ray(use) if use else nullcontext():
        results.mkdir(parents=True, exist_ok=True)
        renders: Renders = RayRenders(use, results) if use else Processes(how.at_once or 1)
        run_jobs(todo, folder, renders, started, ended)
    return [outcomes[job] for job in listed]


class _RenderParser:
    """The options of ``render`` as its own command line reads them."""

    def __init__(self) -> None:
        alone = typer.Typer(add_completion=False)
        alone.command("render")(render)
        self._command: Any = typer.main.get_command(alone)

    @property
    def flags(self) -> frozenset[str]:
        """The options that take no value, without their hyphens."""
        names = (
            name
            for parameter in self._command.params
            if getattr(parameter, "is_flag", False)
            for name in parameter.opts
        )
        return frozenset(name.removeprefix("--") for name in names)

    def checked(self, job: "Job", shared: Sequence[str]) -> "Job":
        """The job with the shared options before its own, if ``render`` takes them all.

        Raises:
            InputError: an option is unknown, is the batch's own, or its value is wrong.
        """
        from typer.exceptions import TyperException

        from dynascene_cli.errors import InputError

        whole = replace(job, options=(*shared, *job.options))
        names = (word.partition("=")[0] for word in whole.options if word.startswith("-"))
        for name in names:
            if name in _DECIDED_HERE:
                raise InputError(f"{job.where}: {name} is decided by the batch", "leave it out")
        try:
            self._command.make_context(
                "render", list(whole.words[1:]), token_normalize_func=current_spelling
            )
        except TyperException as error:
            raise InputError(
                f"{job.where}: {error.format_message()}", "see dynascene render --help"
            ) from error
        return whole


def _result(outcome: "Outcome") -> str:
    if not outcome.is_done:
        return f"failed: {outcome.answer.get('error', '')}"
    if outcome.was_done:
        return "done before"
    count = len(outcome.warnings)
    warned = f", {count} warning{'s' * (count != 1)}" if count else ""
    return f"done in {outcome.seconds:.0f} s{warned}"


def _write_page(results: Path, outcomes: Sequence["Outcome"]) -> Path:
    from dynascene_cli.reports.batch_page import ShotCard, batch_page
    from dynascene_cli.storage.atomic import publish_text

    cards = [
        ShotCard(
            each.job.name,
            _result(each),
            each.warnings if each.is_done else [f"{each.answer.get('hint', '')}"],
            each.job.output if each.is_done else None,
        )
        for each in outcomes
    ]
    page = results / "batch.html"
    publish_text(page, batch_page(f"{results.name}: {len(outcomes)} shots", cards))
    return page


def _print_table(outcomes: Sequence["Outcome"]) -> None:
    from rich.console import Console as RichConsole
    from rich.table import Table

    table = Table("shot", "result")
    for each in outcomes:
        table.add_row(each.job.name, _result(each))
    RichConsole().print(table)
