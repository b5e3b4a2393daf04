"""Draws axes.png: the frame in which a camera move is written. Run: python docs/images/axes.py."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

GROUND, CAMERA, PERSON = "#e8e4da", "#1f5fa8", "#c2410c"


def on_paper(x: float, y: float, z: float) -> np.ndarray:
    """An oblique view: x to the right, y down, z into the picture."""
    return np.array([x + 0.62 * z, -y + 0.22 * z])


def main() -> None:
    """Write the picture beside this file."""
    figure = Figure(figsize=(7.2, 3.9), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.axis("off")
    height, person, distance = 1.45, 1.65, 3.2
    corners = [(-1.3, height, -0.4), (1.6, height, -0.4), (1.6, height, 4.0), (-1.3, height, 4.0)]
    axes.fill(*np.array([on_paper(*corner) for corner in corners]).T, color=GROUND)

    def line(first: tuple, last: tuple, **style: object) -> None:
        axes.plot(*np.stack([on_paper(*first), on_paper(*last)]).T, **style)

    def arrow(tip: tuple, label: str, offset: tuple) -> None:
        axes.annotate(
            "",
            on_paper(*tip),
            on_paper(0, 0, 0),
            arrowprops={"arrowstyle": "-|>", "color": CAMERA, "linewidth": 2.2},
        )
        axes.annotate(label, on_paper(*tip), offset, textcoords="offset points", color=CAMERA)

    line((0, 0, 0), (0, height, 0), color="0.55", linestyle=":", linewidth=1)
    line((0, 0, 0), (0, height, distance), color="0.45", linestyle="--", linewidth=1.2)
    axes.annotate(
        "1 subject distance",
        on_paper(0, height / 2, distance / 2),
        (-50, -22),
        textcoords="offset points",
        fontsize=9,
        color="0.3",
        rotation=-19,
    )
    arrow((0.95, 0, 0), "x  right: truck", (4, -4))
    arrow((0, 1.0, 0), "y  down: pedestal", (-112, -2))
    arrow((0, 0, 1.5), "z  forward: dolly", (-20, 8))
    axes.plot(*on_paper(0, 0, 0), "s", color=CAMERA, markersize=11)
    axes.annotate(
        "first camera, [0, 0, 0]", on_paper(0, 0, 0), (-132, 6), textcoords="offset points"
    )
    line((0, height, distance), (0, height - person, distance), color=PERSON, linewidth=6)
    axes.plot(*on_paper(0, height - person - 0.13, distance), "o", color=PERSON, markersize=13)
    axes.annotate(
        "where the person stands",
        on_paper(0, height, distance),
        (10, -8),
        textcoords="offset points",
        color=PERSON,
    )
    figure.savefig(Path(__file__).with_name("axes.png"))


if __name__ == "__main__":
    main()
