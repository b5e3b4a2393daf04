"""The page of an evaluation: its table, and the worst and best clips beside their truth."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.evaluation.clips.metric_names import NUMBERS
from dynascene_cli.evaluation.clips.pairs import ClipPair, Frames
from dynascene_cli.evaluation.clips.tables import cells, notes, title
from dynascene_cli.reports.contact_sheet import contact_sheet
from dynascene_cli.reports.html_page import data_url, page_document, section
from dynascene_cli.reports.tables import html_table
from dynascene_cli.shot import Image
from dynascene_cli.video import encode_image

SHOWN = 3
"""How many of the worst and of the best clips of a method are shown."""

COLUMNS, TILE = 6, 200
RANKED_BY = ("psnr", "background_psnr", "ssim", "l1", "lpips", "mad", "warping_error")


def evaluation_page(data: Mapping[str, Any], pairs: Mapping[str, Sequence[ClipPair]]) -> str:
    """One file that opens without a network; ``pairs`` are each method's."""
    header, rows = cells(data["methods"])
    told = "".join(f"<li>{escape(note)}</li>" for note in notes(data))
    parts = [
        "<h1>Evaluation</h1>",
        f"<p>{escape(title(data))}</p>",
        html_table(header, rows),
        f"<ul>{told}</ul>" if told else "",
    ]
    for method, found in data["methods"].items():
        ranked, name = rank_clips(found["per_clip"])
        if not ranked:
            continue
        own = {pair.name: pair for pair in pairs[method]}
        few = min(SHOWN, len(ranked))
        places = [*range(few), *range(max(few, len(ranked) - few), len(ranked))]
        shown = "".join(
            _figure(own[ranked[place]], found["per_clip"][ranked[place]][name], name, place < few)
            for place in places
        )
        parts.append(section(f"{method}: worst and best clips by {NUMBERS[name].title}", shown))
    return page_document("Evaluation", "\n".join(parts))


def rank_clips(clips: Mapping[str, Mapping[str, float | None]]) -> tuple[list[str], str]:
    """The clips from the worst to the best, and the number by which; none where none serves."""
    for name in RANKED_BY:
        known = {clip: numbers.get(name) for clip, numbers in clips.items()}
        values = {clip: value for clip, value in known.items() if value is not None}
        if values:
            sign = 1 if NUMBERS[name].more_is_better else -1
            return sorted(values, key=lambda clip: (sign * values[clip], clip)), name
    return [], ""


def _figure(pair: ClipPair, value: float, name: str, worst: bool) -> str:
    indices = np.unique(np.linspace(0, pair.frame_count - 1, COLUMNS).astype(int)).tolist()
    frames = [*_choose(pair.truth, indices), *_choose(pair.made, indices)]
    labels = [f"{row} {index}" for row in ("truth", "made") for index in indices]
    sheet = contact_sheet(frames, labels, columns=len(indices), tile_width=TILE)
    picture = data_url(encode_image(sheet, Path("sheet.jpg")), "image/jpeg")
    which = "among the worst" if worst else "among the best"
    told = escape(
        f"{pair.name}: {NUMBERS[name].title} {NUMBERS[name].format_value(value)}, {which}"
    )
    return f'<figure><img src="{picture}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def _choose(frames: Frames, indices: Sequence[int]) -> list[Image]:
    return [frame for index, frame in enumerate(frames()) if index in indices]
