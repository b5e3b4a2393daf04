"""One self-contained HTML page about a render: it can be mailed, and opens without a network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dynascene_cli.reports.page_style import SCRIPT, STYLE


@dataclass(frozen=True)
class Figure:
    """A picture of the page: its encoded bytes and what it shows.

    ``caption`` stands under it; ``alternative`` says the same to those who cannot see it.
    """

    data: bytes
    caption: str
    alternative: str
    media_type: str = "image/png"


@dataclass(frozen=True)
class Video:
    """The encoded video that a page plays, with a JPEG that is shown before it does."""

    data: bytes
    poster: bytes
    media_type: str = "video/mp4"


@dataclass(frozen=True)
class Wipe:
    """Two encoded pictures of the same size, of which a slider shows more of one or the other."""

    before: bytes
    after: bytes
    caption: str
    media_type: str = "image/jpeg"


def html_page(
    title: str,
    *,
    video: Video | None = None,
    wipes: Sequence[Wipe] = (),
    figures: Sequence[Figure] = (),
    warnings: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
    facts: Mapping[str, object] | None = None,
) -> str:
    """The page's text: the video, before/after wipes, figures, warnings, facts and settings.

    ``facts`` is a short line of results (frames, renderer, seconds); ``settings`` a table. All
    text is escaped.
    """
    parts = [f"<h1>{escape(title)}</h1>"]
    if facts:
        parts.append(fact_line(facts))
    if video is not None:
        parts.append(_video(video))
    parts.append(_warnings(warnings))
    if wipes:
        shown = "\n".join(_wipe(wipe, index) for index, wipe in enumerate(wipes))
        parts.append(section("Before and after", shown))
    parts.extend(section(figure.caption, _figure(figure)) for figure in figures)
    if settings:
        parts.append(section("Settings", _table(settings)))
    return page_document(title, "\n".join(parts), SCRIPT)


def page_document(title: str, body: str, script: str = "") -> str:
    """A whole page around the HTML ``body`` of its main part, in the style of all reports."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""


def section(heading: str, content: str) -> str:
    """A part of a page: ``content`` is HTML."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>"


def data_url(data: bytes, media_type: str) -> str:
    """A file as an address that holds it."""
    return f"data:{escape(media_type)};base64,{base64.b64encode(data).decode('ascii')}"


def fact_line(facts: Mapping[str, object]) -> str:
    """Results by name, beside each other."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">{items}</dl>'


def _video(video: Video) -> str:
    poster = data_url(video.poster, "image/jpeg")
    return (
        f'<video controls loop playsinline preload="metadata" poster="{poster}" '
        'aria-label="The result">'
        f'<source src="{data_url(video.data, video.media_type)}" type="{escape(video.media_type)}">'
        "This browser does not play the video.</video>"
    )


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return '<p class="calm">No warnings.</p>'
    items = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<section class="warnings">\n<h2>Warnings</h2>\n<ul>{items}</ul>\n</section>'


def _wipe(wipe: Wipe, index: int) -> str:
    before, after = (data_url(data, wipe.media_type) for data in (wipe.before, wipe.after))
    return f"""<figure>
<div class="wipe">
<img src="{after}" alt="After: {escape(wipe.caption)}">
<img class="before" src="{before}" alt="Before: {escape(wipe.caption)}">
<span class="edge" aria-hidden="true"></span>
<span class="tag left" aria-hidden="true">before</span>
<span class="tag right" aria-hidden="true">after</span>
<input id="wipe-{index}" type="range" min="0" max="100" step="0.5" value="50"
 aria-label="How much of the picture is shown before, in percent: {escape(wipe.caption)}">
</div>
<figcaption>{escape(wipe.caption)}</figcaption>
</figure>"""


def _figure(figure: Figure) -> str:
    source = data_url(figure.data, figure.media_type)
    return f'<figure><img src="{source}" alt="{escape(figure.alternative)}"></figure>'


def _table(settings: Mapping[str, object]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in settings.items()
    )
    return f'<div class="table"><table><tbody>{rows}</tbody></table></div>'
