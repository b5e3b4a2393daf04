"""Draws camera-axes.png: the axes of programs' worlds. Run: python docs/images/camera_axes.py."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

CAMERA, AXES = "#1f5fa8", {"x": "#c2410c", "y": "#3f7d20", "z": "#1f5fa8"}
WORLDS = {
    "dynascene, COLMAP, RealEstate10K\nAfter Effects (in pixels)": {
        "x": (1, 0, 0),
        "y": (0, 1, 0),
        "z": (0, 0, 1),
    },
    "Nuke, USD, Houdini, Maya\nNerfstudio's and OpenGL's cameras": {
        "x": (1, 0, 0),
        "y": (0, -1, 0),
        "z": (0, 0, -1),
    },
    "Blender's world\n(its cameras are as in the middle)": {
        "x": (1, 0, 0),
        "y": (0, 0, 1),
        "z": (0, -1, 0),
    },
}
"""Where each world's axes point: right, down and forward."""


def on_paper(point: tuple[float, float, float]) -> np.ndarray:
    """An oblique view: right, down and forward, into the picture."""
    x, y, z = point
    return np.array([x + 0.55 * z, -y + 0.4 * z])


def main() -> None:
    """Write the picture beside this file."""
    figure = Figure(figsize=(9.6, 3.4), dpi=120, layout="constrained")
    for axes, (title, directions) in zip(figure.subplots(1, 3), WORLDS.items(), strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_xlim(-0.95, 1.75)
        axes.set_ylim(-1.35, 1.35)
        corners = [(x, y, 1.6) for x, y in ((-0.6, -0.4), (0.6, -0.4), (0.6, 0.4), (-0.6, 0.4))]
        frame = np.array([on_paper(corner) for corner in [*corners, corners[0]]])
        axes.plot(*frame.T, color="0.75", linewidth=1)
        for corner in frame[:4]:
            axes.plot(*np.stack([[0, 0], corner]).T, color="0.85", linewidth=0.8)
        for name, direction in directions.items():
            axes.annotate(
                "",
                on_paper(direction),
                (0, 0),
                arrowprops={"arrowstyle": "-|>", "color": AXES[name], "linewidth": 2.4},
            )
            axes.annotate(
                name,
                on_paper(tuple(1.17 * np.array(direction))),
                ha="center",
                va="center",
                color=AXES[name],
                fontsize=12,
            )
        axes.plot(0, 0, "s", color="0.2", markersize=8)
        middle = frame[:4].mean(axis=0)
        axes.annotate("the picture", middle, ha="center", va="center", fontsize=8, color="0.55")
    figure.savefig(Path(__file__).with_name("camera-axes.png"))


if __name__ == "__main__":
    main()
