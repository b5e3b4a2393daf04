"""The Typer app and what becomes of its failures; nothing heavy is imported here."""

import errno
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from dynascene_cli import __version__
from dynascene_cli.commands import (
    dataset,
    demo,
    doctor,
    estimate_camera,
    evaluate,
    info,
    matte,
    models,
    options,
    project,
    render,
    train,
    trajectory,
)
from dynascene_cli.commands.option_groups import PanelCommand
from dynascene_cli.console import json_text
from dynascene_cli.errors import DynasceneError, StageError, asked_to_end


class _Commands(TyperGroup):
    """The root command."""

    def invoke(self, ctx: Any) -> Any:
        """Run a subcommand; a file that ends too early is no interruption, as Typer would say."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise _as_failure(error) from error


app = typer.Typer(
    cls=_Commands,
    name="dynascene",
    help="A person, a photo, a camera move: the person standing in that place, "
    "filmed by that camera.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"token_normalize_func": options.current_spelling},
)


def _add(name: str, command: Callable[..., None], example: str) -> None:
    app.command(name, cls=PanelCommand, epilog=f"Example: {example}")(command)


_add(
    "render",
    render.render,
    "dynascene render person.mp4 --scene beach.jpg --camera dolly-in --position 0.4,0.9",
)
_add("matte", matte.matte, "dynascene matte person.mp4 -o person.mov --preview sheet.png")
_add(
    "estimate-camera",
    estimate_camera.estimate_camera,
    "dynascene estimate-camera person.mp4 -o person.usda",
)
app.add_typer(trajectory.app, name="trajectory")
_add(
    "train", train.train, "dynascene train single --config mini-single --data shots/manifest.jsonl"
)
app.add_typer(dataset.app, name="dataset")
_add("demo", demo.demo, "dynascene demo --camera orbit-left -o demo.mp4")
_add("info", info.info, "dynascene info person.mp4 --json")
_add("doctor", doctor.doctor, "dynascene doctor")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(models.app, name="models")
app.add_typer(project.app, name="project")

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
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name="dynascene", standalone_mode=False)
    except TyperException as error:
        message = error.format_message()
        # Where nothing was asked for, Typer's message is the help.
        if message.startswith("Usage:"):
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
            return _failed(failure.message, failure.hint, failure.exit_code, words)
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
            f"the disk is full: {error}", "free some space; the same command then continues"
        )
    return StageError(
        f"an unexpected failure: {type(error).__name__}: {error}".splitlines()[0],
        "run it again with --verbose for the traceback",
    )


def _failed(message: str, hint: str, exit_code: int, words: Sequence[str]) -> int:
    if "--json" in words:
        print(json_text({"error": message, "hint": hint, "exit_code": exit_code}))
    print(f"error: {message}" + (f"\nhint: {hint}" if hint else ""), file=sys.stderr)
    return exit_code
