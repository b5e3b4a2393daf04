"""The messages that the troubleshooting page explains are messages that the program has."""

import ast
import re
from pathlib import Path

from pages import TOP

import dynascene_cli

ROWS = re.findall(r"^\| `([^`]+)` \|", (TOP / "docs" / "troubleshooting.md").read_text(), re.M)


def _templates() -> list[str]:
    """Every text in the code, with … where a value is put in."""
    found = []
    for file in Path(dynascene_cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                found.append("".join(str(part) for part in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_every_message_explained_is_in_the_code():
    templates = _templates()
    unknown = [row for row in ROWS if not any(row in template for template in templates)]
    assert len(ROWS) > 40
    assert unknown == []
