"""The ablation as a page of text."""

from collections.abc import Mapping
from typing import Any

COLUMNS = {
    "correct": "correct camera",
    "opposite": "opposite",
    "share": "correct is better on",
    "wrong_scene": "wrong scene",
    "relit": "scene in another light",
    "sampled": "DDIM, 8 steps",
    "ssim": "SSIM",
}
"""What the measures of a run are called, in the order of the columns."""

BASELINES = {
    "static_copy": "static copy of the photo",
    "mean_colour": "its mean colour",
    "homography": "rotation homography",
    "fixed_depth": "fixed-depth warp",
}


def ablation_text(data: Mapping[str, Any]) -> str:
    """The numbers of ``evaluate ablation`` as Markdown: means over seeds, and each seed."""
    command = (
        f"dynascene evaluate ablation --steps {data['steps']} --seeds {data['seeds']} "
        f"--shots {data['shots']} -o docs/ablation.md"
    )
    lines = [
        "# Ablation, in miniature",
        "",
        f"    {command}",
        "",
        f"Each run is {data['steps']} steps of the optimiser on 4 synthetic examples, from random "
        "weights of the `mini` network; pictures in the two stages are examples as clips are. "
        f"PSNR in dB of the background on {data['shots']} held-out synthetic shots, in one step "
        "where nothing else is said; in brackets each seed. How it is measured: "
        "[evaluation.md](evaluation.md).",
        "",
        f"| trained with | {' | '.join(COLUMNS.values())} |",
        f"|---|{'---|' * len(COLUMNS)}",
    ]
    for row in data["rows"].values():
        cells = [_cell(row, name) for name in COLUMNS]
        lines.append(f"| {row['told']} | {' | '.join(cells)} |")
    lines += ["", "| without a network | PSNR |", "|---|---|"]
    lines += [f"| {BASELINES[name]} | {value:.2f} |" for name, value in data["baselines"].items()]
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any], name: str) -> str:
    def format_value(value: float) -> str:
        if name == "share":
            return f"{value:.0%}"
        return f"{value:.3f}" if name == "ssim" else f"{value:.2f}"

    each = ", ".join(format_value(run[name]) for run in row["seeds"])
    return f"{format_value(row['mean'][name])} ({each})"
