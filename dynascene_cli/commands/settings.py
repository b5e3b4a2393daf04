"""``dynascene settings``: the options' values, and where each comes from."""

from typing import Annotated, Any

import typer

from dynascene_cli.commands import options
from dynascene_cli.console import Console
from dynascene_cli.errors import InputError, suggest
from dynascene_cli.storage.user_settings import read_settings, settings_file

app = typer.Typer(
    help="Show options' values, and where each comes from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SOURCES = {
    "DEFAULT": "default",
    "DEFAULT_MAP": "settings file",
    "ENVIRONMENT": "environment",
}


@app.callback()
def _group() -> None:
    """Keep ``show`` a subcommand while it is the only one."""


@app.command("show", epilog="Example: dynascene settings show render")
def show(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="A command, such as render.")
    ],
    as_json: options.AsJson = False,
) -> None:
    """Show each option of COMMAND: its value, and what it comes from."""
    console = Console(as_json=as_json)
    root: Any = context.find_root().command
    known = sorted(root.commands)
    for table in read_settings():
        if table not in known:
            told = f"{settings_file()}: [{table}] is no command", suggest(table, known)
            console.warn(": ".join(filter(None, told)))
    rows = [_row(parameter, inner) for inner, parameter in _options(context.find_root(), command)]
    data = {"file": str(settings_file()), "exists": settings_file().exists(), "options": rows}
    width = max(len(row["option"]) for row in rows)
    lines = [f"{row['option']:{width}}  {_shown(row['value'])}  ({row['source']})" for row in rows]
    there = "" if data["exists"] else " (there is none)"
    console.result(data, "\n".join([*lines, f"settings file: {settings_file()}{there}"]))


def _shown(value: object) -> object:
    return "not set" if value is None else value


def _options(root: Any, words: list[str]) -> list[tuple[Any, Any]]:
    """The options of a command, each with the command's own context.

    Raises:
        InputError: there is no such command.
    """
    context, command = root, root.command
    for word in words:
        if word not in getattr(command, "commands", ()):
            raise InputError(f"there is no command {' '.join(words)}", "see dynascene --help")
        _, inner, _ = command.resolve_command(context, [word])
        # Nothing is run, and nothing that is required has to be there.
        context = inner.make_context(word, [], parent=context, resilient_parsing=True)
        command = inner
    if hasattr(command, "commands"):
        raise InputError(
            f"{' '.join(words)} is a group", f"name one of {', '.join(command.commands)}"
        )
    return [(context, each) for each in command.params if each.param_type_name == "option"]


def _row(parameter: Any, context: Any) -> dict[str, Any]:
    source = context.get_parameter_source(parameter.name)
    value = context.params.get(parameter.name)
    named = next((word for word in parameter.opts if word.startswith("--")), parameter.opts[0])
    return {
        "option": named,
        "value": value
        if isinstance(value, bool | int | float | list) or value is None
        else str(value),
        "source": SOURCES.get(getattr(source, "name", ""), "default"),
        "variable": parameter.envvar,
    }
