"""As much of USD's text format as a camera needs: prims, their attributes, and time samples."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats

TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\''
    r"|@[^@\n]*@|<[^>\n]*>|#[^\n]*|\n|[(){}\[\]=,;]|[^\s(){}\[\]=,;\"'#]+",
    re.DOTALL,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}
SPECIFIERS = ("def", "over", "class")


@dataclass(frozen=True, eq=False)
class Samples:
    """An attribute's values (N, D) at time codes (N,), ascending; one at 0 if it never changes."""

    times: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class Prim:
    """A prim and the tokens of its attributes' values; the layer itself is the outermost one."""

    kind: str
    name: str
    attributes: dict[str, list[str]]
    children: list["Prim"]
    parent: "Prim | None" = None

    @property
    def lineage(self) -> list["Prim"]:
        """This prim, its parent, and so on, without the layer."""
        return [self, *self.parent.lineage] if self.parent is not None else []

    def text(self, name: str) -> str | None:
        """A string or token, if the attribute is one."""
        tokens = self.attributes.get(name, [])
        return tokens[0].strip("\"'") if len(tokens) == 1 else None

    def number(self, name: str) -> float | None:
        """A number, if the attribute is one."""
        samples = self.numbers(name)
        return None if samples is None or samples.values.size != 1 else float(samples.values[0, 0])

    def words(self, name: str) -> list[str]:
        """The strings of a list."""
        return [token.strip("\"'") for token in self.attributes.get(name, []) if token[0] in "\"'"]

    def numbers(self, name: str) -> Samples | None:
        """The numbers of an attribute: its time samples, else its one value; None if unset."""
        sampled = self.attributes.get(f"{name}.timeSamples")
        entries = dict(_entries(sampled[1:-1])) if sampled else {}
        if not entries and name in self.attributes:
            entries = {0.0: _numeric(self.attributes[name])}
        rows = [entries[time] for time in sorted(entries)]
        if not rows or not rows[0] or len({len(row) for row in rows}) > 1:
            return None
        return Samples(np.array(sorted(entries)), np.array(rows))


def layer_of(path: Path, text: str) -> Prim:
    """The layer in a file's text, its metadata as attributes.

    Raises:
        InputError: it is no USD text, or a bracket is not closed.
    """
    if not text.startswith("#usda"):
        raise InputError(f"{path}: not USD text (#usda)", "usdcat FILE -o FILE.usda makes it text")
    tokens = [match[0] for match in TOKEN.finditer(text) if not match[0].startswith("#")]
    layer = Prim("", "", {}, [])
    try:
        rest = _after_newlines(tokens, 0)
        if rest < len(tokens) and tokens[rest] == "(":
            end = _group_end(tokens, rest)
            metadata = [token for token in tokens[rest + 1 : end - 1] if token != "\n"]
            for key, sign, value in zip(metadata, metadata[1:], metadata[2:], strict=False):
                if sign == "=":
                    layer.attributes[key] = [value]
            rest = end
        _read_body(tokens, rest, layer)
    except (IndexError, RecursionError) as error:
        raise InputError(f"{path}: it ends too early", "export the layer again") from error
    return layer


def cameras_in(prim: Prim) -> list[Prim]:
    """Every Camera below a prim, in the order of the file."""
    return [
        camera
        for child in prim.children
        for camera in ([child] if child.kind == "Camera" else []) + cameras_in(child)
    ]


def _read_body(tokens: list[str], start: int, prim: Prim) -> int:
    """Fill a prim with what stands up to its closing brace; where that ends."""
    at = start
    is_layer = prim.parent is None
    while at < len(tokens) or not is_layer:
        token = tokens[at]
        if token == "}":
            return at + 1
        if token in SPECIFIERS:
            at = _read_prim(tokens, at + 1, prim)
        elif token == "variantSet":
            while tokens[at] != "{":
                at += 1
            at = _group_end(tokens, at)
        elif token in CLOSING:
            at = _group_end(tokens, at)
        elif token == "=":
            value = _after_newlines(tokens, at + 1)
            end = _group_end(tokens, value) if tokens[value] in CLOSING else value + 1
            prim.attributes[tokens[at - 1]] = [t for t in tokens[value:end] if t != "\n"]
            at = end
        else:
            at += 1
    return at


def _read_prim(tokens: list[str], start: int, parent: Prim) -> int:
    """Add the prim whose specifier stands before ``start``; where it ends."""
    at = start
    kind = ""
    while tokens[at][0] not in "\"'":
        kind = tokens[at] if tokens[at] != "\n" else kind
        at += 1
    prim = Prim(kind, tokens[at].strip("\"'"), {}, [], parent)
    parent.children.append(prim)
    at = _after_newlines(tokens, at + 1)
    if tokens[at] == "(":
        at = _after_newlines(tokens, _group_end(tokens, at))
    return _read_body(tokens, at + 1, prim)


def _after_newlines(tokens: list[str], at: int) -> int:
    while at < len(tokens) and tokens[at] == "\n":
        at += 1
    return at


def _group_end(tokens: list[str], start: int) -> int:
    """Where the group that opens at ``start`` has closed."""
    depth, at = 0, start
    while True:
        if tokens[at] in CLOSING:
            depth += 1
        elif tokens[at] in CLOSING.values():
            depth -= 1
        at += 1
        if depth == 0:
            return at


def _entries(tokens: list[str]) -> Iterator[tuple[float, list[float]]]:
    """Time codes and values of ``1: 35, 2: (1, 2)``; blocked ones (None) are left out."""
    at = 0
    while at < len(tokens):
        code = tokens[at].removesuffix(":")
        at += 2 if tokens[at + 1 : at + 2] == [":"] else 1
        end = at
        while end < len(tokens) and tokens[end] != ",":
            end = _group_end(tokens, end) if tokens[end] in CLOSING else end + 1
        values = _numeric(tokens[at:end])
        times = _numeric([code])
        if values and times:
            yield times[0], values
        at = end + 1


def _numeric(tokens: list[str]) -> list[float]:
    values = []
    for token in tokens:
        try:
            values.append(float(token))
        except ValueError:
            continue
    return values
