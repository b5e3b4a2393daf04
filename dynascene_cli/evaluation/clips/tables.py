"""Measured numbers as tables: on the screen, as Markdown, CSV, LaTeX and a page."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from dynascene_cli.evaluation.clips.metric_names import NUMBERS

Methods = Mapping[str, Mapping[str, Any]]
"""The summaries of ``Measured`` by the methods' names."""

NOT_COMPARABLE = "not comparable"


def columns(methods: Methods) -> list[str]:
    """The numbers that any method has, in their order."""
    known = {
        name
        for found in methods.values()
        for part in ("metrics", "distances")
        for name in found[part]
    }
    return [name for name in NUMBERS if name in known]


def cells(methods: Methods, *, intervals: bool = True) -> tuple[list[str], list[list[str]]]:
    """The header and a row a method, means with their intervals."""
    names = columns(methods)
    header = ["", *(NUMBERS[name].heading for name in names)]
    rows = [
        [method, *(_cell(found, name, intervals) for name in names)]
        for method, found in methods.items()
    ]
    return header, rows


def _cell(found: Mapping[str, Any], name: str, intervals: bool) -> str:
    number = NUMBERS[name]
    if name in found["distances"]:
        score = found["distances"][name]
        told = number.format_value(score["value"])
        if intervals and score["standard_error"] is not None:
            told += f" ± {number.format_value(score['standard_error'])}"
        return told if score["comparable"] else f"{told} ({NOT_COMPARABLE})"
    mean = found["metrics"].get(name)
    if mean is None or mean["mean"] is None:
        return "–"
    told = number.format_value(mean["mean"])
    if not intervals or mean["clips"] < 2:
        return told
    return f"{told} ({number.format_value(mean['low'])} to {number.format_value(mean['high'])})"


def screen_table(data: Mapping[str, Any]) -> str:
    """What is measured, a row a number and a column a method; what was skipped and why."""
    from rich.console import Console
    from rich.table import Table

    methods: Methods = data["methods"]
    header, rows = cells(methods, intervals=len(methods) < 3)
    table = Table(title=title(data), title_justify="left")
    table.add_column("")
    for row in rows:
        table.add_column(row[0], justify="right")
    for place in range(1, len(header)):
        table.add_row(header[place], *(row[place] for row in rows))
    stream = io.StringIO()
    width = 34 + 36 * len(rows)
    Console(file=stream, width=width, color_system=None).print(table)
    return stream.getvalue().rstrip() + "".join(f"\n{line}" for line in notes(data))


def title(data: Mapping[str, Any]) -> str:
    """What was compared."""
    return f"{data['clips']} clips, {data['frames']} frames, protocol {data['protocol']}"


def notes(data: Mapping[str, Any]) -> list[str]:
    """What stands under a table: floors of distances, and what was skipped."""
    told = []
    for method, found in data["methods"].items():
        for name, score in found["distances"].items():
            heading = NUMBERS[name].title
            if score["floor"] is not None:
                told.append(
                    f"{method}, {heading}: halves of the truth are {score['floor']:.2f} apart, "
                    f"such halves of this and the truth {score['at_floor']:.2f}"
                )
            if not score["comparable"]:
                told.append(
                    f"{method}, {heading}: {NOT_COMPARABLE} with other work: {score['samples']} "
                    f"samples of {score['dimension']} features"
                )
    skipped = {
        name: why for found in data["methods"].values() for name, why in found["skipped"].items()
    }
    return [*told, *(f"skipped: {name}: {why}" for name, why in skipped.items())]


def csv_text(data: Mapping[str, Any]) -> str:
    """One number a line: of each clip, and the means and distances with no clip's name."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("method", "clip", "metric", "value", "low", "high"))
    for method, found in data["methods"].items():
        for name, mean in found["metrics"].items():
            writer.writerow((method, "", name, mean["mean"], mean["low"], mean["high"]))
        for name, score in found["distances"].items():
            writer.writerow((method, "", name, score["value"], "", ""))
        for clip, numbers in found["per_clip"].items():
            for name, value in numbers.items():
                writer.writerow((method, clip, name, value, "", ""))
    return stream.getvalue()


def latex_table(header: list[str], rows: list[list[str]]) -> str:
    """A tabular of booktabs."""
    lines = [
        r"\begin{tabular}{l" + "r" * (len(header) - 1) + "}",
        r"\toprule",
        " & ".join(map(_latex, header)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    for plain, written in (
        ("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#"), ("↑", r"$\uparrow$"),
        ("↓", r"$\downarrow$"), ("±", r"$\pm$"), ("–", "--"), ("†", r"$\dagger$"),
    ):  # fmt: skip
        text = text.replace(plain, written)
    return text
