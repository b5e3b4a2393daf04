"""Draws house.svg and render.svg: the rooms of the code, and a render's way through them.

Run: python docs/images/house.py
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

INK, LINE, PAPER = "#1f2933", "#7b8794", "#ffffff"
ROOM, STAGE, NOUN = "#e3ecf7", "#fdeeda", "#e6f2e4"
FONT = "font-family='Helvetica, Arial, sans-serif'"
LEVELS = (
    ("commands",),
    ("evaluation", "batch", "studio"),
    ("training",),
    ("dataset",),
    ("pipeline",),
    ("reports",),
    ("matting", "camera", "scene", "staging", "projection", "compositing", "diffusion"),
    ("inference",),
    ("video", "weights"),
    ("storage", "cluster"),
    ("shot · numerics · geometry · console · errors",),
)
"""The rooms from the top down; a room imports from those below it alone."""

NOTES = {
    "commands": "one file a subcommand",
    "studio": "a page to direct a shot",
    "batch": "many shots, each its own process",
    "evaluation": "held-out metrics, the ablation",
    "training": "the network's two stages",
    "dataset": "clips to learn from",
    "pipeline": "joins the stages into a shot",
    "reports": "contact sheets, plots, the page",
    "inference": "ONNX networks",
    "storage": "project, cache, whole files",
    "cluster": "Ray's workers",
    "video": "frames in and out",
    "weights": "registry, download",
}


@dataclass
class Drawing:
    """An SVG picture that is put together shape by shape."""

    width: int
    height: int
    shapes: list[str] = field(default_factory=list)

    def box(self, x: int, y: int, w: int, h: int, fill: str, title: str, note: str = "") -> None:
        """A rounded box with its name, and a line about it in small letters."""
        self.shapes.append(
            f"<rect x='{x}' y='{y}' width='{w}' height='{h}' rx='6' fill='{fill}' stroke='{LINE}'/>"
        )
        middle, base = x + w // 2, y + h // 2 + (-2 if note else 5)
        self.text(middle, base, title, 14, bold=True)
        if note:
            self.text(middle, base + 16, note, 11)

    def text(self, x: int, y: int, words: str, size: int, *, bold: bool = False) -> None:
        """Words about the middle ``x``."""
        weight = " font-weight='bold'" if bold else ""
        self.shapes.append(
            f"<text x='{x}' y='{y}' {FONT} font-size='{size}'{weight} fill='{INK}' "
            f"text-anchor='middle'>{escape(words)}</text>"
        )

    def arrow(self, *points: tuple[int, int]) -> None:
        """A line through the points, with its head at the last."""
        path = " ".join(f"{x},{y}" for x, y in points)
        self.shapes.append(
            f"<polyline points='{path}' fill='none' stroke='{LINE}' stroke-width='1.6' "
            "marker-end='url(#head)'/>"
        )

    def svg(self) -> str:
        """The whole file."""
        head = (
            "<marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
            f"markerHeight='7' orient='auto'><path d='M0 0 L8 4 L0 8 z' fill='{LINE}'/></marker>"
        )
        size = f"width='{self.width}' height='{self.height}'"
        lines = (
            f"<svg xmlns='http://www.w3.org/2000/svg' {size} "
            f"viewBox='0 0 {self.width} {self.height}'>",
            f"<defs>{head}</defs>",
            f"<rect {size} fill='{PAPER}'/>",
            *self.shapes,
            "</svg>\n",
        )
        return "\n".join(lines)


def house() -> Drawing:
    """The rooms, level by level."""
    width, height, gap = 760, 42, 18
    drawing = Drawing(width, len(LEVELS) * (height + gap) + 14)
    for level, rooms in enumerate(LEVELS):
        y = 10 + level * (height + gap)
        side = 102 if len(rooms) > 3 else 300 if len(rooms) < 3 else 230
        start = (width - len(rooms) * side - (len(rooms) - 1) * 5) // 2
        for place, room in enumerate(rooms):
            fill = STAGE if len(rooms) > 3 else NOUN if "·" in room else ROOM
            x = start + place * (side + 5)
            drawing.box(x, y, side, height, fill, room, NOTES.get(room, ""))
        if level + 1 < len(LEVELS):
            drawing.arrow((width // 2, y + height + 1), (width // 2, y + height + gap - 1))
    return drawing


def render() -> Drawing:
    """What goes into a render, what each stage makes of it, and where it goes."""
    drawing = Drawing(860, 400)
    boxes: Iterable[tuple[int, int, str, str, str]] = (
        (10, 40, NOUN, "clip", "the person's video"),
        (10, 180, NOUN, "photo", "the scene's picture"),
        (10, 320, NOUN, "move", "preset or file"),
        (180, 40, STAGE, "matting", "alpha, person tracks"),
        (180, 110, STAGE, "camera", "the filmed path"),
        (180, 180, STAGE, "scene", "horizon, ground, sky"),
        (350, 180, STAGE, "staging", "placement, shot path"),
        (350, 320, STAGE, "scene", "outpainted, with depth"),
        (520, 320, STAGE, "projection", "or diffusion: the plate"),
        (690, 180, STAGE, "compositing", "light, shadow, grain"),
        (690, 320, NOUN, "video", "and layers, report"),
    )
    for x, y, fill, title, note in boxes:
        drawing.box(x, y, 150, 50, fill, title, note)
    drawing.arrow((160, 65), (179, 65))
    drawing.arrow((255, 90), (255, 109))
    drawing.arrow((160, 205), (179, 205))
    drawing.arrow((330, 205), (349, 205))
    drawing.arrow((330, 135), (425, 135), (425, 179))
    drawing.arrow((330, 75), (460, 75), (460, 179))
    drawing.arrow((160, 345), (300, 345), (300, 260), (400, 260), (400, 231))
    drawing.arrow((425, 230), (425, 319))
    drawing.arrow((500, 345), (519, 345))
    drawing.arrow((595, 320), (595, 215), (689, 215))
    drawing.arrow((500, 195), (689, 195))
    drawing.arrow((330, 55), (765, 55), (765, 179))
    drawing.arrow((765, 230), (765, 319))
    drawing.text(548, 48, "matte and frames, frame by frame", 11)
    drawing.text(594, 188, "placement", 11)
    drawing.text(502, 280, "how far the camera sees", 11)
    drawing.text(612, 280, "plate", 11)
    return drawing


def main() -> None:
    """Write both pictures beside this file."""
    folder = Path(__file__).parent
    (folder / "house.svg").write_text(house().svg())
    (folder / "render.svg").write_text(render().svg())


if __name__ == "__main__":
    main()
