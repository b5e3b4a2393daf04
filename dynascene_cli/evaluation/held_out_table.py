"""The held-out measures as a page of text and as pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dynascene_cli.evaluation.baselines import static_copy
from dynascene_cli.evaluation.held_out_shots import HeldOutShot
from dynascene_cli.evaluation.metrics import Pictures
from dynascene_cli.reports.contact_sheet import contact_sheet
from dynascene_cli.shot import Image

ROWS = {
    "correct": "correct camera",
    "opposite": "opposite camera",
    "static": "static camera",
    "wrong_scene": "wrong scene",
    "no_reference": "no reference",
    "rays_flipped": "only the rays flipped",
    "encoder_flipped": "only the Plücker encoder flipped",
    "static_copy": "static copy",
    "mean_colour": "mean colour",
    "homography": "rotation homography",
    "fixed_depth": "fixed-depth warp",
    "projection": "projection renderer",
}
"""What rows are called on the page, by their names in the JSON."""

HEADER = (
    "| row | PSNR (dB) | 95 % | pooled | SSIM | 95 % | seen | unseen | correct better by | on |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
TILE = 128


def held_out_text(data: Mapping[str, Any]) -> str:
    """The measures of ``evaluate held-out`` as Markdown."""
    width, height = data["size"]
    lines = [
        f"{data['checkpoint']} on {data['shots']} held-out shots of {data['frames']} frames at "
        f"{width}×{height}, seed {data['seed']}; the person's hole in the photo: {data['hole']}.",
    ]
    for steps, trials in data["trials"].items():
        how = "one step" if steps == "1" else f"DDIM, {steps} steps"
        lines += ["", f"**{how}**", "", HEADER]
        compared = data["compared"][steps]
        lines += [_row(name, row, compared.get(name)) for name, row in trials.items()]
        lines += [_row(name, row, compared[name]) for name, row in data["baselines"].items()]
    return "\n".join(lines) + "\n"


def _row(name: str, row: Mapping[str, Any], gained: Mapping[str, float] | None) -> str:
    cells = [
        ROWS[name],
        f"{row['psnr']:.2f}",
        f"{row['psnr_low']:.2f}–{row['psnr_high']:.2f}",
        f"{row['pooled_psnr']:.2f}",
        f"{row['ssim']:.3f}",
        f"{row['ssim_low']:.3f}–{row['ssim_high']:.3f}",
        *("–" if row[key] is None else f"{row[key]:.2f}" for key in ("psnr_seen", "psnr_unseen")),
    ]
    if gained is None:
        cells += ["", ""]
    else:
        between = f"{gained['margin_low']:+.2f} to {gained['margin_high']:+.2f}"
        cells += [f"{gained['margin']:+.2f} dB ({between})", f"{gained['share']:.0%}"]
    return f"| {' | '.join(cells)} |"


def held_out_sheet(
    shots: Sequence[HeldOutShot], correct: Sequence[Pictures], opposite: Sequence[Pictures]
) -> Image:
    """Four rows a shot: the truth, the answers to both cameras, the photo itself."""
    pictures: list[Image] = []
    labels: list[str] = []
    for shot, right, wrong in zip(shots, correct, opposite, strict=True):
        count = len(shot.inputs.target)
        columns = np.linspace(0, count - 1, min(count, 6)).round().astype(int)
        rows = {
            "truth": shot.inputs.target,
            "correct": right,
            "opposite": wrong,
            "photo": static_copy(shot.inputs.scene, shot.path),
        }
        for name, frames in rows.items():
            pictures += [frames[column] for column in columns]
            labels += [f"{name} {column}" for column in columns]
    return contact_sheet(pictures, labels, columns=len(columns), tile_width=TILE)
