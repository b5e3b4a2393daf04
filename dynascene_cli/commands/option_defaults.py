"""What the user's settings file says of a command's options, as the parser takes defaults."""

from collections.abc import Mapping
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
        for parameter in command.params
        if parameter.param_type_name == "option"
        for word in parameter.opts
        if word.startswith("--")
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


def _known(names: Mapping[str, Any], key: str, name: str) -> Any:
    if key not in names:
        raise InputError(f"{settings_file()}: [{name}] has no {key}", suggest(key, sorted(names)))
    return names[key]
