"""Tables of a report: rows of cells as HTML, LaTeX or Markdown."""

from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def html_table(header: Sequence[str], rows: Rows) -> str:
    """A table whose first column names the rows."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="table">{table}</div>'


def markdown_table(header: Sequence[str], rows: Rows) -> str:
    """A table of Markdown with pipes."""
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n"
                   for line in lines)  # fmt: skip


def html_bars(labels: Sequence[str], counts: Sequence[int]) -> str:
    """Counts as horizontal bars."""
    most = max(counts, default=0) or 1
    bars = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td><span style="display:inline-block;'
        f"height:.8em;background:var(--accent);width:{100 * count / most * 0.8:.1f}%"
        f'"></span> {count}</td></tr>'
        for label, count in zip(labels, counts, strict=True)
    )
    return f'<div class="table"><table><tbody>{bars}</tbody></table></div>'
