"""The Typer app and what becomes of its failures; nothing heavy is imported here."""

import errno
import importlib
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from dynascene_cli import __version__
from dynascene_cli.commands.option_defaults import defaults_of, name_variables
from dynascene_cli.commands.option_groups import PanelCommand
from dynascene_cli.commands.option_values import current_spelling
from dynascene_cli.console import EventLog, json_text
from dynascene_cli.errors import DynasceneError, StageError, asked_to_end
from dynascene_cli.storage.user_settings import read_settings


@dataclass(frozen=True)
class _Entry:
    """A subcommand in the list of them: what it does, and an example where it is no group."""

    summary: str
    example: str = ""


ENTRIES = {
    "render": _Entry(
        "Put a person into a photo, filmed by a camera move.",
        "dynascene render person.mp4 --scene beach.jpg --camera dolly-in --position 0.4,0.9",
    ),
    "matte": _Entry(
        "Separate the person of a clip from the background.",
        "dynascene matte person.mp4 -o person.mov --preview sheet.png",
    ),
    "estimate-camera": _Entry(
        "Estimate how the camera of a clip moved.",
        "dynascene estimate-camera person.mp4 -o person.usda",
    ),
    "batch": _Entry(
        "Render many shots, and report the outcome of each.",
        "dynascene batch jobs.toml --jobs 2 --resume -- --draft",
    ),
    "studio": _Entry(
        "Direct a shot on a local page, then render it.",
        "dynascene studio person.mp4 --scene beach.jpg",
    ),
    "trajectory": _Entry("List, write, draw, check and convert camera moves."),
    "train": _Entry(
        "Train one stage of the network.",
        "dynascene train single --config mini-single --data shots/manifest.jsonl",
    ),
    "dataset": _Entry("Make synthetic clips, and check the clips of a manifest."),
    "demo": _Entry(
        "Render the clip and the photo that ship with the package.",
        "dynascene demo --camera orbit-left -o demo.mp4",
    ),
    "info": _Entry(
        "Show a clip's size, frame rate, length, codec and colour.",
        "dynascene info person.mp4 --json",
    ),
    "doctor": _Entry("Show what this machine can do.", "dynascene doctor"),
    "evaluate": _Entry("Measure a network's results against the truth."),
    "models": _Entry("List, fetch, add, check and assemble network weights."),
    "project": _Entry("Show or clear what a project folder caches."),
    "settings": _Entry("Show options' values, and where each comes from."),
}
"""Subcommands by name, in the order of the help; each is a module of ``commands``."""


class _Subcommands(Mapping[str, Any]):
    """The subcommands by name, each of which is imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        return _loaded_command(name, ENTRIES[name].example)

    def __iter__(self) -> Iterator[str]:
        return iter(ENTRIES)

    def __len__(self) -> int:
        return len(ENTRIES)


class _Commands(TyperGroup):
    """The root command, whose help imports none of its subcommands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _Subcommands()

    def list_commands(self, ctx: Any) -> list[str]:
        """The subcommands' names, in the order of the help."""
        return list(ENTRIES)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in ENTRIES.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The subcommand that is asked for; its options' defaults come from the settings file."""
        name, command, rest = super().resolve_command(ctx, args)
        table = read_settings().get(name or "")
        if name is not None and command is not None and table is not None:
            ctx.default_map = {name: defaults_of(command, table, name, ctx)}
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run a subcommand; a file that ends too early is no interruption, as Typer would say."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise _as_failure(error) from error


@cache
def _loaded_command(name: str, example: str) -> Any:
    """The subcommand of that name: its module's group ``app``, or its function of the same name."""
    function = name.replace("-", "_")
    module = importlib.import_module(f"dynascene_cli.commands.{function}")
    if hasattr(module, "app"):
        command: Any = typer.main.get_group(module.app)
    else:
        alone = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        run = getattr(module, function)
        alone.command(name, cls=PanelCommand, epilog=f"Example: {example}")(run)
        command = typer.main.get_command(alone)
    name_variables(command, ("dynascene", name))
    return command


app = typer.Typer(
    cls=_Commands,
    name="dynascene",
    help="A person, a photo, a camera move: the person standing in that place, "
    "filmed by that camera.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"token_normalize_func": current_spelling},
)

INTERRUPTED = 130


def _version(wanted: bool) -> None:
    if wanted:
        print(f"dynascene {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """Root options."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1, 2, 3, 4 or 130."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    EventLog.current = None
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name="dynascene", standalone_mode=False)
    except TyperException as error:
        message = error.format_message()
        # Where nothing was asked for, Typer's message is the help.
        if type(error).__name__ == "NoArgsIsHelpError":
            print(message)
            return error.exit_code
        return _failed(message, "see --help", error.exit_code, words)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if not (asked_to_end.is_set() or _is_interruption(error)):
            failure = _as_failure(error)
            if "--verbose" in words:
                traceback.print_exception(error)
            return _failed(failure.message, failure.hint, failure.exit_code, words, failure.details)
        code = INTERRUPTED
    # Typer turns an interruption into its exit code, without a word.
    if code == INTERRUPTED:
        return _failed("interrupted", "the same command continues", INTERRUPTED, words)
    return code if isinstance(code, int) else 0


def _is_interruption(error: BaseException | None) -> bool:
    """Whether an interruption lies behind an error: of a compiled kernel, a SystemError is seen."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _as_failure(error: Exception) -> DynasceneError:
    if isinstance(error, DynasceneError):
        return error
    if isinstance(error, MemoryError):
        return StageError("out of memory", "try --draft or a smaller --size")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StageError(
            f"{error.filename or 'a file'}: no space is left on the disk",
            "free some space; the same command then continues",
        )
    return StageError(
        f"an unexpected failure: {type(error).__name__}: {error}".splitlines()[0],
        "run it again with --verbose for the traceback",
    )


def _failed(
    message: str,
    hint: str,
    exit_code: int,
    words: Sequence[str],
    details: Mapping[str, object] | None = None,
) -> int:
    if EventLog.current is not None:
        EventLog.current.tell("error", message=message, hint=hint, exit_code=exit_code)
    if "--json" in words:
        print(
            json_text({**(details or {}), "error": message, "hint": hint, "exit_code": exit_code})
        )
    print(f"error: {message}" + (f"\nhint: {hint}" if hint else ""), file=sys.stderr)
    return exit_code
