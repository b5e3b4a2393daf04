"""The page of a batch: every shot with a picture of it, its warnings, or why it failed."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from dynascene_cli.errors import DynasceneError
from dynascene_cli.reports.html_page import page_document
from dynascene_cli.shot import Image
from dynascene_cli.video import encode_image, open_clip, read_frames, resize_to_cover

THUMBNAIL_HEIGHT = 180


@dataclass(frozen=True)
class ShotCard:
    """One shot on the page: ``notes`` are its warnings or its error, ``video`` what it made."""

    title: str
    result: str
    notes: Sequence[str] = ()
    video: Path | None = None


def batch_page(title: str, cards: Sequence[ShotCard]) -> str:
    """The page's text; videos are linked to, beside the page, and shown by their middle frame."""
    parts = [f"<h1>{escape(title)}</h1>", *(_section(card) for card in cards)]
    return page_document(title, "\n".join(parts))


def _section(card: ShotCard) -> str:
    parts = [f"<section>\n<h2>{escape(card.title)}</h2>", f"<p>{escape(card.result)}</p>"]
    if card.video is not None:
        parts.append(_linked_picture(card.video, card.title))
    if card.notes:
        items = "".join(f"<li>{escape(note)}</li>" for note in card.notes)
        parts.append(f'<div class="warnings"><ul>{items}</ul></div>')
    return "\n".join([*parts, "</section>"])


def _linked_picture(video: Path, title: str) -> str:
    target = quote(video.name)
    picture = _middle_frame(video)
    if picture is None:
        return f'<p><a href="{target}">{escape(video.name)}</a></p>'
    data = base64.b64encode(encode_image(picture, Path("frame.jpg"))).decode("ascii")
    return (
        f'<a href="{target}"><img src="data:image/jpeg;base64,{data}" '
        f'alt="The middle frame of {escape(title)}"></a>'
    )


def _middle_frame(video: Path) -> Image | None:
    """The middle frame at the thumbnails' height; none of a file that is no video or is gone."""
    try:
        clip = open_clip(video)
        middle = clip.frame_count // 2
        frame = next(iter(read_frames(clip, middle, middle + 1)))
    except (DynasceneError, StopIteration):
        return None
    width = max(1, round(clip.width * THUMBNAIL_HEIGHT / clip.height))
    return resize_to_cover(frame, width, THUMBNAIL_HEIGHT)
