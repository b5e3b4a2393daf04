"""The pages of the documentation, and what they hold: links, anchors, code."""

import re
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
PAGES = (TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").glob("*.md")))

_FENCE = re.compile(r"^(```+)(\w*)\n(.*?)^\1 *$", re.M | re.S)
_INDENTED = re.compile(r"(?:^(?: {4}|\t).*\n|^[ \t]*\n(?=(?: {4})))+", re.M)
_INLINE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")


@dataclass(frozen=True)
class Page:
    """One page: ``prose`` is without code blocks, ``blocks`` are (language, text)."""

    path: Path
    text: str
    prose: str
    blocks: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(TOP))

    @property
    def inline(self) -> list[str]:
        return [" ".join(code.split()) for code in _INLINE.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures within the repository."""
        found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", self.prose))
        return [target for target in found if "://" not in target]

    @property
    def anchors(self) -> set[str]:
        """What a link may name after #, as GitHub and MkDocs both spell it."""
        titles = re.findall(r"^#+ +(.*?) *$", self.prose, re.M)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def page(path: Path) -> Page:
    text = path.read_text()
    fenced = [(match[2], match[3]) for match in _FENCE.finditer(text)]
    rest = _FENCE.sub("\n", text)
    # A line of four spaces is code after a blank line, and goes on with a list's item otherwise.
    indented = [
        ("", re.sub(r"^ {4}", "", block, flags=re.M))
        for block in re.findall(r"\n\n((?: {4}\S.*\n(?:\n(?= {4}))?)+(?: {4}.*\n)*)", rest)
    ]
    return Page(path, text, _INDENTED.sub("\n", rest), (*fenced, *indented))


def pages() -> list[Page]:
    return [page(path) for path in PAGES if path.is_file()]
