"""Options of a command as dataclasses by topic: each group is a panel of the command's help."""

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

from typer.core import TyperCommand


class PanelCommand(TyperCommand):
    """A command whose help lists its options by panel, in plain text that loads quickly."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then one section of options a panel, in order of appearance."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                is_argument = parameter.param_type_name == "argument"
                panel = getattr(parameter, "rich_help_panel", None)
                title = panel or ("Arguments" if is_argument else "Options")
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def flatten_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command as Typer takes it: a parameter that is a dataclass stands for its fields' options.

    A dataclass names its panel in ``PANEL``; its fields are annotated like Typer's parameters.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }
    flat = []
    for name, parameter in signature.parameters.items():
        if name in groups:
            flat += _parameters_of(groups[name])
        else:
            flat.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{each.name: values.pop(each.name) for each in fields(group)})
        command(**values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = signature.replace(parameters=flat)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in flat}
    return run


def words_of(group: Any) -> list[str]:
    """The words of the command line that give a group's options their values; no defaults."""
    hints = get_type_hints(type(group), include_extras=True)
    words = []
    for each in fields(group):
        value = getattr(group, each.name)
        if value == each.default:
            continue
        _, option = get_args(hints[each.name])
        named = [word for word in option.param_decls or () if word.startswith("--")]
        name = named[0] if named else f"--{each.name.replace('_', '-')}"
        if value is True:
            words.append(name)
        else:
            values = value if isinstance(value, list) else [value]
            words += [f"{name}={one}" for one in values]
    return words


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(each),
            annotation=_in_panel(hints[each.name], group.PANEL),
        )
        for each in fields(group)
    ]


def _default(each: Field[Any]) -> Any:
    return inspect.Parameter.empty if each.default is MISSING else each.default


def _in_panel(annotation: Any, panel: str) -> Any:
    kind, option = get_args(annotation)
    placed = copy(option)
    placed.rich_help_panel = panel
    return Annotated[kind, placed]
