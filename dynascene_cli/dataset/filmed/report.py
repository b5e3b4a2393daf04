"""The page that tells how a data set came about and what is in it."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from dynascene_cli.dataset.filmed.records import STEPS, BuiltSource
from dynascene_cli.dataset.statistics import BINS
from dynascene_cli.reports.html_page import data_url, fact_line, page_document, section
from dynascene_cli.reports.tables import html_bars, html_table
from dynascene_cli.storage.atomic import publish_text

REPORT = "report.html"
EXAMPLES = 4

TOLD = {
    "resolution": "2 resolution: the picture is large enough",
    "cuts": "3 cuts: the shot is long enough",
    "people": "4 people: one person of a suitable size throughout",
    "motion": "5 motion: its score is below the threshold",
    "matte": "6 matte: the person is found and held",
    "camera": "7 camera: its estimate passes the quality gate",
}

TABLE_1 = (
    ("TikTok", "340", "604 × 1080", "static", "real", "–"),
    ("UBC-Fashion", "500", "720 × 964", "static", "real", "–"),
    ("IDEA-400", "12k", "720p", "static", "real", "–"),
    ("Bedlam", "10k", "720p", "dynamic", "synthetic", "0.77"),
    ("HumanVid", "20k & 75k", "1080p", "dynamic", "real & synthetic", "0.74"),
    ("DynaScene", "200k", "1080p", "dynamic", "real", "0.64"),
)
"""As the paper prints it."""


def write_report(
    folder: Path,
    built: Sequence[BuiltSource],
    funnel: Mapping[str, Mapping[str, int]],
    summary: Mapping[str, Any],
) -> None:
    """Write ``report.html``: one file, which opens without a network."""
    facts = {
        "videos": len(built),
        "clips": summary["clips"],
        "hours": f"{summary['hours']:.3f}",
        "mean motion score": _number(summary["motion_score"]),
    }
    parts = [
        "<h1>Data set</h1>",
        fact_line(facts),
        section("Where clips fell", _funnel(folder, built, funnel)),
        section("Motion scores", _histogram(built)),
        section("Cameras", _cameras(summary)),
        section("In the scenes", _elements(summary)),
        section("Beside other data sets (the paper's table 1)", _table_1(summary)),
        section("Sources", _sources(built)),
    ]
    publish_text(folder / REPORT, page_document("Data set", "\n".join(parts)))


def _funnel(
    folder: Path, built: Sequence[BuiltSource], funnel: Mapping[str, Mapping[str, int]]
) -> str:
    rows = []
    for step in STEPS:
        came, fell = funnel[step]["in"], funnel[step]["fell"]
        share = f"{fell / came:.0%}" if came else "–"
        rows.append([TOLD[step], str(came), str(fell), share])
    table = html_table(("step", "came", "fell", "share"), rows)
    examples = "".join(_examples(folder, built, step) for step in STEPS)
    accepted = _figures(
        [
            (folder / "sources" / source.record.name / f"{number:04d}.jpg", clip.name)
            for source in built
            for number, clip in enumerate(source.clips)
            if not clip.fell
        ]
    )
    return f"{table}{examples}<h3>Accepted</h3>{accepted or '<p>none</p>'}"


def _examples(folder: Path, built: Sequence[BuiltSource], step: str) -> str:
    shown = []
    for source in built:
        places = folder / "sources" / source.record.name
        if step == "resolution" and source.record.small:
            size = f"{source.record.width}×{source.record.height}"
            shown.append((places / "source.jpg", f"{source.record.name}: {size}"))
        shown += [
            (places / f"{number:04d}.jpg", f"{clip.name}: {clip.reason}")
            for number, clip in enumerate(source.clips)
            if clip.fell == step
        ]
    figures = _figures(shown)
    return f"<h3>Fell at {escape(step)}</h3>{figures}" if figures else ""


def _figures(pictures: Sequence[tuple[Path, str]]) -> str:
    figures = []
    for path, caption in pictures[:EXAMPLES]:
        if path.is_file():
            source = data_url(path.read_bytes(), "image/jpeg")
            told = escape(caption)
            figures.append(
                f'<figure style="width:15rem"><img src="{source}" alt="{told}">'
                f"<figcaption>{told}</figcaption></figure>"
            )
    if not figures:
        return ""
    return f'<div style="display:flex;flex-wrap:wrap;gap:1rem">{"".join(figures)}</div>'


def _histogram(built: Sequence[BuiltSource]) -> str:
    """Of all clips that came to the motion step, those that fell there among them."""
    scores = [
        float(clip.known["motion_score"])
        for source in built
        for clip in source.clips
        if "motion_score" in clip.known
    ]
    labels = [f"{low:.2f} – {high:.2f}" for low, high in pairwise(BINS)]
    counts = [
        sum(low <= score < high or (score == high == BINS[-1]) for score in scores)
        for low, high in pairwise(BINS)
    ]
    told = "<p>SSIM of frames half a second apart: lower means more motion.</p>"
    return told + html_bars(labels, counts)


def _cameras(summary: Mapping[str, Any]) -> str:
    rows = [
        [f"{name} confidence", str(count)] for name, count in summary["pose_confidence"].items()
    ]
    rows += [
        ["degrees turned a second, mean", _number(summary["turn_per_second"])],
        ["first depths travelled a second, mean", _number(summary["travel_per_second"])],
    ]
    return html_table(("", ""), rows)


def _elements(summary: Mapping[str, Any]) -> str:
    elements = summary["scene_elements"]
    if not elements:
        return "<p>none</p>"
    return html_bars([name.replace("_", " ") for name in elements], list(elements.values()))


def _table_1(summary: Mapping[str, Any]) -> str:
    cameras = set(summary["pose_confidence"]) - {"static"}
    ours = (
        "this set",
        str(summary["clips"]),
        "as filmed",
        "dynamic" if cameras else "static",
        "real",
        _number(summary["motion_score"]),
    )
    header = ("data set", "clips", "size", "camera", "kind", "motion")
    told = "<p>All rows but the last are the paper's own numbers.</p>"
    return told + html_table(header, (*TABLE_1, ours))


def _sources(built: Sequence[BuiltSource]) -> str:
    rows = [
        [
            source.record.path,
            f"{source.record.width}×{source.record.height}",
            str(len(source.record.cuts)),
            str(sum(not clip.fell for clip in source.clips)),
            source.record.licence or "not stated",
        ]
        for source in built
    ]
    return html_table(("video", "size", "cuts", "clips", "licence"), rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
