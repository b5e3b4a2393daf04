"""What the environment and the settings file say of a command's options."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typer.exceptions import TyperException

from dynascene_cli.errors import InputError, suggest
from dynascene_cli.storage.user_settings import settings_file


def defaults_of(command: Any, table: object, name: str, context: Any) -> dict[str, Any]:
    """The values of a table for a command, by parameter; of a group, a table a subcommand.

    ``context`` is the command's own.

    Raises:
        InputError: the table has an option or a subcommand that the command has not, or a value
            that the option does not take.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{settings_file()}: {name} is no table", f"write [{name}]")
    if hasattr(command, "commands"):
        return {
            key: defaults_of(_known(command.commands, key, name), values, f"{name}.{key}", context)
            for key, values in table.items()
        }
    options = {
        word.removeprefix("--"): parameter
        for parameter, words in _long_options(command)
        for word in words
    }
    found = {}
    for key, value in table.items():
        parameter = _known(options, key.replace("_", "-"), name)
        try:
            parameter.process_value(context, value)
        except TyperException as error:
            raise InputError(
                f"{settings_file()}: [{name}] {key}: {error.format_message()}",
                "mend it there",
            ) from error
        found[parameter.name] = value
    return found


def name_variables(command: Any, words: Sequence[str]) -> None:
    """Let each option be set by a variable such as ``DYNASCENE_TRAJECTORY_PLOT_SEED``.

    ``words`` lead to the command. The help does not list them: their names follow one rule.
    """
    for name, inner in getattr(command, "commands", {}).items():
        name_variables(inner, (*words, name))
    for parameter, (first, *_) in _long_options(command):
        name = "_".join((*words, first.removeprefix("--")))
        parameter.envvar = name.replace("-", "_").upper()
        parameter.show_envvar = False


def _long_options(command: Any) -> Iterator[tuple[Any, list[str]]]:
    """The options of a command that are written with two hyphens, each with its spellings."""
    for parameter in command.params:
        spelled = [word for word in parameter.opts if word.startswith("--")]
        if parameter.param_type_name == "option" and spelled:
            yield parameter, spelled


def _known(names: Mapping[str, Any], key: str, name: str) -> Any:
    if key not in names:
        raise InputError(f"{settings_file()}: [{name}] has no {key}", suggest(key, sorted(names)))
    return names[key]
