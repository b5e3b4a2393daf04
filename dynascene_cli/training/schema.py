"""Kinds of values that a settings file may hold: how each is checked, and told when it is wrong."""

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin


@dataclass(frozen=True)
class Within:
    """The closed range of a number, or of each number of a tuple; ``above``: low is excluded."""

    low: float
    high: float = math.inf
    above: bool = False

    def holds(self, number: float) -> bool:
        """Whether the number is finite and in the range."""
        reaches = number > self.low if self.above else number >= self.low
        return math.isfinite(number) and reaches and number <= self.high

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"from {self.low:g} to {self.high:g}"
        return f"above {self.low:g}" if self.above else f"of at least {self.low:g}"


@dataclass(frozen=True)
class Ascending:
    """The two numbers of a pair do not fall."""

    def __str__(self) -> str:
        return "the first not above the second"


Share = Annotated[float, Within(0, 1)]
Decay = Annotated[float, Within(0, 0.999999)]
Positive = Annotated[float, Within(0, above=True)]
NotNegative = Annotated[float, Within(0)]
Count = Annotated[int, Within(1)]
CountOrNone = Annotated[int, Within(0)]
ShareRange = Annotated[tuple[float, float], Within(0, 1), Ascending()]
CountRange = Annotated[tuple[int, int], Within(1), Ascending()]
StepRange = Annotated[tuple[int, int], Within(0), Ascending()]


def is_of_kind(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind: Any, a plain type, a Literal, tuple, dict or Annotated."""
    if get_origin(kind) is Annotated:
        plain, *rules = get_args(kind)
        return is_of_kind(value, plain) and all(_satisfies(value, rule) for rule in rules)
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return value in arguments
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(value) == len(kinds) and all(map(is_of_kind, value, kinds))
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(
            is_of_kind(item, arguments[1]) for item in value.values()
        )
    if kind is float:
        return type(value) in (int, float)
    return kind is Any or type(value) is kind


def describe_kind(kind: Any) -> str:
    """What a value of a kind is, in the words of a hint."""
    if get_origin(kind) is Annotated:
        plain, *rules = get_args(kind)
        return ", ".join([f"{describe_kind(plain)} {rules[0]}", *map(str, rules[1:])])
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return " or ".join(map(str, arguments))
    if get_origin(kind) is tuple and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)}, each {describe_kind(arguments[0])}"
    if get_origin(kind) is tuple:
        return f"a list, each {describe_kind(arguments[0])}"
    if get_origin(kind) is dict:
        return f"a table, each value {describe_kind(arguments[1])}"
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return names.get(kind, "anything")


def _satisfies(value: Any, rule: Within | Ascending) -> bool:
    if isinstance(rule, Ascending):
        return bool(value[0] <= value[1])
    return all(map(rule.holds, value)) if isinstance(value, tuple) else rule.holds(value)


def toml_value(value: Any) -> str:
    """A value as TOML writes it; tables inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are TOML's, which also forbids a bare delete.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + "}"
    return repr(value)
